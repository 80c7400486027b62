"""Vertebral heights and trabecular density: ``vertebral-heights@1``, ``vertebral-height-loss@1``,
``vertebral-trabecular-hu@1``.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from app.measure.anatomy import Anatomy, Structure, main_part
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
    thin,
    whole,
)  # fmt: skip
from app.measure.solid import eroded
from app.measure.vertebra import (
    LEVELS,
    Frame,
    Heights,
    frame_of,
    heights_of,
    neighbours_of,
    role_of,
)  # fmt: skip

Float64Array = npt.NDArray[np.float64]
_HEIGHT_KINDS: Final = (
    "vertebral_anterior_height", "vertebral_middle_height", "vertebral_posterior_height",
)  # fmt: skip
_LOSS: Final = "vertebral_height_loss"
_LOSS_TO_NEIGHBOURS: Final = "vertebral_height_loss_to_neighbours"
_NAMES: Final = (
    "anterior_top", "anterior_bottom", "middle_top", "middle_bottom",
    "posterior_top", "posterior_bottom",
)  # fmt: skip
TRABECULAR_LEVELS: Final = ("l1", "t12", "l2")
FRACTURE_LOSS_PERCENT: Final = 20.0
CONTRAST_AGE_YEARS: Final = 40.0
HEIGHT_SLICE_MM: Final = 3.0
_DENSE_HU: Final = 700.0
_LEAST_VOXELS: Final = 20
_ROI_DEPTH: Final = (0.10, 0.55)
_ROI_HALF_WIDTH: Final = 0.6
_ROI_HALF_HEIGHT: Final = 0.25
_EROSION_MM: Final = 3.0
_CUT_BODY: Final = (
    "The vertebra is cut by the border of the image.",
    "Позвонок обрезан краем изображения.",
)
_NO_BODY: Final = (
    "The vertebral body was not found in the mask.",
    "Тело позвонка в маске не найдено.",
)


def heights(anatomy: Anatomy) -> list[Found]:
    """Heights and height loss of every thoracic and lumbar vertebra that is named."""
    measured = {level: _measured(anatomy, level) for level in LEVELS}
    rows: list[Found] = []
    for level in LEVELS:
        role = role_of(level)
        if not anatomy.is_named(role):
            continue
        structure = anatomy.structure(role)
        if structure is None:
            rows += _without(absent, role, None)
            continue
        own = measured[level]
        if own is None or _is_cut(structure):
            rows += _without(failed, role, _NO_BODY if own is None else _CUT_BODY)
            continue
        frame, three = own
        doubts = [*whole(structure), *thin(anatomy, HEIGHT_SLICE_MM), *_axis_doubt(frame)]
        for kind, value, ends in zip(_HEIGHT_KINDS, three.values, three.ends_lps, strict=True):
            rows.append(found(role, kind, Number(value, "mm", ends), doubts))
        loss = 100.0 * (1.0 - min(three.values) / max(three.values))
        six = three.ends_lps.reshape(6, 3)
        rows.append(found(role, _LOSS, Number(loss, "%", six, _NAMES), doubts))
        rows.append(_to_neighbours(anatomy, level, measured, doubts))
    return rows


def _is_cut(structure: Structure) -> bool:
    """Whether it touches the border: of a body that goes on outside there is no height."""
    box = structure.box
    return any(
        occupied.start == 0 or occupied.stop == length
        for occupied, length in zip(box.slices_kji, structure.image_shape, strict=True)
    )


def _without(make: object, role: str, why: tuple[str, str] | None) -> list[Found]:
    units = dict.fromkeys(_HEIGHT_KINDS, "mm") | {_LOSS: "%", _LOSS_TO_NEIGHBOURS: "%"}
    if make is absent:
        return [absent(role, kind, unit) for kind, unit in units.items()]
    return [failed(role, kind, unit, why or _NO_BODY) for kind, unit in units.items()]


def _measured(anatomy: Anatomy, level: str) -> tuple[Frame, Heights] | None:
    structure = anatomy.structure(role_of(level))
    frame = frame_of(anatomy, level)
    three = None if structure is None or frame is None else heights_of(structure, frame)
    return None if frame is None or three is None else (frame, three)


def _axis_doubt(frame: Frame) -> list[Doubt]:
    if frame.is_axis_known:
        return []
    return [
        Doubt(
            "low_quality",
            "No neighbouring vertebra: the axis of the patient was taken.",
            "Нет соседнего позвонка: взята ось пациента.",
        )
    ]


def _to_neighbours(
    anatomy: Anatomy,
    level: str,
    measured: dict[str, tuple[Frame, Heights] | None],
    doubts: list[Doubt],
) -> Found:
    """Each height against the mean of the same height of the neighbours that are whole."""
    role, own = role_of(level), measured[level]
    others = []
    for other in neighbours_of(level):
        entry = measured.get(other or "")
        structure = anatomy.structure(role_of(other)) if other else None
        if entry is not None and structure is not None and not _is_cut(structure):
            others.append(entry[1].values)
    if not others or own is None:
        return failed(
            role, _LOSS_TO_NEIGHBOURS, "%",
            ("No whole neighbouring vertebra.", "Нет целого соседнего позвонка."),
        )  # fmt: skip
    shares = np.asarray(own[1].values) / np.mean(others, axis=0)
    six = own[1].ends_lps.reshape(6, 3)
    number = Number(100.0 * (1.0 - float(shares.min())), "%", six, _NAMES)
    return found(role, _LOSS_TO_NEIGHBOURS, number, doubts)


def trabecular(anatomy: Anatomy) -> list[Found]:
    """Mean HU of the front middle part of L1, else of T12, else of L2."""
    kind = "l1_trabecular_hu"
    named = [level for level in TRABECULAR_LEVELS if anatomy.is_named(role_of(level))]
    present = [level for level in named if anatomy.present(role_of(level))]
    if not present:
        return [absent(role_of("l1"), kind, HU)]
    missing = no_values(anatomy)
    if missing is not None:
        return [failed(role_of(present[0]), kind, HU, missing)]
    reasons: list[tuple[str, str]] = []
    for level in present:
        result = _trabecular_of(anatomy, level)
        if isinstance(result, Number):
            doubts = [*at_120_kv(anatomy), *_contrast_doubts(anatomy), *_numbering_doubts(anatomy)]
            return [found(role_of(level), kind, _with_level(result, level, reasons), doubts)]
        reasons.append(result)
    why = " ".join(en for en, _ in reasons), " ".join(ru for _, ru in reasons)
    return [failed(role_of(present[0]), kind, HU, why)]


def _with_level(number: Number, level: str, reasons: list[tuple[str, str]]) -> Number:
    if level == "l1":
        return number
    en = " ".join([f"Measured on {level.upper()}.", *(reason[0] for reason in reasons)])
    ru = " ".join([f"Измерено на {level.upper()}.", *(reason[1] for reason in reasons)])
    return Number(number.value, number.unit, number.points, remark=(en, ru))


def _trabecular_of(anatomy: Anatomy, level: str) -> Number | tuple[str, str]:
    """Mean HU of one body, or why it was passed over."""
    name = level.upper()
    structure = anatomy.structure(role_of(level))
    own = _measured(anatomy, level)
    if structure is None or own is None:
        return f"{name}: the body was not found.", f"{name}: тело не найдено."
    if structure.is_truncated:
        return f"{name} is cut by the border.", f"{name} обрезан краем."
    frame, three = own
    if 100.0 * (1.0 - min(three.values) / max(three.values)) >= FRACTURE_LOSS_PERCENT:
        return f"{name} has lost height.", f"{name} потерял высоту."
    region = _region(structure, frame, three)
    values = anatomy.values_in(region).astype(np.float64)
    if values.size < _LEAST_VOXELS:
        return (
            f"{name}: too few voxels inside of the body.",
            f"{name}: слишком мало вокселей внутри тела.",
        )
    if float(values.max()) > _DENSE_HU:
        return (
            f"{name} holds parts over {_DENSE_HU:.0f} HU (metal, cement, sclerosis).",
            f"В {name} есть участки выше {_DENSE_HU:.0f} HU (металл, цемент, склероз).",
        )
    return Number(float(values.mean()), HU, region.centroid_lps()[None])


def _region(structure: Structure, frame: Frame, three: Heights) -> Structure:
    """The voxels of the front middle part, at least 3 mm from the surface."""
    inner = eroded(main_part(structure), _EROSION_MM)
    places = np.argwhere(inner.mask)
    local = frame.local(inner.geometry.ijk_to_lps(places[:, ::-1]))
    share = (frame.front - local[:, 1]) / frame.depth
    right, left = frame.half_width
    middle = frame.local(three.ends_lps[1].mean(axis=0)[None])[0, 2]
    kept = (share >= _ROI_DEPTH[0]) & (share <= _ROI_DEPTH[1])
    kept &= (local[:, 0] >= -_ROI_HALF_WIDTH * right) & (local[:, 0] <= _ROI_HALF_WIDTH * left)
    kept &= np.abs(local[:, 2] - middle) <= _ROI_HALF_HEIGHT * three.values[1]
    mask = np.zeros_like(inner.mask)
    mask[tuple(places[kept].T)] = True
    return structure.with_mask(mask)


def _contrast_doubts(anatomy: Anatomy) -> list[Doubt]:
    """Contrast medium matters under 40 years (Jang 2019)."""
    age, contrast = anatomy.person.age_years, anatomy.protocol.contrast
    if contrast is False or (age is not None and age >= CONTRAST_AGE_YEARS):
        return []
    if contrast and age is not None:
        return [
            Doubt(
                "wrong_protocol",
                "With contrast medium under 40 years.",
                "С контрастом в возрасте до 40 лет.",
            )
        ]
    if contrast is None and age is not None:
        return [
            Doubt(
                "wrong_protocol",
                "Under 40 years, and whether with contrast medium is not known.",
                "Возраст до 40 лет, контрастирование неизвестно.",
            )
        ]
    return [Doubt("low_quality", "Age: not known.", "Возраст: неизвестен.")]


def _numbering_doubts(anatomy: Anatomy) -> list[Doubt]:
    """Whether the twelfth ribs meet the vertebra that is called T12."""
    agrees = numbering_agrees(anatomy)
    if agrees:
        return []
    if agrees is None:
        return [
            Doubt(
                "low_quality",
                "The numbering of the vertebrae was not checked against ribs.",
                "Нумерация позвонков не сверена с рёбрами.",
            )
        ]
    return [
        Doubt(
            "wrong_protocol",
            "The twelfth rib does not meet the vertebra called T12.",
            "Двенадцатое ребро не подходит к позвонку, названному T12.",
        )
    ]


def numbering_agrees(anatomy: Anatomy) -> bool | None:
    """Whether the head of a twelfth rib is nearest to T12; None without such a rib or vertebra."""
    vertebrae = {
        level: _some(structure.points_lps(), 2500)
        for level in ("t11", "t12", "l1", "l2")
        if (structure := anatomy.structure(role_of(level))) is not None
    }
    ribs = [
        structure
        for side in ("right", "left")
        if (structure := anatomy.structure(f"rib_12_{side}")) is not None
    ]
    if "t12" not in vertebrae or len(vertebrae) < 2 or not ribs:
        return None
    for rib in ribs:
        points = _some(rib.points_lps(), 150)
        nearest = {
            level: float(((points[:, None] - own[None]) ** 2).sum(axis=2).min())
            for level, own in vertebrae.items()
        }
        if min(nearest, key=lambda level: nearest[level]) != "t12":
            return False
    return True


def _some(points: Float64Array, most: int) -> Float64Array:
    """At most about so many of the points, evenly taken."""
    return points[:: max(1, len(points) // most)]
