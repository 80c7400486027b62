"""Slices that nobody acquired are hatched in every plane: none is read as air (G04)."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from app.core.geometry import Geometry
from app.core.volume import Volume

_DARK: Final = 24
_LIGHT: Final = 88
_STEP_PX: Final = 6
_LINE_PX: Final = 2


class GapHatching:
    """Knows which slices of a volume are missing and draws over their place."""

    def __init__(self, volume: Volume, space: Geometry) -> None:
        self._space = space
        self._missing = np.zeros(volume.voxels.shape[0], dtype=np.bool_)
        padding = volume.padding
        # Looking for empty slices costs a pass over the volume: only where some are missing.
        if padding is not None and any(warning.code == "G04" for warning in volume.warnings):
            for k, plane in enumerate(volume.voxels):
                is_empty = plane[0, 0] >= padding[0] and plane[0, 0] <= padding[1]
                self._missing[k] = is_empty and bool(
                    ((plane >= padding[0]) & (plane <= padding[1])).all()
                )

    def draw(
        self, shown: npt.NDArray[np.uint8], grid: Geometry, index: int
    ) -> npt.NDArray[np.uint8]:
        """``shown`` [v, u] or [v, u, 3] of image ``index`` of ``grid``, missing places hatched."""
        if not self._missing.any():
            return shown
        place = self._place(shown.shape[0], shown.shape[1], grid, index)
        if not place.any():
            return shown
        rows, columns = np.nonzero(place)
        is_line = (rows + columns) % _STEP_PX < _LINE_PX
        drawn = shown.copy()
        levels = np.where(is_line, _LIGHT, _DARK).astype(np.uint8)
        drawn[rows, columns] = levels if shown.ndim == 2 else levels[:, None]
        return drawn

    def _place(self, height: int, width: int, grid: Geometry, index: int) -> npt.NDArray[Any]:
        """Where the nearest voxel lies in a missing slice."""
        corners = [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)]
        first, right, down = (
            self._space.lps_to_ijk(grid.ijk_to_lps((u, v, float(index)))) for u, v in corners
        )
        u, v = np.arange(width)[None, :, None], np.arange(height)[:, None, None]
        nearest = np.floor(first + u * (right - first) + v * (down - first) + 0.5).astype(np.intp)
        size = np.asarray(self._space.size_ijk)
        is_inside = ((nearest >= 0) & (nearest < size)).all(axis=-1)
        k = np.clip(nearest[..., 2], 0, size[2] - 1)
        return np.asarray(is_inside & self._missing[k])
