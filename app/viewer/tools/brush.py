"""Brush and eraser in any plane: a stroke becomes one patch of the mask.

The brush is a disc in the plane looked at, one image thick: it changes the voxels whose centre
lies within the disc and within half an image distance of the image shown.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from app.core.geometry import Box, Float64Array, Geometry
from app.core.segmentation import Mask, MaskPatch
from app.core.volume import frozen

RADIUS_LIMITS_MM = (0.5, 100.0)
RADIUS_STEP = 1.2


def stepped_radius(radius_mm: float, steps: int) -> float:
    """The radius after ``steps`` notches, 20 % each, within limits."""
    low, high = RADIUS_LIMITS_MM
    return min(max(radius_mm * RADIUS_STEP**steps, low), high)


class BrushStroke:
    """One stroke, from press to release. ``voxels`` is the mask as it looks meanwhile.

    ``space`` is the grid of the mask, ``grid`` that of the plane painted in. The original mask is
    never changed; ``finish`` gives the patch, or None when nothing changed.
    """

    def __init__(
        self, mask: Mask, space: Geometry, grid: Geometry, *, radius_mm: float, erase: bool
    ) -> None:
        self._mask = mask
        self._space = space
        self._grid = grid
        self._radius_mm = radius_mm
        self._value = 0 if erase else 1
        self._last: Float64Array | None = None
        self._touched: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]] | None = None
        self.voxels = mask.voxels.copy()

    def add_point(self, point_lps: npt.ArrayLike) -> bool:
        """Paint from the last point to this one; whether any voxel changed."""
        point = np.asarray(point_lps, dtype=np.float64).reshape(3)
        start = point if self._last is None else self._last
        self._last = point
        return self._paint(start, point)

    def finish(self) -> MaskPatch | None:
        """The change as one patch; None when the stroke changed nothing."""
        if self._touched is None:
            return None
        low, high = self._touched
        changed = Box(
            (int(low[0]), int(low[1]), int(low[2])),
            (int(high[0]), int(high[1]), int(high[2])),
        )
        before = self._mask.voxels[changed.slices_kji].copy()
        after = self.voxels[changed.slices_kji].copy()
        return MaskPatch(changed, before, after)

    def snapshot(self) -> Mask:
        """The mask as it looks now, as a value of its own."""
        return Mask(frozen(self.voxels.copy()), self._mask.source)

    def _paint(self, start: Float64Array, end: Float64Array) -> bool:
        low, high = self._reach(start, end)
        if np.any(low >= high):
            return False
        k, j, i = np.meshgrid(
            *(np.arange(low[axis], high[axis]) for axis in (2, 1, 0)), indexing="ij"
        )
        index = np.stack((i, j, k), axis=-1)
        inside = self._is_painted(self._space.ijk_to_lps(index), start, end)
        region = self.voxels[low[2] : high[2], low[1] : high[1], low[0] : high[0]]
        changing = inside & (region != self._value)
        if not changing.any():
            return False
        region[changing] = self._value
        self._grow(index[changing].min(axis=0), index[changing].max(axis=0) + 1)
        return True

    def _reach(
        self, start: Float64Array, end: Float64Array
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        axes = self._grid.direction_matrix
        reach = np.asarray((self._radius_mm, self._radius_mm, self._grid.spacing_ijk[2] / 2))
        steps = axes * reach
        corners = [
            point + a * steps[:, 0] + b * steps[:, 1] + c * steps[:, 2]
            for point in (start, end)
            for a in (-1, 1)
            for b in (-1, 1)
            for c in (-1, 1)
        ]
        index = self._space.lps_to_ijk(corners)
        size = np.asarray(self._space.size_ijk)
        low = np.clip(np.ceil(index.min(axis=0) - 1e-6).astype(np.int64), 0, size)
        high = np.clip(np.floor(index.max(axis=0) + 1e-6).astype(np.int64) + 1, 0, size)
        return low, high

    def _is_painted(
        self, points: Float64Array, start: Float64Array, end: Float64Array
    ) -> npt.NDArray[np.bool_]:
        local = (points - start) @ self._grid.direction_matrix
        step = (end - start) @ self._grid.direction_matrix
        in_plane, step_plane = local[..., :2], step[:2]
        length = float(step_plane @ step_plane)
        along = np.clip((in_plane @ step_plane) / length, 0, 1) if length else np.zeros(1)
        offset = in_plane - along[..., None] * step_plane
        near = (offset**2).sum(axis=-1) <= self._radius_mm**2 + 1e-9
        depth = np.abs(local[..., 2]) <= self._grid.spacing_ijk[2] / 2 + 1e-6
        return np.asarray(near & depth)

    def _grow(self, low: npt.NDArray[np.int64], high: npt.NDArray[np.int64]) -> None:
        if self._touched is None:
            self._touched = (low, high)
        else:
            self._touched = (
                np.minimum(self._touched[0], low),
                np.maximum(self._touched[1], high),
            )
