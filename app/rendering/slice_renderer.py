"""From a volume and a plane to what the screen shows: reslice, modality, window, polarity.

One path for acquired images and reformats: vtkImageReslice on the CPU gives stored values, a table
of 65,536 entries turns them into display values. VTK objects are used by one thread only: the
screen's renderers on the main thread, a snapshot's in the thread that makes it.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from vtkmodules.vtkCommonMath import vtkMatrix4x4
from vtkmodules.vtkImagingCore import vtkImageReslice

from app.core.geometry import Geometry
from app.core.volume import Volume, Window, frozen
from app.imaging.voi import auto_window, display_levels, level_table
from app.rendering.vtk_bridge import array_from_image, image_from_array, touch
from app.viewer.planes import image_space

DisplayArray = npt.NDArray[np.uint8]
_AIR_HU: Final = -1024.0
_KEPT_CUTS: Final = 4
_TABLE_TYPES: Final = frozenset({"int8", "uint8", "int16", "uint16"})


class Reslicer:
    """Cuts images out of an array on a grid. Keeps the array, never copies it."""

    def __init__(
        self, array_kji: npt.NDArray[Any], space: Geometry, *, background: float, nearest: bool
    ) -> None:
        self._space = space
        self._image = image_from_array(array_kji, space.spacing_ijk)
        self._filter = vtkImageReslice()
        self._filter.SetInputData(self._image)
        self._filter.SetOutputDimensionality(2)
        self._filter.SetOutputOrigin(0.0, 0.0, 0.0)
        self._filter.SetBackgroundColor(background, background, background, background)
        if nearest:
            self._filter.SetInterpolationModeToNearestNeighbor()
        else:
            self._filter.SetInterpolationModeToLinear()

    def cut(self, grid: Geometry, index: int) -> npt.NDArray[Any]:
        """Image ``index`` of ``grid``, [v, u] or [v, u, 3]; outside the array is background."""
        matrix = vtkMatrix4x4()
        # Everything in the millimetres of the array's own grid, where VTK needs no direction.
        axes = self._space.direction_matrix.T @ grid.direction_matrix
        first = self._space.lps_to_ijk(grid.ijk_to_lps((0.0, 0.0, float(index))))
        corner = first * np.asarray(self._space.spacing_ijk)
        for row in range(3):
            for column in range(3):
                matrix.SetElement(row, column, float(axes[row, column]))
            matrix.SetElement(row, 3, float(corner[row]))
        self._filter.SetResliceAxes(matrix)
        self._filter.SetOutputSpacing(grid.spacing_ijk[0], grid.spacing_ijk[1], 1.0)
        self._filter.SetOutputExtent(0, grid.size_ijk[0] - 1, 0, grid.size_ijk[1] - 1, 0, 0)
        self._filter.Update()
        return array_from_image(self._filter.GetOutput())

    def touch(self) -> None:
        """Say that the array has new values."""
        touch(self._image)


class SliceRenderer:
    """Display images of one volume. Main thread, or one thread of its own (snapshots)."""

    def __init__(self, volume: Volume) -> None:
        self.volume = volume
        self.space = image_space(volume)
        self._reslicer = Reslicer(
            volume.voxels, self.space, background=_background(volume), nearest=False
        )
        self._table_key: tuple[Window, bool] | None = None
        self._table: DisplayArray = np.zeros(0, dtype=np.uint8)
        self._auto: dict[int, Window] = {}
        self._cut: OrderedDict[tuple[Geometry, int], npt.NDArray[Any]] = OrderedDict()

    def stored(self, grid: Geometry, index: int) -> npt.NDArray[Any]:
        """Stored values of image ``index`` of ``grid``, [v, u]; RGB as [v, u, 3]; read-only.

        The images cut last are kept, so windowing does not cut them again.
        """
        key = (grid, index)
        if key not in self._cut:
            self._cut[key] = frozen(self._reslicer.cut(grid, index))
            if len(self._cut) > _KEPT_CUTS:
                self._cut.popitem(last=False)
        return self._cut[key]

    def display(
        self, grid: Geometry, index: int, window: Window, *, inverted: bool = False
    ) -> DisplayArray:
        """Display values 0 to 255, [v, u] or [v, u, 3].

        MONOCHROME1 and ``inverted`` each reverse the grey scale once (I01); padding is black.
        """
        values = self.stored(grid, index)
        if self.volume.is_color:
            return np.asarray(255 - values if inverted else values, dtype=np.uint8)
        if values.dtype.name in _TABLE_TYPES:
            return self._through_table(values, window, inverted=inverted)
        return display_levels(self.volume, values, window, inverted=inverted)

    def modality_at(self, point_lps: npt.ArrayLike) -> float | None:
        """Modality value of the voxel nearest to the point; None outside or in padding."""
        if self.volume.is_color or not self.space.contains(point_lps):
            return None
        i, j, k = np.floor(self.space.lps_to_ijk(point_lps) + 0.5).astype(int)
        stored = self.volume.voxels[k, j, i]
        padding = self.volume.padding
        if padding is not None and padding[0] <= stored <= padding[1]:
            return None
        return float(self.volume.to_modality(np.asarray([stored]))[0])

    def default_window(self, k: int | None = None) -> Window:
        """The first own window or table of slice ``k``, else the automatic one (I11)."""
        own = self.volume.windows if k is None else self.volume.windows_of(k)
        middle = self.space.size_ijk[2] // 2
        return own[0] if own else self.auto_window(middle if k is None else k)

    def auto_window(self, k: int) -> Window:
        """Window from the values of acquired image ``k``, padding left out (I09)."""
        if k not in self._auto:
            if self.volume.is_color:
                self._auto[k] = Window(127.5, 256.0)
            else:
                self._auto[k] = auto_window(
                    self.volume.modality_values(k), self.volume.padding_mask(k)
                )
        return self._auto[k]

    def _through_table(
        self, values: npt.NDArray[Any], window: Window, *, inverted: bool
    ) -> DisplayArray:
        key = (window, inverted)
        if key != self._table_key:
            self._table = level_table(self.volume, window, inverted=inverted)
            self._table_key = key
        kind = np.uint16 if values.dtype.itemsize == 2 else np.uint8
        return np.take(self._table, values.view(kind))


def _background(volume: Volume) -> float:
    """Stored value outside the volume: padding if there is one, air for CT, else zero."""
    if volume.is_color:
        return 0.0
    if volume.padding is not None:
        return float(volume.padding[0])
    if volume.quantity != "HU":
        return 0.0
    air = (_AIR_HU - volume.rescale.intercept) / (volume.rescale.slope or 1.0)
    if np.issubdtype(volume.voxels.dtype, np.integer):
        limits = np.iinfo(volume.voxels.dtype)
        return float(min(max(round(air), int(limits.min)), int(limits.max)))
    return air
