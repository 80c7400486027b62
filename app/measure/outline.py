"""Outlines of binary images at half-pixel precision, hulls, and the largest chord.

Points lie midway between an inside and an outside pixel centre (marching squares at one half), so
a row of n pixels is n pixels long: neither the n - 1 of centres nor the diagonal excess of corners.
Coordinates are ``(column, row)`` in pixels unless scaled.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Float64Array = npt.NDArray[np.float64]

# Per cell of 2 x 2 pixel centres (bits: top left 1, top right 2, bottom right 4, bottom left 8)
# the pairs of cell edges that the outline joins. Both ambiguous cells keep diagonals apart.
_TOP, _RIGHT, _BOTTOM, _LEFT = (0.5, 0.0), (1.0, 0.5), (0.5, 1.0), (0.0, 0.5)
_CELLS = {
    1: [(_LEFT, _TOP)], 2: [(_TOP, _RIGHT)], 3: [(_LEFT, _RIGHT)], 4: [(_RIGHT, _BOTTOM)],
    5: [(_LEFT, _TOP), (_RIGHT, _BOTTOM)], 6: [(_TOP, _BOTTOM)], 7: [(_LEFT, _BOTTOM)],
    8: [(_BOTTOM, _LEFT)], 9: [(_BOTTOM, _TOP)], 10: [(_TOP, _RIGHT), (_BOTTOM, _LEFT)],
    11: [(_BOTTOM, _RIGHT)], 12: [(_RIGHT, _LEFT)], 13: [(_RIGHT, _TOP)], 14: [(_TOP, _LEFT)],
}  # fmt: skip


def outline_segments(mask: npt.NDArray[Any]) -> Float64Array:
    """Line segments of the outline of a 2D mask, shape (n, 2, 2): start and end (column, row)."""
    padded = np.pad(np.asarray(mask) != 0, 1).astype(np.uint8)
    code = padded[:-1, :-1] + 2 * padded[:-1, 1:] + 4 * padded[1:, 1:] + 8 * padded[1:, :-1]
    parts = []
    for value, pairs in _CELLS.items():
        rows, columns = np.nonzero(code == value)
        if rows.size == 0:
            continue
        corner = np.stack([columns, rows], axis=1).astype(np.float64) - 1.0
        parts += [np.stack([corner + start, corner + end], axis=1) for start, end in pairs]
    return np.concatenate(parts) if parts else np.zeros((0, 2, 2))


def convex_hull(points: Float64Array) -> Float64Array:
    """Corners of the convex hull of 2D points, in order (Andrew's monotone chain)."""
    unique = np.unique(points, axis=0)
    if len(unique) < 3:
        return unique
    ordered = [(float(x), float(y)) for x, y in unique]
    lower, upper = _chain(ordered), _chain(ordered[::-1])
    return np.asarray(lower[:-1] + upper[:-1])


def _chain(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    kept: list[tuple[float, float]] = []
    for x, y in points:
        while len(kept) >= 2:
            (ax, ay), (bx, by) = kept[-2], kept[-1]
            if (bx - ax) * (y - ay) - (by - ay) * (x - ax) > 0:
                break
            kept.pop()
        kept.append((x, y))
    return kept


def farthest_pair(points: Float64Array) -> tuple[float, Float64Array]:
    """Largest distance between two of the points (n, d), and the pair (2, d)."""
    difference = points[:, None, :] - points[None, :, :]
    squared = (difference**2).sum(axis=2)
    first, second = np.unravel_index(int(np.argmax(squared)), squared.shape)
    return float(np.sqrt(squared[first, second])), points[[int(first), int(second)]]


def widest_chord(segments: Float64Array, direction: Float64Array) -> tuple[float, Float64Array]:
    """The longest distance, along ``direction``, between outermost outline points on one line.

    ``segments`` (n, 2, 2) and the unit vector ``direction`` share one scaled frame. All lines
    parallel to ``direction`` through corners of the outline are tried.
    """
    across = np.asarray([-direction[1], direction[0]])
    u, v = segments @ across, segments @ direction  # position of the line, place along it
    best, pair = 0.0, np.zeros((2, 2))
    low, high = np.minimum(u[:, 0], u[:, 1]), np.maximum(u[:, 0], u[:, 1])
    span = np.where(u[:, 1] == u[:, 0], 1.0, u[:, 1] - u[:, 0])
    for line in _lines(u):
        crossed = (low <= line) & (high >= line)
        share = np.clip((line - u[crossed, 0]) / span[crossed], 0.0, 1.0)
        places = v[crossed, 0] + share * (v[crossed, 1] - v[crossed, 0])
        if places.size and places.max() - places.min() > best:
            best = float(places.max() - places.min())
            ends = np.asarray([places.min(), places.max()])
            pair = line * across + ends[:, None] * direction
    return best, pair


def _lines(u: Float64Array) -> Float64Array:
    """Where to look: every corner of a small outline, evenly spread lines in a large one."""
    corners = np.unique(np.round(u, 6))
    if corners.size <= 600:
        return corners
    return np.asarray(np.linspace(corners[0], corners[-1], 600))
