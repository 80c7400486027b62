"""Where the reader was in each study, and which readings a study has."""

from __future__ import annotations

import json
from typing import Any

from app.store.connection import Connection

MAIN_READING = "main"


class Sessions:
    """The position of the workstation in a study: what was on screen and selected."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def put(
        self, study_instance_uid: str, reading: str, position: dict[str, Any], at_utc: str
    ) -> None:
        """Remember the position."""
        self._db.execute(
            "INSERT INTO sessions VALUES (?, ?, ?, ?)"
            " ON CONFLICT (study_instance_uid, reading) DO UPDATE SET"
            " position = excluded.position, at_utc = excluded.at_utc",
            (study_instance_uid, reading, json.dumps(position), at_utc),
        )

    def get(self, study_instance_uid: str, reading: str) -> dict[str, Any]:
        """The position that was remembered, or an empty one."""
        row = self._db.row(
            "SELECT position FROM sessions WHERE study_instance_uid = ? AND reading = ?",
            (study_instance_uid, reading),
        )
        found = {} if row is None else json.loads(row["position"])
        return found if isinstance(found, dict) else {}

    def last_study(self) -> str:
        """UID of the study that was open last at the workstation, or empty."""
        row = self._db.row(
            "SELECT study_instance_uid FROM sessions WHERE reading = ?"
            " ORDER BY at_utc DESC LIMIT 1",
            (MAIN_READING,),
        )
        return "" if row is None else str(row["study_instance_uid"])

    def begin_reading(self, study_instance_uid: str, reading: str, at_utc: str) -> None:
        """Record that a reading began; a second time changes nothing."""
        self._db.execute(
            "INSERT OR IGNORE INTO readings (study_instance_uid, reading, at_utc) VALUES (?, ?, ?)",
            (study_instance_uid, reading, at_utc),
        )

    def reading_of(self, study_instance_uid: str) -> str:
        """The reading to open: the workstation's own if it holds anything, else the newest."""
        own = self._db.row(
            "SELECT 1 FROM findings WHERE study_instance_uid = ?1 AND reading = ?2 UNION"
            " SELECT 1 FROM reports WHERE study_instance_uid = ?1 AND reading = ?2",
            (study_instance_uid, MAIN_READING),
        )
        newest = self._db.row(
            "SELECT reading FROM readings WHERE study_instance_uid = ? ORDER BY seq DESC LIMIT 1",
            (study_instance_uid,),
        )
        if own is not None or newest is None:
            return MAIN_READING
        return str(newest["reading"])
