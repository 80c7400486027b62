"""What lies under the pointer."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from app.core.geometry import Float64Array

REACH_PX = 6.0


def distance_to_polyline(point: npt.ArrayLike, polyline: npt.ArrayLike) -> float:
    """Least distance from ``point`` (2,) to the polyline (n, 2), in the unit of both."""
    line = np.asarray(polyline, dtype=np.float64)
    target = np.asarray(point, dtype=np.float64)
    if len(line) == 0:
        return float("inf")
    if len(line) == 1:
        return float(np.linalg.norm(line[0] - target))
    start, step = line[:-1], np.diff(line, axis=0)
    length = np.maximum((step**2).sum(axis=1), 1e-12)
    along = np.clip(((target - start) * step).sum(axis=1) / length, 0.0, 1.0)
    nearest = start + along[:, None] * step
    return float(np.linalg.norm(nearest - target, axis=1).min())


def hit(
    point: npt.ArrayLike, outlines: Iterable[tuple[str, Float64Array]], reach: float = REACH_PX
) -> str | None:
    """The uid whose outline is nearest to ``point`` within ``reach``, or None."""
    best, best_distance = None, reach
    for uid, outline in outlines:
        distance = distance_to_polyline(point, outline)
        if distance <= best_distance:
            best, best_distance = uid, distance
    return best
