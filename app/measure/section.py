"""Sections of a structure by a plane in any orientation: outline, diameters, area.

The mask is smoothed a little (``solid.smooth``), interpolated linearly on the plane, and its
outline is where it crosses one half. ``max_mm`` is the largest distance between two points of the
outline (maximum Feret diameter), ``across_mm`` the width perpendicular to it in the same plane.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.core.geometry import Geometry
from app.imaging.labelmap import connected_components
from app.measure.anatomy import Structure
from app.measure.outline import convex_hull, farthest_pair
from app.measure.solid import sampled, smooth

Float64Array = npt.NDArray[np.float64]
_STEPS_PER_VOXEL = 2.0
_STEP_MM = (0.4, 1.5)


@dataclass(frozen=True, slots=True)
class Section:
    """One section. The callipers are shape (2, 3), LPS. ``leaves`` says that the outline comes to
    the border of the image, or to the edge of the part of the plane that was looked at.
    """

    center_lps: Float64Array
    normal_lps: Float64Array
    max_mm: float
    across_mm: float
    area_mm2: float
    max_lps: Float64Array
    across_lps: Float64Array
    leaves: bool

    @property
    def callipers(self) -> Float64Array:
        """Both callipers, shape (4, 3): the maximum diameter, then the one across."""
        return np.concatenate([self.max_lps, self.across_lps])


class Sectioned:
    """A structure that is cut by planes; smooths it once."""

    def __init__(self, structure: Structure) -> None:
        self._soft, self._grid = smooth(structure)
        self._step = float(
            np.clip(min(structure.geometry.spacing_ijk) / _STEPS_PER_VOXEL, *_STEP_MM)
        )
        self._lower = np.asarray(structure.box.lower_ijk, dtype=np.float64)
        self._size = np.asarray(structure.image_shape[::-1], dtype=np.float64)
        self._own = structure.geometry

    @property
    def grid(self) -> Geometry:
        """The grid of the smoothed mask."""
        return self._grid

    def at(
        self, center_lps: Float64Array, normal_lps: Float64Array, reach_mm: float = 50.0
    ) -> Section | None:
        """The section by the plane through a point; None where the structure is not there.

        Of several pieces in the plane it is the one at the point, or nearest to it.
        """
        u, v = plane_axes(normal_lps)
        n = int(np.ceil(reach_mm / self._step))
        offsets = np.arange(-n, n + 1) * self._step
        plane = center_lps + offsets[None, :, None] * u + offsets[:, None, None] * v
        soft = sampled(self._soft, self._grid, plane)
        piece = _piece_at(soft >= 0.5)
        if piece is None:
            return None
        outline = _crossings(soft, piece) * self._step - n * self._step
        if len(outline) < 3:
            return None
        hull = convex_hull(np.round(outline, 6))
        longest, pair = farthest_pair(hull)
        along = (pair[1] - pair[0]) / longest
        across = np.asarray([-along[1], along[0]])
        places = hull @ across
        middle = float((hull[places.argmin()] + hull[places.argmax()]) @ along / 2.0)
        ends = middle * along + np.asarray([[places.min()], [places.max()]]) * across
        edge = piece[[0, -1]].any() or piece[:, [0, -1]].any()
        frame = np.stack([u, v])
        index = self._own.lps_to_ijk(center_lps + hull @ frame) + self._lower
        at_border = bool((index < 0.5).any() or (index > self._size - 1.5).any())
        return Section(
            np.asarray(center_lps), np.asarray(normal_lps), longest, float(np.ptp(places)),
            float(np.count_nonzero(piece)) * self._step**2, center_lps + pair @ frame,
            center_lps + ends @ frame,
            bool(edge) or at_border,
        )  # fmt: skip


def plane_axes(normal: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Two unit vectors that span the plane with this normal."""
    helper = np.eye(3)[int(np.argmin(np.abs(normal)))]
    u = np.cross(normal, helper)
    u /= np.linalg.norm(u)
    return u, np.cross(normal, u)


def _piece_at(inside: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_] | None:
    """The connected piece at the middle of the plane, or the nearest to it."""
    if not inside.any():
        return None
    numbers, _ = connected_components(inside[None])
    rows, columns = np.nonzero(numbers[0])
    middle = inside.shape[0] // 2
    nearest = int(np.argmin((rows - middle) ** 2 + (columns - middle) ** 2))
    return np.asarray(numbers[0] == numbers[0][rows[nearest], columns[nearest]])


def _crossings(soft: Float64Array, piece: npt.NDArray[np.bool_]) -> Float64Array:
    """Where the values cross one half at the edge of a piece, as (column, row), interpolated."""
    parts = []
    for axis in range(2):
        a, b = (soft[:-1], soft[1:]) if axis == 0 else (soft[:, :-1], soft[:, 1:])
        inside_a, inside_b = (piece[:-1], piece[1:]) if axis == 0 else (piece[:, :-1], piece[:, 1:])
        rows, columns = np.nonzero(inside_a != inside_b)
        low, high = a[rows, columns], b[rows, columns]
        # at another piece's corner both may lie over one half: then midway
        gap = np.where(high == low, 1.0, high - low)
        share = np.clip((0.5 - low) / gap, 0.0, 1.0)
        along = (rows + share, columns) if axis == 0 else (rows, columns + share)
        parts.append(np.stack([along[1], along[0]], axis=1).astype(np.float64))
    return np.concatenate(parts)
