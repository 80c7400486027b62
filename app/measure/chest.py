"""Lungs, effusions, nodules and the cardiothoracic ratio of lines: ``lung-volume@1``,
``lung-density@1``, ``effusion-volume@1``, ``nodule-axes@1``, ``nodule-volume@1``,
``cardiothoracic-lines@1``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from app.core.measurement import Measurement, Uncertainty
from app.measure.anatomy import Anatomy, Structure, main_part
from app.measure.diameters import in_plane_axes
from app.measure.methods import METHODS
from app.measure.outcome import (
    HU,
    Doubt,
    Found,
    Number,
    absent,
    failed,
    found,
    judged,
    no_values,
    thin,
    unenhanced,
    whole,
)  # fmt: skip
from app.measure.volume_stats import low_attenuation_percent

HAA_RANGE_HU: Final = (-600.0, -250.0)
DENSITY_SLICE_MM: Final = 1.5
NODULE_SLICE_MM: Final = 1.5
# 95 % limits of agreement of the volume in repeated low-dose scans (copilot-practice 3.2)
NODULE_REPEATABILITY: Final = 0.27
_LOBES: Final = (
    "lung_upper_lobe_left", "lung_lower_lobe_left",
    "lung_upper_lobe_right", "lung_middle_lobe_right", "lung_lower_lobe_right",
)  # fmt: skip
_LUNGS: Final = ("lungs", "lung_right", "lung_left")


def lung_volumes(anatomy: Anatomy) -> list[Found]:
    """Volumes of both lungs, each lung and each lobe in mL; the share of each lung in percent."""
    rows = []
    inspired = judged(
        anatomy.protocol.inspiration,
        ("Not in full inspiration.", "Не на полном вдохе."),
        ("Depth of inspiration: not known.", "Глубина вдоха: неизвестна."),
    )
    for role in (*_LUNGS, *_LOBES):
        if not anatomy.is_named(role):
            continue
        lung = _without_trachea(anatomy, role)
        if lung is None:
            rows.append(absent(role, "lung_volume", "mL"))
            continue
        rows.append(
            found(role, "lung_volume", Number(lung.volume_ml, "mL"), [*whole(lung), *inspired])
        )
    sides = [_without_trachea(anatomy, role) for role in ("lung_right", "lung_left")]
    right, left = sides
    if right is not None and left is not None:
        total = right.volume_ml + left.volume_ml
        for lung in (right, left):
            share = Number(100.0 * lung.volume_ml / total, "%")
            rows.append(found(lung.role, "lung_share", share, [*whole(right, left), *inspired]))
    return rows


def lung_density(anatomy: Anatomy) -> list[Found]:
    """LAA-950, 15th percentile and HAA of both lungs and of each."""
    units = {"lung_laa950": "%", "lung_perc15": HU, "lung_haa": "%"}
    rows = []
    for role in _LUNGS:
        if not anatomy.is_named(role):
            continue
        lung, missing = _without_trachea(anatomy, role), no_values(anatomy)
        if lung is None:
            rows += [absent(role, kind, unit) for kind, unit in units.items()]
            continue
        values = None if missing else anatomy.values_in(lung)
        if values is None or values.size == 0:
            why = missing or ("There is only padding inside.", "Внутри только заполнение.")
            rows += [failed(role, kind, unit, why) for kind, unit in units.items()]
            continue
        low, high = HAA_RANGE_HU
        dense = 100.0 * float(np.mean((values >= low) & (values <= high)))
        doubts = [*whole(lung), *density_doubts(anatomy)]
        rows += [
            found(role, "lung_laa950", Number(low_attenuation_percent(values), "%"), doubts),
            found(role, "lung_perc15", Number(float(np.percentile(values, 15.0)), HU), doubts),
            found(role, "lung_haa", Number(dense, "%"), doubts),
        ]
    return rows


def density_doubts(anatomy: Anatomy) -> list[Doubt]:
    """Thin slices, a soft kernel, full inspiration, no contrast medium."""
    kernel = anatomy.protocol.kernel
    return [
        *thin(anatomy, DENSITY_SLICE_MM),
        *judged(
            None if not kernel else kernel == "soft",
            ("A sharp kernel.", "Жёсткое ядро реконструкции."),
            ("Reconstruction kernel: not known.", "Ядро реконструкции: неизвестно."),
        ),
        *judged(
            anatomy.protocol.inspiration,
            ("Not in full inspiration.", "Не на полном вдохе."),
            ("Depth of inspiration: not known.", "Глубина вдоха: неизвестна."),
        ),
        *unenhanced(anatomy),
    ]


def _without_trachea(anatomy: Anatomy, role: str) -> Structure | None:
    lung = anatomy.structure(role)
    if lung is None:
        return None
    mask = lung.mask & ~anatomy.mask_in("trachea", lung) & ~anatomy.mask_in("bronchi", lung)
    return lung.with_mask(mask) if mask.any() else None


def effusions(anatomy: Anatomy) -> list[Found]:
    """Volume of pleural fluid per side, or of all where the sides are one mask."""
    rows = []
    sides = ("pleural_effusion_right", "pleural_effusion_left")
    roles = [role for role in sides if anatomy.is_named(role)] or ["pleural_effusion"]
    for role in roles:
        fluid = anatomy.structure(role)
        if fluid is None:
            rows.append(absent(role, "effusion_volume", "mL"))
        else:
            rows.append(found(role, "effusion_volume", Number(fluid.volume_ml, "mL"), whole(fluid)))
    return rows


def nodule(anatomy: Anatomy) -> list[Found]:
    """Axes, mean diameter, volume and effective diameter of a nodule."""
    units = {
        "nodule_long_axis": "mm", "nodule_short_axis": "mm", "nodule_mean_diameter": "mm",
        "nodule_volume": "mm3", "nodule_effective_diameter": "mm",
    }  # fmt: skip
    lesion = anatomy.structure("nodule")
    if lesion is None:
        return [absent("nodule", kind, unit) for kind, unit in units.items()]
    largest = main_part(lesion)
    long, short = nodule_axes(largest)
    doubts = [*thin(anatomy, NODULE_SLICE_MM)]
    doubts += [doubt for doubt in whole(lesion) if doubt.status == "truncated_fov"]
    volume = lesion.volume_ml * 1000.0
    spread = Uncertainty(
        "95 % limits of agreement of repeated scans, plus or minus 27 %",
        volume * (1.0 - NODULE_REPEATABILITY),
        volume * (1.0 + NODULE_REPEATABILITY),
    )
    mean = (long[0] + short[0]) / 2.0
    both = np.concatenate([long[1], short[1]])
    return [
        found("nodule", "nodule_long_axis", Number(long[0], "mm", long[1]), doubts),
        found("nodule", "nodule_short_axis", Number(short[0], "mm", short[1]), doubts),
        found("nodule", "nodule_mean_diameter", Number(mean, "mm", both), doubts),
        found("nodule", "nodule_volume", Number(volume, "mm3", uncertainty=spread), doubts),
        found(
            "nodule", "nodule_effective_diameter",
            Number(float((6.0 * volume / np.pi) ** (1.0 / 3.0)), "mm"), doubts,
        ),
    ]  # fmt: skip


def nodule_axes(
    lesion: Structure,
) -> tuple[tuple[float, npt.NDArray[np.float64]], tuple[float, npt.NDArray[np.float64]]]:
    """Long and short axis (mm, ends LPS): the longest in any of the three planes of the grid, and
    the longest perpendicular to it in the same plane.
    """
    best: tuple[Any, ...] = (-1.0,)
    spacing = lesion.geometry.spacing_ijk
    for axis in range(3):  # the array axis that is stepped through
        rest = [n for n in range(3) if n != axis]
        planes = np.moveaxis(lesion.mask, axis, 0)
        in_plane = (spacing[2 - rest[1]], spacing[2 - rest[0]])
        axes = in_plane_axes(planes.astype(np.uint8), in_plane)
        if axes is not None and axes.long_mm > best[0]:
            best = (axes.long_mm, axes, axis, rest)
    _, axes, axis, rest = best
    placed = []
    for flat in (axes.long_ijk, axes.short_ijk):
        index = np.zeros((2, 3))
        index[:, 2 - rest[1]], index[:, 2 - rest[0]] = flat[:, 0], flat[:, 1]
        index[:, 2 - axis] = flat[:, 2]
        placed.append(lesion.geometry.ijk_to_lps(index))
    return (axes.long_mm, placed[0]), (axes.short_mm, placed[1])


def cardiothoracic_of_lines(
    heart: Sequence[Sequence[float]],
    thorax: Sequence[Sequence[float]],
    *,
    view_position: str = "",
    supine: bool | None = None,
) -> Measurement:
    """Cardiothoracic ratio of two lines that the reader drew; each is two points (x, y[, z]).

    Both lie in one frame: LPS, or pixels of one film with square pixels. The heart's transverse
    extent is the part of its line along the line across the thorax.
    """
    kind = "cardiothoracic_ratio_of_lines"
    ends = [np.asarray(line, dtype=np.float64) for line in (heart, thorax)]
    width = float(np.linalg.norm(ends[1][1] - ends[1][0]))
    if width == 0.0:
        why = "The line across the thorax has no length."
        return Measurement(
            kind, None, "1", METHODS[kind], "failed", why,
            note_ru="Линия поперёк грудной клетки не имеет длины.",
        )  # fmt: skip
    across = (ends[1][1] - ends[1][0]) / width
    value = abs(float((ends[0][1] - ends[0][0]) @ across)) / width
    comparable = view_position.upper() == "PA" and not supine
    note = "" if comparable else "Not comparable with the limit of an erect PA film."
    note_ru = "" if comparable else "Не сравнимо с границей для прямого снимка стоя (PA)."
    flat = np.concatenate(ends)
    depth = flat[:, 2] if flat.shape[1] > 2 else np.zeros(len(flat))
    points = tuple((float(p[0]), float(p[1]), float(z)) for p, z in zip(flat, depth, strict=True))
    return Measurement(
        kind, value, "1", METHODS[kind], "valid" if comparable else "wrong_protocol", note,
        points_lps=points, note_ru=note_ru,
        point_names=("heart_first", "heart_second", "thorax_first", "thorax_second"),
    )  # fmt: skip
