"""Liver, spleen, kidneys, adrenals and stones: ``liver-hu@1``, ``liver-spleen-difference@1``,
``organ-volume@1``, ``spleen-length@1``, ``kidney-length@1``, ``adrenal-hu@1``, ``stone@1``.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from app.core.measurement import Measurement
from app.measure.anatomy import Anatomy, Structure, main_part
from app.measure.diameters import max_diameter_3d
from app.measure.methods import METHODS
from app.measure.outcome import (
    HU,
    Found,
    Number,
    absent,
    at_120_kv,
    failed,
    found,
    no_values,
    thin,
    unenhanced,
    whole,
)  # fmt: skip
from app.measure.solid import eroded, extent_along, main_axes

LIVER_EROSION_MM: Final = 5.0
SPLEEN_EROSION_MM: Final = 5.0
ADRENAL_EROSION_MM: Final = 2.0
STONE_SLICE_MM: Final = 3.0
_KIDNEYS: Final = ("kidney_right", "kidney_left")
_ADRENALS: Final = ("adrenal_gland_right", "adrenal_gland_left")
_TOO_SMALL: Final = (
    "Nothing is left of the structure inside of its edge.",
    "Внутри края структуры ничего не остаётся.",
)


def liver(anatomy: Anatomy) -> list[Found]:
    """Median and interquartile range of the liver's HU; liver minus spleen."""
    units = {"liver_hu": HU, "liver_hu_iqr": HU, "liver_spleen_difference": HU}
    organ = anatomy.structure("liver")
    if organ is None:
        return [absent("liver", kind, unit) for kind, unit in units.items()]
    values = _parenchyma(anatomy, organ, LIVER_EROSION_MM)
    if isinstance(values, tuple):
        return [failed("liver", kind, unit, values) for kind, unit in units.items()]
    # a median needs no whole organ: a cut liver is measured where it is
    doubts = [*unenhanced(anatomy), *at_120_kv(anatomy)]
    low, middle, high = (float(n) for n in np.percentile(values, [25.0, 50.0, 75.0]))
    rows = [
        found("liver", "liver_hu", Number(middle, HU), doubts),
        found("liver", "liver_hu_iqr", Number(high - low, HU), doubts),
    ]
    spleen = anatomy.structure("spleen")
    if spleen is None:
        return [*rows, absent("liver", "liver_spleen_difference", HU)]
    other = _parenchyma(anatomy, spleen, SPLEEN_EROSION_MM)
    if isinstance(other, tuple):
        return [*rows, failed("liver", "liver_spleen_difference", HU, other)]
    difference = Number(middle - float(np.median(other)), HU)
    return [*rows, found("liver", "liver_spleen_difference", difference, doubts)]


def _parenchyma(
    anatomy: Anatomy, organ: Structure, by_mm: float
) -> npt.NDArray[np.float64] | tuple[str, str]:
    """HU inside of the edge, without vessels and lesions that have a mask; else why there is none.

    Vessels without a mask stay in; the median hardly sees them.
    """
    missing = no_values(anatomy)
    if missing is not None:
        return missing
    inner = eroded(organ, by_mm)
    mask = inner.mask.copy()
    for role in ("portal_vein_and_splenic_vein", "inferior_vena_cava", "liver_vessels",
                 "gallbladder", f"{organ.role}_lesion"):  # fmt: skip
        mask &= ~anatomy.mask_in(role, organ)
    values = anatomy.values_in(organ.with_mask(mask))
    return np.asarray(values, dtype=np.float64) if values.size else _TOO_SMALL


def organ_volumes(anatomy: Anatomy) -> list[Found]:
    """Volumes of liver, spleen and kidneys in mL."""
    rows = []
    for role, kind in (
        ("liver", "liver_volume"), ("spleen", "spleen_volume"),
        ("kidney_right", "kidney_volume"), ("kidney_left", "kidney_volume"),
    ):  # fmt: skip
        if not anatomy.is_named(role):
            continue
        organ = anatomy.structure(role)
        if organ is None:
            rows.append(absent(role, kind, "mL"))
        else:
            rows.append(found(role, kind, Number(organ.volume_ml, "mL"), whole(organ)))
    return rows


def spleen_length(anatomy: Anatomy) -> list[Found]:
    """The largest distance between two points of the spleen's surface, in any direction, in cm."""
    organ = anatomy.structure("spleen")
    if organ is None:
        return [absent("spleen", "spleen_length", "cm")]
    largest = main_part(organ)
    measured = max_diameter_3d(largest.mask, largest.geometry.spacing_ijk)
    if measured is None:
        return [absent("spleen", "spleen_length", "cm")]
    ends = largest.geometry.ijk_to_lps(measured[1])
    return [found("spleen", "spleen_length", Number(measured[0] / 10.0, "cm", ends), whole(organ))]


def kidney_length(anatomy: Anatomy) -> list[Found]:
    """Pole to pole along the kidney's own main axis in space; cysts with a mask are left out."""
    rows = []
    for role in _KIDNEYS:
        if not anatomy.is_named(role):
            continue
        organ = anatomy.structure(role)
        if organ is None:
            rows.append(absent(role, "kidney_length", "mm"))
            continue
        largest = main_part(organ)
        axis = main_axes(largest.points_lps())[0]
        length, ends = extent_along(largest, axis)
        middle = largest.centroid_lps()
        along = middle + ((ends - middle) @ axis)[:, None] * axis
        rows.append(found(role, "kidney_length", Number(length, "mm", along), whole(organ)))
    return rows


def adrenals(anatomy: Anatomy) -> list[Found]:
    """Mean HU of each adrenal gland or nodule inside of its edge."""
    rows = []
    for role in (*_ADRENALS, "adrenal_nodule"):
        if not anatomy.is_named(role):
            continue
        organ, missing = anatomy.structure(role), no_values(anatomy)
        if organ is None:
            rows.append(absent(role, "adrenal_hu", HU))
        elif missing is not None:
            rows.append(failed(role, "adrenal_hu", HU, missing))
        else:
            inner = eroded(organ, ADRENAL_EROSION_MM)
            values = anatomy.values_in(inner)
            if values.size < 3:
                rows.append(failed(role, "adrenal_hu", HU, _TOO_SMALL))
                continue
            number = Number(float(values.mean(dtype=np.float64)), HU)
            rows.append(
                found(role, "adrenal_hu", number, [*unenhanced(anatomy), *at_120_kv(anatomy)])
            )
    return rows


def stones(anatomy: Anatomy) -> list[Found]:
    """Largest diameter, volume, mean and highest HU of a stone."""
    units = {"stone_diameter": "mm", "stone_volume": "mm3", "stone_mean_hu": HU, "stone_max_hu": HU}
    stone = anatomy.structure("stone")
    if stone is None:
        return [absent("stone", kind, unit) for kind, unit in units.items()]
    doubts = [
        *unenhanced(anatomy),
        *thin(anatomy, STONE_SLICE_MM),
        *(doubt for doubt in whole(stone) if doubt.status == "truncated_fov"),
    ]
    measured = max_diameter_3d(stone.mask, stone.geometry.spacing_ijk)
    if measured is None:
        return [absent("stone", kind, unit) for kind, unit in units.items()]
    ends = stone.geometry.ijk_to_lps(measured[1])
    rows = [
        found("stone", "stone_diameter", Number(measured[0], "mm", ends), doubts),
        found("stone", "stone_volume", Number(stone.volume_ml * 1000.0, "mm3"), doubts),
    ]
    missing = no_values(anatomy)
    if missing is not None:
        return rows + [failed("stone", kind, HU, missing) for kind in list(units)[2:]]
    values = anatomy.values_in(stone).astype(np.float64)
    return [
        *rows,
        found("stone", "stone_mean_hu", Number(float(values.mean()), HU), doubts),
        found("stone", "stone_max_hu", Number(float(values.max()), HU), doubts),
    ]


def adrenal_washout(
    unenhanced_hu: float | None, enhanced_hu: float, delayed_hu: float
) -> tuple[Measurement, Measurement]:
    """Absolute ((E-D)/(E-U)) and relative ((E-D)/E) washout in percent, phases of one session.

    ``failed`` where the node did not take up contrast medium: then there is nothing to wash out.
    """
    rows = []
    base = None if unenhanced_hu is None else enhanced_hu - unenhanced_hu
    for kind, divisor in (
        ("adrenal_washout_absolute", base), ("adrenal_washout_relative", enhanced_hu),
    ):  # fmt: skip
        if divisor is None or divisor <= 0.0:
            why = (
                ("There is no unenhanced phase.", "Нет нативной фазы.")
                if divisor is None
                else ("There is no enhancement.", "Нет накопления контраста.")
            )
            rows.append(
                Measurement(kind, None, "%", METHODS[kind], "failed", why[0], note_ru=why[1])
            )
        else:
            value = 100.0 * (enhanced_hu - delayed_hu) / divisor
            rows.append(Measurement(kind, value, "%", METHODS[kind]))
    return rows[0], rows[1]
