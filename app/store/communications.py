"""Who was told of critical results. The database itself refuses to change a record."""

from __future__ import annotations

import json

from app.core.communication import Communication
from app.core.report_json import communications_from_json, communications_to_json
from app.store.connection import Connection


class Communications:
    """The records of each study and reading, whatever becomes of the draft."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def put(self, study_instance_uid: str, reading: str, record: Communication) -> None:
        """Keep a record."""
        self._append(record.uid, study_instance_uid, reading, "recorded", record)

    def withdraw(self, study_instance_uid: str, reading: str, uid: str) -> None:
        """A record was wrong: it counts no more, and stays."""
        self._append(uid, study_instance_uid, reading, "withdrawn", None)

    def live(self, study_instance_uid: str, reading: str) -> tuple[Communication, ...]:
        """The records that count, in the order in which they were made."""
        rows = self._db.rows(
            "SELECT payload FROM communications WHERE study_instance_uid = ? AND reading = ?"
            " AND action = 'recorded' AND uid NOT IN"
            " (SELECT uid FROM communications WHERE action = 'withdrawn') ORDER BY seq",
            (study_instance_uid, reading),
        )
        return communications_from_json([json.loads(row["payload"]) for row in rows])

    def _append(
        self, uid: str, study: str, reading: str, action: str, record: Communication | None
    ) -> None:
        payload = {} if record is None else communications_to_json((record,))[0]
        self._db.execute(
            "INSERT INTO communications (uid, study_instance_uid, reading, action, payload)"
            " VALUES (?, ?, ?, ?, ?)",
            (uid, study, reading, action, json.dumps(payload, ensure_ascii=False)),
        )
