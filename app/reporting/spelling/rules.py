"""The small tables of the spell check: ``resources/spelling/rules.json``.

``short``: abbreviations and units; ``heads``: first parts of compounds; ``adjectival``: endings of
Russian adjectives; ``patterns``: a first form's ending, how much of it goes, the endings that come;
``hard``: endings after a consonant; ``endings``: more that may follow a stem of the lexicon;
``alike``: letters that are taken for each other; ``sounds``: Cyrillic letters in Latin.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

from app.config.folders import resources_folder

Language = Literal["en", "ru"]
LANGUAGES: Final[tuple[Language, ...]] = ("en", "ru")


@dataclass(frozen=True, slots=True)
class Pattern:
    """Forms of words that end in ``ending``: ``gone`` letters go, one of ``endings`` comes."""

    ending: str
    gone: int
    endings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rules:
    """The tables, parsed."""

    short: frozenset[str]
    heads: dict[Language, tuple[str, ...]]
    adjectival: tuple[str, ...]
    patterns: tuple[Pattern, ...]
    hard: tuple[str, ...]
    endings: frozenset[str]
    alike: frozenset[str]
    sounds: dict[str, str]


@cache
def rules() -> Rules:
    """The tables that ship with the program."""
    data = json.loads((resources_folder() / "spelling" / "rules.json").read_text("utf-8"))
    patterns = tuple(
        Pattern(ending, gone, tuple(endings.split())) for ending, gone, endings in data["patterns"]
    )
    hard = ("", *data["hard"].split())
    endings = {*data["endings"].split(), *hard}
    for pattern in patterns:
        endings.update(pattern.endings)
    return Rules(
        short=frozenset(" ".join(data["short"].values()).split()),
        heads={language: tuple(data["heads"][language].split()) for language in LANGUAGES},
        adjectival=tuple(data["adjectival"].split()),
        patterns=patterns,
        hard=hard,
        endings=frozenset(endings),
        alike=frozenset(data["alike"].split()),
        sounds={pair[0]: pair[1:] for pair in data["sounds"].split()},
    )
