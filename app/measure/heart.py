"""Coronary calcium, epicardial fat and the ratio of the ventricles: ``agatston@1`` (of named
structures), ``calcium-volume@1``, ``epicardial-fat@1``, ``rv-lv-axial@1``.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from app.core.message import number_ru
from app.imaging.labelmap import connected_components
from app.measure import calcium
from app.measure.anatomy import Anatomy, Structure, main_part
from app.measure.outcome import (
    Doubt,
    Found,
    Number,
    absent,
    at_120_kv,
    failed,
    found,
    judged,
    no_values,
    unenhanced,
    whole,
)  # fmt: skip
from app.measure.solid import face_points, main_axes

EPICARDIAL_FAT_HU: Final = (-190.0, -30.0)
# bounds of the Agatston categories (none, mild, moderate, severe): copilot-practice 3.3
_GRADES: Final = (
    (0.0, "none", "нет"), (100.0, "mild", "лёгкий"), (400.0, "moderate", "умеренный"),
    (np.inf, "severe", "тяжёлый"),
)  # fmt: skip
_KINDS: Final = {"coronary_agatston": "1", "coronary_calcium_volume": "mm3"}


def coronary_calcium(anatomy: Anatomy) -> list[Found]:
    """Agatston score and volume of the calcium in the coronary arteries.

    Outside of the protocol (2.5 to 3 mm, gated, unenhanced, 120 kV) the number is ordinal only:
    the note names the grade.
    """
    role = "coronary_calcium" if anatomy.is_named("coronary_calcium") else "coronary_arteries"
    arteries, missing = anatomy.structure(role), no_values(anatomy)
    if arteries is None:
        return [absent(role, kind, unit) for kind, unit in _KINDS.items()]
    if missing is not None:
        return [failed(role, kind, unit, missing) for kind, unit in _KINDS.items()]
    values = anatomy.values_around(arteries)
    spacing = anatomy.geometry.spacing_ijk
    score = calcium.agatston_score(arteries.mask, values, spacing)
    doubts = [*_slice_doubts(spacing[2]), *_gating_doubts(anatomy), *unenhanced(anatomy),
              *at_120_kv(anatomy)]  # fmt: skip
    remark = ("", "")
    if doubts:
        _, en, ru = next(grade for grade in _GRADES if score <= grade[0])
        remark = f"Ordinal only: {en}.", f"Только порядковая оценка: {ru}."
    volume = calcium_volume_mm3(arteries.mask, values, spacing)
    return [
        found(role, "coronary_agatston", Number(score, "1", remark=remark), doubts),
        found(role, "coronary_calcium_volume", Number(volume, "mm3"), doubts),
    ]


def calcium_volume_mm3(
    mask: npt.NDArray[np.bool_],
    values: npt.NDArray[np.generic],
    spacing_ijk: tuple[float, float, float],
) -> float:
    """Volume of the lesions that count for the Agatston score, ``[k, j, i]``."""
    dense = np.asarray(mask) & (np.asarray(values) >= calcium.THRESHOLD_HU)
    pixel = spacing_ijk[0] * spacing_ijk[1]
    total = 0
    for k in np.flatnonzero(dense.any(axis=(1, 2))):
        _, counts = connected_components(dense[k][None])
        total += sum(count for count in counts if count * pixel >= calcium.MIN_AREA_MM2)
    return total * pixel * spacing_ijk[2]


def _slice_doubts(increment_mm: float) -> list[Doubt]:
    if calcium.fits_protocol(increment_mm):
        return []
    return [
        Doubt(
            "wrong_protocol",
            f"Slices of {increment_mm:.3g} mm, defined for 2.5 to 3 mm.",
            f"Срезы {number_ru(increment_mm, '.3g')} мм, определено для 2,5–3 мм.",
        )
    ]


def _gating_doubts(anatomy: Anatomy) -> list[Doubt]:
    return judged(
        anatomy.protocol.gated,
        ("Without ECG gating.", "Без синхронизации с ЭКГ."),
        ("ECG gating: not known.", "Синхронизация с ЭКГ: неизвестна."),
    )


def epicardial_fat(anatomy: Anatomy) -> list[Found]:
    """Fat inside of the pericardial sac, and per body surface."""
    role, units = "pericardium", {"epicardial_fat_volume": "mL", "epicardial_fat_index": "mL/m2"}
    sac, missing = anatomy.structure(role), no_values(anatomy)
    if sac is None:
        return [absent(role, kind, unit) for kind, unit in units.items()]
    if missing is not None:
        return [failed(role, kind, unit, missing) for kind, unit in units.items()]
    values = anatomy.values_in(sac)
    low, high = EPICARDIAL_FAT_HU
    count = int(((values >= low) & (values <= high)).sum())
    volume = count * sac.geometry.voxel_volume_mm3 / 1000.0
    doubts = [*whole(sac), *unenhanced(anatomy)]
    rows = [found(role, "epicardial_fat_volume", Number(volume, "mL"), doubts)]
    surface = anatomy.person.body_surface_m2
    if surface is None:
        unknown = "Height or weight is not known.", "Рост или вес неизвестен."
        return [*rows, failed(role, "epicardial_fat_index", "mL/m2", unknown)]
    return [*rows, found(role, "epicardial_fat_index", Number(volume / surface, "mL/m2"), doubts)]


def ventricles(anatomy: Anatomy) -> list[Found]:
    """Largest width of the right over that of the left ventricle, across the left one's axis."""
    kind = "rv_lv_ratio"
    right, left = (anatomy.structure(f"heart_ventricle_{side}") for side in ("right", "left"))
    if right is None or left is None:
        lacking = "heart_ventricle_right" if right is None else "heart_ventricle_left"
        return [absent(lacking, kind, "1")]
    axis = main_axes(left.points_lps())[0].copy()
    axis[2] = 0.0
    if np.linalg.norm(axis) < 0.3:  # the ventricle stands upright: no axis in the axial plane
        why = "The left ventricle has no axis in the axial plane.", "Ось левого желудочка не лежит."
        return [failed("heart_ventricle_right", kind, "1", why)]
    axis /= np.linalg.norm(axis)
    across = np.asarray([-axis[1], axis[0], 0.0])
    widths = [_widest(main_part(one), axis, across) for one in (right, left)]
    contrast = anatomy.protocol.contrast
    doubts = [*whole(right, left), *judged(
        contrast,
        ("Without contrast medium.", "Без контрастного вещества."),
        ("Contrast medium: not known.", "Контрастирование: неизвестно."),
    )]  # fmt: skip
    points = np.concatenate([ends for _, ends in widths])
    names = ("right_first", "right_second", "left_first", "left_second")
    ratio = Number(widths[0][0] / widths[1][0], "1", points, names)
    return [found("heart_ventricle_right", kind, ratio, doubts)]


def _widest(
    structure: Structure, axis: npt.NDArray[np.float64], across: npt.NDArray[np.float64]
) -> tuple[float, npt.NDArray[np.float64]]:
    """The longest line across the axis between two outermost faces on one height."""
    faces = face_points(structure.mask, structure.geometry)
    step = float(max(structure.geometry.spacing_ijk))
    cells = np.stack([np.round(faces @ axis / step), np.round(faces[:, 2] / step)], axis=1)
    _, number = np.unique(cells.astype(np.int64), axis=0, return_inverse=True)
    along = faces @ across
    groups = int(number.max()) + 1
    low, high = np.full(groups, np.inf), np.full(groups, -np.inf)
    np.minimum.at(low, number, along)
    np.maximum.at(high, number, along)
    best = int(np.argmax(high - low))
    own = faces[number == best]
    middle = own.mean(axis=0)
    middle -= (middle @ across) * across
    return float(high[best] - low[best]), np.stack(
        [middle + low[best] * across, middle + high[best] * across]
    )
