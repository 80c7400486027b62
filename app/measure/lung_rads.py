"""Sizes as Lung-RADS v2022 counts them: one decimal, volumes of spheres.

The categories themselves are not here: they need the whole table of the ACR. Nothing is shared
with ``fleischner`` (copilot-practice, trap 16).
"""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

# mm -> mm3 of the sphere, as printed in the table
VOLUMES_MM3: Final = {4: 34, 6: 113, 8: 268, 15: 1767, 30: 14137}
GROWTH_MM: Final = 1.5
GROWTH_WITHIN_DAYS: Final = 365


def mean_diameter_mm(long_mm: float, short_mm: float) -> float:
    """The mean of long and short axis, both and the mean to one decimal (half upwards)."""
    return _one_decimal((_one_decimal(long_mm) + _one_decimal(short_mm)) / 2.0)


def sphere_volume_mm3(diameter_mm: float) -> int:
    """The volume of a sphere, to the nearest whole mm3."""
    return math.floor(math.pi / 6.0 * diameter_mm**3 + 0.5)


def has_grown(before_mm: float, after_mm: float, days: int) -> bool:
    """Whether the mean diameter grew by more than 1.5 mm within twelve months."""
    return 0 < days <= GROWTH_WITHIN_DAYS and _one_decimal(after_mm - before_mm) > GROWTH_MM


def _one_decimal(value: float) -> float:
    return float(Decimal(repr(value)).quantize(Decimal("0.1"), rounding=ROUND_HALF_UP))
