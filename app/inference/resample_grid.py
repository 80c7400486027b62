"""Resampling of plain arrays to another size, field of view kept, as nnU-Net does it.

Both grids cover the same extent; voxel centres lie at ``(n + 0.5) * old / new - 0.5``, outside
voxels repeat the edge (what skimage.transform.resize and scipy.ndimage.zoom do with ``edge`` and
``grid_mode``, which nnU-Net calls). Interpolation on such grids is one matrix per axis, with few
values beside its diagonal, so it runs as small matrix products: exact, and by parts of an axis.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

Float32Array = npt.NDArray[np.float32]
Float64Array = npt.NDArray[np.float64]

_EDGE: Final = 12  # voxels of repeated edge before the spline's coefficients are found, as scipy
_SAME_STRIDE: Final = 1e-6
_REACH: Final = {0: 0, 1: 1, 3: 16}  # beyond it a cubic spline's weight is below 1e-9
_BLOCK: Final = 32


@dataclass(frozen=True, slots=True)
class AxisGrid:
    """One axis of ``old`` voxels seen as ``new`` ones, spline ``order`` 0, 1 or 3.

    ``stride`` None: both cover the same extent. Else the first voxels coincide and the new ones
    lie ``stride`` old ones apart (order 0 or 1).
    """

    old: int
    new: int
    order: int
    stride: float | None = None

    @property
    def is_identity(self) -> bool:
        """Whether nothing changes."""
        same = self.stride is None or abs(self.stride - 1.0) < _SAME_STRIDE
        return self.old == self.new and same

    def support(self, start: int, stop: int) -> tuple[int, int]:
        """The old voxels that the new ones ``start`` to ``stop`` rest on (first, end)."""
        if self.is_identity:
            return start, stop
        first, last = self._position(start), self._position(stop - 1)
        if self.order == 0:
            return int(np.floor(first + 0.5)), int(np.floor(last + 0.5)) + 1
        reach = _REACH[self.order] - 1
        return (
            max(0, int(np.floor(first)) - reach),
            min(self.old, int(np.floor(last)) + 2 + reach),
        )

    def finished(self, known: int) -> int:
        """How many new voxels, from the first, rest on the first ``known`` old ones alone."""
        if self.is_identity or known >= self.old:
            return self.new if known >= self.old else known
        count = int(known * self.new / self.old) + 1
        while count > 0 and self.support(count - 1, count)[1] > known:
            count -= 1
        return min(count, self.new)

    def apply(self, values: Float32Array, axis: int, start: int = 0, stop: int = -1,
              offset: int = 0) -> Float32Array:  # fmt: skip
        """New voxels ``start`` to ``stop`` along ``axis``; ``values`` begin at old ``offset``."""
        stop = self.new if stop < 0 else stop
        if self.is_identity:
            return values[_along(axis, slice(start - offset, stop - offset), values.ndim)]
        if self.order == 0:
            taken = np.floor(_positions(self.old, self.new, self.stride)[start:stop] + 0.5).astype(
                np.intp
            )
            return values.take(taken - offset, axis=axis)
        matrix = _matrix(self.old, self.new, self.order, self.stride)
        shape = list(values.shape)
        shape[axis] = stop - start
        result: Float32Array = np.empty(shape, dtype=np.float32)
        for low in range(start, stop, _BLOCK):
            high = min(low + _BLOCK, stop)
            first, end = self.support(low, high)
            # contiguous: a view of a matrix is ten times as slow to multiply with
            weights = np.ascontiguousarray(matrix[low:high, first:end])
            part = values[_along(axis, slice(first - offset, end - offset), values.ndim)]
            into = result[_along(axis, slice(low - start, high - start), values.ndim)]
            _product(weights, part, axis, into)
        return result

    def _position(self, n: int) -> float:
        return float(_positions(self.old, self.new, self.stride)[n])


def resample_values(
    values: Float32Array,
    shape: tuple[int, ...],
    *,
    order: int,
    separate_axis: int | None = None,
    order_z: int = 0,
) -> Float32Array:
    """``values`` on a grid of ``shape``; spline ``order`` 0, 1 or 3.

    ``separate_axis`` is resampled on its own with ``order_z`` after the others (anisotropic
    images). Cubic results are clipped to the range of the input, as skimage does: of the whole
    array, or of each slice where an axis is separate.
    """
    if values.shape == tuple(shape):
        return values
    grids = axis_grids(values.shape, shape, order, separate_axis, order_z)
    result = np.asarray(values, dtype=np.float32)
    for axis in passes(grids, last=separate_axis):
        if axis == separate_axis and order == 3:
            result = _clipped(result, values, separate_axis)
        result = grids[axis].apply(result, axis)
    if order == 3 and (separate_axis is None or grids[separate_axis].is_identity):
        result = _clipped(result, values, separate_axis)
    return np.ascontiguousarray(result)


def axis_grids(
    old: Sequence[int], new: Sequence[int], order: int, separate_axis: int | None, order_z: int
) -> tuple[AxisGrid, ...]:
    """One grid per axis."""
    return tuple(
        AxisGrid(o, n, order_z if axis == separate_axis else order)
        for axis, (o, n) in enumerate(zip(old, new, strict=True))
    )


def passes(grids: Sequence[AxisGrid], last: int | None = None) -> list[int]:
    """The axes that change, those that shrink most first (less to do for the rest)."""
    changing = [axis for axis, grid in enumerate(grids) if not grid.is_identity]
    return sorted(changing, key=lambda axis: (axis == last, grids[axis].new / grids[axis].old))


def separate_axis_of(
    old_spacing: Sequence[float], new_spacing: Sequence[float], ratio: float
) -> int | None:
    """nnU-Net's rule which axis is resampled on its own; None: all are treated alike.

    The axis of the largest spacing of an image (else of the target) whose largest spacing exceeds
    ``ratio`` times its smallest, unless two axes are that coarse.
    """
    for spacing in (old_spacing, new_spacing):
        if max(spacing) / min(spacing) > ratio:
            coarsest = [axis for axis, mm in enumerate(spacing) if mm == max(spacing)]
            return coarsest[0] if len(coarsest) == 1 else None
    return None


def _clipped(result: Float32Array, source: Float32Array, slices_of: int | None) -> Float32Array:
    axes = None if slices_of is None else tuple(a for a in range(source.ndim) if a != slices_of)
    low = source.min(axis=axes, keepdims=axes is not None)
    high = source.max(axis=axes, keepdims=axes is not None)
    return np.clip(result, low, high)


def _along(axis: int, part: slice, dimensions: int) -> tuple[slice, ...]:
    return tuple(part if n == axis % dimensions else slice(None) for n in range(dimensions))


def _product(weights: Float32Array, part: Float32Array, axis: int, into: Float32Array) -> None:
    """``into = weights . part`` along ``axis``."""
    axis %= part.ndim
    if axis == part.ndim - 1:
        np.matmul(part, weights.T, out=into)
    elif axis == part.ndim - 2:
        np.matmul(weights, part, out=into)
    else:
        shape = part.shape
        flat = np.reshape(part, (*shape[: axis + 1], -1))
        into[...] = np.matmul(weights, flat).reshape(into.shape)


@lru_cache(maxsize=32)
def _positions(old: int, new: int, stride: float | None = None) -> Float64Array:
    """Places of the new voxel centres in old indices, held inside the array."""
    if stride is not None:
        return np.clip(np.arange(new) * stride, 0, old - 1)
    return np.clip((np.arange(new) + 0.5) * (old / new) - 0.5, 0, old - 1)


@lru_cache(maxsize=32)
def _matrix(old: int, new: int, order: int, stride: float | None = None) -> Float32Array:
    """Weights [new, old] of linear or cubic B-spline interpolation."""
    if order == 1:
        place = _positions(old, new, stride)
        lower = np.minimum(np.floor(place).astype(np.intp), max(old - 2, 0))
        linear: Float64Array = np.zeros((new, old), dtype=np.float64)
        rows = np.arange(new)
        np.add.at(linear, (rows, np.minimum(lower + 1, old - 1)), place - lower)
        np.add.at(linear, (rows, lower), 1 - (place - lower))
        return linear.astype(np.float32)
    place = np.arange(new, dtype=np.float64) + 0.5
    place = place * (old / new) - 0.5 + _EDGE
    length = old + 2 * _EDGE
    lower = np.floor(place).astype(np.intp)
    t = place - lower
    taps: Float64Array = np.stack(
        [
            (1 - t) ** 3 / 6,
            (3 * t**3 - 6 * t**2 + 4) / 6,
            (3 * (1 - t) ** 3 - 6 * (1 - t) ** 2 + 4) / 6,
            t**3 / 6,
        ],
        axis=1,
    )
    evaluate: Float64Array = np.zeros((new, length), dtype=np.float64)
    for n in range(4):
        np.add.at(evaluate, (np.arange(new), np.clip(lower - 1 + n, 0, length - 1)), taps[:, n])
    # samples = spline . coefficients, mirrored at both ends
    spline = np.asarray(np.eye(length) * 4 + np.eye(length, k=1) + np.eye(length, k=-1)) / 6
    spline[0, 1] = spline[-1, -2] = 2 / 6
    through = np.asarray(np.linalg.solve(spline.T, evaluate.T).T, dtype=np.float64)
    matrix = through[:, _EDGE : _EDGE + old].copy()
    matrix[:, 0] += through[:, :_EDGE].sum(axis=1)
    matrix[:, -1] += through[:, _EDGE + old :].sum(axis=1)
    return matrix.astype(np.float32)
