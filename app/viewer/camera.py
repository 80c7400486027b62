"""How one image of a plane grid lies on the screen: display pixels to LPS and back.

Display pixels are device independent, x to the right, y down, origin at the viewport's top left.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from app.core.geometry import Float64Array, Geometry

Point = tuple[float, float]
Side = Literal["left", "right"]


@dataclass(frozen=True, slots=True)
class Camera:
    """Plane grid, image number and placement; ``zoom`` is display pixels per millimetre.

    ``center_mm`` is the place on the plane (right, down, from the centre of its first pixel) that
    lies in the middle of the viewport. The image is mirrored first (``flipped``), then turned
    clockwise by ``quarter_turns``.
    """

    grid: Geometry
    index: int
    size_px: tuple[int, int]
    zoom: float
    center_mm: Point
    quarter_turns: int = 0
    flipped: bool = False

    def _turn(self) -> Float64Array:
        angle = (self.quarter_turns % 4) * math.pi / 2
        cosine, sine = round(math.cos(angle)), round(math.sin(angle))
        turn = np.asarray(((cosine, -sine), (sine, cosine)), dtype=np.float64)
        mirror = np.diag((-1.0 if self.flipped else 1.0, 1.0))
        return np.asarray(turn @ mirror, dtype=np.float64)

    def plane_to_display(self, plane_mm: npt.ArrayLike) -> Float64Array:
        """Millimetres on the plane, shape (..., 2), to display pixels."""
        offset = np.asarray(plane_mm, dtype=np.float64) - np.asarray(self.center_mm)
        middle = np.asarray(self.size_px, dtype=np.float64) / 2
        return np.asarray(offset @ self._turn().T * self.zoom + middle)

    def display_to_plane(self, display_px: npt.ArrayLike) -> Float64Array:
        """Display pixels, shape (..., 2), to millimetres on the plane."""
        middle = np.asarray(self.size_px, dtype=np.float64) / 2
        offset = (np.asarray(display_px, dtype=np.float64) - middle) / self.zoom
        return np.asarray(offset @ self._turn() + np.asarray(self.center_mm))

    def lps_to_display(self, point_lps: npt.ArrayLike) -> Float64Array:
        """LPS, shape (..., 3), projected onto the image, to display pixels (..., 2)."""
        spacing = np.asarray(self.grid.spacing_ijk[:2])
        return self.plane_to_display(self.grid.lps_to_ijk(point_lps)[..., :2] * spacing)

    def display_to_lps(self, display_px: npt.ArrayLike) -> Float64Array:
        """Display pixels, shape (..., 2), to LPS on the image shown (..., 3)."""
        plane = self.display_to_plane(display_px)
        spacing = np.asarray(self.grid.spacing_ijk[:2])
        depth = np.full((*plane.shape[:-1], 1), float(self.index))
        return self.grid.ijk_to_lps(np.concatenate((plane / spacing, depth), axis=-1))

    def pixel_matrix(self) -> tuple[float, float, float, float, float, float]:
        """m11, m12, m21, m22, dx, dy that place the image's raster, whose corner is (0, 0).

        ``x' = m11 x + m21 y + dx``, ``y' = m12 x + m22 y + dy`` (the convention of QTransform).
        """
        spacing = np.asarray(self.grid.spacing_ijk[:2])
        columns = self._turn() * spacing * self.zoom
        corner = self.plane_to_display(-0.5 * spacing)
        return (
            float(columns[0, 0]), float(columns[1, 0]), float(columns[0, 1]), float(columns[1, 1]),
            float(corner[0]), float(corner[1]),
        )  # fmt: skip

    def screen_axes_lps(self) -> tuple[Float64Array, Float64Array]:
        """Unit vectors in LPS that point to the right and to the bottom of the screen (G15)."""
        plane_axes = self.grid.direction_matrix[:, :2]
        screen = self._turn()
        return plane_axes @ screen[0], plane_axes @ screen[1]


def fit_zoom(grid: Geometry, size_px: tuple[int, int], quarter_turns: int = 0) -> float:
    """The zoom at which the whole image just fits the viewport."""
    width = grid.size_ijk[0] * grid.spacing_ijk[0]
    height = grid.size_ijk[1] * grid.spacing_ijk[1]
    if quarter_turns % 2:
        width, height = height, width
    return max(min(size_px[0] / width, size_px[1] / height), 1e-6)


def aligned_center_mm(grid: Geometry, size_px: tuple[int, int], zoom: float, wall: Side) -> Point:
    """The centre at which the ``wall`` side of the image touches the edge of the viewport (D15).

    ``wall`` is a side of the image as stored; mirrored, it touches the other edge.
    """
    x, y = grid_center_mm(grid)
    width_mm = grid.size_ijk[0] * grid.spacing_ijk[0]
    slack = max(0.0, (size_px[0] / zoom - width_mm) / 2)
    return (x + slack if wall == "left" else x - slack), y


def grid_center_mm(grid: Geometry) -> Point:
    """The middle of the image, in millimetres from the centre of its first pixel."""
    return (
        (grid.size_ijk[0] - 1) * grid.spacing_ijk[0] / 2,
        (grid.size_ijk[1] - 1) * grid.spacing_ijk[1] / 2,
    )
