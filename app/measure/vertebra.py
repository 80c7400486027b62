"""The body of one vertebra in its own axes, found without a mask of its own: ``vertebral-frame@1``.

The middle of the body is where the mask is deepest. The axis runs through the middles of the
neighbouring bodies; forwards is from the whole vertebra's centroid (arch and processes lie behind)
to the middle of the body. In the midline, from the middle backwards, the mask ends at the canal:
that is the back wall.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from app.core.geometry import Geometry
from app.measure.anatomy import Anatomy, Structure, main_part
from app.measure.solid import depth_mm, sampled, smooth

Float64Array = npt.NDArray[np.float64]
LEVELS: Final = (*(f"t{n}" for n in range(1, 13)), *(f"l{n}" for n in range(1, 6)))
DEPTH_SHARES: Final = (0.15, 0.50, 0.85)
_CORE_SHARE: Final = 0.7
_BEHIND_MM: Final = 4.0
_STEP_MM: Final = 0.25
_FARTHEST_MM: Final = 45.0
_MIDLINE_MM: Final = 5.0
_LEAST_NEIGHBOUR: Final = 0.5


@dataclass(frozen=True, slots=True)
class Frame:
    """Middle and unit axes of a body, LPS. ``is_axis_known`` False: no neighbour, the body axis of
    the patient was taken. ``front`` and ``back`` are distances of the walls from the middle.
    """

    middle: Float64Array
    up: Float64Array
    forwards: Float64Array
    leftwards: Float64Array
    front: float
    back: float
    half_width: tuple[float, float]
    is_axis_known: bool

    @property
    def depth(self) -> float:
        """From the front wall to the back wall."""
        return self.front + self.back

    def local(self, points: Float64Array) -> Float64Array:
        """Points (n, 3) in LPS as (leftwards, forwards, up) from the middle."""
        axes = np.stack([self.leftwards, self.forwards, self.up], axis=1)
        return np.asarray((points - self.middle) @ axes)


@dataclass(frozen=True, slots=True)
class Heights:
    """Anterior, middle and posterior height in mm; their ends, shape (3, 2, 3), LPS, top first."""

    values: tuple[float, float, float]
    ends_lps: Float64Array


def role_of(level: str) -> str:
    """``l1`` is ``vertebrae_l1``."""
    return f"vertebrae_{level}"


def neighbours_of(level: str) -> tuple[str | None, str | None]:
    """The levels above and below."""
    place = LEVELS.index(level)
    above = LEVELS[place - 1] if place else None
    return above, LEVELS[place + 1] if place + 1 < len(LEVELS) else None


def core_middle(structure: Structure) -> Float64Array:
    """The middle of the deepest part of a mask, LPS."""
    depth = depth_mm(structure.mask, structure.geometry) + 0.5 * min(structure.geometry.spacing_ijk)
    core = structure.mask & (depth >= _CORE_SHARE * depth.max())
    weights = depth[core]
    points = structure.geometry.ijk_to_lps(np.argwhere(core)[:, ::-1])
    return np.asarray((points * weights[:, None]).sum(axis=0) / weights.sum())


def frame_of(anatomy: Anatomy, level: str) -> Frame | None:
    """The frame of a vertebra; None where there is none or its walls are not found."""
    structure = anatomy.structure(role_of(level))
    if structure is None:
        return None
    own = main_part(structure)
    middle = core_middle(own)
    up, is_known = _axis(anatomy, level, middle)
    forwards = middle - own.centroid_lps()
    forwards -= (forwards @ up) * up
    if np.linalg.norm(forwards) < _BEHIND_MM:  # a mask of the body only
        forwards = np.asarray([0.0, -1.0, 0.0])
        forwards -= (forwards @ up) * up
    forwards /= np.linalg.norm(forwards)
    leftwards = np.cross(forwards, up)
    soft, grid = smooth(own)
    probe = _Probe(soft, grid, middle, np.stack([leftwards, forwards, up]))
    middles = [(left, 0.0, high) for left in (-3, -1.5, 0, 1.5, 3) for high in (-4, -2, 0, 2, 4)]
    front, back = (probe.median(middles, (0, sign, 0)) for sign in (1, -1))
    if front is None or back is None:
        return None
    ahead = [(0.0, 0.15 * (front + back), high) for high in (-4.0, 0.0, 4.0)]
    sides = [probe.median(ahead, (sign, 0, 0)) for sign in (-1, 1)]
    right, left = (side or 0.0 for side in sides)
    return Frame(middle, up, forwards, leftwards, front, back, (right, left), is_known)


def heights_of(structure: Structure, frame: Frame) -> Heights | None:
    """The three heights (six points); None where the body is not met on enough lines."""
    soft, grid = smooth(main_part(structure))
    axes = np.stack([frame.leftwards, frame.forwards, frame.up])
    probe = _Probe(soft, grid, frame.middle, axes)
    values, ends = [], []
    for share in DEPTH_SHARES:
        ahead = frame.front - share * frame.depth
        starts = [(left, ahead, 0.0) for left in np.arange(-_MIDLINE_MM, _MIDLINE_MM + 0.5, 1.0)]
        top, bottom = (probe.all(starts, (0, 0, sign)) for sign in (1, -1))
        both = np.isfinite(top) & np.isfinite(bottom)
        if both.sum() < len(starts) / 2:
            return None
        heights = (top + bottom)[both]
        values.append(float(np.median(heights)))
        middle = frame.middle + ahead * frame.forwards
        share_top = float(np.median(top[both])) / float(np.median(top[both] + bottom[both]))
        ends.append(
            [
                middle + values[-1] * share_top * frame.up,
                middle - values[-1] * (1.0 - share_top) * frame.up,
            ]
        )
    return Heights((values[0], values[1], values[2]), np.asarray(ends))


def _axis(anatomy: Anatomy, level: str, middle: Float64Array) -> tuple[Float64Array, bool]:
    """Upwards along the spine at a level, and whether a neighbour said so."""
    own = anatomy.structure(role_of(level))
    least = 0.0 if own is None else _LEAST_NEIGHBOUR * own.voxels
    found: list[Float64Array] = []
    for other in neighbours_of(level):
        structure = None if other is None else anatomy.structure(role_of(other))
        # a neighbour that is cut keeps its place across the axis; a mere rest of one does not
        usable = structure is not None and structure.voxels >= least
        found.append(core_middle(main_part(structure)) if usable and structure else middle)
    along = found[0] - found[1]
    length = float(np.linalg.norm(along))
    if length < 10.0:
        return np.asarray([0.0, 0.0, 1.0]), False
    return along / length, True


@dataclass(frozen=True, slots=True)
class _Probe:
    """Distances from places of a frame to where a smoothed mask ends."""

    soft: npt.NDArray[Any]
    grid: Geometry
    middle: Float64Array
    axes: Float64Array

    def all(self, starts: Sequence[Sequence[float]], direction: Sequence[float]) -> Float64Array:
        """From each start (local) to the edge; NaN where the start is outside."""
        way = np.arange(0.0, _FARTHEST_MM, _STEP_MM)
        begin = self.middle + np.asarray(starts, dtype=np.float64) @ self.axes
        unit = np.asarray(direction, dtype=np.float64) @ self.axes
        values = sampled(self.soft, self.grid, begin[:, None] + way[:, None] * unit)
        found = np.full(len(begin), np.nan)
        for row, profile in enumerate(values):
            if profile[0] < 0.5:
                continue
            out = np.flatnonzero(profile < 0.5)
            if out.size:
                n = int(out[0])
                share = (profile[n - 1] - 0.5) / (profile[n - 1] - profile[n])
                found[row] = (n - 1 + share) * _STEP_MM
        return found

    def median(self, starts: Sequence[Sequence[float]], direction: Sequence[float]) -> float | None:
        """The median of ``all``; None where half of the starts lie outside."""
        found = self.all(starts, direction)
        good = found[np.isfinite(found)]
        return None if good.size < len(found) / 2 else float(np.median(good))
