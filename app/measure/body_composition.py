"""Muscle and fat on one axial slice: ``muscle-at-level@1``, ``muscle-index@1``, ``fat-at-level@1``.

The level is the middle of L3, or the first of L2, L4, L5, L1, T12, T11, T10 that is whole (in the
order of Derstine 2018), or a point "level" that the reader gives. Reference values belong to L3.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from app.measure.anatomy import Anatomy, Structure
from app.measure.outcome import (
    HU,
    Doubt,
    Found,
    Number,
    absent,
    at_120_kv,
    failed,
    found,
    no_values,
    unenhanced,
)  # fmt: skip

MUSCLE_HU: Final = (-29.0, 150.0)
FAT_HU: Final = (-190.0, -30.0)
LEVELS: Final = ("l3", "l2", "l4", "l5", "l1", "t12", "t11", "t10")
_NO_LEVEL: Final = (
    "No level: neither a whole vertebra from T10 to L5 nor a point of the reader.",
    "Нет уровня: ни целого позвонка T10–L5, ни точки читающего.",
)
_MUSCLE: Final = {"muscle_area": "cm2", "muscle_hu": HU, "muscle_index": "cm2/m2"}
_FAT: Final = {
    "visceral_fat_area": "cm2", "subcutaneous_fat_area": "cm2", "visceral_subcutaneous_ratio": "1",
}  # fmt: skip


def level_of(anatomy: Anatomy) -> tuple[str, int] | None:
    """The level's role (``reader`` for a point of the reader) and its slice index k."""
    if "level" in anatomy.points:
        k = round(float(anatomy.geometry.lps_to_ijk(anatomy.points["level"])[2]))
        return ("reader", k) if 0 <= k < anatomy.geometry.size_ijk[2] else None
    for level in LEVELS:
        role = f"vertebrae_{level}"
        vertebra = anatomy.structure(role)
        if vertebra is None:
            continue
        low, high = vertebra.box.lower_ijk[2], vertebra.box.upper_ijk[2]
        if low == 0 or high == vertebra.image_shape[0]:
            continue  # cut: its middle is not the middle of what is seen
        return role, round(float(anatomy.geometry.lps_to_ijk(vertebra.centroid_lps())[2]))
    return None


def muscle(anatomy: Anatomy) -> list[Found]:
    """Area, mean HU and index of the muscle at the level; rows belong to the level's role."""
    level, why = _level_and_reason(anatomy, "skeletal_muscle")
    if level is None:
        make = absent if why is None else failed
        return [
            make("skeletal_muscle", kind, unit, why or ("", "")) for kind, unit in _MUSCLE.items()
        ]
    role, k = level
    area, values = _slice_area(anatomy, "skeletal_muscle", k, MUSCLE_HU)
    if values.size == 0:
        empty = "No muscle on this slice.", "На этом срезе нет мышц."
        return [absent(role, kind, unit, empty) for kind, unit in _MUSCLE.items()]
    doubts = _side_doubts(anatomy, "skeletal_muscle", k)
    picture = _picture(anatomy, "skeletal_muscle", k)
    rows = [
        found(role, "muscle_area", Number(area, "cm2", picture), doubts),
        found(
            role, "muscle_hu", Number(float(values.mean(dtype=np.float64)), HU, picture),
            [*doubts, *unenhanced(anatomy), *at_120_kv(anatomy)],
        ),
    ]  # fmt: skip
    height = anatomy.person.height_m
    if height is None or height <= 0.0:
        unknown = "The height of the patient is not known.", "Рост пациента неизвестен."
        return [*rows, failed(role, "muscle_index", "cm2/m2", unknown)]
    index = Number(area / height**2, "cm2/m2", picture)
    return [*rows, found(role, "muscle_index", index, doubts)]


def fat(anatomy: Anatomy) -> list[Found]:
    """Visceral and subcutaneous fat at the level, and their ratio."""
    rows, areas = [], {}
    for structure, kind in (("torso_fat", "visceral_fat_area"),
                            ("subcutaneous_fat", "subcutaneous_fat_area")):  # fmt: skip
        level, why = _level_and_reason(anatomy, structure)
        if level is None:
            make = absent if why is None else failed
            rows.append(make(structure, kind, "cm2", why or ("", "")))
            continue
        role, k = level
        area, values = _slice_area(anatomy, structure, k, FAT_HU)
        if values.size == 0:
            rows.append(absent(role, kind, "cm2", ("No fat on this slice.", "Жира на срезе нет.")))
            continue
        areas[structure] = area
        doubts = _side_doubts(anatomy, structure, k)
        number = Number(area, "cm2", _picture(anatomy, structure, k))
        rows.append(found(role, kind, number, doubts))
    if len(areas) == 2 and areas["subcutaneous_fat"] > 0.0:
        level = level_of(anatomy)
        ratio = Number(areas["torso_fat"] / areas["subcutaneous_fat"], "1")
        doubts = _side_doubts(anatomy, "subcutaneous_fat", level[1] if level else 0)
        place = level[0] if level else "torso_fat"
        return [*rows, found(place, "visceral_subcutaneous_ratio", ratio, doubts)]
    lacking = "One of the two areas is missing.", "Одной из двух площадей нет."
    return [*rows, failed("torso_fat", "visceral_subcutaneous_ratio", "1", lacking)]


def _level_and_reason(
    anatomy: Anatomy, role: str
) -> tuple[tuple[str, int] | None, tuple[str, str] | None]:
    """The level to measure on; else why there is none (no reason: no voxel of the structure)."""
    if not anatomy.present(role):
        return None, None
    level, missing = level_of(anatomy), no_values(anatomy)
    return (None, missing or _NO_LEVEL) if level is None or missing else (level, None)


def _slice_area(
    anatomy: Anatomy, role: str, k: int, window: tuple[float, float]
) -> tuple[float, npt.NDArray[np.float64]]:
    """Area in cm2 of the voxels in a window of HU on one slice, and their HU."""
    structure = anatomy.structure(role)
    inside = None if structure is None else _row(structure, k)
    if structure is None or inside is None:
        return 0.0, np.zeros(0)
    values = anatomy.values_around(structure)[k - structure.box.lower_ijk[2]]
    low, high = window
    kept = np.asarray(values[inside & (values >= low) & (values <= high)], dtype=np.float64)
    spacing = anatomy.geometry.spacing_ijk
    return kept.size * spacing[0] * spacing[1] / 100.0, kept


def _row(structure: Structure, k: int) -> npt.NDArray[np.bool_] | None:
    row = k - structure.box.lower_ijk[2]
    return structure.mask[row] if 0 <= row < len(structure.mask) else None


def _side_doubts(anatomy: Anatomy, role: str, k: int) -> list[Doubt]:
    """The slice must hold the patient in full width: no voxel of the mask at its edge."""
    structure = anatomy.structure(role)
    inside = None if structure is None else _row(structure, k)
    if structure is None or inside is None or not inside.any():
        return []
    rows, columns = np.nonzero(inside)
    i = columns + structure.box.lower_ijk[0]
    j = rows + structure.box.lower_ijk[1]
    _, height, width = structure.image_shape
    if i.min() > 0 and j.min() > 0 and i.max() < width - 1 and j.max() < height - 1:
        return []
    return [
        Doubt(
            "truncated_fov",
            "The patient is not in the image in full width.",
            "Пациент не весь по ширине в изображении.",
        )
    ]


def _picture(anatomy: Anatomy, role: str, k: int) -> npt.NDArray[np.float64]:
    """The middle of the measured region on its slice: tells which slice it was."""
    structure = anatomy.structure(role)
    inside = None if structure is None else _row(structure, k)
    if structure is None or inside is None or not inside.any():
        return np.zeros((0, 3))
    rows, columns = np.nonzero(inside)
    low = structure.box.lower_ijk
    middle = [columns.mean() + low[0], rows.mean() + low[1], float(k)]
    return anatomy.geometry.ijk_to_lps([middle])
