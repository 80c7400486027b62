"""Shapes in space: eroding in millimetres, main axes, extents along a direction, smooth masks.

``extent_along`` measures between the outer faces of voxels, so a row of n voxels is n long.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from app.core.geometry import Geometry
from app.imaging.nifti import to_sitk
from app.measure.anatomy import BoolArray, Structure

Float64Array = npt.NDArray[np.float64]
_SMOOTHING_VOXELS = 0.7


def depth_mm(mask: npt.NDArray[Any], geometry: Geometry) -> npt.NDArray[np.float32]:
    """Distance of every voxel inside to the outermost voxels in mm, which have 0; negative outside.

    The border of the array counts as outside. The outline lies half a voxel further out.
    """
    padded = np.pad(np.asarray(mask) != 0, 1).astype(np.uint8)
    image = sitk.GetImageFromArray(padded)
    image.SetSpacing([float(s) for s in geometry.spacing_ijk])
    distance = sitk.SignedMaurerDistanceMap(
        image, insideIsPositive=True, squaredDistance=False, useImageSpacing=True
    )
    inside = sitk.GetArrayFromImage(distance)[1:-1, 1:-1, 1:-1]
    return np.asarray(inside, dtype=np.float32)


def eroded(structure: Structure, by_mm: float) -> Structure:
    """The part at least ``by_mm`` from the outline."""
    half = 0.5 * min(structure.geometry.spacing_ijk)
    depth = depth_mm(structure.mask, structure.geometry) + half
    return structure.with_mask(structure.mask & (depth >= by_mm))


def opened(structure: Structure, radius_mm: float) -> Structure:
    """Without what is thinner than twice the radius (erosion, then dilation by the same ball)."""
    core = depth_mm(structure.mask, structure.geometry) >= radius_mm
    if not core.any():
        return structure.with_mask(np.zeros_like(structure.mask))
    image = sitk.GetImageFromArray(core.astype(np.uint8))
    image.SetSpacing([float(s) for s in structure.geometry.spacing_ijk])
    away = sitk.GetArrayFromImage(
        sitk.SignedMaurerDistanceMap(image, squaredDistance=False, useImageSpacing=True)
    )
    return structure.with_mask(np.asarray(structure.mask & (away <= radius_mm)))


def main_axes(points: Float64Array) -> Float64Array:
    """Directions of largest to smallest spread of points (n, 3), as rows of unit vectors."""
    centred = points - points.mean(axis=0)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    return np.ascontiguousarray(vectors[:, ::-1].T)


def face_points(mask: BoolArray, geometry: Geometry) -> Float64Array:
    """Midpoints of all voxel faces between inside and outside, LPS, shape (n, 3)."""
    padded = np.pad(mask, 1).astype(np.int8)
    parts = []
    for axis in range(3):
        places = np.argwhere(np.diff(padded, axis=axis) != 0).astype(np.float64) - 1.0
        places[:, axis] += 0.5
        inner = np.ones(len(places), dtype=np.bool_)
        for other in range(3):
            if other != axis:
                inner &= (places[:, other] >= 0) & (places[:, other] <= mask.shape[other] - 1)
        parts.append(places[inner][:, ::-1])
    return geometry.ijk_to_lps(np.concatenate(parts))


def extent_along(structure: Structure, direction: Float64Array) -> tuple[float, Float64Array]:
    """Length in mm between the outermost faces along a unit vector, and those two points."""
    faces = face_points(structure.mask, structure.geometry)
    along = faces @ direction
    low, high = int(np.argmin(along)), int(np.argmax(along))
    return float(along[high] - along[low]), faces[[low, high]]


def smooth(structure: Structure, margin: int = 4) -> tuple[npt.NDArray[np.float32], Geometry]:
    """The mask between 0 and 1, its outline at one half, and its grid (with a margin).

    A Gaussian of 0.7 voxels per axis takes the steps off; the outline of a tube of radius r moves
    inwards by about sigma^2 / 2r, one hundredth of a voxel of an organ.
    """
    geometry = structure.geometry
    padded = np.pad(structure.mask, margin).astype(np.float32)
    grown = Geometry.from_arrays(
        [n + 2 * margin for n in geometry.size_ijk],
        geometry.spacing_ijk,
        geometry.ijk_to_lps([-margin] * 3),
        geometry.direction,
        geometry.frame_of_reference_uid,
    )
    variance = [float((_SMOOTHING_VOXELS * s) ** 2) for s in geometry.spacing_ijk]
    image = sitk.DiscreteGaussian(to_sitk(padded, grown), variance=variance, maximumError=0.005)
    return np.asarray(sitk.GetArrayFromImage(image), dtype=np.float32), grown


def sampled(array: npt.NDArray[Any], geometry: Geometry, points_lps: Float64Array) -> Float64Array:
    """Linear interpolation at points (..., 3) in LPS; outside of the grid its outermost values."""
    index = geometry.lps_to_ijk(points_lps.reshape(-1, 3))[:, ::-1]
    last = np.asarray(array.shape) - 1
    index = np.clip(index, 0.0, last)
    base = np.minimum(index.astype(np.intp), np.maximum(last - 1, 0))
    k, j, i = (index - base).T
    flat = np.ascontiguousarray(array).reshape(-1)
    rows, columns = array.shape[1], array.shape[2]
    first = (base[:, 0] * rows + base[:, 1]) * columns + base[:, 2]
    up, down, right = (
        step if size > 1 else 0
        for step, size in zip((rows * columns, columns, 1), array.shape, strict=True)
    )

    def row(offset: int) -> Float64Array:
        place = first + offset
        return np.asarray(flat[place] * (1.0 - i) + flat[place + right] * i)

    near = row(0) * (1.0 - j) + row(down) * j
    far = row(up) * (1.0 - j) + row(up + down) * j
    return np.asarray((near * (1.0 - k) + far * k).reshape(points_lps.shape[:-1]))
