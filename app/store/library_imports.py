"""Imports that are under way or were interrupted: what a later start needs to go on."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from app.store.connection import Connection
from app.store.path_text import path_of_text, text_of_path

ImportState = Literal["running", "stopped", "done"]


@dataclass(frozen=True, slots=True)
class ImportJob:
    """One import. ``running`` in a library that nobody imports into means that it was killed."""

    number: int
    roots: tuple[Path, ...]
    copies: bool
    state: ImportState
    started_at_utc: str
    files_total: int
    files_seen: int
    files_new: int


class LibraryImports:
    """The record of imports."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def begin(self, roots: Sequence[Path], *, copies: bool, at_utc: str) -> ImportJob:
        """A new import, or the interrupted one of the same files, which goes on."""
        names = json.dumps([text_of_path(root) for root in roots], ensure_ascii=False)
        with self._db.transaction():
            row = self._db.row(
                "SELECT number FROM imports WHERE state <> 'done' AND roots = ? AND copies = ?",
                (names, int(copies)),
            )
            if row is None:
                self._db.execute(
                    "INSERT INTO imports VALUES (NULL, ?, ?, 'running', ?, '', 0, 0, 0)",
                    (names, int(copies), at_utc),
                )
                row = self._db.row("SELECT MAX(number) AS number FROM imports")
            else:
                self._db.execute(
                    "UPDATE imports SET state = 'running' WHERE number = ?", (row["number"],)
                )
            number = 0 if row is None else int(row["number"])
        return next(job for job in self.unfinished() if job.number == number)

    def advance(
        self, number: int, *, total: int, seen: int, new: int, studies: Collection[str]
    ) -> None:
        """How far the import is, and the studies that it wrote to; in the batch's transaction."""
        self._db.execute(
            "UPDATE imports SET files_total = ?, files_seen = ?, files_new = ? WHERE number = ?",
            (total, seen, new, number),
        )
        self._db.execute_many(
            "INSERT OR IGNORE INTO importing VALUES (?, ?)", [(uid, number) for uid in studies]
        )

    def stop(self, number: int, *, at_utc: str) -> None:
        """The import ended before its end; it can be taken up again."""
        self._db.execute(
            "UPDATE imports SET state = 'stopped', ended_at_utc = ? WHERE number = ?",
            (at_utc, number),
        )

    def finish(self, number: int, *, at_utc: str) -> None:
        """Everything was seen: the studies are as complete as their files were."""
        with self._db.transaction():
            self._db.execute(
                "UPDATE imports SET state = 'done', ended_at_utc = ? WHERE number = ?",
                (at_utc, number),
            )
            self._db.execute("DELETE FROM importing WHERE import_number = ?", (number,))

    def unfinished(self) -> tuple[ImportJob, ...]:
        """Imports that did not reach their end, oldest first."""
        rows = self._db.rows("SELECT * FROM imports WHERE state <> 'done' ORDER BY number")
        return tuple(_job(row) for row in rows)


def _job(row: sqlite3.Row) -> ImportJob:
    return ImportJob(
        number=row["number"],
        roots=tuple(path_of_text(root) for root in json.loads(row["roots"])),
        copies=bool(row["copies"]),
        state=row["state"],
        started_at_utc=row["started_at_utc"],
        files_total=row["files_total"],
        files_seen=row["files_seen"],
        files_new=row["files_new"],
    )
