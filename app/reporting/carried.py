"""Sentences carried over from an earlier report, marked in the text until somebody confirms them.

The mark stands in brackets behind the sentence, so every view shows it and the check does not let
it pass. Standard library only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from app.core.report import Language
from app.reporting.dates import iso_date
from app.reporting.reading.document import document_of

_MARK: Final[dict[Language, str]] = {
    "en": "[carried from {date}: confirm]",
    "ru": "[перенесено от {date}: подтвердить]",
}
_MARKED = re.compile(
    r"\[(?:carried from|перенесено от) (?P<date>\d{4}-\d{2}-\d{2}|\d{2}\.\d{2}\.\d{4})"
    r": (?:confirm|подтвердить)\]"
)


@dataclass(frozen=True, slots=True)
class CarriedSentence:
    """A marked sentence at ``start <= n < end`` of the text, the mark included; ``date`` ISO."""

    start: int
    end: int
    date: str
    text: str


def marked(sentence: str, date: str, language: Language) -> str:
    """A sentence with its mark. ``date`` is ISO 8601 or as in DICOM; raises ``ValueError``."""
    day = iso_date(date)
    if day is None:
        raise ValueError("a carried sentence has the date of its report")
    shown = f"{day:%d.%m.%Y}" if language == "ru" else day.isoformat()
    return f"{sentence.strip()} {_MARK[language].format(date=shown)}"


def carried_in(text: str) -> tuple[CarriedSentence, ...]:
    """The sentences of a report that nobody has confirmed yet, in order."""
    found = []
    for match in _MARKED.finditer(text):
        date = match["date"]
        if "." in date:
            date = "-".join(reversed(date.split(".")))
        # back from the mark, not forward to it: a long line without a mark costs nothing
        end = match.start()
        while end and text[end - 1].isspace():
            end -= 1
        begin = max(text.rfind(stop, 0, end) for stop in "\n[]") + 1
        said = text[begin:end].strip()
        if not said:
            continue
        sentence = _last_sentence(said)
        start = begin + text[begin:end].rindex(sentence)
        found.append(CarriedSentence(start, match.end(), date, sentence))
    return tuple(found)


def is_mark(text: str) -> bool:
    """Whether ``text`` is the mark of a carried sentence."""
    return _MARKED.fullmatch(text) is not None


def confirmed(text: str, carried: CarriedSentence) -> str:
    """The text without the mark: the sentence is now the reader's own."""
    return f"{text[: carried.start]}{carried.text}{text[carried.end :]}"


def removed(text: str, carried: CarriedSentence) -> str:
    """The text without the sentence."""
    before, after = text[: carried.start].rstrip(" "), text[carried.end :].lstrip(" ")
    joint = " " if before and after and not before.endswith("\n") and after[0] != "\n" else ""
    return f"{before}{joint}{after}"


def sentences_of(text: str, language: Language, section: str) -> tuple[str, ...]:
    """The sentences of a section of a report, as they stand in it."""
    document = document_of(text, language)
    return tuple(
        text[one.start : one.end].replace("\n", " ")
        for one in document.sentences
        if one.section == section
    )


def _last_sentence(text: str) -> str:
    parts = re.split(r"(?<=[.!?])\s+(?=[A-ZА-ЯЁ])", text.rstrip())
    return parts[-1]
