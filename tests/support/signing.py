"""Accounts, clocks and passwords for tests of signing; hashes are cheap here."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from app.core import passwords
from app.core.passwords import Cost
from app.core.signing import Role
from app.workflow.accounts import NewUser, add_user, authorise, needs_first
from app.workflow.context import AppContext

ADMIN, ADMIN_PASSWORD = "admin", "correct horse battery"
PASSWORD = "a sentence to remember"  # noqa: S105 - of accounts that live as long as a test


@contextmanager
def cheap_hashes() -> Iterator[None]:
    """Hashes that cost next to nothing, while this is open."""
    standard = passwords.STANDARD
    passwords.STANDARD = Cost(4)
    try:
        yield
    finally:
        passwords.STANDARD = standard


def account(context: AppContext, login: str, name: str, role: Role) -> None:
    """An account with ``PASSWORD``; the first brings an administrator along."""
    if needs_first(context):
        add_user(context, NewUser(ADMIN, "Chief^Anna", ("administrator",), ADMIN_PASSWORD), by=None)
    by = authorise(context, ADMIN, ADMIN_PASSWORD)
    add_user(context, NewUser(login, name, (role,), PASSWORD), by)


@dataclass
class SetClock:
    """A clock that a test sets; each look is one second later."""

    at: str = "2026-11-20T10:00"
    seconds: itertools.count = field(default_factory=itertools.count)

    def set(self, at: str) -> None:
        """Put the clock to ``at`` (date and minute)."""
        self.at, self.seconds = at, itertools.count()

    def now_utc(self) -> str:
        n = next(self.seconds)
        hour, minute = int(self.at[11:13]), int(self.at[14:16]) + n // 60
        return f"{self.at[:11]}{hour + minute // 60:02d}:{minute % 60:02d}:{n % 60:02d}.000+00:00"


@dataclass
class ToldTime:
    """A witness of the clock that says what the test wants."""

    synchronised: bool | None = None
    offset: float | None = None

    def is_synchronised(self) -> bool | None:
        return self.synchronised

    def offset_s(self) -> float | None:
        return self.offset


@dataclass
class ToldLogon:
    """An operating system with one user."""

    name: str = "petrov"
    password: str = PASSWORD

    def account(self) -> str:
        return self.name

    def check(self, password: str) -> bool:
        return password == self.password
