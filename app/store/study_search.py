"""What a search for studies means in SQL: full text, modality and dates, newest first.

Matches of the full-text index come in the order of ``studies.place`` by themselves, so the first
page of a search that half the library answers costs no more than that of a narrow one.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

PLACES_PER_MINUTE: Final = 2**22
_LAST_MINUTE: Final = 9999_12_31_24_00
# What separates the words of a name, a number or a description; the rest FTS5 takes apart itself.
_BETWEEN_WORDS: Final = re.compile(r"[\s^=,;:._/\\()\[\]{}<>+*\"'|&-]+")
# ``\0`` would end the query; half a surrogate pair (a byte of a terminal) is no text.
_SAME_LETTERS: Final = str.maketrans(
    {"ё": "е", "й": "и", "\0": " ", **{chr(half): " " for half in range(0xD800, 0xE000)}}
)


def folded(text: str | None) -> str:
    """One form for letters written in several: widths, composed accents, case, ё and й."""
    return unicodedata.normalize("NFKC", text or "").casefold().translate(_SAME_LETTERS)


def minute_of(study_date: str, study_time: str) -> int:
    """ISO date and time as the number YYYYMMDDhhmm; 0 without a date."""
    day = study_date.replace("-", "")
    if not day.isdigit():
        return 0
    clock = (study_time.replace(":", "") + "0000")[:4]
    return int(day + (clock if clock.isdigit() else "0000"))


@dataclass(frozen=True, slots=True)
class StudyQuery:
    """A search as the user put it; empty parts restrict nothing, both dates are included."""

    text: str = ""
    modality: str = ""
    date_from: str = ""
    date_to: str = ""

    @property
    def words(self) -> list[str]:
        """The words that must all begin some word of the study."""
        parts = _BETWEEN_WORDS.split(folded(self.text))
        return [part for part in parts if any(char.isalnum() for char in part)]

    @property
    def is_nothing(self) -> bool:
        """Whether the text holds nothing to look for, as ``^^`` does."""
        return bool(self.text.strip()) and not self.words

    @property
    def match(self) -> str:
        """The query of FTS5; empty where only dates restrict."""
        terms = [f'"{word}"*' for word in self.words]
        if self.modality:
            terms.append(f'modality : "{_quoted(folded(self.modality))}"')
        return " AND ".join(terms)

    @property
    def places(self) -> tuple[int, int]:
        """First and last place within the dates; studies without a date are in no range."""
        first = minute_of(self.date_from, "00:00") * PLACES_PER_MINUTE
        if self.date_to:
            return max(first, PLACES_PER_MINUTE), minute_of(
                self.date_to, "24:00"
            ) * PLACES_PER_MINUTE
        return first, _LAST_MINUTE * PLACES_PER_MINUTE


def _quoted(text: str) -> str:
    return text.replace('"', '""')
