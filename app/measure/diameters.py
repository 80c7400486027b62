"""Diameters of masks in physical millimetres.

``long_axis`` recist-long-axis@1: largest distance between two points of the outline within one
slice of the acquisition, over all slices (RECIST 1.1, Eisenhauer 2009: longest diameter in the
plane of measurement). ``short_axis`` recist-short-axis@1: longest distance perpendicular to it in
the same slice. ``max_diameter_3d`` feret-3d@1: largest distance between two surface points.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from app.measure.outline import convex_hull, farthest_pair, outline_segments, widest_chord

Float64Array = npt.NDArray[np.float64]
_DIRECTIONS = 2000


@dataclass(frozen=True, slots=True)
class Axes:
    """Long and short axis in mm, and their ends as continuous (i, j, k), shape (2, 3)."""

    long_mm: float
    short_mm: float
    long_ijk: Float64Array
    short_ijk: Float64Array


def in_plane_axes(mask: npt.NDArray[Any], spacing_ij: tuple[float, float]) -> Axes | None:
    """Long and short axis of a mask ``[k, j, i]``; None for an empty one."""
    scale = np.asarray(spacing_ij, dtype=np.float64)
    best, best_k, best_pair = 0.0, -1, np.zeros((2, 2))
    for k, limit in _slices_by_extent(mask, scale):
        if limit <= best:
            break  # no later slice can be longer than the diagonal of its box
        points = outline_segments(mask[k]).reshape(-1, 2) * scale
        length, pair = farthest_pair(convex_hull(points))
        if length > best:
            best, best_k, best_pair = length, k, pair
    if best_k < 0:
        return None
    direction = (best_pair[1] - best_pair[0]) / best
    across = np.asarray([-direction[1], direction[0]])
    short, short_pair = widest_chord(outline_segments(mask[best_k]) * scale, across)
    return Axes(
        best, short, _with_k(best_pair / scale, best_k), _with_k(short_pair / scale, best_k)
    )


def _slices_by_extent(mask: npt.NDArray[Any], scale: Float64Array) -> list[tuple[int, float]]:
    """Occupied slices with an upper bound of their diameter, largest bound first."""
    found = []
    for k in np.flatnonzero(mask.any(axis=(1, 2))):
        rows = np.flatnonzero(mask[k].any(axis=1))
        columns = np.flatnonzero(mask[k].any(axis=0))
        extent = np.asarray([np.ptp(columns) + 1, np.ptp(rows) + 1]) * scale
        found.append((int(k), float(np.hypot(extent[0], extent[1]))))
    return sorted(found, key=lambda entry: -entry[1])


def _with_k(points_ij: Float64Array, k: int) -> Float64Array:
    return np.column_stack([points_ij, np.full(len(points_ij), float(k))])


def max_diameter_3d(
    mask: npt.NDArray[Any], spacing_ijk: tuple[float, float, float]
) -> tuple[float, Float64Array] | None:
    """Largest distance between surface points in mm, and its ends (i, j, k), shape (2, 3).

    The support points of 2,000 directions are the candidates; from the best pair the farthest
    point is sought in turn until nothing grows.
    """
    surface = _surface_points(mask)
    if len(surface) == 0:
        return None
    points = surface * np.asarray(spacing_ijk)
    candidates = points[_support(points)]
    length, pair = farthest_pair(candidates)
    while True:
        other = points[int(np.argmax(((points - pair[0]) ** 2).sum(axis=1)))]
        grown = float(np.linalg.norm(other - pair[0]))
        if grown <= length + 1e-9:
            break
        length, pair = grown, np.stack([other, pair[0]])
    return length, pair / np.asarray(spacing_ijk)


def _surface_points(mask: npt.NDArray[Any]) -> Float64Array:
    """Half-voxel points where a row of voxels along i, j or k enters or leaves the mask for the
    first and last time; shape (n, 3) as (i, j, k).
    """
    inside = np.asarray(mask) != 0
    parts = []
    for axis in range(3):
        occupied = inside.any(axis=axis)
        places = np.argwhere(occupied)
        first = inside.argmax(axis=axis)[occupied] - 0.5
        last = inside.shape[axis] - np.flip(inside, axis).argmax(axis=axis)[occupied] - 0.5
        for ends in (first, last):
            columns = np.insert(places.astype(np.float64), axis, ends, axis=1)
            parts.append(columns[:, ::-1])
    return np.concatenate(parts)


def _support(points: Float64Array) -> npt.NDArray[np.intp]:
    """Indices of the outermost points along evenly spread directions."""
    n = np.arange(_DIRECTIONS) + 0.5
    z = 1.0 - n / _DIRECTIONS  # half a sphere is enough: both ends are taken
    angle = np.pi * (1.0 + 5.0**0.5) * n
    ring = np.sqrt(1.0 - z**2)
    directions = np.stack([ring * np.cos(angle), ring * np.sin(angle), z])
    chosen: list[npt.NDArray[np.intp]] = []
    for block in np.array_split(directions, 20, axis=1):
        along = points @ block
        chosen += [along.argmax(axis=0), along.argmin(axis=0)]
    return np.unique(np.concatenate(chosen))
