"""Replacement values: UIDs, dates and pseudonyms derived from a key, dummies by VR.

All of them are HMAC-SHA-256 of the original under the key: the same key gives the same value in
every run and every object, and without the key nobody can tell whether a guess is right, as a
plain hash would let them.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import re
from typing import Final

from pydicom.uid import UID

from app.core.errors import InputError

KEY_BYTES: Final = 32
_SHORTEST_KEY = 16
_LONGEST_SHIFT_DAYS = 3650
_DICOM_ROOT: Final = "1.2.840.10008."
# HL7, under which SNOMED CT, UCUM, LOINC and RadLex are registered: schemes, no objects.
_SCHEME_ROOTS: Final = ("2.16.840.1.113883.", "1.2.840.113883.")
_DATE: Final = re.compile(r"(\d{4})[.]?(\d{2})[.]?(\d{2})")
_DATE_TIME: Final = re.compile(r"(\d{8})(\d{0,6}(?:\.\d{1,6})?)((?:[+-]\d{4})?)")
_OLDEST_TOLD_AGE = 89

# A legal value for each VR; what a reader can see to be none.
_DUMMIES: Final[dict[str, str | int | float | bytes]] = {
    "AE": "REMOVED", "AS": "000Y", "CS": "REMOVED", "DA": "19000101", "DS": "0",
    "DT": "19000101000000", "IS": "0", "LO": "Removed", "LT": "Removed", "PN": "Removed^",
    "SH": "Removed", "ST": "Removed", "TM": "000000", "UC": "Removed", "UR": "urn:removed",
    "UT": "Removed", "AT": 0, "FD": 0.0, "FL": 0.0, "SL": 0, "SS": 0, "SV": 0, "UL": 0,
    "US": 0, "UV": 0, "OB": b"\0\0", "OD": bytes(8), "OF": bytes(4), "OL": bytes(4),
    "OV": bytes(8), "OW": b"\0\0", "UN": b"\0\0",
}  # fmt: skip


def dummy_of(vr: str) -> str | int | float | bytes | None:
    """A value of this VR that says nothing; None where the VR has none (SQ, UI)."""
    return _DUMMIES.get(vr)


def is_well_known(uid: str) -> bool:
    """Whether the UID names a thing of the standard or a coding scheme and no object or person."""
    return UID(uid).name != uid or uid.startswith((_DICOM_ROOT, *_SCHEME_ROOTS))


class Pseudonyms:
    """Values that stand for others under one key; stateless, so any order gives the same."""

    def __init__(self, key: bytes) -> None:
        """Raises ``InputError`` for a key that is too short to hide anything."""
        if len(key) < _SHORTEST_KEY:
            raise InputError(
                "The key of the de-identification is too short.",
                ru="Ключ обезличивания слишком короткий.",
                hint="Give a key file with at least 16 random bytes, or none to have one made.",
                hint_ru="Укажите файл ключа не короче 16 случайных байтов или не указывайте его.",
            )
        self._key = key

    def uid(self, uid: str) -> str:
        """The UID (2.25, PS3.5 B.2) that stands for ``uid``; well-known ones stay."""
        plain = uid.strip("\0 ")
        if not plain or is_well_known(plain):
            return plain
        return f"2.25.{int.from_bytes(self._digest('uid', plain)[:16], 'big')}"

    def patient(self, *identity: str) -> str:
        """A code such as ``P-3F9A0C21D5B7`` for a patient."""
        return f"P-{self._digest('patient', *identity)[:6].hex().upper()}"

    def shift_days(self, *identity: str) -> int:
        """By how many whole days the patient's dates go back: 1 to 3650, always the same."""
        number = int.from_bytes(self._digest("dates", *identity)[:8], "big")
        return -(1 + number % _LONGEST_SHIFT_DAYS)

    def fingerprint(self) -> str:
        """Names the key without telling it."""
        return self._digest("fingerprint")[:8].hex()

    def _digest(self, *parts: str) -> bytes:
        return hmac.new(self._key, "\0".join(parts).encode(), hashlib.sha256).digest()


def shifted_date(value: str, days: int) -> str | None:
    """A DA value (also the old ``YYYY.MM.DD``) moved by whole days; None where it is no date."""
    match = _DATE.fullmatch(value.strip("\0 "))
    if match is None:
        return None
    try:
        moved = dt.date(*(int(part) for part in match.groups())) + dt.timedelta(days=days)
    except (ValueError, OverflowError):
        return None
    return f"{moved.year:04d}{moved.month:02d}{moved.day:02d}"


def shifted_date_time(value: str, days: int) -> str | None:
    """A DT value moved by whole days, its time and offset kept; None where it is none.

    A value without a day (``2026``, ``202601``) cannot be moved by days: None.
    """
    match = _DATE_TIME.fullmatch(value.strip("\0 "))
    moved = shifted_date(match[1], days) if match else None
    return f"{moved}{match[2]}{match[3]}" if match and moved else None


def told_age(value: str) -> str:
    """An age as it may be told: all above 89 years are one (90), as they are few."""
    match = re.fullmatch(r"(\d{1,3})Y", value.strip("\0 "))
    return "090Y" if match and int(match[1]) > _OLDEST_TOLD_AGE else value


def told_years(years: float) -> float:
    """The same for an age measured in years."""
    return 90.0 if years > _OLDEST_TOLD_AGE else years
