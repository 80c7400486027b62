"""The centreline of a vessel: ``centreline@1``.

On an isotropic grid the two ends are the voxels farthest apart inside the vessel. From both a front
runs through it (fast marching, Sethian 1996); far from where it began it stands across the vessel,
so the arrival times of both, each trusted far from its start, number the cross-sections. The line
joins the centroids of slabs of 2 mm, is smoothed by a Gaussian of 5 mm, and is moved twice to the
centres of the slabs across it. Within a radius of its ends it goes straight on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from app.core.geometry import Geometry
from app.imaging.labelmap import largest_component
from app.measure.anatomy import Structure
from app.measure.solid import sampled, smooth

Float64Array = npt.NDArray[np.float64]
_GRID_MM = (2.0, 3.0)
_SMOOTHING_MM = 5.0
_STEP_MM = 1.0
_SHORTEST_MM = 12.0
_SLAB_MM = 2.0
_FARTHEST_MM = 5000.0
_FULL_SLAB = 0.7
_NEAR_SHARE = 0.2
_REFINEMENTS = 2
_REACH_RADII = 2.5


@dataclass(frozen=True, slots=True)
class Tube:
    """A centreline: points (n, 3) LPS, 1 mm apart, unit tangents (n, 3), and the radius of a
    cylinder of its length and volume.
    """

    points_lps: Float64Array
    tangents_lps: Float64Array
    radius_mm: float

    def __len__(self) -> int:
        return len(self.points_lps)

    def nearest(self, point_lps: Float64Array) -> int:
        """Index of the point of the line that is nearest to a point."""
        return int(np.argmin(((self.points_lps - point_lps) ** 2).sum(axis=1)))

    def reversed(self) -> Tube:
        """The same line from the other end."""
        return Tube(self.points_lps[::-1], -self.tangents_lps[::-1], self.radius_mm)


def centreline(structure: Structure) -> Tube | None:
    """The centreline of a connected vessel, or None where it is too short to have one."""
    mask, grid = isotropic(structure)
    if not mask.any():
        return None
    start, end = farthest_ends(mask, grid)
    from_start, from_end = (arrival_within(mask, grid, place)[mask] for place in (start, end))
    total = float(from_start.max())
    share = from_start / (from_start + from_end)
    trust = np.clip((share - _NEAR_SHARE) / (1.0 - 2.0 * _NEAR_SHARE), 0.0, 1.0)
    along = trust * from_start + (1.0 - trust) * (total - from_end)
    line = _slab_centres(along, grid.ijk_to_lps(np.argwhere(mask)[:, ::-1]))
    if line is None:
        return None
    volume = float(np.count_nonzero(mask)) * grid.voxel_volume_mm3
    radius = float(np.sqrt(volume / (np.pi * _STEP_MM * len(line))))
    inside = grid.ijk_to_lps(np.argwhere(mask)[:, ::-1])
    line = _smoothed(line)
    cut = min(round(radius / _STEP_MM), (len(line) - 8) // 2)  # there the fronts are still oblique
    line = line[max(cut, 0) : len(line) - max(cut, 0)]
    for _ in range(_REFINEMENTS):
        line = _smoothed(_recentred(line, inside, radius, 2.0 * grid.spacing_ijk[0]))
    soft = mask.astype(np.float32)
    line = np.concatenate(
        [
            _straight_on(line[0], line[0] - line[3], soft, grid)[::-1],
            line,
            _straight_on(line[-1], line[-1] - line[-4], soft, grid),
        ]
    )
    radius = float(np.sqrt(volume / (np.pi * _STEP_MM * len(line))))
    return Tube(line, _tangents(line), radius)


def _straight_on(
    point: Float64Array, direction: Float64Array, soft: npt.NDArray[np.float32], grid: Geometry
) -> Float64Array:
    """Points straight on from an end of the line, as long as they lie in the vessel."""
    unit = direction / np.linalg.norm(direction)
    ahead = point + np.arange(1.0, 60.0)[:, None] * _STEP_MM * unit
    inside = sampled(soft, grid, ahead) >= 0.5
    return ahead[: len(ahead) if inside.all() else int(np.argmin(inside))]


def _tangents(line: Float64Array) -> Float64Array:
    tangents = np.gradient(line, axis=0)
    return np.asarray(tangents / np.linalg.norm(tangents, axis=1, keepdims=True))


def _recentred(
    line: Float64Array, inside: Float64Array, radius: float, slab: float
) -> Float64Array:
    """Each point of the line moved to the centre of the slab across the line at it."""
    centres = []
    order = np.argsort(inside[:, 2])  # only a slab of the vessel is looked at for each point
    inside = inside[order]
    reach = _REACH_RADII * radius
    for point, tangent in zip(line, _tangents(line), strict=True):
        low, high = np.searchsorted(inside[:, 2], (point[2] - reach, point[2] + reach))
        offset = inside[low:high] - point
        near = np.abs(offset @ tangent) <= slab / 2.0
        near &= (offset**2).sum(axis=1) <= reach**2
        shift = offset[near].mean(axis=0) if near.any() else np.zeros(3)
        centres.append(point + shift - (shift @ tangent) * tangent)  # across the line only
    return np.asarray(centres)


def _slab_centres(along: Float64Array, points: Float64Array) -> Float64Array | None:
    """Centroids of slabs, one millimetre apart; without the thin slabs at both ends."""
    number = np.floor((along - along.min()) / _SLAB_MM).astype(np.intp)
    counts = np.bincount(number)
    sums = [np.bincount(number, weights=points[:, n]) for n in range(3)]
    full = np.flatnonzero(counts >= _FULL_SLAB * np.median(counts))
    if len(full) < 2:
        return None
    slabs = np.arange(full[0], full[-1] + 1)
    slabs = slabs[counts[slabs] > 0]
    return _even(np.stack([total[slabs] / counts[slabs] for total in sums], axis=1))


def farthest_ends(
    mask: npt.NDArray[np.bool_], grid: Geometry
) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """Two voxels (i, j, k) that are farthest apart on ways inside of the mask."""
    inside = np.argwhere(mask)
    first = inside[len(inside) // 2]
    ends = [_ijk(first)]
    for _ in range(3):
        reached = np.where(mask, arrival_within(mask, grid, ends[-1]), -1.0)
        ends.append(_ijk(np.asarray(np.unravel_index(int(np.argmax(reached)), mask.shape))))
    return ends[-2], ends[-1]


def isotropic(structure: Structure) -> tuple[npt.NDArray[np.bool_], Geometry]:
    """The largest piece of the smoothed mask on an isotropic grid with a margin."""
    soft, grid = smooth(structure)
    step = float(np.clip(min(grid.spacing_ijk), *_GRID_MM))
    size = [
        max(3, int(np.ceil(n * s / step)))
        for n, s in zip(grid.size_ijk, grid.spacing_ijk, strict=True)
    ]
    new = Geometry.from_arrays(size, (step,) * 3, grid.origin_lps, grid.direction, "")
    k, j, i = np.indices(new.shape_kji)
    values = sampled(soft, grid, new.ijk_to_lps(np.stack([i, j, k], axis=-1)))
    return largest_component(values >= 0.5).astype(np.bool_), new


def arrival_within(
    mask: npt.NDArray[np.bool_], grid: Geometry, start: tuple[int, int, int]
) -> npt.NDArray[np.float64]:
    """Length in mm of the way from a voxel (i, j, k) to every other that stays inside the mask."""
    image = sitk.GetImageFromArray(np.where(mask, 1.0, 1e-9))
    image.SetSpacing(grid.spacing_ijk)
    march = sitk.FastMarchingImageFilter()
    march.SetTrialPoints([[int(n) for n in start]])
    march.SetNormalizationFactor(1.0)
    march.SetStoppingValue(_FARTHEST_MM)  # outside of the mask the front would take ages
    return np.asarray(sitk.GetArrayFromImage(march.Execute(image)), dtype=np.float64)


def _even(points: Float64Array) -> Float64Array | None:
    """Points one millimetre apart along a path."""
    lengths = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    if lengths[-1] < _SHORTEST_MM:
        return None
    at = np.arange(0.0, lengths[-1], _STEP_MM)
    return np.stack([np.interp(at, lengths, points[:, n]) for n in range(3)], axis=1)


def _smoothed(line: Float64Array) -> Float64Array:
    """A Gaussian along the line; beyond its ends it goes on as its point reflection."""
    sigma = _SMOOTHING_MM / _STEP_MM
    reach = min(int(3 * sigma), len(line) - 1)
    offsets = np.arange(-reach, reach + 1)
    weights = np.exp(-0.5 * (offsets / sigma) ** 2)
    weights /= weights.sum()
    before = 2.0 * line[0] - line[reach:0:-1]
    after = 2.0 * line[-1] - line[-2 : -reach - 2 : -1]
    extended = np.concatenate([before, line, after])
    return np.stack([np.convolve(extended[:, n], weights, mode="valid") for n in range(3)], axis=1)


def _ijk(place_kji: npt.NDArray[np.intp]) -> tuple[int, int, int]:
    k, j, i = (int(n) for n in place_kji)
    return i, j, k
