"""Words of a report with their offsets into the text as given.

Everything later refers to words by index, and words keep their offsets, so that no result ever
needs to be mapped back from a normalised copy of the text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_WORD = re.compile(r"[^\W_]+")
# Mark-up of a pasted page: no words.
_MARKUP = re.compile(
    r"</?(?:p|br|div|span|b|i|u|strong|em|table|tbody|tr|td|th|ul|ol|li|h[1-6]|font|html|body|head|"
    r"a|hr|pre|su[bp])\b[^<>]{0,300}>|&(?:nbsp|lt|gt|amp|quot|#\d{1,5});",
    re.IGNORECASE,
)
_BREAK = re.compile(r"[.,;:!?()\[\]<>]|\n\s*\n")
# Latin letters that are typed for Cyrillic ones in segment names (С3 for S3).
_SEGMENT = re.compile(r"^[cс](\d{1,2})$")


@dataclass(frozen=True, slots=True)
class Word:
    """One word: lower case with ё as е, and ``start <= n < end`` in the text as given.

    ``gap`` is the text between the previous word and this one; ``breaks`` whether that gap holds
    punctuation that separates phrases.
    """

    text: str
    start: int
    end: int
    gap: str
    breaks: bool


def words_of(text: str) -> tuple[Word, ...]:
    """All words of ``text`` in order."""
    found: list[Word] = []
    end = 0
    marks = [match.span() for match in _MARKUP.finditer(text)] if "<" in text or "&" in text else []
    mark = 0
    for match in _WORD.finditer(text):
        while mark < len(marks) and marks[mark][1] <= match.start():
            mark += 1
        if mark < len(marks) and marks[mark][0] <= match.start():
            continue
        gap = text[end : match.start()]
        found.append(
            Word(
                match.group().lower().replace("ё", "е"),
                match.start(),
                match.end(),
                gap,
                bool(_BREAK.search(gap)),
            )
        )
        end = match.end()
    return tuple(found)


def segment_name(word: str) -> str:
    """``S3`` for a word that names a segment (``s3``, Cyrillic ``с3``), else empty."""
    if len(word) > 3 or not word[1:].isdigit():
        return ""
    number = int(word[1:])
    if word[0] == "s" and 1 <= number <= 10:
        return f"S{number}"
    if _SEGMENT.match(word) and word[0] == "с" and 1 <= number <= 10:
        return f"S{number}"
    return ""
