"""The lungs in a CT: aerated lung with its vessels, trachea and main bronchi left out, sides apart.

Found on a coarse copy (axes L, P, S), with the surface drawn again at full resolution. Dense lung
(consolidation, collapse, mass) at the surface is not aerated and stays out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from app.imaging.labelmap import connected_components, fill_holes
from app.imaging.morphology import (
    closed,
    dilate,
    distance_inside,
    erode,
    filled_per_slice,
    split_by_markers,
)
from app.inference.analyses.airway import find_airway
from app.inference.analyses.body import Body, find_body
from app.inference.analyses.coarse import Coarse

BoolArray = npt.NDArray[np.bool_]
LUNG_HU: Final = -400.0
RIGHT: Final = 1
LEFT: Final = 2
_LEAST_ML: Final = 20.0
_CLOSING_MM: Final = 5.0
_BONE_HU: Final = 600.0
_ENHANCED_HU: Final = 90.0
_LEAST_BLOOD: Final = 200
_HOLE_MM2: Final = 300.0
_PARENCHYMA_HU: Final = (-960.0, -450.0)
_PURE_GAS_HU: Final = -960.0
_PURE_GAS_SHARE: Final = 0.6


@dataclass(frozen=True, slots=True)
class Lungs:
    """Label map ``[k, j, i]`` uint8 (1 right, 2 left) and airway on the coarse grid.

    ``has_airway``: whether a trachea was found. ``was_split``: the lungs touched and were cut
    apart, so the border between the sides is a guess over a few millimetres.
    """

    labels: npt.NDArray[np.uint8]
    airway: BoolArray
    has_airway: bool
    was_split: bool
    body: Body


def find_lungs(coarse: Coarse) -> Lungs | None:
    """Both lungs, or the one there is; None where there is no body or no aerated lung."""
    body = find_body(coarse)
    if body is None:
        return None
    airway = find_airway(coarse, body.trunk)
    central = np.zeros(coarse.hu.shape, np.bool_) if airway is None else airway
    air = body.trunk & (coarse.hu < LUNG_HU) & ~central
    # An outer shell of the body is partial volume of skin and air.
    air &= erode(body.trunk, 3.0, coarse.spacing_ijk)
    parts = _lung_parts(coarse, air, central)
    if not parts.any():
        return None
    labels, was_split = _sides(coarse, parts, body)
    return Lungs(
        _with_vessels(coarse, labels, central), central, airway is not None, was_split, body
    )


def lungs_at_full_resolution(
    lungs: Lungs, coarse: Coarse, hu: npt.NDArray[np.float32]
) -> npt.NDArray[np.uint8]:
    """The label map on the full grid: inside as found, the surface where HU cross ``LUNG_HU``."""
    inner = np.zeros(coarse.hu.shape, np.uint8)
    outer = np.zeros(coarse.hu.shape, np.uint8)
    reach = max(coarse.spacing_ijk)
    for side in (RIGHT, LEFT):
        one = lungs.labels == side
        inner[erode(one, reach, coarse.spacing_ijk)] = side
        outer[dilate(one, reach, coarse.spacing_ijk) & (outer == 0)] = side
    outer[lungs.labels > 0] = lungs.labels[lungs.labels > 0]
    outer[lungs.airway | ~lungs.body.trunk] = 0
    full = np.array(coarse.full(outer))
    full[(hu >= LUNG_HU) & (coarse.full(inner) == 0)] = 0
    return full


def _lung_parts(coarse: Coarse, air: BoolArray, central: BoolArray) -> BoolArray:
    """Components of the air that look like lung; gas of bowel, stomach and pleura does not."""
    numbers, counts = connected_components(air)
    beside_airway = dilate(central, 2.0 * max(coarse.spacing_ijk), coarse.spacing_ijk)
    kept = np.zeros(air.shape, np.bool_)
    for number, count in enumerate(counts, start=1):
        if count * coarse.voxel_ml < _LEAST_ML:
            break
        part = numbers == number
        if _is_lung(coarse, part, touches_airway=bool((part & beside_airway).any())):
            kept |= part
    return kept


def _is_lung(coarse: Coarse, part: BoolArray, *, touches_airway: bool) -> bool:
    """By density: lung is a mixture of gas and tissue, gas of the bowel is pure."""
    core = erode(part, max(coarse.spacing_ijk), coarse.spacing_ijk)
    values = coarse.hu[core if core.any() else part]
    middle = float(np.median(values))
    pure = float(np.mean(values < _PURE_GAS_HU))
    if not _PARENCHYMA_HU[0] < middle < _PARENCHYMA_HU[1]:
        return touches_airway and pure < _PURE_GAS_SHARE
    return touches_airway or pure < _PURE_GAS_SHARE / 2


def _sides(coarse: Coarse, parts: BoolArray, body: Body) -> tuple[npt.NDArray[np.uint8], bool]:
    """Right and left by component; what holds both is cut at its narrowest place."""
    middle = _middle_i(coarse, body)
    numbers, counts = connected_components(parts)
    labels = np.zeros(parts.shape, np.uint8)
    was_split = False
    for number in range(1, len(counts) + 1):
        part = numbers == number
        right = _share_right_of(part, middle)
        if 0.15 < right < 0.85 and counts[number - 1] * coarse.voxel_ml > 12 * _LEAST_ML:
            cut = _cut(coarse, part, middle)
            if cut is not None:
                labels[part] = cut[part]
                was_split = True
                continue
        labels[part] = RIGHT if right > 0.5 else LEFT
    return labels, was_split


def _cut(coarse: Coarse, part: BoolArray, middle: float) -> npt.NDArray[np.uint8] | None:
    """Erode until two large pieces on either side remain, then flood back; None if they never
    part."""
    depth = distance_inside(part, coarse.spacing_ijk)
    total = float(part.sum())
    for radius in np.arange(1.0, 16.0) * min(coarse.spacing_ijk):
        numbers, counts = connected_components(depth > radius)
        large = [n for n, count in enumerate(counts[:6], 1) if count > 0.04 * total]
        shares = {n: _share_right_of(numbers == n, middle) for n in large}
        right = [n for n in large if shares[n] > 0.75]
        left = [n for n in large if shares[n] < 0.25]
        if right and left and len(right) + len(left) == len(large):
            markers = np.zeros(part.shape, np.uint8)
            markers[np.isin(numbers, right)] = RIGHT
            markers[np.isin(numbers, left)] = LEFT
            return split_by_markers(part, markers, coarse.spacing_ijk)
    return None


def _middle_i(coarse: Coarse, body: Body) -> float:
    """Column of the patient's midline: between the sides of the body, by the median slice."""
    firsts, lasts = [], []
    for plane in body.trunk:
        columns = np.flatnonzero(plane.any(axis=0))
        if columns.size:
            firsts.append(int(columns[0]))
            lasts.append(int(columns[-1]))
    return float(np.median(firsts) + np.median(lasts)) / 2.0


def _share_right_of(part: BoolArray, middle: float) -> float:
    """Share of a mask on the patient's right: columns below ``middle`` (i grows to the left)."""
    profile = part.sum(axis=(0, 1), dtype=np.int64)
    return float(profile[: round(middle)].sum()) / max(1, int(profile.sum()))


def _with_vessels(
    coarse: Coarse, labels: npt.NDArray[np.uint8], central: BoolArray
) -> npt.NDArray[np.uint8]:
    """Each side closed over its vessels and filled, without the airway and the other side."""
    whole = np.zeros(labels.shape, np.uint8)
    for side in (RIGHT, LEFT):
        one = labels == side
        if not one.any():
            continue
        smooth = closed(one, _CLOSING_MM, coarse.spacing_ijk)
        whole[_filled_small(smooth, coarse) & (whole == 0)] = side
    whole[central] = 0
    for side in (RIGHT, LEFT):  # a closing of one side never takes what was found on the other
        whole[labels == side] = side
    return whole


def _filled_small(mask: BoolArray, coarse: Coarse) -> BoolArray:
    """Cavities filled, and holes of axial planes up to the size of a large vessel."""
    si, sj, _ = coarse.spacing_ijk
    cavities = np.asarray(fill_holes(mask), dtype=np.bool_)
    holes = filled_per_slice(cavities) & ~cavities
    if not holes.any():
        return cavities
    filled = cavities.copy()
    for k in np.flatnonzero(holes.any(axis=(1, 2))):
        numbers, counts = connected_components(holes[k][None])
        small = [n for n, count in enumerate(counts, 1) if count * si * sj < _HOLE_MM2]
        filled[k] |= np.isin(numbers[0], small)
    return filled


def looks_enhanced(coarse: Coarse, lungs: Lungs) -> bool:
    """Whether the blood between the lungs is brighter than blood without contrast agent.

    Looked at is the soft tissue between the two lungs, without bone and its surroundings.
    """
    right, left = lungs.labels == RIGHT, lungs.labels == LEFT
    planes = np.flatnonzero(right.any(axis=(1, 2)) & left.any(axis=(1, 2)))
    values = []
    for k in planes[len(planes) // 4 : 3 * len(planes) // 4]:
        rows = np.flatnonzero(lungs.labels[k].any(axis=1))
        inner, outer = _columns_between(right[k], left[k])
        depth = rows[-1] - rows[0]
        box = coarse.hu[
            k, rows[0] + depth // 4 : rows[0] + 2 * depth // 3, inner:outer
        ]  # fmt: skip
        values.append(box[(box > 0) & (box < _BONE_HU)])
    found = np.concatenate(values) if values else np.zeros(0, np.float32)
    return bool(found.size >= _LEAST_BLOOD and np.percentile(found, 75) > _ENHANCED_HU)


def _columns_between(right: BoolArray, left: BoolArray) -> tuple[int, int]:
    """Columns from the middle of the right lung to that of the left one."""
    inner = int(np.median(np.nonzero(right)[1]))
    outer = int(np.median(np.nonzero(left)[1]))
    return min(inner, outer), max(inner, outer)
