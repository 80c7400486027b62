"""Dates written in a report, as ISO dates with their offsets."""

from __future__ import annotations

import datetime as dt
import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass

_MONTHS = (
    (
        "january", "february", "march", "april", "may", "june", "july", "august", "september",
        "october", "november", "december",
    ),
    (
        "января", "февраля", "марта", "апреля", "мая", "июня", "июля", "августа", "сентября",
        "октября", "ноября", "декабря",
    ),
)  # fmt: skip
_NAMES = {name: number for names in _MONTHS for number, name in enumerate(names, 1)}
_NAMES |= {name[:3]: number for names in _MONTHS[:1] for number, name in enumerate(names, 1)}
_ANY_MONTH = "|".join(sorted(_NAMES, key=len, reverse=True))
_DATE = re.compile(
    r"(?<![\d.])(?:"
    r"(?P<y1>\d{4})-(?P<m1>\d{2})-(?P<d1>\d{2})"
    r"|(?P<d2>\d{1,2})\.(?P<m2>\d{1,2})\.(?P<y2>\d{4}|\d{2}(?!\d))"
    r"|(?P<a3>\d{1,2})/(?P<b3>\d{1,2})/(?P<y3>\d{4})"
    rf"|(?P<m4>{_ANY_MONTH})\.?\s+(?P<d4>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<y4>\d{{4}})"
    rf"|(?P<d5>\d{{1,2}})\s+(?P<m5>{_ANY_MONTH})\.?,?\s+(?P<y5>\d{{4}})"
    r")(?!\d)",
    re.IGNORECASE,
)


_DIGIT = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class FoundDate:
    """A date at ``start <= n < end``; ``readings`` has two where day and month may be swapped."""

    readings: tuple[dt.date, ...]
    start: int
    end: int

    def may_be(self, day: dt.date) -> bool:
        """Whether it can mean ``day``."""
        return day in self.readings


def dates_in(text: str) -> Iterator[FoundDate]:
    """All whole dates of a text; impossible ones are left out."""
    yield from _all_dates(text)[0]


@functools.lru_cache(maxsize=256)
def _all_dates(text: str) -> tuple[tuple[FoundDate, ...], tuple[tuple[int, int], ...]]:
    """The dates of a text, and the spans of what is written as one and is none."""
    found: list[FoundDate] = []
    impossible: list[tuple[int, int]] = []
    for match in _DATE.finditer(text) if _DIGIT.search(text) else ():
        readings = tuple(dict.fromkeys(_readings(match)))
        is_whole = any(match[name] for name in ("y1", "y3", "y4", "y5"))
        if readings:
            found.append(FoundDate(readings, match.start(), match.end()))
        elif is_whole or len(match["y2"] or "") == 4:
            impossible.append((match.start(), match.end()))
    return tuple(found), tuple(impossible)


def impossible_dates_in(text: str) -> Iterator[tuple[int, int]]:
    """Spans of what is written as a date with a four-digit year and is no day of any calendar."""
    yield from _all_dates(text)[1]


def iso_date(text: str) -> dt.date | None:
    """A date as in DICOM or ISO 8601 (``20250407``, ``2025-04-07``), or None."""
    digits = text.strip().replace("-", "")[:8]
    if len(digits) != 8 or not digits.isdigit():
        return None
    return _day(int(digits[:4]), int(digits[4:6]), int(digits[6:]))


def years_between(start: dt.date, end: dt.date) -> int:
    """Completed years from ``start`` to ``end``."""
    return end.year - start.year - ((end.month, end.day) < (start.month, start.day))


def _readings(match: re.Match[str]) -> Iterator[dt.date]:
    rows: list[tuple[int, int, int]] = []
    if match["y1"]:
        rows.append((int(match["y1"]), int(match["m1"]), int(match["d1"])))
    elif match["y2"]:
        year = int(match["y2"])
        year += 0 if year > 99 else (2000 if year < 70 else 1900)
        rows.append((year, int(match["m2"]), int(match["d2"])))
    elif match["y3"]:
        one, two, year = int(match["a3"]), int(match["b3"]), int(match["y3"])
        rows += [(year, one, two), (year, two, one)]
    elif match["y4"]:
        rows.append((int(match["y4"]), _NAMES[match["m4"].lower()], int(match["d4"])))
    elif match["y5"]:
        rows.append((int(match["y5"]), _NAMES[match["m5"].lower()], int(match["d5"])))
    for year, month, day in rows:
        found = _day(year, month, day)
        if found:
            yield found


def _day(year: int, month: int, day: int) -> dt.date | None:
    try:
        return dt.date(year, month, day)
    except ValueError:
        return None
