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

from app.imaging.labelmap import bounding_box
from app.imaging.morphology import (
    block_mean,
    block_repeat,
    closed,
    dilate,
    distance_inside,
    distance_to,
    erode,
    labelled,
)

BoolArray = npt.NDArray[np.bool_]
Float32Array = npt.NDArray[np.float32]
Triple = tuple[float, float, float]
Index = tuple[int, int, int]
Refusal = Literal["no-lung", "nothing-here", "in-the-wall", "vessel", "leak", "size"]

GRID_MM: Final = 0.6
REACH_MM: Final = 30.0
_SPACING: Final = (GRID_MM, GRID_MM, GRID_MM)
_SNAP_MM: Final = 2.5
_SIZE_MM: Final = (3.0, 32.0)
_LUNG_HU: Final = -400.0
_LUNG_TOP_HU: Final = -600.0
_SOLID_HU: Final = -450.0
_CONTRAST_HU: Final = 110.0
_GLASS_HU: Final = -600.0
_HALO_MM: Final = 1.4
_PLEURA_MM: Final = (16.0, 24.0)
_CUTS: Final = (0.35, 0.5, 0.62, 0.74, 0.84)
_COMPACT: Final = 2.3
_RIM: Final = 0.6
_NECK: Final = 0.36
_LEAST_LUNG_MM3: Final = 2000.0
_LEAST_HALO_MM3: Final = 12.0
_BLURRED_MM: Final = 9.0
_TISSUE_HU: Final = 30.0
_LOWEST_STEP_HU: Final = 140.0
_MARGIN: Final = 3
_VESSEL_MM: Final = 3.0
_FINE_MM: Final = 0.35
_COARSE_MM: Final = 0.65


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """The isotropic copy: HU ``[k, j, i]``, and how to come back to the image's grid."""

    hu: Float32Array
    image: sitk.Image
    click: Index
    coarsest_mm: float

    def index_kji(self, mask: BoolArray, spacing_ijk: Triple) -> npt.NDArray[np.float64]:
        """The middle of a mask as an index (k, j, i) of the image."""
        middle = np.argwhere(mask).mean(axis=0) * GRID_MM
        origin = np.asarray(self.image.GetOrigin()[::-1])
        return np.asarray((middle + origin) / np.asarray(spacing_ijk[::-1]))


@dataclass(frozen=True, slots=True)
class NoduleRegion:
    """Masks ``[k, j, i]`` on the isotropic grid; ``solid`` is the solid part of a part-solid one.

    ``neck`` is the share of the surface where something was cut off, ``on_pleura`` whether it
    lies on the pleura. Thresholds in HU.
    """

    mask: BoolArray
    solid: BoolArray
    kind: Literal["solid", "part-solid", "ground-glass"]
    threshold_hu: float
    background_hu: float
    neck: float
    on_pleura: bool


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
        np.asarray(sitk.GetArrayFromImage(fine), dtype=np.float32),
        fine,
        (at[0], at[1], at[2]),
        max(spacing_ijk),
    )


def find_nodule(near: Neighbourhood) -> NoduleRegion | Refusal:
    """The nodule at the click on the isotropic grid, or why there is none."""
    smooth, fine = _smoothed(near.image, _COARSE_MM), _smoothed(near.image, _FINE_MM)
    background = _lung_around(smooth, near.click)
    if background is None:
        return "no-lung"
    seed = _seed(smooth, near.click, background + _CONTRAST_HU)
    if seed is None:
        return "nothing-here"
    lung = _rolled_lung(smooth, seed)
    if lung is None:
        return "in-the-wall"
    # The widest reading first: all that is denser than lung; then what of it is solid.
    wide = _cut_out((smooth > background + _CONTRAST_HU) & lung, seed)
    core = seed
    if smooth[core] <= _SOLID_HU and isinstance(wide, _Piece):
        core = _place(int(np.argmax(np.where(wide.mask, smooth, -3000.0))), smooth.shape)
    dense = _cut_out((smooth > _SOLID_HU) & lung, core) if smooth[core] > _SOLID_HU else None
    case = _Case(smooth, fine, lung, background, seed, core)
    solid = dense if isinstance(dense, _Piece) else None
    if solid is not None and _is_all_solid(wide, solid, near.coarsest_mm):
        return _checked(case, _solid(case, solid), None, "solid")
    if not isinstance(wide, _Piece):
        return dense if isinstance(dense, str) else wide
    whole = _glass(case, wide, solid)
    return _checked(case, whole, solid, "ground-glass" if solid is None else "part-solid")


def onto(near: sitk.Image, mask: BoolArray, target: sitk.Image) -> BoolArray:
    """A mask of the isotropic grid on the voxels of ``target``, by its signed distance, so that
    neither a small nor a thin thing shrinks.
    """
    image = sitk.GetImageFromArray(mask.astype(np.uint8))
    image.CopyInformation(near)
    distance = sitk.SignedMaurerDistanceMap(image, False, False, True)
    # The distance counts from the voxels of the edge: their outer faces lie half a voxel farther.
    there = sitk.Resample(distance, target, sitk.Transform(), sitk.sitkLinear, 1000.0)
    return np.asarray(sitk.GetArrayFromImage(there) <= GRID_MM / 2)


@dataclass(frozen=True, slots=True)
class _Case:
    smooth: Float32Array
    fine: Float32Array
    lung: BoolArray
    background: float
    seed: Index
    core: Index


@dataclass(frozen=True, slots=True)
class _Piece:
    """What is left of a region when vessels are cut off; ``threshold`` as it was made with."""

    mask: BoolArray
    neck: float
    threshold: float = 0.0

    @property
    def diameter_mm(self) -> float:
        """Of the sphere of equal volume."""
        return float((6.0 / np.pi * self.mask.sum()) ** (1.0 / 3.0)) * GRID_MM


def _smoothed(image: sitk.Image, sigma_mm: float) -> Float32Array:
    blurred = sitk.DiscreteGaussian(image, [sigma_mm**2] * 3, 12, 0.01, True)
    return np.asarray(sitk.GetArrayFromImage(blurred), dtype=np.float32)


def _lung_around(smooth: Float32Array, click: Index) -> float | None:
    """Median HU of the lung within 20 mm; None where there is hardly any."""
    around = _ball(smooth.shape, click, 20.0)
    values = smooth[around & (smooth < _LUNG_TOP_HU)]
    if values.size < 0.05 * int(around.sum()):
        return None
    return float(np.median(values))


def _seed(smooth: Float32Array, click: Index, least_hu: float) -> Index | None:
    """The click, or the nearest voxel that is denser than lung, up to 2.5 mm away."""
    if smooth[click] > least_hu:
        return click
    places = np.argwhere((smooth > least_hu) & _ball(smooth.shape, click, _SNAP_MM))
    if len(places) == 0:
        return None
    nearest = places[int(np.argmin(((places - np.asarray(click)) ** 2).sum(axis=1)))]
    return int(nearest[0]), int(nearest[1]), int(nearest[2])


def _rolled_lung(smooth: Float32Array, seed: Index) -> BoolArray | None:
    """The lung with the pleura drawn under nodules by a rolling ball; None: not at the seed."""
    numbers = labelled(smooth < _LUNG_HU)
    counts = np.bincount(numbers.reshape(-1))
    counts[0] = 0
    lung = np.isin(numbers, np.flatnonzero(counts * GRID_MM**3 > _LEAST_LUNG_MM3))
    # The ball is large: half the resolution is enough for it.
    half = block_mean(lung, (2, 2, 2)) >= 0.5
    for radius in _PLEURA_MM:
        rolled = block_repeat(closed(half, radius, (2 * GRID_MM,) * 3), (2, 2, 2), lung.shape)
        if rolled[seed]:
            return np.asarray(rolled | lung)
    return None


def _cut_out(dense: BoolArray, seed: Index) -> _Piece | Refusal:
    """The compact piece of the component at the seed: vessels go by the weakest opening that
    leaves something compact; a thin rim that an opening rounds off comes back.
    """
    if not dense[seed]:
        return "nothing-here"
    numbers = labelled(dense)
    everywhere = numbers == numbers[seed]
    box, seed = _box_of(everywhere, seed)
    whole = everywhere[box]
    depth = distance_inside(whole, _SPACING)
    middle = _deepest(depth, seed)
    deep = float(depth[middle])
    for share in _CUTS:
        kernel = labelled(depth > share * deep)
        piece = dilate(kernel == kernel[middle], share * deep + GRID_MM / 2, _SPACING) & whole
        if _reach(piece) <= _COMPACT * deep + 1.0:
            cut = _with_rim(piece, whole, deep)
            mask = np.zeros(dense.shape, np.bool_)
            mask[box] = cut.mask
            return _Piece(mask, cut.neck)
    return "leak" if deep > _VESSEL_MM else "vessel"


def _box_of(mask: BoolArray, seed: Index) -> tuple[tuple[slice, slice, slice], Index]:
    """The occupied box with a margin, and the seed in it."""
    box = bounding_box(mask)
    if box is None:
        raise AssertionError("the seed is in the mask")
    k, j, i = (
        slice(max(0, part.start - _MARGIN), min(size, part.stop + _MARGIN))
        for part, size in zip(box.slices_kji, mask.shape, strict=True)
    )
    return (k, j, i), (seed[0] - k.start, seed[1] - j.start, seed[2] - i.start)


def _with_rim(piece: BoolArray, whole: BoolArray, deep: float) -> _Piece:
    """What the opening took off and does not lead away is part of the nodule."""
    removed = whole & ~piece
    far = distance_to(piece, _SPACING)
    numbers = labelled(removed, full=True)
    highest = np.zeros(int(numbers.max(initial=0)) + 1)
    np.maximum.at(highest, numbers.reshape(-1), np.where(removed, far, 0).reshape(-1))
    near = highest <= max(1.5 * GRID_MM, _RIM * deep)
    near[0] = False
    piece = piece | near[numbers]
    surface = piece & ~erode(piece, GRID_MM, _SPACING)
    cut = surface & dilate(whole & ~piece, GRID_MM, _SPACING)
    return _Piece(piece, float(cut.sum()) / max(1, int(surface.sum())))


def _deepest(depth: Float32Array, seed: Index) -> Index:
    """Uphill from the seed to the middle of the thing that holds it."""
    at = seed
    while True:
        ball = _ball(depth.shape, at, float(depth[at]) + 1.5 * GRID_MM)
        best = _place(int(np.argmax(np.where(ball, depth, -1.0))), depth.shape)
        if depth[best] <= depth[at] + 1e-6:
            return at
        at = best


def _is_all_solid(wide: _Piece | Refusal, solid: _Piece, coarsest_mm: float) -> bool:
    """Whether only the blur of the edge surrounds the solid part; thick slices blur more."""
    if not isinstance(wide, _Piece):
        return True
    blur = _HALO_MM + 0.7 * max(0.0, coarsest_mm - 1.5)
    return (wide.diameter_mm - solid.diameter_mm) / 2.0 < blur


def _solid(case: _Case, solid: _Piece) -> _Piece | Refusal:
    """Cut again half-way between its own density and that of the lung."""
    inner = erode(solid.mask, 1.5 * GRID_MM, _SPACING)
    plateau = float(np.percentile(case.fine[inner if inner.any() else solid.mask], 75))
    half = _at(case, case.fine, (plateau + case.background) / 2.0)
    if not isinstance(half, _Piece) or half.diameter_mm > _BLURRED_MM:
        return half
    return _at(case, case.fine, _threshold_by_mass(case, half, max(plateau, _TISSUE_HU)))


def _threshold_by_mass(case: _Case, half: _Piece, plateau: float) -> float:
    """Blur shrinks a small ball at half height but keeps its mass: the level at which the volume
    is the excess over lung divided by the contrast. Soft tissue is assumed where the nodule is too
    small to show its own density.
    """
    around = dilate(half.mask, 1.6, _SPACING) & case.lung
    values = np.sort(case.fine[around])[::-1]
    mass = float((values - case.background).sum()) / (plateau - case.background)
    level = float(values[min(int(mass), values.size - 1)])
    return float(np.clip(level, half.threshold - _LOWEST_STEP_HU, half.threshold))


def _glass(case: _Case, wide: _Piece, solid: _Piece | None) -> _Piece | Refusal:
    """Cut again half-way between the ground glass and the lung; a halo too thin to have a density
    of its own is taken as -600 HU.
    """
    inner = erode(wide.mask, 1.5 * GRID_MM, _SPACING)
    if solid is not None:
        inner &= ~dilate(solid.mask, 2.0 * GRID_MM, _SPACING)
    values = case.smooth[inner]
    plateau = float(np.median(values)) if values.size * GRID_MM**3 > _LEAST_HALO_MM3 else _GLASS_HU
    return _at(case, case.smooth, (plateau + case.background) / 2.0)


def _at(case: _Case, values: Float32Array, threshold: float) -> _Piece | Refusal:
    dense = (values > threshold) & case.lung
    start = case.seed if dense[case.seed] else case.core
    piece = _cut_out(dense, start)
    return _Piece(piece.mask, piece.neck, threshold) if isinstance(piece, _Piece) else piece


def _checked(
    case: _Case,
    piece: _Piece | Refusal,
    solid: _Piece | None,
    kind: Literal["solid", "part-solid", "ground-glass"],
) -> NoduleRegion | Refusal:
    """Refuse what is a piece of a vessel, reaches the edge of the copy, or has no fit size."""
    if not isinstance(piece, _Piece):
        return piece
    mask = piece.mask
    if piece.neck > _NECK:
        return "vessel"
    edges = any(mask.take(side, axis=axis).any() for axis in range(3) for side in (0, -1))
    if edges:
        return "leak"
    if not _SIZE_MM[0] <= piece.diameter_mm <= _SIZE_MM[1]:
        return "size"
    inside = mask & (case.smooth > _SOLID_HU) if solid is not None else np.zeros_like(mask)
    wall = dilate(mask, 2.0 * GRID_MM, _SPACING) & ~case.lung
    return NoduleRegion(
        mask, inside, kind, piece.threshold, case.background, piece.neck, bool(wall.any())
    )


def _reach(piece: BoolArray) -> float:
    """Largest distance from the middle of a piece, in mm."""
    places = np.argwhere(piece)
    away = (places - places.mean(axis=0)) * GRID_MM
    return float(np.sqrt((away**2).sum(axis=1).max()))


def _ball(shape: tuple[int, ...], center: Index, radius_mm: float) -> BoolArray:
    k, j, i = np.ogrid[: shape[0], : shape[1], : shape[2]]
    square = (k - center[0]) ** 2 + (j - center[1]) ** 2 + (i - center[2]) ** 2
    return np.asarray(square * GRID_MM**2 <= radius_mm**2)


def _place(flat: int, shape: tuple[int, ...]) -> Index:
    k, j, i = np.unravel_index(flat, shape)
    return int(k), int(j), int(i)
