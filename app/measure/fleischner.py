"""Sizes and follow-up as the Fleischner Society counts them (2017): whole millimetres, own volumes.

The volumes 100 and 250 mm3 are those of the guideline and not those of spheres of 6 and 8 mm:
neither is made from the other. Nothing here is shared with ``lung_rads`` (copilot-practice, trap
16). MacMahon H et al., Radiology 2017, doi 10.1148/radiol.2017161659.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from app.core.clinical import ClinicalFacts
from app.core.report import Message

SizeClass = Literal["under 6 mm", "6 to 8 mm", "over 8 mm"]
NoduleKind = Literal["solid", "part-solid", "ground-glass", ""]
Months = tuple[int, int]
VOLUMES_MM3: Final = (100.0, 250.0)
DIAMETERS_MM: Final = (6, 8)
LEAST_AGE: Final = 35


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


@dataclass(frozen=True, slots=True)
class Nodule:
    """A nodule as the table asks for it: kind and mean diameter in whole mm; unknown: "" or None.

    ``volume_mm3`` of a solid nodule counts before the diameter.
    """

    kind: NoduleKind
    mean_mm: int | None
    volume_mm3: float | None = None

    @property
    def size(self) -> SizeClass | None:
        """The size class, or None where no size is known."""
        if self.volume_mm3 is not None and self.kind == "solid":
            return class_of_volume(self.volume_mm3)
        return None if self.mean_mm is None else class_of_diameter(self.mean_mm)


@dataclass(frozen=True, slots=True)
class FollowUp:
    """One row of the table. ``first`` is the first CT in months from now, None: no routine CT.

    ``optional``: no follow-up at all fits too. ``later`` are further CTs in months from now;
    ``alternatives``: PET-CT or tissue sampling fit in place of the first CT.
    """

    first: Months | None
    optional: bool = False
    later: tuple[Months, ...] = ()
    alternatives: bool = False


@dataclass(frozen=True, slots=True)
class Advice:
    """What the table says: ``row``, or why it says nothing.

    ``missing`` lists the inputs that are not known; ``excluded`` why the guideline is not made for
    this patient.
    """

    row: FollowUp | None
    missing: tuple[Message, ...] = ()
    excluded: Message | None = None


_NONE = FollowUp(None)
_SOON = FollowUp((3, 6), later=((18, 24),))
_SOLID: Final = {
    ("one", "under 6 mm", "low"): _NONE,
    ("one", "under 6 mm", "high"): FollowUp((12, 12), optional=True),
    ("one", "6 to 8 mm", "low"): FollowUp((6, 12), later=((18, 24),)),
    ("one", "6 to 8 mm", "high"): FollowUp((6, 12), later=((18, 24),)),
    ("one", "over 8 mm", "low"): FollowUp((3, 3), alternatives=True),
    ("one", "over 8 mm", "high"): FollowUp((3, 3), alternatives=True),
    ("many", "under 6 mm", "low"): _NONE,
    ("many", "under 6 mm", "high"): FollowUp((12, 12), optional=True),
    ("many", "6 to 8 mm", "low"): _SOON,
    ("many", "6 to 8 mm", "high"): _SOON,
    ("many", "over 8 mm", "low"): _SOON,
    ("many", "over 8 mm", "high"): _SOON,
}
_EVERY_TWO_YEARS = ((24, 36), (48, 60))
_YEARLY = ((12, 18), (24, 30), (36, 42), (48, 54), (60, 66))


def follow_up(nodules: Sequence[Nodule], clinical: ClinicalFacts) -> Advice:
    """The row for these nodules (at least one); the most suspicious one leads.

    Nothing is guessed: without kind, size, age, risk (where the row depends on it) or an answer to
    each exclusion there is no row, and ``missing`` says what is needed.
    """
    excluded = _excluded(clinical)
    if excluded is not None:
        return Advice(None, excluded=excluded)
    missing = _missing(nodules, clinical)
    if missing:
        return Advice(None, missing)
    subsolid = [item for item in nodules if item.kind != "solid"]
    if subsolid:
        return Advice(_subsolid(subsolid))
    sizes = [item.size for item in nodules]
    size = next(
        one for one in ("over 8 mm", "6 to 8 mm", "under 6 mm") if one in sizes
    )  # fmt: skip
    many = "many" if len(nodules) > 1 else "one"
    # Only below 6 mm does the first step depend on the risk.
    return Advice(_SOLID[many, size, clinical.risk or "low"])


def _subsolid(nodules: Sequence[Nodule]) -> FollowUp:
    large = [item for item in nodules if (item.mean_mm or 0) >= DIAMETERS_MM[0]]
    if len(nodules) > 1:
        return FollowUp((3, 6), later=() if large else ((24, 24), (48, 48)))
    if not large:
        return _NONE
    if large[0].kind == "ground-glass":
        return FollowUp((6, 12), later=_EVERY_TWO_YEARS)
    return FollowUp((3, 6), later=_YEARLY)


def _excluded(clinical: ClinicalFacts) -> Message | None:
    if clinical.age_years is not None and clinical.age_years < LEAST_AGE:
        return Message("the patient is younger than 35 years", "пациент моложе 35 лет")
    if clinical.cancer:
        return Message("the patient is known to have cancer", "у пациента известен рак")
    if clinical.immunosuppressed:
        return Message("the patient is immunosuppressed", "у пациента иммуносупрессия")
    if clinical.screening:
        return Message(
            "this is lung cancer screening: Lung-RADS applies",
            "это скрининг рака лёгкого: применяется Lung-RADS",
        )
    return None


def _missing(nodules: Sequence[Nodule], clinical: ClinicalFacts) -> tuple[Message, ...]:
    found: list[Message] = []
    if any(not item.kind for item in nodules):
        found.append(
            Message("kind of the nodule (solid, part-solid, ground-glass)",
                    "тип очага (солидный, субсолидный, «матовое стекло»)")
        )  # fmt: skip
    if not nodules or any(item.size is None for item in nodules):
        found.append(Message("size of the nodule", "размер очага"))
    if clinical.age_years is None:
        found.append(Message("age", "возраст"))
    if clinical.cancer is None:
        found.append(Message("whether cancer is known", "известно ли онкологическое заболевание"))
    if clinical.immunosuppressed is None:
        found.append(
            Message("whether the patient is immunosuppressed", "есть ли иммуносупрессия")
        )  # fmt: skip
    if clinical.screening is None:
        found.append(Message("whether this is screening", "скрининговое ли это исследование"))
    solid_only = all(item.kind == "solid" for item in nodules)
    small = all(item.size == "under 6 mm" for item in nodules)
    if solid_only and small and not clinical.risk:
        found.append(Message("risk of lung cancer (low or high)", "риск рака лёгкого"))
    return tuple(found)
