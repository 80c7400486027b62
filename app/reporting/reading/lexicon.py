"""The lexicon: words of findings, organs, sides, sites and cues, as data in ``resources/lexicon``.

Adding a synonym or a concept is an edit of those files; nothing here names a finding.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from app.config.folders import resources_folder
from app.core.codes import Code
from app.core.finding import Label
from app.core.report import Language
from app.reporting.reading.patterns import Pattern, PatternIndex, parse

# Cue kinds whose hits are looked up as one family.
NEGATIONS = ("neg_pre", "neg_post", "neg_word")
_OWN = "own:"
CHANGES = ("new", "stable", "larger", "smaller")


@dataclass(frozen=True, slots=True)
class Concept:
    """A finding the lexicon knows.

    ``near``: concepts that may name the same thing in a text; ``parents``: more general ones,
    whose denial denies this one; ``sided``: a side can be said of it.
    """

    id: str
    code: Code | None
    label: Label
    near: frozenset[str]
    parents: frozenset[str]
    sided: bool


@dataclass(frozen=True, slots=True)
class Head:
    """A word that becomes a finding by the organ it stands with (``node`` of lung, of thyroid)."""

    id: str
    organs: dict[str, str]
    regions: dict[str, str]
    default: str


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Everything the reader knows of one language. Shared and read-only."""

    language: Language
    index: PatternIndex
    headers: re.Pattern[str]
    header_sections: dict[str, str]
    words: dict[str, Any]


@functools.cache
def _resource(name: str) -> dict[str, Any]:
    path = resources_folder() / "lexicon" / f"{name}.json"
    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return data


@functools.cache
def concepts() -> dict[str, Concept]:
    """All concepts by id."""
    unsided = set(_resource("traits")["unsided"])
    parents = _resource("traits")["parents"]
    found = {}
    for name, row in _resource("concepts").items():
        code = Code(*row["code"]) if row["code"] else None
        found[name] = Concept(
            id=name,
            code=code,
            label=Label(*row["label"]),
            near=frozenset(row["near"]),
            parents=frozenset(parents.get(name, ())),
            sided=name not in unsided,
        )
    return found


def concept(name: str) -> Concept:
    """The concept of that id; a bare one for a name that only a finding brings."""
    known = concepts().get(name)
    if known is not None:
        return known
    label = name.removeprefix(_OWN)
    return Concept(name, None, Label(label, label), frozenset(), frozenset(), sided=True)


def own_concept(label: str) -> str:
    """The concept id for a finding whose name the lexicon does not know."""
    return f"{_OWN}{label.lower()}"


def own_pattern(concept_id: str, label: str) -> Pattern | None:
    """A pattern for such a name: its words with open endings, one word may stand between."""
    stems = []
    for word in re.findall(r"[^\W_]+", label.lower().replace("ё", "е")):
        cut = 2 if re.search("[а-я]", word) else 0
        stems.append(f"{word[: max(3, len(word) - cut)]}*" if len(word) > 3 else word)
    return parse("concept", concept_id, " ~1 ".join(stems)) if stems else None


@functools.cache
def heads() -> dict[str, Head]:
    """All heads by id."""
    return {
        name: Head(name, row["organs"], row["regions"], row["default"])
        for name, row in _resource("heads").items()
    }


@functools.cache
def denied_when_normal() -> dict[str, str]:
    """For an organ, the concept that is denied by calling the organ normal."""
    table: dict[str, str] = _resource("traits")["normal_denies"]
    return table


@functools.cache
def kin_organs() -> dict[str, frozenset[str]]:
    """For an organ, the organs that stand for the same place when sizes and sides are bound."""
    found: dict[str, set[str]] = {}
    for group in _resource("traits")["organ_kin"]:
        for organ in group:
            found.setdefault(organ, set()).update(group)
    return {organ: frozenset(group) for organ, group in found.items()}


@functools.cache
def concept_names() -> dict[str, str]:
    """Concept id by lower-case name (labels and aliases of both languages) and by code value."""
    names: dict[str, str] = {}
    for name, row in _resource("concepts").items():
        for alias in row.get("aliases", []):
            names.setdefault(alias.lower().replace("ё", "е"), name)
    for name, row in _resource("concepts").items():
        for label in row["label"]:
            names[label.lower().replace("ё", "е")] = name
        for value in [*row.get("codes", []), *(row["code"][:1] if row["code"] else [])]:
            names[f"code:{value}"] = name
    return names


@functools.cache
def lexicon(language: Language) -> Lexicon:
    """The lexicon of ``language``; built once per process."""
    headers, sections = _headers(language)
    return Lexicon(
        language,
        PatternIndex(_patterns(language)),
        headers,
        sections,
        _resource("words")[language],
    )


def _patterns(language: Language) -> Iterator[Pattern]:
    for name, row in _resource("concepts").items():
        for text in row[language]:
            yield parse("concept", name, text)
        label = row["label"][language == "ru"].lower().replace("-", " ")
        if " " in label:
            yield parse("concept", name, label)
        for text in row.get("denied_by", {}).get(language, []):
            yield parse("denied", name, text)
    for kind, table in (("head", "heads"), ("organ", "organs")):
        for name, row in _resource(table).items():
            for text in row[language]:
                yield parse(kind, name, text)
    for kind, texts in _resource("cues")[language].items():
        for text in texts:
            yield parse(kind, kind, text)
    for axis, values in _resource("sites").items():
        for value, row in values.items():
            if isinstance(row, dict):
                for text in row[language]:
                    yield parse("site", f"{axis}={value}", text)
    words = _resource("words")[language]
    for side, value in (("left", "left"), ("right", "right"), ("both", "bilateral")):
        for text in words[side]:
            yield parse("side", value, text)
    for kind in ("male", "female", "male_organs", "female_organs"):
        for text in words[kind]:
            yield parse(kind, kind, text)


def _headers(language: Language) -> tuple[re.Pattern[str], dict[str, str]]:
    """A pattern for section headers (of both languages: titles are mixed in practice)."""
    sections: dict[str, str] = {}
    for table in _resource("sections").values():
        for section, names in table.items():
            for name in names:
                sections[name] = section
    longest_first = sorted(sections, key=len, reverse=True)
    names = "|".join(re.escape(name).replace(r"\ ", r"\s+") for name in longest_first)
    pattern = (
        rf"(?:^|(?<=\n)|(?<=[.!?]\s)|(?<=[.!?]\s\s))[ \t*#•-]*(?P<name>{names})"
        r"(?P<end>[ \t]*(?::|\.(?=\s|$)|[-–—](?=\s)|(?=[ \t\r]*(?:\n|$))|(?=[ \t]+\S)))"
    )
    return re.compile(pattern, re.IGNORECASE), sections
