"""The lexicon: words of findings, organs, sides, sites and cues, as data in ``resources/lexicon``.

Adding a synonym or a concept is an edit of those files; nothing here names a finding.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from app.core.codes import Code
from app.core.finding import Label
from app.core.report import Language
from app.reporting.reading.patterns import Pattern, PatternIndex, Source, parse
from app.reporting.reading.tables import (
    anatomy_rows,
    concept_rows,
    items,
    resource,
    rows,
    term_rows,
)

# Cue kinds whose hits are looked up as one family.
NEGATIONS = ("neg_pre", "neg_post", "neg_word")
_OWN = "own:"
CHANGES = ("new", "stable", "larger", "smaller")


@dataclass(frozen=True, slots=True)
class Concept:
    """A finding the lexicon knows.

    ``near``: concepts that may name the same thing in a text; ``parents``: more general ones,
    whose denial denies this one; ``sided``: a side can be said of it. ``anatomy``: an id of the
    anatomy where it lies; ``region`` its table; ``modalities`` that show it.
    """

    id: str
    code: Code | None
    label: Label
    near: frozenset[str]
    parents: frozenset[str]
    sided: bool
    anatomy: str = ""
    region: str = ""
    modalities: tuple[str, ...] = ()


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
def concepts() -> dict[str, Concept]:
    """All concepts by id."""
    return {
        name: Concept(
            id=name,
            code=Code(row["code"], row["scheme"], row["meaning"]) if row["code"] else None,
            label=Label(row["label_en"], row["label_ru"]),
            near=frozenset(items(row["near"])) | _kinds_of(name, row["region"]),
            parents=frozenset(items(row["parents"])),
            sided=row["sided"] != "no",
            anatomy=row["anatomy"],
            region=row["region"],
            modalities=tuple(row["modality"].split()),
        )
        for name, row in concept_rows().items()
    }


def _kinds_of(name: str, region: str) -> frozenset[str]:
    """For a general concept (thrombosis), what its word means with an organ: near ones."""
    if region != "general":
        return frozenset()
    return frozenset(
        special
        for head in heads().values()
        if head.default == name
        for special in (*head.organs.values(), *head.regions.values())
        if special != name
    )


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
        for name, row in resource("heads").items()
    }


@functools.cache
def denied_when_normal() -> dict[str, str]:
    """For an organ, the concept that is denied by calling the organ normal."""
    table: dict[str, str] = resource("traits")["normal_denies"]
    return table


@functools.cache
def general_terms() -> dict[str, frozenset[str]]:
    """For an organ, its terms that other organs have too ("lobe")."""
    table: dict[str, list[str]] = resource("traits")["general_terms"]
    return {organ: frozenset(terms) for organ, terms in table.items()}


@functools.cache
def kin_organs() -> dict[str, frozenset[str]]:
    """For an organ, the organs that stand for the same place when sizes and sides are bound."""
    found: dict[str, set[str]] = {}
    for group in resource("traits")["organ_kin"]:
        for organ in group:
            found.setdefault(organ, set()).update(group)
    return {organ: frozenset(group) for organ, group in found.items()}


@functools.cache
def concept_names() -> dict[str, str]:
    """Concept id by lower-case name (labels and aliases of both languages) and by code value."""
    names: dict[str, str] = {}
    for name, row in concept_rows().items():
        for alias in items(row["aliases"]):
            names.setdefault(alias.lower().replace("ё", "е"), name)
    for name, row in concept_rows().items():
        for label in (row["label_en"], row["label_ru"]):
            names[label.lower().replace("ё", "е")] = name
        for value in [*items(row["other_codes"]), row["code"]]:
            if value:
                names[f"code:{value}"] = name
    return names


@functools.cache
def regions_of_anatomy() -> dict[str, tuple[str, ...]]:
    """For an anatomy id, itself and everything it lies in, the nearest first."""
    table = anatomy_rows()
    found = {}
    for name in table:
        chain = [name]
        while table[chain[-1]]["parent"]:
            chain.append(table[chain[-1]]["parent"])
        found[name] = tuple(chain)
    return found


def lies_within(part: str, whole: str) -> bool:
    """Whether an anatomy id is, or is part of, another (a segment of a lobe, of a lung)."""
    return whole in regions_of_anatomy().get(part, ())


@functools.cache
def lexicon(language: Language) -> Lexicon:
    """The lexicon of ``language``; built once per process."""
    headers, sections = _headers(language)
    return Lexicon(
        language,
        PatternIndex(_sources(language)),
        headers,
        sections,
        resource("words")[language],
    )


def _sources(language: Language) -> Iterator[Source]:
    for row in term_rows(language):
        for text in items(row["terms"]):
            yield "concept", row["concept"], text
        for text in items(row["denied_by"]):
            yield "denied", row["concept"], text
    for name, row in concept_rows().items():
        label = row[f"label_{language}"].lower().replace("-", " ")
        if " " in label:
            yield "concept", name, label
    for row in rows(f"normal.{language}"):
        for text in items(row["statements"]):
            for name in items(row["denies"]):
                yield "denied", name, text
    for name, head in resource("heads").items():
        for text in head[language]:
            yield "head", name, text
    for name, row in anatomy_rows().items():
        for text in items(row[language]):
            if row["role"] == "organ":
                yield "organ", name, text
            elif row["role"] == "site":
                yield "site", f"{row['axis']}={row['value']}", text
    for kind, texts in resource("cues")[language].items():
        for text in texts:
            yield kind, kind, text
    words = resource("words")[language]
    for side, value in (("left", "left"), ("right", "right"), ("both", "bilateral")):
        for text in words[side]:
            yield "side", value, text
    for kind in ("male", "female", "male_organs", "female_organs"):
        for text in words[kind]:
            yield kind, kind, text


def _headers(language: Language) -> tuple[re.Pattern[str], dict[str, str]]:
    """A pattern for section headers (of both languages: titles are mixed in practice)."""
    sections: dict[str, str] = {}
    for table in resource("sections").values():
        for section, names in table.items():
            for name in names:
                sections[name] = section
    longest_first = sorted(sections, key=len, reverse=True)
    on_a_line = "|".join(re.escape(name).replace(r"\ ", r"[ \t]+") for name in longest_first)
    # a name may be wrapped, but then a colon must tell it from the beginning of a sentence
    wrapped = "|".join(
        re.escape(name).replace(r"\ ", r"\s+") for name in longest_first if " " in name
    )
    pattern = (
        rf"(?<![^\s*#•-])(?P<name>(?:{wrapped})(?=[ \t]*:)|(?:{on_a_line}))"
        r"(?P<end>[ \t]*(?::|\.(?=\s|$)|[-–—](?=\s)|(?=[ \t\r]*(?:\n|$))|(?=[ \t]+\S)))"
    )
    return re.compile(pattern, re.IGNORECASE), sections
