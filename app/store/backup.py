"""Copies of the library's database: whole, with a hash, and put back only after a look inside."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from pathlib import Path

from app.core.errors import StoreError
from app.store.connection import translated

_CHUNK = 1 << 20
_LOCK_WAIT_S = 1.0


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's content."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def put_aside(database: Path, folder: Path) -> bool:
    """Copy the database and what belongs to it into ``folder``; whether there was one.

    Afterwards nothing but the one file is left at its place, so another can replace it. Raises
    ``StoreError`` while any program has the library open. A damaged database is put aside too.
    """
    if not database.exists():
        return False
    with translated():
        folder.mkdir(parents=True, exist_ok=True)
        _require_alone(database)
        shutil.copy2(database, folder / database.name)
        for suffix in ("-wal", "-shm"):
            leftover = database.with_name(database.name + suffix)
            if leftover.exists():
                shutil.copy2(leftover, folder / leftover.name)
                leftover.unlink()
    return True


def _require_alone(database: Path) -> None:
    """Leaving WAL mode needs every other connection gone, and empties the log into the file."""
    db = sqlite3.connect(database, timeout=_LOCK_WAIT_S, isolation_level=None)
    try:
        mode = db.execute("PRAGMA journal_mode = DELETE").fetchone()[0]
    except sqlite3.DatabaseError as fault:
        if getattr(fault, "sqlite_errorcode", 0) & 0xFF in (
            sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB,
        ):  # fmt: skip
            return
        if getattr(fault, "sqlite_errorcode", 0) & 0xFF not in (
            sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED,
        ):  # fmt: skip
            raise
        mode = "wal"
    finally:
        db.close()
    if mode != "delete":
        raise StoreError(
            "The library is open in another program.",
            ru="База данных открыта в другой программе.",
            hint="Close all Overread windows and end its jobs, then repeat.",
            hint_ru="Закройте все окна Overread и его задачи, затем повторите.",
        )
