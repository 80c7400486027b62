"""Migrations: recorded, all or nothing, a copy first, a newer library refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.core.errors import DatabaseTooNew, StoreError
from app.store.connection import Connection
from app.store.migrate import Migration, migrate, shipped_migrations
from app.store.store import Store
from tests.support.domain import FixedClock

FIRST = Migration(1, "0001_first.sql", "CREATE TABLE a (x TEXT);\nINSERT INTO a VALUES ('kept');")
SECOND = Migration(
    2,
    "0002_second.sql",
    "ALTER TABLE a ADD COLUMN y TEXT;\n"
    "CREATE TRIGGER a_stays BEFORE DELETE ON a\n"
    "BEGIN SELECT RAISE (ABORT, 'no; never'); END;",
)
BROKEN = Migration(2, "0002_broken.sql", "CREATE TABLE b (x TEXT);\nCREATE TABLE a (x TEXT);")


@pytest.fixture
def db(tmp_path: Path):
    opened = Connection(tmp_path / "library.sqlite3")
    yield opened
    opened.close()


def _run(db: Connection, tmp_path: Path, *steps: Migration) -> int:
    return migrate(db, clock=FixedClock(), backups=tmp_path / "backups", migrations=steps)


def test_only_what_is_missing_is_applied(db: Connection, tmp_path: Path) -> None:
    assert _run(db, tmp_path, FIRST) == 1
    assert _run(db, tmp_path, FIRST) == 0
    assert _run(db, tmp_path, FIRST, SECOND) == 1
    assert db.row("SELECT x, y FROM a")["x"] == "kept"
    with pytest.raises(StoreError):
        db.execute("DELETE FROM a")


def test_a_copy_is_made_before_an_existing_library_changes(db: Connection, tmp_path: Path) -> None:
    _run(db, tmp_path, FIRST)
    assert not (tmp_path / "backups").exists()
    _run(db, tmp_path, FIRST, SECOND)
    (copy,) = (tmp_path / "backups").iterdir()
    old = Connection(copy)
    assert [row["name"] for row in old.rows("PRAGMA table_info(a)")] == ["x"]
    old.close()


def test_a_broken_step_leaves_the_library_as_it_was(db: Connection, tmp_path: Path) -> None:
    _run(db, tmp_path, FIRST)
    with pytest.raises(StoreError):
        _run(db, tmp_path, FIRST, BROKEN)
    assert db.row("SELECT 1 FROM sqlite_master WHERE name = 'b'") is None
    assert _run(db, tmp_path, FIRST, SECOND) == 1


def test_a_newer_library_is_refused_and_untouched(db: Connection, tmp_path: Path) -> None:
    _run(db, tmp_path, FIRST, SECOND)
    with pytest.raises(DatabaseTooNew, match="newer version"):
        _run(db, tmp_path, FIRST)
    assert db.row("SELECT x FROM a")["x"] == "kept"


def test_a_library_of_another_build_is_refused(db: Connection, tmp_path: Path) -> None:
    _run(db, tmp_path, FIRST)
    with pytest.raises(StoreError, match="does not match"):
        _run(db, tmp_path, Migration(1, FIRST.name, FIRST.sql + "\n-- changed"))


def test_the_shipped_steps_are_numbered_without_gaps(tmp_path: Path) -> None:
    steps = shipped_migrations()
    assert [step.number for step in steps] == list(range(1, len(steps) + 1))
    Store(tmp_path).close()
    again = Store(tmp_path)
    assert again.fault() == ""
    again.close()
