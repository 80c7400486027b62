"""Where a frame lies: ImagePositionPatient and ImageOrientationPatient, or nothing (G14)."""

from __future__ import annotations

import math

from pydicom.dataset import Dataset

from app.core.geometry import Triple
from app.dicom.functional_groups import FunctionalGroups
from app.dicom.tolerant import numbers_of


def position_of(ds: Dataset, groups: FunctionalGroups, index: int, frames: int) -> Triple | None:
    """The centre of the first pixel of frame ``index`` in LPS, or None.

    A classic multi-frame object has one position for all its frames: no place for each of them,
    unless it is a dose grid with the offsets of its frames (PS3.3 C.8.8.3.2).
    """
    position = numbers_of(groups.holder(index, "ImagePositionPatient"), "ImagePositionPatient")
    if len(position) != 3:
        return None
    if frames > 1 and not groups.is_enhanced:
        offsets = numbers_of(ds, "GridFrameOffsetVector")
        axes = orientation_of(ds)
        if len(offsets) != frames or axes is None:
            return None
        step = offsets[index] - offsets[0]
        normal = _cross(axes[:3], axes[3:])
        return (
            position[0] + step * normal[0],
            position[1] + step * normal[1],
            position[2] + step * normal[2],
        )
    return (position[0], position[1], position[2])


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
