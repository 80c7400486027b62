"""Bring the database to the newest form: numbered SQL files, each in one transaction."""

from __future__ import annotations

import hashlib
import sqlite3
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from app.core.errors import DatabaseTooNew, StoreError
from app.core.ports import Clock
from app.store.connection import Connection

_RECORD = """CREATE TABLE IF NOT EXISTS schema_migrations (
  number INTEGER PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL, at_utc TEXT NOT NULL
) STRICT"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered step."""

    number: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        """Hash of the SQL text."""
        return hashlib.sha256(self.sql.encode("utf-8")).hexdigest()


def shipped_migrations() -> tuple[Migration, ...]:
    """The steps that this version of the program knows, in order."""
    found = [
        Migration(int(entry.name[:4]), entry.name, entry.read_text("utf-8").replace("\r\n", "\n"))
        for entry in resources.files("app.store").joinpath("migrations").iterdir()
        if entry.name.endswith(".sql")
    ]
    return tuple(sorted(found, key=lambda step: step.number))


def migrate(
    db: Connection,
    *,
    clock: Clock,
    backups: Path,
    migrations: tuple[Migration, ...] | None = None,
) -> int:
    """Apply what is missing; the number of steps applied.

    A copy of an existing database is put into ``backups`` first. A database with steps unknown
    here is refused with ``DatabaseTooNew``; nothing is written to it.
    """
    steps = shipped_migrations() if migrations is None else migrations
    applied = _applied(db)
    known = {step.number: step for step in steps}
    if any(number not in known for number in applied):
        raise DatabaseTooNew(
            "The library was written by a newer version of Overread.",
            ru="База данных создана более новой версией Overread.",
            hint="Start the newer version, or set OVERREAD_DATA to another folder.",
            hint_ru="Запустите новую версию или укажите другую папку в OVERREAD_DATA.",
            technical_detail=f"step {max(applied)}, known up to {max(known, default=0)}",
        )
    for number, sha256 in applied.items():
        if known[number].sha256 != sha256:
            raise StoreError(
                "The library was made by a build of Overread that does not match this one.",
                ru="База данных создана несовместимой сборкой Overread.",
                hint="Install the released version, or set OVERREAD_DATA to another folder.",
                hint_ru="Установите выпущенную версию или укажите другую папку в OVERREAD_DATA.",
                technical_detail=f"step {known[number].name} differs",
            )
    missing = [step for step in steps if step.number not in applied]
    if missing and applied:
        stamp = clock.now_utc().replace(":", "").replace(".", "-")
        db.copy_to(backups / f"library-step-{max(applied):04d}-{stamp}.sqlite3")
    for step in missing:
        with db.transaction():
            # read again inside: a second program may have been faster
            if step.number in _applied(db):
                continue
            db.execute(_RECORD)
            for statement in _statements(step.sql):
                db.execute(statement)
            db.execute(
                "INSERT INTO schema_migrations VALUES (?, ?, ?, ?)",
                (step.number, step.name, step.sha256, clock.now_utc()),
            )
    return len(missing)


def _applied(db: Connection) -> dict[int, str]:
    if db.row("SELECT 1 FROM sqlite_master WHERE name = 'schema_migrations'") is None:
        return {}
    rows = db.rows("SELECT number, sha256 FROM schema_migrations")
    return {row["number"]: row["sha256"] for row in rows}


def _statements(sql: str) -> list[str]:
    found, current = [], ""
    for line in sql.splitlines(keepends=True):
        current += line
        if sqlite3.complete_statement(current):
            found.append(current)
            current = ""
    return found
