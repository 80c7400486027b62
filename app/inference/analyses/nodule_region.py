"""One lung nodule around a click: region growing, cut off from vessels and the pleura.

Works on an isotropic copy of the neighbourhood (about 0.6 mm). The threshold lies half-way
between the nodule and the lung around it, so that a blurred edge is cut where it truly is; the
pleura is drawn under the nodule by a rolling ball; vessels go by an opening that is only as
strong as it must be.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from app.imaging.morphology import closed, dilate, distance_inside, distance_to, labelled

BoolArray = npt.NDArray[np.bool_]
Float32Array = npt.NDArray[np.float32]
Triple = tuple[float, float, float]
Refusal = Literal[
    "no-lung", "nothing-here", "in-the-wall", "vessel", "leak", "too-large", "too-small"
]

GRID_MM: Final = 0.6
REACH_MM: Final = 34.0
SNAP_MM: Final = 2.5
MOST_MM: Final = 32.0
LEAST_VOXELS: Final = 30
SOLID_HU: Final = -300.0
_LUNG_TOP_HU: Final = -600.0
_SOLID_CLICK_HU: Final = -450.0
_CONTRAST_HU: Final = 110.0
_PLEURA_MM: Final = (16.0, 24.0)
_CUTS: Final = (0.35, 0.5, 0.62, 0.74, 0.84)
_COMPACT: Final = 2.3
_NECK: Final = 0.36


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """The isotropic copy: HU ``[k, j, i]``, and how to come back to the image's grid."""

    hu: Float32Array
    image: sitk.Image
    click: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class NoduleRegion:
    """Masks on the image's grid. ``kind`` by density; ``touches`` says what was cut off."""

    mask: BoolArray
    solid: BoolArray
    kind: Literal["solid", "part-solid", "ground-glass"]
    touches_pleura: bool
    touches_vessel: bool
    threshold_hu: float


def neighbourhood(
    hu: Float32Array, spacing_ijk: Triple, click_kji: npt.NDArray[np.float64]
) -> Neighbourhood:
    """An isotropic cube around the click (continuous index k, j, i), clipped to the image."""
    lower, upper = [], []
    for axis, spacing in enumerate(reversed(spacing_ijk)):
        reach = REACH_MM / spacing
        lower.append(max(0, int(np.floor(click_kji[axis] - reach))))
        upper.append(min(hu.shape[axis], int(np.ceil(click_kji[axis] + reach)) + 1))
    cut = hu[lower[0]:upper[0], lower[1]:upper[1], lower[2]:upper[2]]  # fmt: skip
    image = sitk.GetImageFromArray(np.ascontiguousarray(cut, dtype=np.float32))
    image.SetSpacing([float(s) for s in spacing_ijk])
    image.SetOrigin([float(lower[2 - n] * spacing_ijk[n]) for n in range(3)])
    size = [max(1, int((n - 1) * s / GRID_MM) + 1) for n, s in zip(image.GetSize(), spacing_ijk,
                                                                   strict=True)]  # fmt: skip
    fine = sitk.Resample(
        image, size, sitk.Transform(), sitk.sitkLinear, image.GetOrigin(), [GRID_MM] * 3,
        image.GetDirection(), -1000.0,
    )  # fmt: skip
    place = [
        round((click_kji[2 - n] * spacing_ijk[n] - image.GetOrigin()[n]) / GRID_MM)
        for n in range(3)
    ]
    at = tuple(min(max(p, 0), s - 1) for p, s in zip(reversed(place), reversed(size), strict=True))
    return Neighbourhood(
        np.asarray(sitk.GetArrayFromImage(fine), dtype=np.float32), fine, (at[0], at[1], at[2])
    )


def find_nodule(near: Neighbourhood) -> NoduleRegion | Refusal:
    """The nodule at the click on the isotropic grid, or why there is none."""
    hu = near.hu
    smooth = _smoothed(near.image, 0.7)
    background = _lung_around(smooth, near.click)
    if background is None:
        return "no-lung"
    seed = _seed(smooth, near.click, background + _CONTRAST_HU)
    if seed is None:
        return "nothing-here"
    lung = _rolled_lung(smooth, seed)
    if lung is None:
        return "in-the-wall"
    # The widest reading first: everything denser than lung; then what of it is solid.
    wide = _cut_out(smooth > background + _CONTRAST_HU, lung, seed)
    solid_seed = seed
    if smooth[seed] < _SOLID_CLICK_HU:
        solid_seed = _densest(smooth, wide)
    solid = _cut_out(smooth > _SOLID_CLICK_HU, lung, solid_seed)
    return _judged(hu, smooth, lung, seed, background, wide, solid)
