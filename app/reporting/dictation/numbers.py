"""Spoken numbers with their units: "twelve by eight millimeters" is 12 x 8 mm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from app.reporting.dictation.tables import Tables

_HALVES: Final = {"полтора": "1,5", "полторы": "1,5", "полутора": "1,5"}
_PARTS: Final = {"десят": 1, "сот": 2, "тысячн": 3}
_WHOLE: Final = frozenset(("целая", "целых", "целые", "целой"))


@dataclass(frozen=True, slots=True)
class Figure:
    """A number in digits: how many words it took, and whether it must be written so."""

    text: str
    words: int
    is_certain: bool


def figure_at(words: Sequence[str], at: int, tables: Tables) -> Figure | None:
    """The number that begins at ``words[at]``, with its unit; None where there is none."""
    first = _number(words, at, tables)
    if first is None:
        return None
    texts, here, certain = [first.text], at + first.words, first.is_certain
    while here + 1 < len(words) and words[here] == tables.by:
        following = _number(words, here + 1, tables)
        if following is None:
            break
        texts.append(following.text)
        here += 1 + following.words
        certain = True
    text = f" {tables.times} ".join(texts)
    unit, taken = _unit(words, here, tables)
    if not unit:
        return Figure(text, here - at, certain)
    return Figure(text + ("%" if unit == "%" else f" {unit}"), here + taken - at, True)


def _unit(words: Sequence[str], at: int, tables: Tables) -> tuple[str, int]:
    here = at
    if here + 1 < len(words) and words[here] in tables.unit_heads:
        here += 1
    unit = tables.units.get(words[here]) if here < len(words) else None
    if unit is None:
        return "", 0
    here += 1
    if here < len(words) and words[here] in tables.unit_tails:
        here += 1
    return unit, here - at


def _number(words: Sequence[str], at: int, tables: Tables) -> Figure | None:
    """One number, with its decimals."""
    if words[at] in _HALVES:
        return Figure(_HALVES[words[at]], 1, True)
    whole = _integer(words, at, tables)
    if whole is None:
        return None
    here = at + whole.words
    fraction = _fraction(words, here, tables)
    if fraction is None:
        return whole
    return Figure(whole.text + tables.point + fraction.text, whole.words + fraction.words, True)


def _fraction(words: Sequence[str], at: int, tables: Tables) -> Figure | None:
    rest = words[at : at + 3]
    if list(rest[:3]) == ["and", "a", "half"]:
        return Figure("5", 3, True)
    if list(rest[:2]) == ["с", "половиной"]:
        return Figure("5", 2, True)
    if rest and rest[0] in _WHOLE:
        here = at + 1
        if here < len(words) and words[here] == "и":
            here += 1
        part = _integer(words, here, tables) if here < len(words) else None
        if part is None or here + part.words >= len(words):
            return None
        digits = next(
            (n for stem, n in _PARTS.items() if words[here + part.words].startswith(stem)), 0
        )
        if not digits or len(part.text) > digits:
            return None
        return Figure(part.text.zfill(digits), here + part.words + 1 - at, True)
    if len(rest) > 1 and rest[0] == tables.decimal:
        return _decimals(words, at + 1, tables)
    return None


def _decimals(words: Sequence[str], at: int, tables: Tables) -> Figure | None:
    """The digits after "point"; in Russian only before a unit, where запятая is no comma."""
    here, digits = at, ""
    while here < len(words) and len(digits) < 4:
        value = _value(words[here], tables)
        if value is None or value > 9:
            break
        digits += str(value)
        here += 1
    if not digits:
        part = _integer(words, at, tables) if at < len(words) else None
        if part is None:
            return None
        digits, here = part.text, at + part.words
    if tables.language == "ru" and not (
        _unit(words, here, tables)[0] or (here < len(words) and words[here] == tables.by)
    ):
        return None
    return Figure(digits, here - at + 1, True)


def _value(word: str, tables: Tables) -> int | None:
    return int(word) if word.isascii() and word.isdigit() else tables.numbers.get(word)


def _integer(words: Sequence[str], at: int, tables: Tables) -> Figure | None:
    """Digits, or number words as far as they make one number."""
    if words[at].isascii() and words[at].replace(".", "", 1).replace(",", "", 1).isdigit():
        return Figure(words[at].replace(".", tables.point).replace(",", tables.point), 1, True)
    total, group, last, here = 0, 0, 10_000, at
    while here < len(words):
        word = words[here]
        if word == "and" and here > at and last in (100, 1000) and here + 1 < len(words):
            following = tables.numbers.get(words[here + 1])
            if following is None or following >= 100:
                break
            here += 1
            continue
        value = tables.numbers.get(word)
        if value is None:
            break
        if value == 1000:
            if last == 1000 or total:
                break
            total, group, last = max(group, 1) * 1000, 0, 1000
        elif value == 100 and tables.language == "en":
            if not 0 < group < 10 or last == 100:
                break
            group, last = group * 100, 100
        else:
            size = 100 if value >= 100 else 10 if value >= 20 else 1
            if here > at and (
                size >= last or value == 0 or (size == 1 and value > 9 and last == 10)
            ):
                break
            group, last = group + value, size
            if value == 0:
                last = 0
        here += 1
    if here == at:
        return None
    number, taken = total + group, here - at
    if number in (19, 20) and here < len(words):
        year = _integer(words, here, tables) if tables.language == "en" else None
        if year is not None and year.text.isdigit() and 10 <= int(year.text) < 100:
            return Figure(f"{number}{year.text}", taken + year.words, True)
    return Figure(str(number), taken, number > 9)
