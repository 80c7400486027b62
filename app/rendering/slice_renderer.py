"""From a volume and a plane to what the screen shows: reslice, modality, window, polarity.

One path for acquired images and reformats: vtkImageReslice on the CPU gives stored values, a table
of 65,536 entries turns them into display values. VTK objects are used by one thread only: the
screen's renderers on the main thread, a snapshot's in the thread that makes it.
"""

from __future__ import annotations

import itertools
from collections import OrderedDict
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from vtkmodules.vtkCommonMath import vtkMatrix4x4
from vtkmodules.vtkImagingCore import vtkImageReslice

from app.core.geometry import Geometry
from app.core.volume import Volume, Window, frozen
from app.imaging.voi import auto_window, display_levels, level_table
from app.rendering.gaps import GapHatching
from app.rendering.vtk_bridge import array_from_image, image_from_array, touch
from app.viewer.planes import image_space

DisplayArray = npt.NDArray[np.uint8]
_AIR_HU: Final = -1024.0
_KEPT_CUTS: Final = 4
_ON_VOXELS: Final = 1e-4
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
        # Between two colours of a table lies no third one.
        has_colors = volume.supplement is not None
        self._reslicer = Reslicer(
            volume.voxels, self.space, background=_background(volume), nearest=has_colors
        )
        self._gaps = GapHatching(volume, self.space)
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
            cut = self._reslicer.cut(grid, index)
            if self.volume.padding is not None and not self.volume.is_color:
                cut = _without_padding(cut, self.volume, self.space, (grid, index))
            self._cut[key] = frozen(cut)
            if len(self._cut) > _KEPT_CUTS:
                self._cut.popitem(last=False)
        return self._cut[key]

    def display(
        self, grid: Geometry, index: int, window: Window, *, inverted: bool = False
    ) -> DisplayArray:
        """Display values 0 to 255, [v, u] or [v, u, 3].

        MONOCHROME1 and ``inverted`` each reverse the grey scale once (I01); padding is black, and
        slices that are missing are hatched (G04).
        """
        return self._gaps.draw(self._levels(grid, index, window, inverted=inverted), grid, index)

    def _levels(
        self, grid: Geometry, index: int, window: Window, *, inverted: bool
    ) -> DisplayArray:
        values = self.stored(grid, index)
        if self.volume.is_color:
            return np.asarray(255 - values if inverted else values, dtype=np.uint8)
        if values.dtype.name in _TABLE_TYPES:
            shown = self._through_table(values, window, inverted=inverted)
        else:
            shown = display_levels(self.volume, values, window, inverted=inverted)
        colors = self.volume.supplement
        if colors is None:
            return shown
        is_color = (values >= colors.first)[..., None]
        return np.where(is_color, colors.colors(values), shown[..., None])

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


def with_graphics(shown: DisplayArray, volume: Volume | None, k: int) -> DisplayArray:
    """A picture of acquired image ``k`` with what the device drew beside its pixels, in white.

    Never on key images: devices write names there.
    """
    mask = volume.graphics_mask(k) if volume is not None else None
    if mask is None or mask.shape != shown.shape[:2]:
        return shown
    drawn = shown.copy()
    drawn[mask] = 255
    return drawn


def _without_padding(
    cut: npt.NDArray[Any], volume: Volume, space: Geometry, place: tuple[Geometry, int]
) -> npt.NDArray[Any]:
    """``cut`` with the nearest voxel where padding had a part in an interpolated value (I09).

    Otherwise the edge of the image would be framed by values that nothing in the patient has.
    """
    grid, index = place
    first = space.lps_to_ijk(grid.ijk_to_lps((0.0, 0.0, float(index))))
    along_u = space.lps_to_ijk(grid.ijk_to_lps((1.0, 0.0, float(index)))) - first
    along_v = space.lps_to_ijk(grid.ijk_to_lps((0.0, 1.0, float(index)))) - first
    steps = np.concatenate((first, along_u, along_v))
    if np.abs(steps - np.rint(steps)).max() < _ON_VOXELS or volume.padding is None:
        return cut  # every pixel is a voxel
    rows, columns = np.arange(cut.shape[0]), np.arange(cut.shape[1])
    points = first + columns[None, :, None] * along_u + rows[:, None, None] * along_v
    last = np.asarray(space.size_ijk) - 1
    inside = ((points >= -0.5) & (points <= last + 0.5)).all(axis=-1)
    low, high = volume.padding
    is_mixed = np.zeros(cut.shape[:2], dtype=np.bool_)
    for corner in itertools.product((np.floor, np.ceil), repeat=3):
        near = [
            np.clip(corner[axis](points[..., axis]), 0, last[axis]).astype(np.intp)
            for axis in range(3)
        ]
        stored = volume.voxels[near[2], near[1], near[0]]
        is_mixed |= (stored >= low) & (stored <= high)
    is_mixed &= inside
    nearest = np.clip(np.floor(points[is_mixed] + 0.5), 0, last).astype(np.intp)
    cut = cut.copy()
    cut[is_mixed] = volume.voxels[nearest[:, 2], nearest[:, 1], nearest[:, 0]]
    return cut


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
