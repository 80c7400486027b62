"""Places that are numbered: segments, vertebral levels, ribs."""

from __future__ import annotations

import re

from app.reporting.reading.document import Document
from app.reporting.reading.lexicon import lexicon
from app.reporting.reading.patterns import Hit
from app.reporting.reading.tokens import Word, segment_name

_VERTEBRA = re.compile(
    r"(?<![\w-])(?P<a>(?:C|С|Th|Т|T|D|L|S)\d{1,2})"
    r"(?:\s*[-–/]\s*(?P<b>(?:C|С|Th|Т|T|D|L|S)?\d{1,2}))?(?![\w])"
)
_ROMAN = {
    "i": 1, "ii": 2, "iii": 3, "iv": 4, "v": 5, "vi": 6, "vii": 7, "viii": 8, "ix": 9, "x": 10,
    "xi": 11, "xii": 12,
}  # fmt: skip

_JOINTS = frozenset({"and", "и", "а"})


def numbered_sites(document: Document) -> list[Hit]:
    """Segments (S3), vertebral levels (L4-L5) and rib numbers as site hits."""
    found: list[Hit] = []
    by_start = {word.start: index for index, word in enumerate(document.words)}
    for match in _VERTEBRA.finditer(document.text):
        index = by_start.get(match.start())
        if index is None:
            continue
        name = level_name(match["a"], match["b"] or "")
        segment = segment_name(document.words[index].text)
        if segment and not (match["b"] or ""):
            found.append(Hit("site", f"segment={segment}", index, index + 1))
        elif name:
            found.append(Hit("site", f"level={name}", index, index + 1 + bool(match["b"])))
    ordinals: dict[str, int] = lexicon(document.language).words["ordinals"]
    for index, word in enumerate(document.words):
        if word.text in ("segment", "сегмент", "сегмента", "сегменте"):
            near = document.words[index + 1 : index + 2] if word.text == "segment" else ()
            for other in near:
                if other.text.isdigit() and 1 <= int(other.text) <= 10:
                    found.append(Hit("site", f"segment=S{int(other.text)}", index, index + 2))
        if not word.text.startswith(("ребр", "ребер", "rib")):
            continue
        for other_index, number in _rib_numbers(document, index, ordinals):
            found.append(Hit("site", f"rib={number}", other_index, other_index + 1))
    return found


def _rib_numbers(document: Document, at: int, ordinals: dict[str, int]) -> list[tuple[int, int]]:
    """(word, number) of the ribs named before or after the word "rib" at ``at``."""
    words = document.words
    found: list[tuple[int, int]] = []
    for index in range(at - 1, max(-1, at - 6), -1):
        if words[index + 1].breaks and "," not in words[index + 1].gap:
            break
        is_list = _is_list_number(document.text, words[index])
        number = 0 if is_list else _ordinal(words[index].text, ordinals)
        if number:
            found.append((index, number))
        elif (found and words[index].text not in _JOINTS) or index < at - 3:
            break
    if not found and at + 1 < len(words) and not words[at + 1].breaks:
        number = _ordinal(words[at + 1].text, ordinals)
        found.extend([(at + 1, number)] if number else [])
    return found


def _is_list_number(text: str, word: Word) -> bool:
    """ "5." at the beginning of a line counts the items of a list and no ribs."""
    line = text[text.rfind("\n", 0, word.start) + 1 : word.start]
    return not line.strip() and text[word.end : word.end + 2] in (". ", ") ")


def _ordinal(word: str, ordinals: dict[str, int]) -> int:
    if word in _ROMAN:
        return _ROMAN[word]
    digits = re.fullmatch(r"(\d{1,2})(?:th|st|nd|rd|го|й|е)?", word)
    if digits and 1 <= int(digits[1]) <= 12:
        return int(digits[1])
    for stem, number in ordinals.items():
        if word == stem or (len(stem) > 3 and not stem.isascii() and word.startswith(stem)):
            return number
    return 0


def level_name(first: str, second: str = "") -> str:
    """A level in one spelling: ``Th12`` and ``D12`` are ``T12``, ``L4-5`` is ``L4-L5``."""
    one = _vertebra(first, "")
    if not second:
        return one
    two = _vertebra(second, one[:1])
    return f"{one}-{two}" if one and two else ""


def _vertebra(name: str, region: str) -> str:
    match = re.fullmatch(r"([A-Za-zСТ]*?)(\d{1,2})", name)
    if not match:
        return ""
    letter = {"th": "T", "t": "T", "d": "T", "т": "T", "c": "C", "с": "C"}.get(
        match[1].lower(), match[1].upper() or region
    )
    number = int(match[2])
    return f"{letter}{number}" if letter and number else ""
