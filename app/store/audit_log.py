"""The append-only audit trail on disk. It holds ids and hashes, never patient data."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping

from app.core.audit import AuditEvent, BrokenLink, chain, verify
from app.core.ports import Clock
from app.store.connection import Connection

_PAGE = 1000
# as bytes: a damaged byte must break the link, not the reading
_SELECT = """SELECT seq, CAST(at_utc AS BLOB) AS at_utc, CAST(actor AS BLOB) AS actor,
  CAST(action AS BLOB) AS action, CAST(subject_uid AS BLOB) AS subject_uid,
  CAST(details AS BLOB) AS details, CAST(previous_hash AS BLOB) AS previous_hash,
  CAST(hash AS BLOB) AS hash FROM audit_log"""


class AuditLog:
    """Appends to and reads the trail."""

    def __init__(self, db: Connection, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    def append(
        self, actor: str, action: str, subject_uid: str, details: Mapping[str, str] | None = None
    ) -> AuditEvent:
        """Chain one event to the last; joins the transaction that is open, if one is."""
        with self._db.transaction():
            event = chain(
                self.last(),
                at_utc=self._clock.now_utc(),
                actor=actor,
                action=action,
                subject_uid=subject_uid,
                details=details or {},
            )
            self._db.execute(
                "INSERT INTO audit_log VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    event.seq, event.at_utc, event.actor, event.action, event.subject_uid,
                    _canonical(event.details),
                    event.previous_hash, event.hash,
                ),
            )  # fmt: skip
        return event

    def last(self) -> AuditEvent | None:
        """The newest event, or None."""
        row = self._db.row(f"{_SELECT} ORDER BY seq DESC LIMIT 1")
        return None if row is None else _event(row)

    def latest_time(self) -> str:
        """The latest time in the trail since a doubtful clock was last accepted, or empty."""
        row = self._db.row(
            "SELECT at_utc FROM audit_log WHERE seq >"
            " COALESCE((SELECT MAX(seq) FROM audit_log WHERE action = 'clock.accepted'), 0)"
            " ORDER BY at_utc DESC LIMIT 1"
        )
        return "" if row is None else str(row["at_utc"])

    def events(self, *, subject_uid: str = "") -> Iterator[AuditEvent]:
        """All events in order, or those of one subject."""
        after = 0
        while True:
            rows = (
                self._db.rows(
                    f"{_SELECT} WHERE subject_uid = ? AND seq > ? ORDER BY seq LIMIT ?",
                    (subject_uid, after, _PAGE),
                )
                if subject_uid
                else self._db.rows(f"{_SELECT} WHERE seq > ? ORDER BY seq LIMIT ?", (after, _PAGE))
            )
            if not rows:
                return
            for row in rows:
                yield _event(row)
            after = rows[-1]["seq"]

    def verify(self) -> BrokenLink | None:
        """None if the trail is whole, else its first broken link."""
        return verify(self.events())


def _event(row: sqlite3.Row) -> AuditEvent:
    texts = {
        name: bytes(row[name]).decode("utf-8", errors="replace") for name in row.keys()[1:]
    }  # fmt: skip
    return AuditEvent(
        seq=row["seq"],
        at_utc=texts["at_utc"],
        actor=texts["actor"],
        action=texts["action"],
        subject_uid=texts["subject_uid"],
        details=_details(texts["details"]),
        previous_hash=texts["previous_hash"],
        hash=texts["hash"],
    )


def _canonical(details: Mapping[str, str]) -> str:
    return json.dumps(dict(details), ensure_ascii=False, sort_keys=True)


def _details(text: str) -> dict[str, str]:
    """The details, if they are written exactly as ``append`` writes them."""
    try:
        details = json.loads(text)
    except ValueError:
        details = None
    if not isinstance(details, dict) or _canonical(details) != text:
        return {"damaged": text}
    return details
