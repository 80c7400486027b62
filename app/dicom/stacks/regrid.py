"""Slices that are tilted, uneven or missing onto the regular grid of their stack (G04-G06).

Backward mapping, linear, and padding-aware: a value that is no image never mixes with one that is.
Missing slices stay empty (padding); they are never interpolated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.core.geometry import Geometry, Triple

FloatPlane = npt.NDArray[np.float64]
ReadSlice = Callable[[int], tuple[FloatPlane, npt.NDArray[np.bool_]]]
"""Gives values and validity ``[row, column]`` of acquisition slice ``n``."""

_EXACT = 0.02


@dataclass(frozen=True, slots=True)
class SliceSource:
    """From which acquisition slices an output slice is made; no parts: it stays empty."""

    parts: tuple[tuple[int, float], ...]


def plan_slices(
    positions_lps: Sequence[Triple], geometry: Geometry, *, fill_gaps: bool
) -> tuple[SliceSource, ...]:
    """For each ``k`` of ``geometry`` the acquisition slices (in stack order) and their weights.

    ``fill_gaps`` interpolates between neighbours of any distance; without it a place more than one
    and a half slices from its neighbours stays empty.
    """
    at = geometry.lps_to_ijk(np.asarray(positions_lps))[:, 2]
    plan = []
    for k in range(geometry.size_ijk[2]):
        nearest = int(np.argmin(np.abs(at - k)))
        if abs(at[nearest] - k) <= _EXACT or not at[0] < k < at[-1]:
            close = abs(at[nearest] - k) <= 0.5 + _EXACT
            plan.append(SliceSource(((nearest, 1.0),) if close else ()))
            continue
        above = int(np.searchsorted(at, k))
        gap = float(at[above] - at[above - 1])
        if gap > 1.5 and not fill_gaps:
            close = abs(at[nearest] - k) <= 0.25
            plan.append(SliceSource(((nearest, 1.0),) if close else ()))
            continue
        weight = float(k - at[above - 1]) / gap
        plan.append(SliceSource(((above - 1, 1.0 - weight), (above, weight))))
    return tuple(plan)


def offsets_in_grid(positions_lps: Sequence[Triple], geometry: Geometry) -> npt.NDArray[np.float64]:
    """Where the first pixel of each slice lies in the grid: (n, 2) columns and rows, fractional."""
    index = geometry.lps_to_ijk(np.asarray(positions_lps))[:, :2]
    return np.asarray(np.where(np.abs(index - np.rint(index)) < 1e-3, np.rint(index), index))


def regrid_slice(
    source: SliceSource,
    offsets: npt.NDArray[np.float64],
    shape: tuple[int, int],
    read: ReadSlice,
) -> tuple[FloatPlane, npt.NDArray[np.bool_]]:
    """One output slice ``[row, column]`` of ``shape`` and where it holds image."""
    total, weights = np.zeros(shape), np.zeros(shape)
    for n, share in source.parts:
        values, valid = read(n)
        _add_shifted(total, weights, values, valid.astype(np.float64) * share, offsets[n])
    holds = weights >= 0.5
    # Weights slightly below one at the rim of a slice are made up for, never padded with zeros.
    return np.divide(total, weights, out=np.zeros(shape), where=holds), holds


def _add_shifted(
    total: FloatPlane,
    weights: FloatPlane,
    values: FloatPlane,
    share: FloatPlane,
    offset: npt.NDArray[np.float64],
) -> None:
    """Add ``values`` moved by a fractional ``offset`` (columns, rows), bilinearly."""
    whole = np.floor(offset).astype(int)
    fraction = offset - whole
    for down, row_weight in ((0, 1.0 - fraction[1]), (1, fraction[1])):
        for right, column_weight in ((0, 1.0 - fraction[0]), (1, fraction[0])):
            weight = float(row_weight * column_weight)
            if weight < 1e-9:
                continue
            top, left = int(whole[1]) + down, int(whole[0]) + right
            into, part = _overlap(total.shape, values.shape, top, left)
            total[into] += weight * values[part] * share[part]
            weights[into] += weight * share[part]


def _overlap(
    outer: tuple[int, ...], inner: tuple[int, ...], top: int, left: int
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    first_row, first_column = max(top, 0), max(left, 0)
    last_row, last_column = min(top + inner[0], outer[0]), min(left + inner[1], outer[1])
    last_row, last_column = max(last_row, first_row), max(last_column, first_column)
    return (
        (slice(first_row, last_row), slice(first_column, last_column)),
        (
            slice(first_row - top, last_row - top),
            slice(first_column - left, last_column - left),
        ),
    )
