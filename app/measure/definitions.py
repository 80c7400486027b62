"""The registry of definitions, as data: ``resources/measure/definitions.json``.

A definition is ``name@version``. A change of formula or gate that can change a number makes a new
version, so that an old number is never compared with a new definition (copilot-practice 3.0).
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from typing import Any, Literal

from app.config.folders import resources_folder

SCHEMA = "overread.measure-definitions/1"


@dataclass(frozen=True, slots=True)
class Words:
    """The same in English and Russian."""

    en: str
    ru: str

    def text(self, language: str) -> str:
        """In ``language``, English where that is not Russian."""
        return self.ru if language == "ru" else self.en


@dataclass(frozen=True, slots=True)
class Kind:
    """One number that a definition gives, its UCUM unit and its name."""

    kind: str
    unit: str
    name: Words


@dataclass(frozen=True, slots=True)
class Definition:
    """One definition. ``masks`` are the roles it looks at, alternatives together; ``points`` are
    given by the reader; ``tags`` are what it asks about patient and image. ``mark``: the source
    was read ("read") or is general knowledge ("textbook").
    """

    id: str
    region: str
    tier: int
    kinds: tuple[Kind, ...]
    masks: tuple[tuple[str, ...], ...]
    needs_values: bool
    points: tuple[str, ...]
    tags: tuple[str, ...]
    formula: Words
    gate: Words
    source: str
    mark: Literal["read", "textbook"]
    uncertainty: Words | None

    def as_json(self) -> dict[str, Any]:
        """The definition as ``overread measure --list --json`` gives it."""
        return {
            "id": self.id,
            "region": self.region,
            "tier": self.tier,
            "kinds": [
                {"kind": k.kind, "unit": k.unit, "name": {"en": k.name.en, "ru": k.name.ru}}
                for k in self.kinds
            ],
            "inputs": {
                "masks": [list(roles) for roles in self.masks],
                "values": self.needs_values,
                "points": list(self.points),
                "tags": list(self.tags),
            },
            "formula": {"en": self.formula.en, "ru": self.formula.ru},
            "gate": {"en": self.gate.en, "ru": self.gate.ru},
            "source": self.source,
            "mark": self.mark,
            "uncertainty": None
            if self.uncertainty is None
            else {"en": self.uncertainty.en, "ru": self.uncertainty.ru},
        }


@functools.cache
def definitions() -> tuple[Definition, ...]:
    """All definitions, in the order of the file."""
    path = resources_folder() / "measure" / "definitions.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    if data["schema"] != SCHEMA:
        raise ValueError(f"{path.name} has schema {data['schema']!r}")
    return tuple(_definition(row) for row in data["definitions"])


@functools.cache
def definition_of(kind: str) -> Definition:
    """The definition that gives a kind; KeyError when there is none."""
    for definition in definitions():
        if any(entry.kind == kind for entry in definition.kinds):
            return definition
    raise KeyError(kind)


@functools.cache
def name_of(kind: str) -> Words | None:
    """What a number of this kind is called, or None where it is not known."""
    names = (own.name for one in definitions() for own in one.kinds if own.kind == kind)
    return next(names, None)


@functools.cache
def unit_of(kind: str) -> str:
    """The UCUM unit of a kind."""
    return next(entry.unit for entry in definition_of(kind).kinds if entry.kind == kind)


def _definition(row: dict[str, Any]) -> Definition:
    inputs = row["inputs"]
    spread = row.get("uncertainty")
    return Definition(
        id=row["id"],
        region=row["region"],
        tier=row["tier"],
        kinds=tuple(Kind(k["kind"], k["unit"], _words(k["name"])) for k in row["kinds"]),
        masks=tuple(tuple(roles) for roles in inputs["masks"]),
        needs_values=inputs["values"],
        points=tuple(inputs["points"]),
        tags=tuple(inputs["tags"]),
        formula=_words(row["formula"]),
        gate=_words(row["gate"]),
        source=row["source"],
        mark=row["mark"],
        uncertainty=None if spread is None else _words(spread),
    )


def _words(row: dict[str, str]) -> Words:
    return Words(row["en"], row["ru"])
