"""Lengths in a text: ``12х8 мм``, ``1,2 x 0.8 cm``, ``from 9 to 11 mm``, each with its offsets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_NUMBER = r"\d+(?:[.,]\d+)?"
_UNIT = r"(?:мм|см|mm|cm|миллиметр\w*|сантиметр\w*|millimet\w+|centimet\w+)"
_SIZE = re.compile(
    rf"(?<![\w.,:/-])(?P<numbers>{_NUMBER}(?:\s*(?:{_UNIT})?\s*(?:[xх×*]|на|by)\s*{_NUMBER}){{0,2}})"
    rf"[\s-]*(?P<unit>{_UNIT})(?![²³\w]|\s*[²³/]|[23]\b)",
    re.IGNORECASE,
)
# How far from a landmark, not how large.
_AWAY = re.compile(
    r"\s*(?:(?:от|до)\s+(?:соск|кож|края|карин|бифуркац|усть|ануса|анального|капсул)"
    r"|from\s+(?:the\s+)?(?:nipple|skin|carina|anal|edge|bifurcation|orifice|capsule))",
    re.IGNORECASE,
)
_SPACE = re.compile(r"\s")
_RANGE = re.compile(
    rf"(?:(?:от|from)\s+{_NUMBER}\s*(?:{_UNIT})?\s*(?:до|to)\s*|{_NUMBER}\s*[-–]\s*)$",
    re.IGNORECASE,
)
_FROM = re.compile(
    rf"(?:(?<!\w)(?:с|from)\s+(?P<old>{_NUMBER}(?:\s*[xх×*]\s*{_NUMBER})*)\s*(?:{_UNIT})?\s*"
    r"(?:до|to)\s*)$",
    re.IGNORECASE,
)
_EARLIER = re.compile(
    r"(?:ранее|прежде|было|был[аи]?|исходно|составлял\w*|предыдущ\w*[^.;]*|"
    r"при исследовании от[^;]*|previously|formerly|prior[^.;]*|it measured|used to measure|"
    r"was|were|earlier|compared (?:to|with)|\bvs\.?|versus|против|\bfrom)\W*(?:\w+\s+){0,3}?\W*$",
    re.IGNORECASE,
)
# A second size that only stands in a bracket behind a word for the change, or with another day.
_CHANGE_BRACKET = re.compile(
    r"(?:stable|unchanged|unaltered|no (?:\w+ )?(?:change|growth)|same|similar|constant|since|"
    r"increase\w*|enlarg\w*|larger|grown|grew|growth|smaller|decreas\w*|progress\w*|shrunk|"
    r"динамик\w*|прежн\w+|не измен\w+|изменений|рост\w*|вырос\w*|увелич\w+|уменьш\w+|"
    r"стабильн\w+|регресс\w*|нараст\w*|сократ\w*)[^.;()\d]{0,30}\(\s*$",
    re.IGNORECASE,
)
_MONTH = (
    r"(?:jan|feb|mar|apr|may|june?|july?|aug|sep|oct|nov|dec)[a-z]*|(?:январ|феврал|март|апрел|ма[ея]|"
    r"июн|июл|август|сентябр|октябр|ноябр|декабр)\w*"
)
_OTHER_DAY = re.compile(
    rf"\s+(?:(?:in|on|from|at|of|as of|back in|в|от|на)\s+)?(?:(?:the\s+)?(?:last|prior|previous|"
    rf"earlier|предыдущ\w+|прошл\w+|первичн\w+)\s+\w+|(?:{_MONTH})(?!\w)|(?:19|20)\d\d(?!\w)|"
    r"\d{1,2}[./]\d{1,2}[./]\d{2,4}|\d{4}-\d{2}-\d{2}|(?:previously|before|earlier|formerly|"
    r"yesterday|initially|at baseline|ранее|прежде|раньше|накануне|вчера|исходно)"
    r"(?!\W+(?:\w+\s+){0,2}\d)|(?:\d+\s+|one\s+|an?\s+)?(?:year|month|week|day)s?\s+(?:ago|earlier)|"
    r"(?:\d+\s+)?(?:год\w*|лет|мес\w*\.?|недел\w+|нед\.|дн\w+|сут\w*)\s+(?:тому\s+)?назад)",
    re.IGNORECASE,
)
_NOW = re.compile(r"(?:сейчас|в настоящее время|до|now|currently|to)\s*$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Size:
    """One group of lengths. ``values_mm`` in the order of the text, ``numbers`` their spans.

    ``unit`` is ``mm`` or ``cm``; ``earlier``: of a previous examination; ``is_range``: from-to.
    """

    values_mm: tuple[float, ...]
    numbers: tuple[tuple[int, int], ...]
    start: int
    end: int
    unit: str
    decimals: int
    earlier: bool
    is_range: bool


def sizes_in(text: str, start: int, end: int) -> Iterator[Size]:
    """All lengths between two offsets of ``text``, in order."""
    has_any = False
    for match in _SIZE.finditer(text, start, end):
        if _AWAY.match(text, match.end()):
            continue
        unit = "cm" if match["unit"].lower()[0] in "cс" else "mm"
        spans: list[tuple[int, int]] = []
        values: list[float] = []
        decimals = 0
        for number in re.finditer(_NUMBER, match["numbers"]):
            shown = number.group().replace(",", ".")
            decimals = max(decimals, len(shown.partition(".")[2]))
            values.append(float(shown) * (10.0 if unit == "cm" else 1.0))
            base = match.start("numbers")
            spans.append((base + number.start(), base + number.end()))
        before = _SPACE.sub(" ", text[max(start, match.start() - 90) : match.start()])
        is_other_day = bool(
            has_any
            and not _NOW.search(before)
            and (_CHANGE_BRACKET.search(before) or _OTHER_DAY.match(text, match.end(), end))
        )
        has_any = True
        yield Size(
            tuple(values),
            tuple(spans),
            match.start(),
            match.end(),
            unit,
            decimals,
            is_other_day or _is_earlier(before),
            bool(_RANGE.search(before)) and not _FROM.search(before),
        )


def _is_earlier(before: str) -> bool:
    if _NOW.search(before):
        return False
    # Only the phrase in front of the number: not beyond a closed bracket or a semicolon.
    phrase = re.split(r"[;)]\s", before)[-1]
    return bool(_EARLIER.search(phrase))
