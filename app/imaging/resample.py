"""Bringing voxels onto another grid, with SimpleITK."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from app.core.geometry import Geometry
from app.imaging.nifti import to_sitk


def resample_array(
    array: npt.NDArray[Any],
    source: Geometry,
    target: Geometry,
    *,
    nearest: bool = False,
    outside: float = 0.0,
) -> npt.NDArray[Any]:
    """``array`` ``[k, j, i]`` on ``source`` interpolated onto ``target``; same dtype, a copy.

    Linear, or nearest neighbour for labels. Voxels of the target outside the source get
    ``outside``. Raises ``FrameOfReferenceMismatch`` if the grids share no frame of reference
    (an empty one, as NIfTI has, counts as shared).
    """
    if source.frame_of_reference_uid and target.frame_of_reference_uid:
        source.require_same_frame(target)
    image = to_sitk(array, source)
    resampler = sitk.ResampleImageFilter()
    resampler.SetSize(target.size_ijk)
    resampler.SetOutputSpacing(target.spacing_ijk)
    resampler.SetOutputOrigin(target.origin_lps)
    resampler.SetOutputDirection(target.direction)
    resampler.SetInterpolator(sitk.sitkNearestNeighbor if nearest else sitk.sitkLinear)
    resampler.SetDefaultPixelValue(float(outside))
    return np.asarray(sitk.GetArrayFromImage(resampler.Execute(image)))


def resample_mask(
    mask: npt.NDArray[Any], source: Geometry, target: Geometry
) -> npt.NDArray[np.uint8]:
    """A binary mask on another grid, nearest neighbour."""
    binary = (np.asarray(mask) != 0).astype(np.uint8)
    return np.asarray(resample_array(binary, source, target, nearest=True), dtype=np.uint8)


def resample_to(
    array: npt.NDArray[Any], source: Geometry, target: Geometry, *, outside: float = 0.0
) -> npt.NDArray[Any]:
    """Linear for images, nearest neighbour for uint8 masks and boolean arrays."""
    if array.dtype in (np.uint8, np.bool_):
        return resample_mask(array, source, target)
    return resample_array(array, source, target, outside=outside)


def turned_onto(
    array: npt.NDArray[Any], source: Geometry, target: Geometry, *, tolerance_mm: float = 0.01
) -> npt.NDArray[Any] | None:
    """``array`` ``[k, j, i]`` with its axes swapped and mirrored onto ``target``; None where the
    two grids are not the same voxels in another order. Nothing is interpolated.
    """
    turn = target.direction_matrix.T @ source.direction_matrix
    signs = np.rint(turn)
    if not np.allclose(turn, signs, atol=1e-3) or not np.all(np.abs(signs).sum(axis=1) == 1):
        return None
    axes = [int(axis) for axis in np.abs(signs).argmax(axis=1)]
    mirrored = [row for row, axis in enumerate(axes) if signs[row, axis] < 0]
    first = [0, 0, 0]
    for row in mirrored:
        first[axes[row]] = source.size_ijk[axes[row]] - 1
    turned = Geometry.from_arrays(
        [source.size_ijk[axis] for axis in axes],
        [source.spacing_ijk[axis] for axis in axes],
        source.ijk_to_lps(first),
        target.direction,
        target.frame_of_reference_uid,
    )
    if not turned.same_grid(target, tolerance_mm):
        return None
    by_ijk = np.asarray(array).transpose(2, 1, 0).transpose(axes)
    return np.ascontiguousarray(np.flip(by_ijk, tuple(mirrored)).transpose(2, 1, 0))


def with_spacing(geometry: Geometry, spacing_ijk: tuple[float, float, float]) -> Geometry:
    """A grid over the same extent (voxel edges included) with another spacing."""
    old = np.asarray(geometry.spacing_ijk)
    new = np.asarray(spacing_ijk, dtype=np.float64)
    size = np.maximum(1, np.rint(np.asarray(geometry.size_ijk) * old / new)).astype(int)
    # The outer edges stay where they are, so the first centre moves by half the difference.
    edge = -0.5 + 0.5 * new / old
    return Geometry.from_arrays(
        size.tolist(),
        new.tolist(),
        geometry.ijk_to_lps(edge),
        geometry.direction,
        geometry.frame_of_reference_uid,
    )
