"""Finds a paired structure in a whole volume by a template of one side and its mirror image.

The template is a small picture of the structure on one side with its middle as origin; the other
side is its mirror image. Looked for is the pose of the pair: middle between the sides, turn, scale
and distance of the sides. Coarse: normalised cross-correlation of both templates at 4 mm by FFT,
for a fan of turns, added up over a range of distances. Fine: the best candidates are refined at
2 mm by a pattern search over all of the pose, then each side on its own at 1 mm. Frame: LPS mm.
Pure numpy and SimpleITK; any thread.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from app.core.geometry import Geometry
from app.imaging.nifti import to_sitk
from app.inference.template_fan import COARSE_MM, coarse_poses
from app.inference.template_level import Level, Pose, Template, moved_places, rotation

Float32Array = npt.NDArray[np.float32]
Float64Array = npt.NDArray[np.float64]

_MIDDLE_MM: Final = 2.0
_FINE_MM: Final = 1.0
_KEPT: Final = 5  # candidates that are refined


@dataclass(frozen=True, slots=True)
class FoundSide:
    """One side: centre (LPS), axes (columns: left, back, head of the template), correlation."""

    centre: Float64Array
    axes: Float64Array
    score: float


@dataclass(frozen=True, slots=True)
class FoundPair:
    """Both sides, their distance and scale, and the score of the best other place (0: none)."""

    left: FoundSide
    right: FoundSide
    distance_mm: float
    scale: float
    runner_up: float


def find_pair(
    values: Float32Array,
    geometry: Geometry,
    template: Template,
    distances_mm: tuple[float, float],
    progress: Callable[[float], None],
) -> FoundPair | None:
    """The best pose of the pair in ``values`` [k, j, i]; None where nothing resembles it at all.

    ``distances_mm`` is the range that the distance of the sides may have.
    """
    image = to_sitk(values, geometry)
    coarse = Level.of(image, template, COARSE_MM)
    candidates = _spread(list(coarse_poses(coarse, distances_mm, progress)))[:_KEPT]
    if not candidates:
        return None
    middle = Level.of(image, template, _MIDDLE_MM)
    refined = []
    for n, pose in enumerate(candidates):
        refined.append(_refined(middle, pose, distances_mm))
        progress(0.6 + 0.3 * (n + 1) / len(candidates))
    refined.sort(key=lambda pose: -pose.score)
    best = refined[0]
    others = [pose.score for pose in refined if _apart(pose, best) > 12.0]
    fine = Level.of(image, template, _FINE_MM)
    sides = [_side(fine, best, is_left=is_left) for is_left in (True, False)]
    progress(1.0)
    return FoundPair(
        sides[0],
        sides[1],
        float(np.linalg.norm(sides[0].centre - sides[1].centre)),
        best.scale,
        max(others, default=0.0),
    )


def _apart(first: Pose, second: Pose) -> float:
    return float(np.linalg.norm(np.subtract(first.middle, second.middle)))


def _spread(poses: list[Pose]) -> list[Pose]:
    """Best first; a place comes with its two best turns at most."""
    kept: list[Pose] = []
    for pose in sorted(poses, key=lambda entry: -entry.score):
        if sum(_apart(pose, other) < 10.0 for other in kept) < 2:
            kept.append(pose)
    return kept


def _refined(level: Level, pose: Pose, distances_mm: tuple[float, float]) -> Pose:
    """Pattern search over all eight numbers for the best mean correlation of the two sides."""

    def score(vector: Float64Array) -> float:
        if not (0.75 <= vector[6] <= 1.3 and distances_mm[0] <= vector[7] <= distances_mm[1]):
            return -1.0
        return 0.5 * sum(
            level.correlation(moved_places(level, vector, is_left=is_left))
            for is_left in (True, False)
        )

    steps = np.array([3.0, 3.0, 3.0, 0.12, 0.1, 0.1, 0.06, 4.0])
    vector, best = pattern_search(score, pose.vector(), steps, 4)
    x, y, z, a, b, c = (float(n) for n in vector[:6])
    return replace(
        pose, middle=(x, y, z), turn=(a, b, c), scale=float(vector[6]),
        distance=float(vector[7]), score=best,
    )  # fmt: skip


def _side(level: Level, pose: Pose, *, is_left: bool) -> FoundSide:
    """One side on its own: shift and turn refined from where the pair put it."""
    start = pose.vector()
    matrix = rotation(start[3:6])
    half = start[7] / 2 if is_left else -start[7] / 2
    centre = matrix @ np.array([half, 0.0, 0.0]) + start[:3]

    def points(vector: Float64Array) -> Float64Array:
        return moved_places(level, np.array([*vector[:6], start[6], 0.0]), is_left=is_left)

    vector, best = pattern_search(
        lambda v: level.correlation(points(v)),
        np.array([*centre, *start[3:6]]),
        np.array([1.0, 1.0, 1.0, 0.05, 0.05, 0.05]),
        2,
    )
    return FoundSide(vector[:3], rotation(vector[3:6]), best)


def pattern_search(
    score: Callable[[Float64Array], float], start: Float64Array, steps: Float64Array, halvings: int
) -> tuple[Float64Array, float]:
    """Climb along one number at a time while it helps, then with half the steps."""
    vector, best = start.copy(), score(start)
    for _ in range(halvings):
        for _ in range(4):
            before = best
            for n, step in enumerate(steps):
                for sign in (1.0, -1.0):
                    trial = vector.copy()
                    trial[n] += sign * step
                    found = score(trial)
                    if found > best:
                        vector, best = trial, found
                        break
            if best - before < 1e-4:
                break
        steps = steps / 2
    return vector, best
