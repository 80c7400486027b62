"""Which statements of a template may stand beside the accepted findings, and with what words.

A statement is read by the check's own reader: what it denies must not be what was accepted.
Standard library only; the template comes in as a value.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from app.core.report import Language
from app.reporting.extract import read
from app.reporting.reading.lexicon import concept as concept_of
from app.reporting.templates.variables import MEASUREMENT, VARIABLES

_PLACE = re.compile(r"\{([^{}]*)\}")
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-ZА-ЯЁ\[])")
_ANY = "*"
_FIELD = "field:"


class StatementLike(Protocol):
    """What is asked of a template's statement (``templates.model.Statement``)."""

    @property
    def text(self) -> str:
        """Sentences with places to fill in."""

    @property
    def absent(self) -> tuple[str, ...]:
        """The things denied at ``{absent}``."""

    @property
    def unless(self) -> tuple[str, ...]:
        """Organs or concepts beside which it must not stand."""

    @property
    def when(self) -> str:
        """In which draft it stands."""

    @property
    def needs(self) -> tuple[str, ...]:
        """Variables that must be known."""

    @property
    def without(self) -> tuple[str, ...]:
        """Variables that must not be known."""

    @property
    def sex(self) -> str:
        """The sex of which it speaks."""


@dataclass(frozen=True, slots=True)
class Found:
    """What was accepted, as far as it can contradict a statement.

    ``concepts`` and ``organs`` of all findings that are present or uncertain; ``denied`` are the
    concepts that a person found absent, which are said already; ``here``: one of the findings is
    described in the paragraph of the statement.
    """

    concepts: frozenset[str]
    organs: frozenset[str]
    denied: frozenset[str] = frozenset()
    here: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing was found."""
        return not self.concepts and not self.organs


@dataclass(frozen=True, slots=True)
class Filling:
    """What fills a template's places: values of variables, labels of its fields, and of whom."""

    language: Language
    values: Mapping[str, str]
    labels: Mapping[str, str]
    region: str = ""
    sex: str = ""


def statement_text(one: StatementLike, found: Found, filling: Filling) -> str:
    """The statement as it stands in the draft; empty where it does not."""
    if not _stands(one, found, filling):
        return ""
    if one.absent:
        return _denial(one, found, filling)
    text = fill(one.text, filling)
    sentences = [s for s in _SENTENCE.split(text) if not contradicts(s, found, filling)]
    return " ".join(sentences)


def fill(text: str, filling: Filling, absent: str = "") -> str:
    """``text`` with its places filled; what is not known stands as a field in brackets."""

    def word(match: re.Match[str]) -> str:
        name = match[1]
        if name == "absent":
            return absent
        if name.startswith(_FIELD):
            return f"[{filling.labels.get(name[len(_FIELD) :], name[len(_FIELD) :])}]"
        return filling.values.get(name) or f"[{_meaning(name, filling.language)}]"

    filled = _PLACE.sub(word, text).strip()
    return f"{filled[:1].upper()}{filled[1:]}"


def contradicts(sentence: str, found: Found, filling: Filling) -> bool:
    """Whether a sentence denies something that was found."""
    if found.is_empty:
        return False
    denied = denied_by(sentence, filling.language, filling.region)
    return any(is_denied(concept, denied) for concept in found.concepts)


def is_denied(concept: str, denied: frozenset[str]) -> bool:
    """Whether what was found is denied: itself, what it is a kind of, or what may name it."""
    known = concept_of(concept)
    if concept in denied or denied & (known.parents | known.near):
        return True
    return any(concept in concept_of(one).near | concept_of(one).parents for one in denied)


@functools.lru_cache(maxsize=2048)
def denied_by(sentence: str, language: Language, region: str) -> frozenset[str]:
    """The concepts that a sentence denies, said or implied."""
    header = "FINDINGS:\n" if language == "en" else "ОПИСАНИЕ:\n"
    reading = read(f"{header}{sentence}", language, region)
    return frozenset(m.concept for m in reading.mentions if m.polarity == "absent")


def _stands(one: StatementLike, found: Found, filling: Filling) -> bool:
    if one.when == "clear" and not found.is_empty:
        return False
    if one.when == "findings" and found.is_empty:
        return False
    if one.sex and filling.sex and one.sex != filling.sex:
        return False
    if one.sex and not filling.sex:
        return False
    if any(not filling.values.get(name) for name in one.needs):
        return False
    if any(filling.values.get(name) for name in one.without):
        return False
    for name in one.unless:
        if name == _ANY and found.here:
            return False
        if name in found.concepts or name in found.organs:
            return False
    return True


def _denial(one: StatementLike, found: Found, filling: Filling) -> str:
    """The denial with what was not found; each thing is tried alone."""
    kept = []
    for thing in one.absent:
        alone = fill(one.text, filling, thing)
        if contradicts(alone, found, filling):
            continue
        if found.denied and denied_by(alone, filling.language, filling.region) & found.denied:
            continue
        kept.append(thing)
    return fill(one.text, filling, _list(kept, filling.language)) if kept else ""


def _list(things: Sequence[str], language: Language) -> str:
    if len(things) == 1:
        return things[0]
    joint = " or " if language == "en" else " и "
    return f"{', '.join(things[:-1])}{joint}{things[-1]}"


def _meaning(name: str, language: Language) -> str:
    if name.startswith(MEASUREMENT):
        return "measurement" if language == "en" else "измерение"
    english, russian = VARIABLES.get(name, (name, name))
    return russian if language == "ru" else english
