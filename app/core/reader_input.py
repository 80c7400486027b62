"""What the reader gives to a run: named points, boxes and lines in the patient, and choices.

A pack declares which of them it asks for (``reader_inputs`` of its manifest): the middle of a
nodule, the box of a hippocampus, the level of a slice.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.core.errors import InputError

SCHEMA: Final = "overread.input/1"
Point = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class NamedPoint:
    """A point in LPS mm; on a film (column, row, 0) in pixels."""

    name: str
    lps: Point


@dataclass(frozen=True, slots=True)
class NamedBox:
    """A box by two opposite corners in LPS mm; its edges run along the axes of the image."""

    name: str
    lps: tuple[Point, Point]


@dataclass(frozen=True, slots=True)
class NamedLine:
    """A line through two or more points in LPS mm."""

    name: str
    lps: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class ReaderInput:
    """Everything that the reader gave; empty: nothing. Names need not be unique."""

    points: tuple[NamedPoint, ...] = ()
    boxes: tuple[NamedBox, ...] = ()
    lines: tuple[NamedLine, ...] = ()
    choices: tuple[tuple[str, str], ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether the reader gave nothing."""
        return not (self.points or self.boxes or self.lines or self.choices)

    def point(self, name: str) -> Point | None:
        """The first point of this name."""
        return next((entry.lps for entry in self.points if entry.name == name), None)

    def box(self, name: str) -> tuple[Point, Point] | None:
        """The first box of this name."""
        return next((entry.lps for entry in self.boxes if entry.name == name), None)

    def line(self, name: str) -> tuple[Point, ...] | None:
        """The first line of this name."""
        return next((entry.lps for entry in self.lines if entry.name == name), None)

    def choice(self, name: str) -> str:
        """The choice of this name, or empty."""
        return dict(self.choices).get(name, "")

    def names(self, kind: str) -> set[str]:
        """The names given of a kind: ``point``, ``box``, ``line`` or ``choice``."""
        if kind == "choice":
            return {name for name, _ in self.choices}
        if kind == "point":
            return {entry.name for entry in self.points}
        return {entry.name for entry in (self.boxes if kind == "box" else self.lines)}

    def to_json(self) -> dict[str, Any]:
        """The object that ``reader_input_from_json`` reads."""
        return {
            "schema": SCHEMA,
            "points": [{"name": p.name, "lps": list(p.lps)} for p in self.points],
            "boxes": [{"name": b.name, "lps": [list(c) for c in b.lps]} for b in self.boxes],
            "lines": [{"name": n.name, "lps": [list(c) for c in n.lps]} for n in self.lines],
            "choices": dict(self.choices),
        }

    @property
    def sha256(self) -> str:
        """Hash of what was given; part of the provenance and of the key of a kept result."""
        return hashlib.sha256(json.dumps(self.to_json(), sort_keys=True).encode()).hexdigest()


def reader_input_from_json(data: object) -> ReaderInput:
    """What ``to_json`` wrote, or a person by hand. Raises ``InputError``."""
    if not isinstance(data, Mapping) or data.get("schema", SCHEMA) != SCHEMA:
        raise _invalid(f"it is not an object of the schema {SCHEMA}")
    unknown = set(data) - {"schema", "points", "boxes", "lines", "choices"}
    if unknown:
        raise _invalid(f'unknown key "{min(map(str, unknown))}"')
    choices = data.get("choices", {})
    if not isinstance(choices, Mapping):
        raise _invalid("choices is not an object")
    lines = [NamedLine(name, _points(v, 2)) for name, v in _entries(data, "lines")]
    boxes = []
    for name, value in _entries(data, "boxes"):
        corners = _points(value, 2)
        if len(corners) != 2:
            raise _invalid(f'the box "{name}" does not have two corners')
        boxes.append(NamedBox(name, (corners[0], corners[1])))
    return ReaderInput(
        points=tuple(NamedPoint(name, _point(v)) for name, v in _entries(data, "points")),
        boxes=tuple(boxes),
        lines=tuple(lines),
        choices=tuple((str(key), str(value)) for key, value in choices.items()),
    )


def _entries(data: Mapping[str, Any], key: str) -> list[tuple[str, object]]:
    rows = data.get(key, [])
    if not isinstance(rows, list):
        raise _invalid(f"{key} is not a list")
    found: list[tuple[str, object]] = []
    for row in rows:
        if not isinstance(row, Mapping) or set(row) != {"name", "lps"} or not row["name"]:
            raise _invalid(f"an entry of {key} needs exactly name and lps")
        found.append((str(row["name"]), row["lps"]))
    return found


def _points(value: object, least: int) -> tuple[Point, ...]:
    if not isinstance(value, list | tuple) or len(value) < least:
        raise _invalid(f"lps needs {least} points or more")
    return tuple(_point(entry) for entry in value)


def _point(value: object) -> Point:
    if not isinstance(value, list | tuple) or len(value) != 3:
        raise _invalid("a point has three numbers")
    if any(isinstance(n, bool) or not isinstance(n, int | float) for n in value):
        raise _invalid("a point has three numbers")
    if not all(math.isfinite(n) for n in value):
        raise _invalid("a point has three finite numbers")
    return float(value[0]), float(value[1]), float(value[2])


def _invalid(reason: str) -> InputError:
    return InputError(
        f"The reader's input is not valid: {reason}.",
        ru=f"Ввод врача неверен: {reason}.",
        hint='Such as: {"points": [{"name": "nodule", "lps": [10.5, -20, 130]}]}',
        hint_ru='Например: {"points": [{"name": "nodule", "lps": [10.5, -20, 130]}]}',
    )
