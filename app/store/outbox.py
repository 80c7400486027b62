"""The outbox: what is to be sent where, how often it was tried, and what came of it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from app.core.report import Message
from app.store.connection import Connection

OutboxState = Literal["queued", "sending", "sent", "committed", "failed"]
OutboxKind = Literal["dicom", "pdf", "fhir", "hl7", "text"]
STATES: tuple[OutboxState, ...] = get_args(OutboxState)


@dataclass(frozen=True, slots=True)
class OutboxItem:
    """One object or document on its way to one peer. ``next_at_utc``: not tried again before.

    ``attempts`` counts the tries that ended; ``reason`` says why the last did not succeed.
    """

    number: int
    peer: str
    study_instance_uid: str
    sop_class_uid: str
    sop_instance_uid: str
    path: Path
    state: OutboxState
    attempts: int
    queued_at_utc: str
    changed_at_utc: str
    next_at_utc: str
    reason: Message | None
    kind: OutboxKind = "dicom"


@dataclass(frozen=True, slots=True)
class OutgoingObject:
    """A file to be sent: one object of one study, or a document of its report.

    A document has no SOP class, and a name of its own in the place of the instance UID.
    """

    path: Path
    study_instance_uid: str
    sop_class_uid: str
    sop_instance_uid: str
    kind: OutboxKind = "dicom"


@dataclass(frozen=True, slots=True)
class Promise:
    """A signed report whose objects are to be written and queued for ``peers``."""

    report_uid: str
    study_instance_uid: str
    reading: str
    peers: tuple[str, ...]


class Outbox:
    """Rows are never removed: they say what was sent where, and when."""

    def __init__(self, db: Connection, folder: Path) -> None:
        self._db = db
        self._folder = folder

    def put(self, peer: str, objects: Sequence[OutgoingObject], *, at_utc: str) -> None:
        """Queue objects for a peer; what was queued or sent to it before stays as it is."""
        with self._db.transaction():
            for item in objects:
                self._db.execute(
                    "INSERT INTO outbox (peer, study_instance_uid, sop_class_uid,"
                    " sop_instance_uid, path, state, attempts, queued_at_utc, changed_at_utc,"
                    " next_at_utc, reason, reason_ru, kind)"
                    " VALUES (?, ?, ?, ?, ?, 'queued', 0, ?, ?, ?, '', '', ?)"
                    " ON CONFLICT (peer, sop_instance_uid) DO NOTHING",
                    (
                        peer, item.study_instance_uid, item.sop_class_uid, item.sop_instance_uid,
                        self._stored(item.path), at_utc, at_utc, at_utc, item.kind,
                    ),
                )  # fmt: skip

    def all(self, state: OutboxState | None = None) -> tuple[OutboxItem, ...]:
        """All rows, or those in one state; the oldest first."""
        if state is None:
            rows = self._db.rows("SELECT * FROM outbox ORDER BY number")
        else:
            rows = self._db.rows("SELECT * FROM outbox WHERE state = ? ORDER BY number", (state,))
        return tuple(self._item(row) for row in rows)

    def counts(self) -> dict[OutboxState, int]:
        """How many are in each state."""
        rows = self._db.rows("SELECT state, COUNT(*) AS n FROM outbox GROUP BY state")
        found = {row["state"]: row["n"] for row in rows}
        return {state: found.get(state, 0) for state in STATES}

    def due(self, at_utc: str, *, peer: str | None = None) -> tuple[OutboxItem, ...]:
        """What is to be sent now, the oldest first; of one peer where it is named."""
        rows = self._db.rows(
            "SELECT * FROM outbox WHERE state = 'queued' AND next_at_utc <= ?"
            " AND (? IS NULL OR peer = ?) ORDER BY number",
            (at_utc, peer, peer),
        )
        return tuple(self._item(row) for row in rows)

    def is_behind(self, item: OutboxItem) -> bool:
        """Whether an older document of the same study still waits for the same receiver.

        A correction never overtakes what it corrects.
        """
        row = self._db.row(
            "SELECT COUNT(*) AS n FROM outbox WHERE peer = ? AND study_instance_uid = ?"
            " AND kind = ? AND number < ? AND state IN ('queued', 'sending')",
            (item.peer, item.study_instance_uid, item.kind, item.number),
        )
        return row is not None and row["n"] > 0

    def unconfirmed(self, at_utc: str, *, peer: str) -> tuple[OutboxItem, ...]:
        """What the peer took and has not committed to, where it is time to ask again."""
        rows = self._db.rows(
            "SELECT * FROM outbox WHERE state = 'sent' AND peer = ? AND next_at_utc <= ?"
            " AND attempts < 100 ORDER BY number LIMIT 500",
            (peer, at_utc),
        )
        return tuple(self._item(row) for row in rows)

    def ask_later(self, number: int, *, next_at_utc: str) -> None:
        """The peer has not said whether it keeps the object: ask again then."""
        self._db.execute(
            "UPDATE outbox SET attempts = attempts + 1, next_at_utc = ? WHERE number = ?",
            (next_at_utc, number),
        )

    def claim(self, number: int, *, at_utc: str) -> bool:
        """Take a queued row for sending; False where somebody else was faster."""
        return bool(
            self._db.execute(
                "UPDATE outbox SET state = 'sending', changed_at_utc = ?"
                " WHERE number = ? AND state = 'queued'",
                (at_utc, number),
            )
        )

    def settle(
        self,
        number: int,
        state: OutboxState,
        *,
        at_utc: str,
        next_at_utc: str = "",
        reason: Message | None = None,
    ) -> None:
        """Record how a try ended; ``queued`` again needs ``next_at_utc``."""
        self._db.execute(
            "UPDATE outbox SET state = ?1, attempts = attempts + (?1 <> 'committed'),"
            " changed_at_utc = ?2,"
            " next_at_utc = ?3, reason = ?4, reason_ru = ?5 WHERE number = ?6",
            (
                state, at_utc, next_at_utc or at_utc,
                reason.en if reason else "", reason.ru if reason else "", number,
            ),
        )  # fmt: skip

    def release(self, *, at_utc: str) -> int:
        """Queue again what was being sent when a program ended; the number of rows."""
        return self._db.execute(
            "UPDATE outbox SET state = 'queued', changed_at_utc = ?, next_at_utc = ?"
            " WHERE state = 'sending'",
            (at_utc, at_utc),
        )

    def retry(self, *, at_utc: str, peer: str | None = None) -> int:
        """Make everything that failed or waits due now, its tries forgotten; how many."""
        return self._db.execute(
            "UPDATE outbox SET state = 'queued', attempts = 0, changed_at_utc = ?, next_at_utc = ?"
            " WHERE state IN ('failed', 'queued') AND (? IS NULL OR peer = ?)",
            (at_utc, at_utc, peer, peer),
        )

    def promise(self, promise: Promise, *, at_utc: str) -> None:
        """Note a signed report in the transaction that signs it."""
        self._db.execute(
            "INSERT INTO outbox_promises VALUES (?, ?, ?, ?, ?)",
            (
                promise.report_uid, promise.study_instance_uid, promise.reading,
                json.dumps(promise.peers, ensure_ascii=False), at_utc,
            ),
        )  # fmt: skip

    def promises(self) -> tuple[Promise, ...]:
        """What is not queued yet, the oldest first."""
        rows = self._db.rows("SELECT * FROM outbox_promises ORDER BY at_utc, report_uid")
        return tuple(
            Promise(
                row["report_uid"], row["study_instance_uid"], row["reading"],
                tuple(json.loads(row["peers"])),
            )
            for row in rows
        )  # fmt: skip

    def keep_promise(
        self, promise: Promise, objects: Mapping[str, Sequence[OutgoingObject]], *, at_utc: str
    ) -> None:
        """Queue what is for each peer of a promise and strike it out, all or nothing."""
        with self._db.transaction():
            for peer in promise.peers:
                self.put(peer, objects.get(peer, ()), at_utc=at_utc)
            self._db.execute(
                "DELETE FROM outbox_promises WHERE report_uid = ?", (promise.report_uid,)
            )

    def _stored(self, path: Path) -> str:
        whole = path.resolve()
        folder = self._folder.resolve()
        return whole.relative_to(folder).as_posix() if folder in whole.parents else str(whole)

    def _item(self, row: sqlite3.Row) -> OutboxItem:
        reason = Message(row["reason"], row["reason_ru"]) if row["reason"] else None
        return OutboxItem(
            number=row["number"],
            peer=row["peer"],
            study_instance_uid=row["study_instance_uid"],
            sop_class_uid=row["sop_class_uid"],
            sop_instance_uid=row["sop_instance_uid"],
            path=self._folder / row["path"],
            state=row["state"],
            attempts=row["attempts"],
            queued_at_utc=row["queued_at_utc"],
            changed_at_utc=row["changed_at_utc"],
            next_at_utc=row["next_at_utc"],
            reason=reason,
            kind=row["kind"],
        )
