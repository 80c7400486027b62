"""Binary morphology in millimetres on masks ``[k, j, i]``; spacings are (i, j, k) as in geometry.

Small radii use a ball of voxels, large ones the distance to the mask (Maurer's exact Euclidean
transform), which costs the same whatever the radius. Outside the array counts as empty, except
where a function says otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

Triple = tuple[float, float, float]
BoolArray = npt.NDArray[np.bool_]
Float32Array = npt.NDArray[np.float32]
_BALL_VOXELS = 5


def dilate(mask: npt.NDArray[Any], radius_mm: float, spacing_ijk: Triple) -> BoolArray:
    """Every voxel within ``radius_mm`` of the mask."""
    return _grown(mask, radius_mm, spacing_ijk)


def erode(mask: npt.NDArray[Any], radius_mm: float, spacing_ijk: Triple) -> BoolArray:
    """Voxels farther than ``radius_mm`` from everything outside; the border of the array is no
    outside."""
    inverse = ~np.asarray(mask, dtype=np.bool_)
    return ~_grown(inverse, radius_mm, spacing_ijk)


def opened(mask: npt.NDArray[Any], radius_mm: float, spacing_ijk: Triple) -> BoolArray:
    """Without parts thinner than twice ``radius_mm``."""
    return dilate(erode(mask, radius_mm, spacing_ijk), radius_mm, spacing_ijk) & (
        np.asarray(mask, dtype=np.bool_)
    )


def closed(mask: npt.NDArray[Any], radius_mm: float, spacing_ijk: Triple) -> BoolArray:
    """With gaps narrower than twice ``radius_mm`` bridged."""
    binary = np.asarray(mask, dtype=np.bool_)
    reach = [min(math.ceil(radius_mm / s) + 1, 64) for s in reversed(spacing_ijk)]
    padded = np.pad(binary, [(n, n) for n in reach], mode="edge")
    # Beyond the border nothing is known: the mask is taken to go on as it ends there.
    grown = dilate(padded, radius_mm, spacing_ijk)
    shrunk = erode(grown, radius_mm, spacing_ijk)
    cut = tuple(slice(n, n + size) for n, size in zip(reach, binary.shape, strict=True))
    return np.asarray(shrunk[cut] | binary)


def distance_inside(mask: npt.NDArray[Any], spacing_ijk: Triple) -> Float32Array:
    """Distance in mm of the voxels of the mask to the nearest voxel outside it; 0 outside.

    The border of the array is no outside. A mask without an outside has infinite distances.
    """
    binary = np.asarray(mask, dtype=np.bool_)
    if binary.all():
        return np.full(binary.shape, np.inf, dtype=np.float32)
    return np.where(binary, _distance_to(~binary, spacing_ijk), np.float32(0))


def distance_to(mask: npt.NDArray[Any], spacing_ijk: Triple) -> Float32Array:
    """Distance in mm of every voxel to the nearest voxel of the mask; infinite for an empty one."""
    binary = np.asarray(mask, dtype=np.bool_)
    if not binary.any():
        return np.full(binary.shape, np.inf, dtype=np.float32)
    return _distance_to(binary, spacing_ijk)


def reached(mask: npt.NDArray[Any], seeds: npt.NDArray[Any], *, full: bool = False) -> BoolArray:
    """The components of ``mask`` that hold a voxel of ``seeds``; ``full``: corners connect."""
    binary = np.asarray(mask, dtype=np.bool_)
    numbers = labelled(binary, full=full)
    hit = np.unique(numbers[np.asarray(seeds, dtype=np.bool_) & binary])
    wanted = np.zeros(int(numbers.max(initial=0)) + 1, dtype=np.bool_)
    wanted[hit] = True
    wanted[0] = False
    return np.asarray(wanted[numbers])


def labelled(mask: npt.NDArray[Any], *, full: bool = False) -> npt.NDArray[np.int32]:
    """Component numbers from 1 in no order of size."""
    image = sitk.ConnectedComponent(_image(mask), full)
    return np.asarray(sitk.GetArrayFromImage(image), dtype=np.int32)


def filled_per_slice(mask: npt.NDArray[Any], axis: int = 0) -> BoolArray:
    """With the holes of every plane across ``axis`` filled (air that a plane's body encloses)."""
    planes = np.moveaxis(np.asarray(mask, dtype=np.bool_), axis, 0)
    filled = np.empty(planes.shape, dtype=np.bool_)
    for k, plane in enumerate(planes):
        filled[k] = sitk.GetArrayFromImage(sitk.BinaryFillhole(_image(plane))) != 0
    return np.moveaxis(filled, 0, axis)


def split_by_markers(
    mask: npt.NDArray[Any], markers: npt.NDArray[np.integer[Any]], spacing_ijk: Triple
) -> npt.NDArray[np.uint8]:
    """Every voxel of ``mask`` gets the marker whose basin of depth it lies in (watershed).

    ``markers`` has numbers from 1 inside the mask. The cut runs through the narrowest place.
    """
    binary = np.asarray(mask, dtype=np.bool_)
    depth = distance_inside(binary, spacing_ijk)
    # Outside is a basin of its own, so that the flood cannot run around the mask.
    outside = int(markers.max(initial=0)) + 1
    seeds = np.where(binary, markers, outside).astype(np.uint8)
    flooded = sitk.MorphologicalWatershedFromMarkers(
        sitk.GetImageFromArray(-depth), sitk.GetImageFromArray(seeds), False, False
    )
    labels = np.asarray(sitk.GetArrayFromImage(flooded), dtype=np.uint8)
    return np.where(binary & (labels != outside), labels, 0).astype(np.uint8)


def block_mean(array: npt.NDArray[Any], factors_kji: Sequence[int]) -> Float32Array:
    """Mean of blocks of voxels; the last blocks are filled up with their edge."""
    missing = [(-n) % f for n, f in zip(array.shape, factors_kji, strict=True)]
    if any(missing):
        array = np.pad(array, [(0, n) for n in missing], mode="edge")
    image = sitk.GetImageFromArray(np.ascontiguousarray(array, dtype=np.float32))
    shrunk = sitk.BinShrink(image, [int(f) for f in reversed(factors_kji)])
    return np.asarray(sitk.GetArrayFromImage(shrunk), dtype=np.float32)


def block_repeat(
    array: npt.NDArray[Any], factors_kji: Sequence[int], shape_kji: Sequence[int]
) -> npt.NDArray[Any]:
    """Undo ``block_mean`` for labels: every value over its block, cut to ``shape_kji``."""
    for axis, factor in enumerate(factors_kji):
        if factor > 1:
            array = np.repeat(array, factor, axis=axis)
    return array[tuple(slice(0, n) for n in shape_kji)]


def _grown(mask: npt.NDArray[Any], radius_mm: float, spacing_ijk: Triple) -> BoolArray:
    binary = np.asarray(mask, dtype=np.bool_)
    reach = [int(radius_mm / s + 1e-6) for s in reversed(spacing_ijk)]
    if not any(reach) or not binary.any():
        return binary.copy()
    if max(reach) > _BALL_VOXELS:
        return np.asarray(_distance_to(binary, spacing_ijk) <= radius_mm)
    return _grown_by_rows(binary, radius_mm, spacing_ijk, reach)


def _grown_by_rows(
    binary: BoolArray, radius_mm: float, spacing_ijk: Triple, reach: list[int]
) -> BoolArray:
    """Dilation by an ellipsoid of voxels: rows of each needed width, shifted and joined."""
    si, sj, sk = spacing_ijk
    rows = {0: binary}
    for width in range(1, reach[2] + 1):
        wider = rows[width - 1].copy()
        wider[..., width:] |= binary[..., :-width]
        wider[..., :-width] |= binary[..., width:]
        rows[width] = wider
    grown = np.zeros_like(binary)
    for dk in range(-reach[0], reach[0] + 1):
        for dj in range(-reach[1], reach[1] + 1):
            left = radius_mm**2 - (dk * sk) ** 2 - (dj * sj) ** 2
            if left < -1e-6:
                continue
            row = rows[min(int(math.sqrt(max(left, 0.0)) / si + 1e-6), reach[2])]
            target = tuple(slice(max(d, 0), n + min(d, 0)) for d, n in _moves(dk, dj, binary))
            source = tuple(slice(max(-d, 0), n + min(-d, 0)) for d, n in _moves(dk, dj, binary))
            grown[target] |= row[source]
    return grown


def _moves(dk: int, dj: int, binary: BoolArray) -> tuple[tuple[int, int], tuple[int, int]]:
    return (dk, binary.shape[0]), (dj, binary.shape[1])


def _distance_to(binary: BoolArray, spacing_ijk: Triple) -> Float32Array:
    image = _image(binary)
    image.SetSpacing([float(s) for s in spacing_ijk])
    distance = sitk.SignedMaurerDistanceMap(image, False, False, True)
    # Signed: inside negative. The voxels of the mask are at distance 0 from it.
    return np.maximum(np.asarray(sitk.GetArrayFromImage(distance), dtype=np.float32), 0)


def _image(mask: npt.NDArray[Any]) -> sitk.Image:
    return sitk.GetImageFromArray(np.ascontiguousarray(mask, dtype=np.bool_).view(np.uint8))
