"""The words of radiology: our authored list, and every word that our own resources write.

The second part is read from the resources themselves (lexicon, templates, phrases, names of what is
measured), so that what the program drafts is never marked as an error.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.reporting.spelling.inflection import forms_of
from app.reporting.spelling.rules import Language
from app.reporting.spelling.words import language_of, plain_form, words_of

_OWN: Final = ("lexicon", "report", "measure")
_PATTERN_TOKEN: Final = re.compile(r"[^\s|?~()]+")
_PLACEHOLDER: Final = re.compile(r"\{[^{}]*\}")
_MIN_STEM: Final = 4


@dataclass(frozen=True, slots=True)
class TradeWords:
    """``words`` as they are looked up; ``stems`` may take any usual ending (Russian only)."""

    words: frozenset[str]
    stems: frozenset[str]


def trade_words(resources: Path, language: Language) -> TradeWords:
    """The words of the trade in ``language``, read from the ``resources`` folder."""
    words = set(_authored(resources / "spelling" / f"radiology.{language}.txt", language))
    stems: set[str] = set()
    for folder in _OWN:
        for path in sorted((resources / folder).rglob("*.json")):
            for text in _strings(json.loads(path.read_text("utf-8"))):
                if folder == "lexicon":
                    _take_pattern(text, language, words, stems)
                words.update(
                    plain_form(word.text)
                    for word in words_of(_PLACEHOLDER.sub(" ", text))
                    if word.language == language and "*" not in text and "_" not in text
                )
    return TradeWords(frozenset(words), frozenset(stems if language == "ru" else ()))


def _authored(path: Path, language: Language) -> Iterator[str]:
    for line in path.read_text("utf-8").splitlines():
        for word in line.partition("#")[0].split():
            plain = plain_form(word)
            if language == "ru":
                yield from forms_of(plain)
            else:
                yield plain


def _strings(data: object) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    elif isinstance(data, list):
        for item in data:
            yield from _strings(item)
    elif isinstance(data, dict):
        for item in data.values():
            yield from _strings(item)


def _take_pattern(text: str, language: Language, words: set[str], stems: set[str]) -> None:
    """Words of a lexicon pattern ("гиподенсн* очаг|очага"): whole ones, and stems before a star."""
    for token in _PATTERN_TOKEN.findall(text):
        plain = plain_form(token)
        if plain.endswith("*"):
            stem = plain[:-1]
            if len(stem) >= _MIN_STEM and stem.isalpha() and language_of(stem) == language:
                stems.add(stem)
        elif len(plain) > 1 and plain.isalpha() and language_of(plain) == language:
            words.add(plain)
