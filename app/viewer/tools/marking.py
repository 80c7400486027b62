"""Placing what a model pack asks of the reader: points, lines and boxes, and moving them again.

Pure state: a press gives a grip (something that is there already, or something new), moves of the
pointer give new markings. Boxes run along the axes of the image; all places are LPS.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from app.core.geometry import Float64Array, Geometry
from app.core.reader_input import NamedBox, NamedLine, NamedPoint, Point, ReaderInput
from app.core.report import Message

MarkKind = Literal["point", "box", "line"]


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing that a pack asks for. ``many``: a press adds another one."""

    name: str
    kind: MarkKind
    text: Message
    required: bool = False
    many: bool = False

    def short(self, language: str) -> str:
        """What to place in a few words: the text up to its first comma or full stop."""
        return self.text.text(language).split(",")[0].split(".")[0]


@dataclass(frozen=True, slots=True)
class Grip:
    """What the pointer holds: the ``number``-th point, line or box of what was given.

    ``end`` is the end of a line. ``sides`` of a box, per axis of the image: -1 its lower face, 1
    its upper one, 0 neither; all 0: the whole box. ``start`` is where it was gripped (i, j, k).
    """

    kind: MarkKind
    number: int
    end: int = 0
    sides: tuple[int, int, int] = (0, 0, 0)
    start: tuple[float, float, float] = (0.0, 0.0, 0.0)
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class Marking:
    """What is asked, which of it is placed next, and what is there; ``space`` is the image."""

    space: Geometry
    asked: tuple[Asked, ...]
    given: ReaderInput = field(default_factory=ReaderInput)
    current: int = 0

    @property
    def entry(self) -> Asked:
        """What the next press places."""
        return self.asked[self.current]

    @property
    def missing(self) -> tuple[Asked, ...]:
        """The required things that are not there yet."""
        return tuple(
            entry
            for entry in self.asked
            if entry.required and entry.name not in self.given.names(entry.kind)
        )

    def chosen(self, number: int) -> Marking:
        """With another thing to be placed next."""
        return replace(self, current=number % len(self.asked))

    def without(self, name: str) -> Marking:
        """Without everything of this name."""
        given = self.given
        return replace(
            self,
            given=replace(
                given,
                points=tuple(p for p in given.points if p.name != name),
                boxes=tuple(b for b in given.boxes if b.name != name),
                lines=tuple(n for n in given.lines if n.name != name),
            ),
        )

    def pressed(
        self, at_lps: Sequence[float] | Float64Array, view: Geometry, reach_mm: float
    ) -> tuple[Marking, Grip]:
        """Take hold of what lies within ``reach_mm`` on this view, else begin the next thing."""
        grip = self._held(np.asarray(at_lps), view, reach_mm)
        return (self, grip) if grip is not None else self._begun(np.asarray(at_lps))

    def dragged(
        self, grip: Grip, at_lps: Sequence[float] | Float64Array, view: Geometry
    ) -> Marking:
        """With what is held moved to ``at_lps``; always computed from where the drag began."""
        point = _point(at_lps)
        if grip.kind == "point":
            points = list(self.given.points)
            points[grip.number] = replace(points[grip.number], lps=point)
            return self._with(points=tuple(points))
        if grip.kind == "line":
            lines = list(self.given.lines)
            ends = list(lines[grip.number].lps)
            ends[grip.end] = point
            lines[grip.number] = replace(lines[grip.number], lps=tuple(ends))
            return self._with(lines=tuple(lines))
        boxes = list(self.given.boxes)
        low, high = self._corners(boxes[grip.number])
        at = self.space.lps_to_ijk(np.asarray(at_lps))
        if grip.is_new:
            low, high = self._new_box(np.asarray(grip.start), at, view)
        elif any(grip.sides):
            low = np.where(np.asarray(grip.sides) < 0, np.minimum(at, high - 1), low)
            high = np.where(np.asarray(grip.sides) > 0, np.maximum(at, low + 1), high)
        else:
            shift = at - np.asarray(grip.start)
            low, high = low + shift, high + shift
        boxes[grip.number] = replace(boxes[grip.number], lps=self._to_lps(low, high))
        return self._with(boxes=tuple(boxes))

    def box_on(self, box: NamedBox, view: Geometry, index: int) -> Float64Array | None:
        """The ring (LPS, shape (4, 3)) in which a box cuts image ``index`` of a view, or None."""
        low, high = self._corners(box)
        corners = np.asarray(
            [[(low, high)[a][0], (low, high)[b][1], (low, high)[c][2]]
             for a in (0, 1) for b in (0, 1) for c in (0, 1)]
        )  # fmt: skip
        seen = view.lps_to_ijk(self.space.ijk_to_lps(corners))
        first, last = seen.min(axis=0), seen.max(axis=0)
        if not first[2] - 0.5 <= index <= last[2] + 0.5:
            return None
        ring = [(first[0], first[1]), (last[0], first[1]), (last[0], last[1]), (first[0], last[1])]
        return view.ijk_to_lps([(u, v, index) for u, v in ring])

    # inside

    def _held(self, at_lps: Float64Array, view: Geometry, reach_mm: float) -> Grip | None:
        for number, point in enumerate(self.given.points):
            if _seen_distance(point.lps, at_lps, view) <= reach_mm:
                return Grip("point", number)
        for number, line in enumerate(self.given.lines):
            for end, place in enumerate(line.lps):
                if _seen_distance(place, at_lps, view) <= reach_mm:
                    return Grip("line", number, end)
        at = self.space.lps_to_ijk(at_lps)
        reach = reach_mm / np.asarray(self.space.spacing_ijk)
        for number, box in enumerate(self.given.boxes):
            low, high = self._corners(box)
            if np.all(at >= low - reach) and np.all(at <= high + reach):
                sides = [
                    0 if axis == self._depth_axis(view)
                    else -1 if abs(at[axis] - low[axis]) <= reach[axis]
                    else 1 if abs(at[axis] - high[axis]) <= reach[axis]
                    else 0
                    for axis in range(3)
                ]  # fmt: skip
                return Grip("box", number, sides=(sides[0], sides[1], sides[2]), start=_point(at))
        return None

    def _begun(self, at_lps: Float64Array) -> tuple[Marking, Grip]:
        entry, point = self.entry, _point(at_lps)
        base = self if entry.many else self.without(entry.name)
        given = base.given
        if entry.kind == "point":
            made = base._with(points=(*given.points, NamedPoint(entry.name, point)))
            return made, Grip("point", len(given.points), is_new=True)
        if entry.kind == "line":
            made = base._with(lines=(*given.lines, NamedLine(entry.name, (point, point))))
            return made, Grip("line", len(given.lines), 1, is_new=True)
        start = self.space.lps_to_ijk(at_lps)
        box = NamedBox(entry.name, self._to_lps(start - 0.5, start + 0.5))
        made = base._with(boxes=(*given.boxes, box))
        return made, Grip("box", len(given.boxes), start=_point(start), is_new=True)

    def _new_box(
        self, start: Float64Array, at: Float64Array, view: Geometry
    ) -> tuple[Float64Array, Float64Array]:
        """A box drawn on a view: as deep as it is wide on average, half before and half behind."""
        low, high = np.minimum(start, at), np.maximum(start, at)
        depth = self._depth_axis(view)
        spacing = np.asarray(self.space.spacing_ijk)
        across = [axis for axis in range(3) if axis != depth]
        mean_mm = float(((high - low) * spacing)[across].mean())
        half = max(mean_mm / 2 / spacing[depth], 0.5)
        low[depth], high[depth] = start[depth] - half, start[depth] + half
        return low, np.maximum(high, low + 1)

    def _depth_axis(self, view: Geometry) -> int:
        """The axis of the image that runs into the view."""
        normal = view.direction_matrix[:, 2]
        return int(np.argmax(np.abs(self.space.direction_matrix.T @ normal)))

    def _corners(self, box: NamedBox) -> tuple[Float64Array, Float64Array]:
        ends = self.space.lps_to_ijk(np.asarray(box.lps))
        return ends.min(axis=0), ends.max(axis=0)

    def _to_lps(self, low: Float64Array, high: Float64Array) -> tuple[Point, Point]:
        ends = self.space.ijk_to_lps(np.stack([low, high]))
        return _point(ends[0]), _point(ends[1])

    def _with(
        self,
        *,
        points: tuple[NamedPoint, ...] | None = None,
        boxes: tuple[NamedBox, ...] | None = None,
        lines: tuple[NamedLine, ...] | None = None,
    ) -> Marking:
        given = self.given
        return replace(
            self,
            given=replace(
                given,
                points=given.points if points is None else points,
                boxes=given.boxes if boxes is None else boxes,
                lines=given.lines if lines is None else lines,
            ),
        )


def _seen_distance(place: Point, at_lps: Float64Array, view: Geometry) -> float:
    """Distance in mm, where the place lies on the image that is seen or next to it; else far."""
    difference = view.lps_to_ijk(np.asarray(place)) - view.lps_to_ijk(at_lps)
    if abs(float(difference[2])) > 1.0:
        return float("inf")
    return float(np.hypot(*(difference[:2] * np.asarray(view.spacing_ijk[:2]))))


def _point(values: Sequence[float] | Float64Array) -> Point:
    return float(values[0]), float(values[1]), float(values[2])
