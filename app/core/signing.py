"""Who signs, as what, and what a signature means (21 CFR 11.50, 11.200)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from app.core.message import Message

Role = Literal["radiologist", "resident", "administrator"]
ROLES: Final[tuple[Role, ...]] = ("radiologist", "resident", "administrator")
IdentityMethod = Literal["declared", "password", "system-password", "system-session"]
ClockState = Literal["synchronised", "unsynchronised", "unknown", "overridden"]

_MEANINGS: Final = {
    "author": Message("author and responsible", "автор, несёт ответственность"),
    "preliminary": Message(
        "author; preliminary until co-signed",
        "автор; предварительно, до подписи старшего врача",
    ),
    "approval": Message("reviewed and approved", "проверено и утверждено"),
    "cosignature": Message(
        "co-signature: reviewed and responsible",
        "подпись старшего врача: проверено, несёт ответственность",
    ),
    "addendum": Message("author of the addendum", "автор дополнения"),
    "correction": Message("author of the correction", "автор исправления"),
    # given by the first form of signed reports
    "review": Message("reviewed", "проверено"),
}
_METHODS: Final[dict[IdentityMethod, Message]] = {
    "declared": Message("name as given, no account", "имя указано, без учётной записи"),
    "password": Message("account and password", "учётная запись и пароль"),
    "system-password": Message(
        "account of the operating system, password asked",
        "учётная запись системы, пароль запрошен",
    ),
    "system-session": Message(
        "account of the operating system as logged in", "учётная запись системы, вход выполнен"
    ),
}
_CLOCKS: Final[dict[ClockState, Message]] = {
    "synchronised": Message("synchronised", "синхронизированы"),
    "unsynchronised": Message("not synchronised", "не синхронизированы"),
    "unknown": Message("synchronisation unknown", "синхронизация неизвестна"),
    "overridden": Message("doubtful, accepted with a reason", "под сомнением, принято с причиной"),
}


@dataclass(frozen=True, slots=True)
class Signature:
    """Who signed, when (ISO 8601 UTC), what it means, and how one knows.

    ``meaning`` is a code of ``meaning_text`` (or an older free text). ``login`` and ``role`` are
    empty where the library has no accounts. ``clock_reason`` says why a doubtful clock was taken.
    """

    name: str
    at_utc: str
    meaning: str
    login: str = ""
    role: str = ""
    identity: IdentityMethod = "declared"
    clock: ClockState = "unknown"
    clock_reason: str = ""


@dataclass(frozen=True, slots=True)
class Signer:
    """Who was identified, and how. ``roles`` empty: a library without accounts, one may all."""

    name: str
    login: str = ""
    roles: tuple[Role, ...] = ()
    identity: IdentityMethod = "declared"

    @property
    def is_senior(self) -> bool:
        """Whether this person may finalise any report."""
        return not self.roles or "radiologist" in self.roles

    @property
    def is_resident(self) -> bool:
        """Whether this person signs as a resident only."""
        return "resident" in self.roles and not self.is_senior

    @property
    def is_administrator(self) -> bool:
        """Whether this person manages accounts."""
        return "administrator" in self.roles

    @property
    def signing_role(self) -> str:
        """The role that stands in the signature, or empty."""
        if not self.roles:
            return ""
        return "radiologist" if self.is_senior else "resident"


def meaning_text(meaning: str) -> Message:
    """What a signature means, in words; a free text stands for itself."""
    return _MEANINGS.get(meaning, Message(meaning, meaning))


def identity_text(method: IdentityMethod) -> Message:
    """How the signer was identified, in words."""
    return _METHODS[method]


def clock_text(state: ClockState) -> Message:
    """What is known of the clock that gave the time, in words."""
    return _CLOCKS[state]
