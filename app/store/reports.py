"""Report versions. The database itself refuses to change a signed one."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection

from app.core.report import Report, ReportState
from app.core.report_json import report_from_json, report_to_json
from app.store.connection import Connection


class Reports:
    """The report versions of each study and reading."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def put(self, reading: str, report: Report, *, document: str = "") -> None:
        """Store a version; a draft may be stored again, a signed one raises ``AlreadySigned``.

        ``document`` is the JSON text that the signature covers.
        """
        self._db.execute(
            "INSERT INTO reports VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (uid) DO UPDATE SET version = excluded.version, state = excluded.state,"
            " text = excluded.text, payload = excluded.payload, document = excluded.document,"
            " content_sha256 = excluded.content_sha256",
            (
                report.uid, report.study_instance_uid, reading, report.version, report.state,
                report.text, json.dumps(report_to_json(report), ensure_ascii=False), document,
                report.content_sha256,
            ),
        )  # fmt: skip

    def discard(self, report_uid: str) -> None:
        """Remove a draft; a signed version raises ``AlreadySigned``."""
        self._db.execute("DELETE FROM reports WHERE uid = ?", (report_uid,))

    def latest(self, study_instance_uid: str, reading: str) -> Report | None:
        """The newest version, or None."""
        found = self.versions(study_instance_uid, reading)
        return found[-1] if found else None

    def versions(self, study_instance_uid: str, reading: str) -> tuple[Report, ...]:
        """All versions, oldest first."""
        rows = self._db.rows(
            "SELECT * FROM reports WHERE study_instance_uid = ? AND reading = ? ORDER BY version",
            (study_instance_uid, reading),
        )
        return tuple(_report(row) for row in rows)

    def of_study(self, study_instance_uid: str) -> tuple[Report, ...]:
        """All versions of all readings of a study, by version."""
        rows = self._db.rows(
            "SELECT * FROM reports WHERE study_instance_uid = ? ORDER BY version",
            (study_instance_uid,),
        )
        return tuple(_report(row) for row in rows)

    def newest(self) -> tuple[tuple[str, Report], ...]:
        """The newest version of every reading of every study, each with its reading."""
        rows = self._db.rows(
            "SELECT * FROM reports AS r WHERE version = (SELECT MAX(version) FROM reports"
            " WHERE study_instance_uid = r.study_instance_uid AND reading = r.reading)"
            " ORDER BY study_instance_uid, reading"
        )
        return tuple((row["reading"], _report(row)) for row in rows)

    def waiting(self) -> tuple[tuple[str, Report], ...]:
        """Each reading with its preliminary report, where no final one has followed.

        A draft that a radiologist has begun after it changes nothing: it waits still.
        """
        rows = self._db.rows(
            "SELECT * FROM reports AS r WHERE state = 'preliminary' AND version ="
            " (SELECT MAX(version) FROM reports WHERE study_instance_uid = r.study_instance_uid"
            " AND reading = r.reading AND state <> 'draft') ORDER BY study_instance_uid, reading"
        )
        return tuple((row["reading"], _report(row)) for row in rows)

    def states(self, reading: str, study_instance_uids: Collection[str]) -> dict[str, ReportState]:
        """The state of the newest version of each of these studies that has a report."""
        rows = self._db.rows(
            "SELECT study_instance_uid, state, MAX(version) FROM reports WHERE reading = ?"
            " AND study_instance_uid IN (SELECT value FROM json_each(?))"
            " GROUP BY study_instance_uid",
            (reading, json.dumps(list(study_instance_uids))),
        )
        return {row["study_instance_uid"]: row["state"] for row in rows}

    def document(self, report_uid: str) -> str:
        """The JSON text that the signature of this version covers; empty for a draft."""
        row = self._db.row("SELECT document FROM reports WHERE uid = ?", (report_uid,))
        return "" if row is None else str(row["document"])


def _report(row: sqlite3.Row) -> Report:
    return report_from_json(
        {name: row[name] for name in row.keys()},  # noqa: SIM118 - a row iterates over its values
        json.loads(row["payload"]),
    )
