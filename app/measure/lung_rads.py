"""Sizes and categories as Lung-RADS v2022 counts them: one decimal, volumes of spheres.

Nothing is shared with ``fleischner`` (copilot-practice, trap 16). American College of Radiology,
Lung-RADS v2022, rows on solid, part-solid and ground-glass nodules.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Final, Literal

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


Course = Literal["baseline", "new", "growing", ""]
NoduleKind = Literal["solid", "part-solid", "ground-glass", ""]
CATEGORIES: Final = ("1", "2", "3", "4A", "4B")


@dataclass(frozen=True, slots=True)
class Nodule:
    """A nodule as the table asks for it; unknown: "" or None.

    ``mean_mm`` is the whole nodule, ``solid_mm`` the solid part of a part-solid one, ``course``
    whether it was there at the baseline examination, is new or has grown.
    """

    kind: NoduleKind
    mean_mm: float | None
    solid_mm: float | None = None
    course: Course = ""


def category(nodule: Nodule) -> str:
    """The category of Lung-RADS v2022 (``2`` to ``4B``); empty where an input is missing.

    Stable nodules are not here: their category depends on the earlier one. Juxtapleural, airway
    and cystic nodules have rows of their own that are not here either.
    """
    if not nodule.kind or nodule.mean_mm is None or not nodule.course:
        return ""
    if nodule.kind == "ground-glass":
        # growing ones stay in 2 below 30 mm; at or above, only a slow growth would
        return "2" if nodule.mean_mm < 30.0 else ("3" if nodule.course != "growing" else "")
    if nodule.kind == "solid":
        return _solid(nodule.mean_mm, nodule.course)
    return _part_solid(nodule)


def _solid(mean_mm: float, course: Course) -> str:
    if course == "growing":
        return "4B" if mean_mm >= 8.0 else "4A"
    limits = (6.0, 8.0, 15.0) if course == "baseline" else (4.0, 6.0, 8.0)
    return ("2", "3", "4A", "4B")[sum(mean_mm >= limit for limit in limits)]


def _part_solid(nodule: Nodule) -> str:
    mean_mm, solid_mm = nodule.mean_mm or 0.0, nodule.solid_mm
    if nodule.course == "baseline":
        if mean_mm < 6.0:
            return "2"
        if solid_mm is None:
            return ""
        return ("3", "4A", "4B")[sum(solid_mm >= limit for limit in (6.0, 8.0))]
    if nodule.course == "new" and mean_mm < 6.0:
        return "3"
    if solid_mm is None:
        return ""
    return "4B" if solid_mm >= 4.0 else "4A"
