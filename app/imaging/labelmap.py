"""Binary masks ``[k, j, i]``: components, cleaning, boxes and content hashes."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from app.core.geometry import Box

MaskArray = npt.NDArray[np.uint8]


def bounding_box(mask: npt.NDArray[Any]) -> Box | None:
    """The smallest box that holds all set voxels, or None for an empty mask."""
    if mask.ndim != 3:
        raise ValueError("a mask is [k, j, i]")
    lower, upper = [0, 0, 0], [0, 0, 0]
    for axis in range(3):
        others = tuple(n for n in range(3) if n != axis)
        present = np.flatnonzero(mask.any(axis=others))
        if present.size == 0:
            return None
        lower[2 - axis], upper[2 - axis] = int(present[0]), int(present[-1]) + 1
    return Box((lower[0], lower[1], lower[2]), (upper[0], upper[1], upper[2]))


def bounding_boxes(labels: npt.NDArray[Any], background: int = 0) -> dict[int, Box]:
    """The box of every label but ``background`` in a label map ``[k, j, i]``, in one pass."""
    if labels.ndim != 3:
        raise ValueError("a label map is [k, j, i]")
    if labels.size == 0:
        return {}
    shape = sitk.LabelShapeStatisticsImageFilter()
    shape.ComputeFeretDiameterOff()
    shape.ComputePerimeterOff()
    shape.SetBackgroundValue(background)
    shape.Execute(sitk.GetImageFromArray(labels))
    found = {}
    for label in shape.GetLabels():
        i, j, k, width, height, depth = shape.GetBoundingBox(label)
        found[int(label)] = Box((i, j, k), (i + width, j + height, k + depth))
    return found


def content_sha256(mask: npt.NDArray[Any]) -> str:
    """Hash of shape and voxels; the same content has the same hash on every machine."""
    voxels = np.ascontiguousarray(mask, dtype=np.uint8)
    digest = hashlib.sha256(repr(voxels.shape).encode("ascii"))
    digest.update(voxels.data)
    return digest.hexdigest()


def connected_components(
    mask: npt.NDArray[Any], *, fully_connected: bool = False
) -> tuple[npt.NDArray[np.int32], tuple[int, ...]]:
    """Component numbers from 1, largest first, and the voxel count of each.

    Neighbours share a face, or with ``fully_connected`` also an edge or a corner.
    """
    labels = sitk.ConnectedComponent(_image(mask), fully_connected)
    ordered = sitk.RelabelComponent(labels, sortByObjectSize=True)
    numbers = sitk.GetArrayFromImage(ordered).astype(np.int32)
    counts = np.bincount(numbers.reshape(-1))[1:]
    return numbers, tuple(int(count) for count in counts)


def largest_component(mask: npt.NDArray[Any], keep: int = 1) -> MaskArray:
    """Only the ``keep`` largest components; ties go to the one met first."""
    if keep < 1:
        raise ValueError("at least one component is kept")
    return _within_box(mask, lambda part: _top_components(part, keep))


def remove_small(mask: npt.NDArray[Any], minimum_voxels: int) -> MaskArray:
    """Without the components of fewer than ``minimum_voxels`` voxels."""

    def clean(part: npt.NDArray[Any]) -> MaskArray:
        numbers, counts = connected_components(part)
        kept = np.concatenate(([False], np.asarray(counts, dtype=np.int64) >= minimum_voxels))
        return np.asarray(kept[numbers], dtype=np.uint8)

    return _within_box(mask, clean)


def fill_holes(mask: npt.NDArray[Any], *, per_slice: bool = False) -> MaskArray:
    """With the cavities filled that do not reach the border; ``per_slice`` judges each ``k``."""

    def fill(part: npt.NDArray[Any]) -> MaskArray:
        if not per_slice:
            return np.asarray(
                sitk.GetArrayFromImage(sitk.BinaryFillhole(_image(part))), dtype=np.uint8
            )
        filled = [sitk.GetArrayFromImage(sitk.BinaryFillhole(_image(plane))) for plane in part]
        return np.asarray(np.stack(filled), dtype=np.uint8)

    return _within_box(mask, fill)


def _top_components(part: npt.NDArray[Any], keep: int) -> MaskArray:
    numbers, _ = connected_components(part)
    return np.asarray((numbers >= 1) & (numbers <= keep), dtype=np.uint8)


def _within_box(mask: npt.NDArray[Any], work: Any) -> MaskArray:  # noqa: ANN401 - a local callable
    """Run ``work`` on the occupied box only: lesions are small, volumes are large."""
    result = np.zeros(mask.shape, dtype=np.uint8)
    box = bounding_box(mask)
    if box is not None:
        result[box.slices_kji] = work(mask[box.slices_kji])
    return result


def _image(mask: npt.NDArray[Any]) -> sitk.Image:
    return sitk.GetImageFromArray((np.asarray(mask) != 0).astype(np.uint8))
