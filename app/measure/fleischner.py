"""Sizes as the Fleischner Society counts them (2017): whole millimetres, its own volumes.

The volumes 100 and 250 mm3 are those of the guideline and not those of spheres of 6 and 8 mm:
neither is made from the other. Nothing here is shared with ``lung_rads`` (copilot-practice, trap
16). MacMahon H et al., Radiology 2017, doi 10.1148/radiol.2017161659.
"""

from __future__ import annotations

import math
from typing import Final, Literal

SizeClass = Literal["under 6 mm", "6 to 8 mm", "over 8 mm"]
VOLUMES_MM3: Final = (100.0, 250.0)
DIAMETERS_MM: Final = (6, 8)


def mean_diameter_mm(long_mm: float, short_mm: float) -> int:
    """The mean of long and short axis, rounded to the nearest whole millimetre (half upwards)."""
    return math.floor((long_mm + short_mm) / 2.0 + 0.5)


def class_of_diameter(mean_mm: int) -> SizeClass:
    """The class of a rounded mean diameter of a solid nodule."""
    if mean_mm < DIAMETERS_MM[0]:
        return "under 6 mm"
    return "6 to 8 mm" if mean_mm <= DIAMETERS_MM[1] else "over 8 mm"


def class_of_volume(volume_mm3: float) -> SizeClass:
    """The class of the volume of a solid nodule: below 100, 100 to 250, over 250 mm3."""
    if volume_mm3 < VOLUMES_MM3[0]:
        return "under 6 mm"
    return "6 to 8 mm" if volume_mm3 <= VOLUMES_MM3[1] else "over 8 mm"
