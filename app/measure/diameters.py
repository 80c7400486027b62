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
_DIRECTIONS = 120
_WIDTH_DIRECTIONS = 36
_OUTER_VOXELS = 150


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
    for k, limit in _slices_by_width(mask, scale):
        if limit <= best:
            break  # no later slice can be longer
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


def _slices_by_width(mask: npt.NDArray[Any], scale: Float64Array) -> list[tuple[int, float]]:
    """Occupied slices with an upper bound of their diameter, largest bound first.

    The bound is the largest width over directions 5 degrees apart: the true direction is at most
    2.5 degrees off the best of them.
    """
    angles = np.arange(_WIDTH_DIRECTIONS) * np.pi / _WIDTH_DIRECTIONS
    directions = np.stack([np.cos(angles), np.sin(angles)])
    slack = 1.0 / np.cos(np.pi / _WIDTH_DIRECTIONS / 2.0)
    found = []
    for k in np.flatnonzero(mask.any(axis=(1, 2))):
        along = (_ends(mask[k]) * scale) @ directions
        found.append((int(k), float(np.ptp(along, axis=0).max() * slack)))
    return sorted(found, key=lambda entry: -entry[1])


def _ends(plane: npt.NDArray[Any]) -> Float64Array:
    """Where rows and columns of a 2D mask begin and end, half a pixel out, as (column, row)."""
    inside = np.asarray(plane) != 0
    parts = []
    for axis in range(2):
        lines = np.flatnonzero(inside.any(axis=axis))
        occupied = inside[:, lines].T if axis == 0 else inside[lines]
        first = occupied.argmax(axis=1) - 0.5
        last = occupied.shape[1] - occupied[:, ::-1].argmax(axis=1) - 0.5
        for ends in (first, last):
            pair = (lines, ends) if axis == 0 else (ends, lines)
            parts.append(np.stack(pair, axis=1).astype(np.float64))
    return np.concatenate(parts)


def _with_k(points_ij: Float64Array, k: int) -> Float64Array:
    return np.column_stack([points_ij, np.full(len(points_ij), float(k))])


def max_diameter_3d(
    mask: npt.NDArray[Any], spacing_ijk: tuple[float, float, float]
) -> tuple[float, Float64Array] | None:
    """Largest distance between surface points in mm, and its ends (i, j, k), shape (2, 3).

    Candidates are the outermost voxels along evenly spread directions; then those farthest from
    the middle of the best pair (a longer pair must have an end outside the ball over the best
    one); from the best pair the farthest voxel is sought until nothing grows.
    """
    voxels = _row_ends(mask)
    if len(voxels) == 0:
        return None
    spacing = np.asarray(spacing_ijk)
    centers = voxels * spacing
    chosen = _support(centers)
    _, pair = farthest_pair(centers[chosen])
    from_middle = ((centers - pair.mean(axis=0)) ** 2).sum(axis=1)
    outer = np.argsort(from_middle)[-_OUTER_VOXELS:]
    candidates = _faces(mask, voxels[np.union1d(chosen, outer)]) * spacing
    length, pair = farthest_pair(candidates)
    while True:
        far = int(np.argmax(((centers - pair[0]) ** 2).sum(axis=1)))
        ends = _faces(mask, voxels[[far]]) * spacing
        distances = np.linalg.norm(ends - pair[0], axis=1)
        other = ends[int(np.argmax(distances))]
        if distances.max() <= length + 1e-9:
            break
        length, pair = float(distances.max()), np.stack([other, pair[0]])
    return length, pair / spacing


def _row_ends(mask: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
    """First and last voxel of every row along i, as (i, j, k); the hull has no other corners."""
    inside = np.asarray(mask) != 0
    places = np.argwhere(inside.any(axis=2))
    rows = inside[places[:, 0], places[:, 1]]
    first = rows.argmax(axis=1)
    last = rows.shape[1] - 1 - rows[:, ::-1].argmax(axis=1)
    return np.concatenate(
        [np.stack([ends, places[:, 1], places[:, 0]], axis=1) for ends in (first, last)]
    )


def _faces(mask: npt.NDArray[Any], voxels: npt.NDArray[np.intp]) -> Float64Array:
    """Midpoints between the voxels and their neighbours outside the mask, as (i, j, k)."""
    padded = np.pad(np.asarray(mask) != 0, 1)
    parts = [np.zeros((0, 3))]
    for axis in range(3):
        for side in (-1, 1):
            step = np.zeros(3, dtype=np.intp)
            step[axis] = side
            i, j, k = (voxels + step + 1).T
            open_faces = ~padded[k, j, i]
            parts.append(voxels[open_faces] + step * 0.5)
    return np.concatenate(parts)


def _support(points: Float64Array) -> npt.NDArray[np.intp]:
    """Indices of the outermost points along evenly spread directions."""
    n = np.arange(_DIRECTIONS) + 0.5
    z = 1.0 - n / _DIRECTIONS  # half a sphere is enough: both ends are taken
    angle = np.pi * (1.0 + 5.0**0.5) * n
    ring = np.sqrt(1.0 - z**2)
    directions = np.stack([ring * np.cos(angle), ring * np.sin(angle), z])
    chosen: list[npt.NDArray[np.intp]] = []
    for block in np.array_split(directions, 8, axis=1):
        along = points @ block
        chosen += [along.argmax(axis=0), along.argmin(axis=0)]
    return np.unique(np.concatenate(chosen))
