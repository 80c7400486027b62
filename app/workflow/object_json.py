"""What an opened object says, as plain JSON: numbers and names, voxels only as counts and boxes."""

from __future__ import annotations

import math
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from app.core.volume import Volume
from app.dicom.objects.seg_reader import ReadSegment
from app.workflow.other_objects import OpenedObject

_LONGEST_ARRAY = 10_000


def object_json(value: OpenedObject) -> Any:  # noqa: ANN401 - any JSON value
    """The fields of the value by their names; arrays that are too long become their shape."""
    return _plain(value)


def _plain(value: object) -> Any:  # noqa: ANN401
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, bytes):
        return {"bytes": len(value)}
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, np.ndarray):
        return _array(value)
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    if isinstance(value, Volume):
        return {
            "shape_kji": list(value.voxels.shape),
            "geometry": _plain(value.geometry),
            "quantity": value.quantity,
            "range": [_plain(float(end(value.voxels))) for end in (np.nanmin, np.nanmax)],
        }
    if isinstance(value, ReadSegment):
        return {
            **_plain(value.facts),
            "voxels": value.voxel_count,
            "box": _plain(value.box),
            "is_empty": value.box is None,
        }
    return _fields(value) if is_dataclass(value) else str(value)


def _fields(value: object) -> dict[str, Any]:
    if not is_dataclass(value):
        return {}
    return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}


def _array(array: np.ndarray[Any, Any]) -> Any:  # noqa: ANN401
    if array.size > _LONGEST_ARRAY:
        return {"shape": list(array.shape)}
    return _plain(array.tolist())
