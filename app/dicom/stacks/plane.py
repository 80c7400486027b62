"""Where a frame lies: ImagePositionPatient and ImageOrientationPatient, or nothing (G14)."""

from __future__ import annotations

import math

from pydicom.dataset import Dataset

from app.core.geometry import Triple
from app.core.report import Message
from app.dicom import wording
from app.dicom.functional_groups import FunctionalGroups
from app.dicom.stacks.mosaic import slice_position
from app.dicom.tolerant import number_of, numbers_of


def position_of(ds: Dataset, groups: FunctionalGroups, index: int, frames: int) -> Triple | None:
    """The centre of the first pixel of frame ``index`` in LPS, or None.

    A classic multi-frame object has one position for all its frames: no place for each of them,
    unless it is a mosaic, a dose grid or a reconstruction of nuclear medicine.
    """
    if groups.mosaic is not None:
        return slice_position(ds, groups.mosaic, index)
    holder = groups.holder(index, "ImagePositionPatient")
    position = numbers_of(holder, "ImagePositionPatient")
    if len(position) != 3:
        return None
    first = (position[0], position[1], position[2])
    if groups.is_enhanced or frames == 1:
        return first
    axes = orientation_of(groups.holder(index, "ImageOrientationPatient"))
    step = _slice_offset(ds, groups, index, frames)
    if axes is None or step is None:
        return None
    normal = _cross(axes[:3], axes[3:])
    x, y, z = (at + step * along for at, along in zip(first, normal, strict=True))
    return x, y, z


def unplaced_reason(ds: Dataset, groups: FunctionalGroups, frames: int) -> Message | None:
    """Why the frames of an object that states a position have none of their own, or None."""
    if groups.mosaic is not None:
        return groups.mosaic.fault
    has_one = len(numbers_of(ds, "ImagePositionPatient")) == 3
    return wording.ONE_PLACE if has_one and frames > 1 and not groups.is_enhanced else None


def _slice_offset(ds: Dataset, groups: FunctionalGroups, index: int, frames: int) -> float | None:
    """How far frame ``index`` of a classic multi-frame object lies along the normal, in mm."""
    offsets = numbers_of(ds, "GridFrameOffsetVector")
    if len(offsets) == frames:
        # Relative, or the patient z of an axial grid (PS3.3 C.8.8.3.2); differences do for both,
        # but z of a grid that is looked at from the head runs against its normal.
        step = offsets[index] - offsets[0]
        return step if offsets[0] == 0 else step * _axial_sign(ds)
    slices = numbers_of(ds, "SliceVector")
    spacing = number_of(ds, "SpacingBetweenSlices")
    if groups.is_nuclear_volume and len(slices) == frames and spacing:
        # A positive spacing stacks the slices behind the first one (PS3.3 C.8.4.15).
        return (slices[index] - 1.0) * spacing
    return None


def _axial_sign(ds: Dataset) -> float:
    axes = orientation_of(ds)
    return -1.0 if axes is not None and _cross(axes[:3], axes[3:])[2] < 0 else 1.0


def orientation_of(holder: Dataset) -> tuple[float, ...] | None:
    """Unit vectors of row and column direction, six numbers, or None where they are no such."""
    values = numbers_of(holder, "ImageOrientationPatient")
    if len(values) != 6:
        return None
    row, column = values[:3], values[3:]
    lengths = math.hypot(*row), math.hypot(*column)
    if min(lengths) < 0.9 or max(lengths) > 1.1:
        return None
    unit = tuple(v / lengths[0] for v in row) + tuple(v / lengths[1] for v in column)
    if abs(sum(a * b for a, b in zip(unit[:3], unit[3:], strict=True))) > 1e-2:
        return None
    return unit


def _cross(a: tuple[float, ...], b: tuple[float, ...]) -> Triple:
    return (
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    )
