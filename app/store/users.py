"""Accounts. The rows change; what an administrator did stands in the audit trail."""

from __future__ import annotations

import json
import sqlite3

from app.core.users import User
from app.store.connection import Connection


class Users:
    """The accounts of this library."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def all(self) -> tuple[User, ...]:
        """All accounts, by login."""
        return tuple(_user(row) for row in self._db.rows("SELECT * FROM users ORDER BY login"))

    def get(self, login: str) -> User | None:
        """The account with this login (in lower case), or None."""
        row = self._db.row("SELECT * FROM users WHERE login = ?", (login,))
        return None if row is None else _user(row)

    def put(self, user: User) -> None:
        """Make or replace an account."""
        self._db.execute(
            "INSERT OR REPLACE INTO users VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                user.login, user.name, json.dumps(list(user.roles)), user.source,
                user.password_hash, int(user.is_disabled), user.failures, user.failed_at_utc,
            ),
        )  # fmt: skip


def _user(row: sqlite3.Row) -> User:
    return User(
        login=row["login"],
        name=row["name"],
        roles=tuple(json.loads(row["roles"])),
        source=row["source"],
        password_hash=row["password"],
        is_disabled=bool(row["is_disabled"]),
        failures=row["failures"],
        failed_at_utc=row["failed_at_utc"],
    )
