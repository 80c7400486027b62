"""Ratios of two structures.

``area_ratio`` area-ratio@1: pixels of the first mask over those of the second, one image.
``cardiothoracic_ratio`` cardiothoracic-extent@1: largest transverse extent of the heart over the
largest internal width of the thorax (Danzer, Am J Med Sci 1919;157:513). The largest distances to
the right and to the left of any midline through the heart add up to its transverse extent, so no
midline is needed; the thorax is as wide as the outer edges of both lungs on one level. Volumes
are projected from the front first.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from app.core.geometry import Geometry
from app.core.measurement import Measurement, MeasurementStatus

_NO_MASK = "A structure is empty."


def area_ratio(
    numerator: npt.NDArray[Any],
    denominator: npt.NDArray[Any],
    *,
    status: MeasurementStatus = "valid",
    note: str = "",
) -> Measurement:
    """Ratio of the sizes of two masks of one image; absent where one is empty."""
    first, second = int(np.count_nonzero(numerator)), int(np.count_nonzero(denominator))
    if first == 0 or second == 0:
        return Measurement("area_ratio", None, "1", "area-ratio@1", "absent", _NO_MASK)
    return Measurement("area_ratio", first / second, "1", "area-ratio@1", status, note)


def cardiothoracic_ratio(
    heart: npt.NDArray[Any],
    lungs: npt.NDArray[Any],
    *,
    geometry: Geometry | None,
    view_position: str = "",
    status: MeasurementStatus = "valid",
) -> Measurement:
    """Cardiothoracic ratio of masks ``[k, j, i]``; ``lungs`` is both lungs together.

    Comparable with the usual limit only on an erect PA film: other views and volumes are
    ``wrong_protocol``, with the number.
    """
    heart_2d, lungs_2d = frontal(heart, geometry), frontal(lungs, geometry)
    columns = np.flatnonzero(heart_2d.any(axis=0))
    occupied = np.flatnonzero(lungs_2d.any(axis=1))
    method: Literal["cardiothoracic-extent@1"] = "cardiothoracic-extent@1"
    if columns.size == 0 or occupied.size == 0:
        return Measurement("cardiothoracic_ratio", None, "1", method, "absent", _NO_MASK)
    rows = lungs_2d[occupied]
    first = rows.argmax(axis=1)
    last = rows.shape[1] - rows[:, ::-1].argmax(axis=1)
    value = float(columns[-1] - columns[0] + 1) / float((last - first).max())
    note = ""
    if status == "valid" and (geometry is not None or view_position.upper() != "PA"):
        status, note = "wrong_protocol", "Comparable with the limit of 0.5 on a PA film only."
    return Measurement("cardiothoracic_ratio", value, "1", method, status, note)


def frontal(mask: npt.NDArray[Any], geometry: Geometry | None) -> npt.NDArray[np.bool_]:
    """The mask seen from the front: columns run across the patient, shape (rows, columns)."""
    volume = np.asarray(mask) != 0
    if geometry is None:
        return np.asarray(volume.any(axis=0))
    matrix = np.abs(geometry.direction_matrix)
    depth = 2 - int(np.argmax(matrix[1]))  # array axis that runs most from front to back
    across = 2 - int(np.argmax(matrix[0]))
    seen = volume.any(axis=depth)
    remaining = [axis for axis in range(3) if axis != depth]
    return np.asarray(seen if remaining.index(across) == 1 else seen.T)
