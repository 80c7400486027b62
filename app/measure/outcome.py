"""From a number to a measurement: doubts, what is not known, and what could not be measured.

A condition of a definition that does not hold is ``wrong_protocol``; one that nothing is known
about is ``low_quality`` and named. A cut structure is ``truncated_fov`` (a lower bound), and that
weighs most. What has no voxel is ``absent``, what could not be measured ``failed``; neither has a
value (copilot-practice 3.0, trap 1).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from app.core.measurement import Measurement, MeasurementStatus, Uncertainty
from app.core.message import number_ru
from app.measure.anatomy import Anatomy, Structure
from app.measure.methods import METHODS

HU: Final = "[hnsf'U]"
_WEIGHTS: Final = ("truncated_fov", "wrong_protocol", "low_quality")
_FEW_VOXELS: Final = 50
_TUBE_KV: Final = (119.0, 121.0)


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a number is not plainly valid."""

    status: Literal["truncated_fov", "wrong_protocol", "low_quality"]
    en: str
    ru: str


@dataclass(frozen=True, slots=True)
class Found:
    """One measurement and the role of the structure that it belongs to."""

    structure: str
    measurement: Measurement


@dataclass(frozen=True, slots=True)
class Number:
    """A value with its unit and its picture."""

    value: float
    unit: str
    points: Sequence[Sequence[float]] | np.ndarray = ()
    names: tuple[str, ...] = ()
    uncertainty: Uncertainty | None = None
    remark: tuple[str, str] = ("", "")


def found(structure: str, kind: str, number: Number, doubts: Iterable[Doubt] = ()) -> Found:
    """A measurement with a value; the heaviest of the doubts is its status."""
    given = list(doubts)
    statuses = {doubt.status for doubt in given}
    status: MeasurementStatus = next((s for s in _WEIGHTS if s in statuses), "valid")
    ordered = sorted(given, key=lambda doubt: _WEIGHTS.index(doubt.status))
    en = " ".join(filter(None, [*(doubt.en for doubt in ordered), number.remark[0]]))
    ru = " ".join(filter(None, [*(doubt.ru for doubt in ordered), number.remark[1]]))
    points = tuple((float(p[0]), float(p[1]), float(p[2])) for p in number.points)
    return Found(
        structure,
        Measurement(
            kind, float(number.value), number.unit, METHODS[kind], status, en,
            points_lps=points, point_names=number.names, uncertainty=number.uncertainty,
            note_ru=ru,
        ),
    )  # fmt: skip


def absent(structure: str, kind: str, unit: str, why: tuple[str, str] = ("", "")) -> Found:
    """There is no such structure, or the level is not in the image."""
    en, ru = why if why[0] else ("It has no voxel in the mask.", "В маске нет ни одного вокселя.")
    return Found(structure, Measurement(kind, None, unit, METHODS[kind], "absent", en, note_ru=ru))


def failed(structure: str, kind: str, unit: str, why: tuple[str, str]) -> Found:
    """It could not be measured; ``why`` is English and Russian."""
    return Found(
        structure, Measurement(kind, None, unit, METHODS[kind], "failed", why[0], note_ru=why[1])
    )


def whole(*structures: Structure | None) -> list[Doubt]:
    """Doubts about structures that are cut by the border, or are a few voxels only."""
    doubts = []
    given = [one for one in structures if one is not None]
    if any(one.is_truncated for one in given):
        doubts.append(
            Doubt(
                "truncated_fov",
                "The structure reaches the border of the image.",
                "Структура доходит до края изображения.",
            )
        )
    smallest = min((one.voxels for one in given), default=_FEW_VOXELS)
    if smallest < _FEW_VOXELS:
        doubts.append(
            Doubt(
                "low_quality",
                f"Few voxels in the mask: {smallest}.",
                f"Мало вокселей в маске: {smallest}.",
            )
        )
    return doubts


def judged(holds: bool | None, broken: tuple[str, str], unknown: tuple[str, str]) -> list[Doubt]:
    """No doubt where a condition holds; ``None`` means that nothing is known about it."""
    if holds:
        return []
    if holds is None:
        return [Doubt("low_quality", *unknown)]
    return [Doubt("wrong_protocol", *broken)]


def unenhanced(anatomy: Anatomy) -> list[Doubt]:
    """The image has to be taken without contrast medium."""
    contrast = anatomy.protocol.contrast
    return judged(
        None if contrast is None else not contrast,
        ("With contrast medium.", "С контрастным веществом."),
        ("Contrast medium: not known.", "Контрастирование: неизвестно."),
    )


def at_120_kv(anatomy: Anatomy) -> list[Doubt]:
    """Densities are defined at 120 kV."""
    kv = anatomy.protocol.tube_kv
    shown = "" if kv is None else f"{kv:g}"
    return judged(
        None if kv is None else _TUBE_KV[0] <= kv <= _TUBE_KV[1],
        (f"Tube voltage {shown} kV, defined at 120 kV.", f"Напряжение {shown} кВ вместо 120 кВ."),
        ("Tube voltage: not known.", "Напряжение на трубке: неизвестно."),
    )


def thin(anatomy: Anatomy, limit_mm: float) -> list[Doubt]:
    """Slices up to ``limit_mm``: the given thickness, and the spacing of the grid."""
    coarse = max(anatomy.geometry.spacing_ijk)
    thickness = max(anatomy.protocol.slice_mm or 0.0, coarse)
    if thickness <= limit_mm + 0.01:
        return []
    return [
        Doubt(
            "wrong_protocol",
            f"Slices of {thickness:.3g} mm, defined up to {limit_mm:g} mm.",
            f"Срезы {number_ru(thickness, '.3g')} мм, определено до {number_ru(limit_mm)} мм.",
        )
    ]


def no_values(anatomy: Anatomy) -> tuple[str, str] | None:
    """Why there are no Hounsfield units to measure, or None."""
    if anatomy.values is None:
        return "There are no image values.", "Нет значений изображения."
    if anatomy.quantity != "HU":
        return "The values are not Hounsfield units.", "Значения — не единицы Хаунсфилда."
    return None
