"""Regions of an image that a model reads one by one: cut out at 1 mm in their own axes, and back.

A region is an oriented box in the patient. Its grid runs to the right, the front and the head (the
axes of NIfTI), as the crops lie that such models were trained on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from app.core.geometry import Geometry
from app.imaging.nifti import to_sitk
from app.inference.volume_axes import move_for

Float32Array = npt.NDArray[np.float32]
Float64Array = npt.NDArray[np.float64]
_TO_RAS: Final = np.diag([-1.0, -1.0, 1.0])


@dataclass(frozen=True, slots=True)
class Region:
    """``centre`` LPS mm; ``axes`` columns point left, back and head; ``size_mm`` along them."""

    centre: Float64Array
    axes: Float64Array
    size_mm: tuple[float, float, float]

    def grid(self) -> Geometry:
        """The 1 mm grid of the region."""
        count = [max(1, round(n)) for n in self.size_mm]
        direction = self.axes @ _TO_RAS
        first = self.centre - direction @ ((np.array(count) - 1) / 2)
        return Geometry.from_arrays(count, (1.0, 1.0, 1.0), first, direction, "")

    def corners(self) -> Float64Array:
        """The eight outer corners, LPS."""
        signs = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
        return np.asarray(
            (signs * np.array(self.size_mm) / 2) @ self.axes.T + self.centre, np.float64
        )


def closest_axes(geometry: Geometry) -> Float64Array:
    """The axes of an image, ordered and turned so that they run left, back and to the head."""
    move = move_for(geometry, "LPS")
    order = [2 - axis for axis in reversed(move.order(3))]
    flips = {2 - axis for axis in move.flips}
    matrix = geometry.direction_matrix[:, order]
    return np.asarray(
        matrix * np.array([-1.0 if n in flips else 1.0 for n in range(3)]), np.float64
    )


def whole_region(geometry: Geometry) -> Region:
    """All of an image."""
    low, high = np.full(3, -0.5), np.array(geometry.size_ijk) - 0.5
    return box_region(geometry, geometry.ijk_to_lps(low), geometry.ijk_to_lps(high))


def box_region(geometry: Geometry, first: npt.ArrayLike, second: npt.ArrayLike) -> Region:
    """The box between two corners (LPS), edges along the axes of the image."""
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    axes = closest_axes(geometry)
    size = np.abs(axes.T @ (b - a))
    return Region((a + b) / 2, axes, (float(size[0]), float(size[1]), float(size[2])))


def cut(values: Float32Array, geometry: Geometry, region: Region) -> Float32Array:
    """The region's values [z, y, x] at 1 mm, linear; beyond the image its edge goes on.

    A grid coarser than 1 mm is interpolated; a finer one is smoothed to 1 mm first.
    """
    image = to_sitk(values, geometry)
    for axis, spacing in enumerate(geometry.spacing_ijk):
        if spacing < 0.8 and geometry.size_ijk[axis] >= 4:
            image = sitk.RecursiveGaussian(image, 0.4, direction=axis)
    grid = region.grid()
    resampler = sitk.ResampleImageFilter()
    resampler.SetReferenceImage(_empty(grid))
    resampler.SetInterpolator(sitk.sitkLinear)
    resampler.SetUseNearestNeighborExtrapolator(True)
    resampler.SetOutputPixelType(sitk.sitkFloat32)
    return np.asarray(sitk.GetArrayFromImage(resampler.Execute(image)), np.float32)


def brought_back(
    maps: Float32Array, region: Region, geometry: Geometry
) -> tuple[Float32Array, tuple[slice, slice, slice]]:
    """Maps ``[class, z, y, x]`` of a region on the image's grid, and the part of it they cover.

    Linear; 0 outside the region.
    """
    corners = geometry.lps_to_ijk(region.corners())
    top = np.array(geometry.size_ijk)
    low = np.clip(np.floor(corners.min(axis=0)).astype(int), 0, top - 1)
    high = np.clip(np.ceil(corners.max(axis=0)).astype(int) + 1, low + 1, top)
    part = Geometry.from_arrays(
        high - low, geometry.spacing_ijk, geometry.ijk_to_lps(low), geometry.direction, ""
    )
    reference, grid = _empty(part), region.grid()
    identity = sitk.Transform(3, sitk.sitkIdentity)
    moved = [
        sitk.GetArrayFromImage(
            sitk.Resample(to_sitk(one, grid), reference, identity, sitk.sitkLinear, 0.0)
        )
        for one in maps
    ]
    box = (slice(low[2], high[2]), slice(low[1], high[1]), slice(low[0], high[0]))
    return np.asarray(np.stack(moved), np.float32), box


def _empty(geometry: Geometry) -> sitk.Image:
    image = sitk.Image(*geometry.size_ijk, sitk.sitkUInt8)
    image.SetSpacing(geometry.spacing_ijk)
    image.SetOrigin(geometry.origin_lps)
    image.SetDirection(geometry.direction)
    return image
