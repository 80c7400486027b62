"""The trachea and the main bronchi in a CT of the chest, on a coarse copy with axes L, P, S.

The trachea is the chain of round dark spots near the midline at the top; from there the air is
followed with a rising threshold until it bursts into the lung (explosion control, after Mori et
al., IEEE Trans Med Imaging 2000;19:103).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from app.imaging.labelmap import connected_components
from app.imaging.morphology import dilate, erode, reached
from app.inference.analyses.coarse import Coarse

BoolArray = npt.NDArray[np.bool_]
_LUMEN_HU: Final = -900.0
_SPOT_MM2: Final = (40.0, 900.0)
_CHAIN_MM: Final = 25.0
_STEP_MM: Final = 12.0
_MIDLINE_MM: Final = 45.0
_THRESHOLDS: Final = tuple(range(-980, -820, 20))
_BURST: Final = 1.6
_MOST_ML: Final = 150.0
_CENTRAL_MM: Final = 2.6
_WALL_MM: Final = 2.0


@dataclass(frozen=True, slots=True)
class _Spot:
    """A round dark spot of one slice: where, how large (mm, mm2)."""

    k: int
    center_ji: tuple[float, float]
    area_mm2: float
    voxels: tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]


def find_airway(coarse: Coarse, inside: BoolArray) -> BoolArray | None:
    """Lumen and wall of trachea and main bronchi; None where there is no trachea.

    ``inside`` is the filled body. Bronchi narrower than about 5 mm are left to the lung.
    """
    seed = _trachea_seed(coarse, inside)
    if seed is None:
        return None
    tree = _grown(coarse, inside, seed)
    wide = erode(tree, _CENTRAL_MM, coarse.spacing_ijk)
    central = dilate(wide, _CENTRAL_MM + _WALL_MM / 2, coarse.spacing_ijk) & dilate(
        tree, _WALL_MM, coarse.spacing_ijk
    )
    return central & inside


def _grown(coarse: Coarse, inside: BoolArray, seed: BoolArray) -> BoolArray:
    """The air reached from the seed at the last threshold before it bursts into the lung."""
    tree, volume = seed, float(seed.sum()) * coarse.voxel_ml
    for threshold in _THRESHOLDS:
        air = inside & (coarse.hu < threshold)
        found = reached(air | seed, seed)
        ml = float(found.sum()) * coarse.voxel_ml
        if ml > _MOST_ML or (volume > 8.0 and ml > volume * _BURST):
            break
        tree, volume = found, ml
    return tree


def _trachea_seed(coarse: Coarse, inside: BoolArray) -> BoolArray | None:
    """The longest chain of spots, each over the last; None below ``_CHAIN_MM``."""
    dark = inside & (coarse.hu < _LUMEN_HU)
    columns = np.flatnonzero(inside.any(axis=(0, 1)))
    if columns.size == 0:
        return None
    midline = float(columns[0] + columns[-1]) / 2.0
    chains: list[list[_Spot]] = []
    best: list[_Spot] = []
    for k in range(dark.shape[0] - 1, -1, -1):
        spots = _spots(coarse, dark[k], k, midline)
        kept = []
        for spot in spots:
            before = [c for c in chains if _continues(c[-1], spot, coarse)]
            chain = [*max(before, key=len), spot] if before else [spot]
            kept.append(chain)
            if len(chain) > len(best):
                best = chain
        chains = kept
    if len(best) * coarse.spacing_ijk[2] < _CHAIN_MM:
        return None
    seed = np.zeros(dark.shape, dtype=np.bool_)
    for spot in best:
        seed[spot.k][spot.voxels] = True
    return seed


def _spots(coarse: Coarse, plane: BoolArray, k: int, midline: float) -> list[_Spot]:
    """Round dark components of a slice near the midline, of the size of a trachea."""
    si, sj, _ = coarse.spacing_ijk
    numbers, counts = connected_components(plane[None], fully_connected=True)
    found = []
    for number, count in enumerate(counts, start=1):
        area = count * si * sj
        if area < _SPOT_MM2[0]:
            break
        if area > _SPOT_MM2[1]:
            continue
        j, i = np.nonzero(numbers[0] == number)
        width, height = (np.ptp(i) + 1) * si, (np.ptp(j) + 1) * sj
        slim = min(width, height) / max(width, height) < 0.35
        if slim or area < 0.4 * width * height or abs(i.mean() - midline) * si > _MIDLINE_MM:
            continue
        found.append(_Spot(k, (float(j.mean()), float(i.mean())), area, (j, i)))
    return found


def _continues(last: _Spot, spot: _Spot, coarse: Coarse) -> bool:
    si, sj, _ = coarse.spacing_ijk
    dj = (last.center_ji[0] - spot.center_ji[0]) * sj
    di = (last.center_ji[1] - spot.center_ji[1]) * si
    ratio = spot.area_mm2 / last.area_mm2
    return bool(np.hypot(dj, di) < _STEP_MM / 2 and 0.5 < ratio < 2.0)
