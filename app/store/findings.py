"""Findings and the journal of what was decided about them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from app.core.finding import Finding
from app.core.findings_json import finding_from_json, finding_to_json
from app.store.connection import Connection

FindingStatus = Literal["live", "withdrawn", "superseded"]


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One line of the journal: what was done to a finding, and what it was afterwards."""

    seq: int
    finding_uid: str
    action: str
    actor: str
    at_utc: str
    finding: Finding


class Findings:
    """The findings of a study, per reading (a workstation's, or one of the command line)."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def put(
        self,
        reading: str,
        finding: Finding,
        *,
        action: str,
        actor: str,
        at_utc: str,
        status: FindingStatus = "live",
    ) -> None:
        """Store the finding as it now is and write the journal, both or none."""
        payload = json.dumps(finding_to_json(finding), ensure_ascii=False)
        study = finding.study_instance_uid
        with self._db.transaction():
            self._db.execute(
                "INSERT INTO findings VALUES (?, ?, ?,"
                " (SELECT COALESCE(MAX(place), 0) + 1 FROM findings), ?, ?, ?, ?, ?)"
                " ON CONFLICT (study_instance_uid, reading, uid) DO UPDATE SET"
                " status = excluded.status, state = excluded.state,"
                " significance = excluded.significance, payload = excluded.payload",
                (
                    finding.uid, study, reading, status, finding.state,
                    finding.current.significance, finding.provenance.pack, payload,
                ),
            )  # fmt: skip
            self._db.execute(
                "INSERT INTO decisions"
                " (study_instance_uid, reading, finding_uid, action, actor, at_utc, payload)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (study, reading, finding.uid, action, actor, at_utc, payload),
            )

    def live(self, study_instance_uid: str, reading: str) -> tuple[Finding, ...]:
        """The findings that count, in the order in which they came."""
        rows = self._db.rows(
            "SELECT payload FROM findings WHERE study_instance_uid = ? AND reading = ?"
            " AND status = 'live' ORDER BY place",
            (study_instance_uid, reading),
        )
        return tuple(
            finding_from_json(json.loads(row["payload"]), study_instance_uid=study_instance_uid)
            for row in rows
        )

    def known(self, study_instance_uid: str, reading: str) -> frozenset[str]:
        """The uids of all findings that the reading has or had, whatever became of them."""
        rows = self._db.rows(
            "SELECT uid FROM findings WHERE study_instance_uid = ? AND reading = ?",
            (study_instance_uid, reading),
        )
        return frozenset(row["uid"] for row in rows)

    def journal(self, study_instance_uid: str, reading: str) -> tuple[JournalEntry, ...]:
        """Everything that was ever done to the findings of a reading, oldest first."""
        rows = self._db.rows(
            "SELECT * FROM decisions WHERE study_instance_uid = ? AND reading = ? ORDER BY seq",
            (study_instance_uid, reading),
        )
        return tuple(
            JournalEntry(
                row["seq"], row["finding_uid"], row["action"], row["actor"], row["at_utc"],
                finding_from_json(
                    json.loads(row["payload"]), study_instance_uid=study_instance_uid
                ),
            )
            for row in rows
        )  # fmt: skip

    def counts(self, study_instance_uid: str, reading: str) -> dict[str, int]:
        """Number of live findings by state."""
        rows = self._db.rows(
            "SELECT state, COUNT(*) AS n FROM findings WHERE study_instance_uid = ?"
            " AND reading = ? AND status = 'live' GROUP BY state",
            (study_instance_uid, reading),
        )
        return {row["state"]: row["n"] for row in rows}

    def put_all(
        self, reading: str, findings: Iterable[Finding], *, action: str, actor: str, at_utc: str
    ) -> None:
        """``put`` for several, all or none."""
        with self._db.transaction():
            for finding in findings:
                self.put(reading, finding, action=action, actor=actor, at_utc=at_utc)
