"""Reference ranges from ``resources/measure/reference_ranges.json``.

A range counts only for the population that it was measured on: where sex, age or the kind of image
do not fit, or are not known but matter, there is none, never the nearest one.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from typing import Any, Literal

from app.config.folders import resources_folder
from app.core.measurement import Reference
from app.measure.anatomy import Person, Protocol

SCHEMA = "overread.reference-ranges/1"


@dataclass(frozen=True, slots=True)
class Range:
    """One entry. ``low`` and ``high`` are in the unit of the kind; None: open.

    ``structures`` empty: all. ``mark`` says whether the source was read ("read") or is general
    knowledge of textbooks ("textbook"). ``nature``: a reference "range" of healthy people, or a
    "limit" that people use to decide.
    """

    kind: str
    structures: tuple[str, ...]
    unit: str
    low: float | None
    high: float | None
    nature: Literal["range", "limit"]
    source: str
    mark: Literal["read", "textbook"]
    population_en: str
    population_ru: str
    sex: Literal["F", "M", ""]
    age_from: float | None
    age_to: float | None
    view_position: str
    contrast: bool | None

    def fits(self, structure: str, person: Person, protocol: Protocol) -> bool:
        """Whether the range counts for this structure of this patient on this image."""
        if self.structures and structure not in self.structures:
            return False
        if self.sex and person.sex != self.sex:
            return False
        if self.age_from is not None or self.age_to is not None:
            age = person.age_years
            if age is None:
                return False
            if not (self.age_from or 0.0) <= age < (self.age_to or 200.0):
                return False
        if self.view_position and protocol.view_position.upper() != self.view_position:
            return False
        return self.contrast is None or protocol.contrast is self.contrast


def reference_for(
    kind: str, structure: str, person: Person, protocol: Protocol
) -> Reference | None:
    """The range of a measurement for this patient, or None."""
    for entry in ranges():
        if entry.kind == kind and entry.fits(structure, person, protocol):
            textbook = "" if entry.mark == "read" else " (textbook)"
            return Reference(
                entry.low, entry.high, f"{entry.source}{textbook}", entry.population_en
            )
    return None


@functools.cache
def ranges() -> tuple[Range, ...]:
    """All entries, in the order of the file."""
    path = resources_folder() / "measure" / "reference_ranges.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    if data["schema"] != SCHEMA:
        raise ValueError(f"{path.name} has schema {data['schema']!r}")
    return tuple(_range(row) for row in data["ranges"])


def _range(row: dict[str, Any]) -> Range:
    conditions = row.get("conditions", {})
    return Range(
        kind=row["kind"],
        structures=tuple(row.get("structures", ())),
        unit=row["unit"],
        low=row.get("low"),
        high=row.get("high"),
        nature=row["nature"],
        source=row["source"],
        mark=row["mark"],
        population_en=row["population"]["en"],
        population_ru=row["population"]["ru"],
        sex=conditions.get("sex", ""),
        age_from=conditions.get("age_from"),
        age_to=conditions.get("age_to"),
        view_position=conditions.get("view_position", ""),
        contrast=conditions.get("contrast"),
    )
