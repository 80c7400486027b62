"""Coronary calcium after Agatston (JACC 1990;15:827): ``agatston`` agatston@1.

Per axial slice, connected pixels (sharing an edge) of the mask at or over 130 HU with an area of
at least 1 mm2 are a lesion; its area is weighted by its peak (130-199: 1, 200-299: 2, 300-399: 3,
from 400: 4). The sum is scaled by slice increment / 3 mm. Defined for 2.5 to 3 mm slices,
unenhanced, ECG-gated, 120 kV: otherwise the number is only ordinal (copilot-practice 3.3).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from app.imaging.labelmap import connected_components

THRESHOLD_HU = 130.0
MIN_AREA_MM2 = 1.0
REFERENCE_INCREMENT_MM = 3.0
PROTOCOL_INCREMENT_MM = (2.4, 3.1)


def agatston_score(
    mask: npt.NDArray[Any], values: npt.NDArray[Any], spacing_ijk: tuple[float, float, float]
) -> float:
    """The score of calcium within ``mask`` ``[k, j, i]``; ``values`` are HU of the same shape."""
    pixel_mm2 = spacing_ijk[0] * spacing_ijk[1]
    dense = (np.asarray(mask) != 0) & (values >= THRESHOLD_HU)
    total = 0.0
    for k in np.flatnonzero(dense.any(axis=(1, 2))):
        numbers, counts = connected_components(dense[k][None])
        for number, count in enumerate(counts, start=1):
            area = count * pixel_mm2
            if area >= MIN_AREA_MM2:
                total += area * peak_weight(float(values[k][numbers[0] == number].max()))
    return total * spacing_ijk[2] / REFERENCE_INCREMENT_MM


def peak_weight(peak_hu: float) -> int:
    """Agatston's weight of a lesion by its densest pixel."""
    return min(4, int(peak_hu // 100)) if peak_hu >= 200.0 else 1


def fits_protocol(increment_mm: float) -> bool:
    """Whether the slice increment is one for which the score is defined."""
    return PROTOCOL_INCREMENT_MM[0] <= increment_mm <= PROTOCOL_INCREMENT_MM[1]
