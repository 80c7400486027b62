"""One axial slice of the thorax, from all the organs, as HU with the truth of what is where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.demo import body
from app.demo.abdomen import paint_abdomen
from app.demo.mediastinum import Contrast, crop, hull_distance, paint_mediastinum
from app.demo.shapes import Plane, SliceGrid, coverage, paint, smooth_min
from app.demo.skeleton import paint_skeleton

RUL: Final = 1
RML: Final = 2
RLL: Final = 3
LUL: Final = 4
LLL: Final = 5
LOBE_NAMES: Final = {RUL: "RUL", RML: "RML", RLL: "RLL", LUL: "LUL", LLL: "LLL"}


@dataclass(frozen=True, slots=True)
class Visit:
    """How the patient presents at one examination."""

    erect: bool
    contrast: Contrast
    diaphragm_shift_mm: float
    """Positive: the diaphragm stands higher (less breath)."""
    effusion_mm: float
    """Greatest thickness of the layer of left pleural fluid; 0 for none."""
    nodule_diameter_mm: float


@dataclass(frozen=True, slots=True)
class Nodule:
    """The solid nodule in the anatomical frame."""

    centre: tuple[float, float, float] = (-66.0, 8.0, 22.0)
    lobe: int = RUL
    hu: float = 42.0

    def distance(self, points: NDArray[np.float64], diameter_mm: float) -> NDArray[np.float64]:
        """Signed distance at points (..., 3); slightly lobulated, volume that of the sphere."""
        d = points - np.asarray(self.centre)
        r = np.linalg.norm(d, axis=-1)
        n = d / np.maximum(r, 1e-6)[..., None]
        bumps = 0.07 * (n[..., 0] * n[..., 1] * 3.0) + 0.06 * (
            5 * n[..., 2] ** 3 - 3 * n[..., 2]
        ) * (1 + n[..., 0])
        result: NDArray[np.float64] = r - diameter_mm / 2 * (1 + bumps)
        return result


NODULE: Final = Nodule()


@dataclass(frozen=True, slots=True)
class SliceResult:
    """A rendered slice; covers are 0 to 1 per sample, over the whole grid."""

    hu: Plane
    lung: Plane
    fluid: Plane
    lobes: NDArray[np.uint8]
    mediastinum: Plane
    """Cover of what lies in the chest between the lungs, above the diaphragm."""


def lobe_of(x: Plane, y: Plane, z: Plane | float) -> NDArray[np.uint8]:
    """Return the lobe at points that are known to lie in a lung."""
    oblique = oblique_distance(x, y, z)
    right = np.where(oblique < 0, RLL, np.where(z > horizontal_z(x, y), RUL, RML))
    left = np.where(oblique < 0, LLL, LUL)
    result: NDArray[np.uint8] = np.where(x < 2.0, right, left).astype(np.uint8)
    return result


def oblique_distance(x: Plane, y: Plane, z: Plane | float) -> Plane:
    """Signed distance (about) to the oblique fissure; negative in the lower lobe."""
    lateral = np.abs(x) - np.float32(60.0)
    wave = np.float32(0.0016) * lateral**2 + np.float32(4.0) * np.sin(y * np.float32(0.03))
    result: Plane = (z - (np.float32(0.95) * y - np.float32(52.0)) + wave) * np.float32(0.72)
    return result


def horizontal_z(x: Plane, y: Plane) -> Plane:
    """Height (mm) of the horizontal fissure of the right lung."""
    result: Plane = (
        np.float32(-22.0)
        - np.float32(0.0022) * (x + np.float32(50.0)) ** 2
        - np.float32(0.0016) * (y + np.float32(10.0)) ** 2
    )
    return result


def _wall(
    hu: Plane, grid: SliceGrid, z_mm: float, depth: Plane, texture: Plane, wall: Plane
) -> None:
    """Paint skin, fat and muscle outside the rib cage."""
    edge = grid.edge_mm
    skin = depth - wall
    paint(hu, coverage(skin, edge), 30.0)
    strands = texture > 1.55
    fat = -106.0 + 7.0 * texture + 46.0 * strands.astype(np.float32)
    breast = (grid.theta > 1.8) & (grid.theta < 2.85) & (wall > 34.0) & (abs(z_mm + 60) < 55)
    gland = breast & (depth > 19) & (depth < wall - 9) & (texture > 0.15)
    fat = np.where(gland, np.float32(22.0) + 8 * texture, fat)
    paint(hu, coverage(skin + np.float32(1.9), edge), fat)
    thick = body.on_grid(body.muscle_thickness(body.THETA, z_mm), grid.theta)
    thick = np.minimum(thick, wall - np.float32(5.0)) + texture * np.float32(0.8)
    grain = np.float32(56.0) + 5.0 * texture - 90.0 * (texture > 1.9).astype(np.float32)
    paint(hu, coverage(depth - thick, edge), grain)
    # fat planes between the muscle layers, and the fat of the axilla
    wave = np.float32(1.6) * texture
    for part, width in ((0.40, 1.2), (0.68, 1.5)):
        plane = np.abs(depth - thick * np.float32(part) - wave) - np.float32(width)
        plane += np.where(thick > 15.0, np.float32(0.0), np.float32(30.0))
        plane += np.where(depth > 9.5, np.float32(0.0), np.float32(30.0))
        paint(hu, coverage(plane, edge), -75.0)
    if -35 < z_mm < 92:
        x, y = grid.x_mm[None, :], grid.y_mm[:, None]
        centre_x = np.float32(np.interp(z_mm, [-35, 20, 92], [138, 132, 112]))
        d = np.sqrt(((np.abs(x) - centre_x) / 20) ** 2 + ((y + 12) / 30) ** 2)
        d = d + ((z_mm - 28) / 62.0) ** 2 - 1
        axilla = np.maximum(d * np.float32(18.0) + wave * 2, np.float32(10.0) - depth)
        axilla = np.maximum(axilla, skin + 4)
        paint(hu, coverage(axilla, edge * 2), fat)
        vessel_y = np.float32(-8.0 + 0.10 * (z_mm - 30))
        for dx, dy, r in ((0, 0, 4.0), (7, -7, 4.6), (-5, 9, 2.5), (12, 8, 2.0)):
            v = np.hypot(np.abs(x) - centre_x - dx, y - vessel_y - dy) - np.float32(r)
            paint(hu, coverage(np.maximum(v, axilla), edge), 105.0)


def effusion_thickness(theta: Plane, z_mm: float, greatest_mm: float) -> Plane:
    """Thickness (mm) of the layer of fluid along the left wall, lying supine."""
    height = float(np.clip((-22.0 - z_mm) / 95.0, 0.0, 1.0)) ** 0.8
    result: Plane = np.float32(greatest_mm * height) * np.exp(
        -(((theta - np.float32(0.52)) / np.float32(0.50)) ** 2)
    )
    return result - np.float32(0.8)


def render_slice(grid: SliceGrid, z_mm: float, visit: Visit, texture: Plane) -> SliceResult:
    """Render one slice without lung vessels, nodule and noise.

    `texture` is a smooth random field (mean 0, deviation 1) over the grid.
    """
    edge = grid.edge_mm
    x, y = grid.x_mm[None, :], grid.y_mm[:, None]
    cage = body.on_grid(body.cage_radius(body.THETA, z_mm), grid.theta)
    wall = body.on_grid(body.wall_thickness(body.THETA, z_mm, erect=visit.erect), grid.theta)
    depth = grid.radius_mm - cage
    hu = np.full(grid.radius_mm.shape, -1000.0, dtype=np.float32)
    _wall(hu, grid, z_mm, depth, texture, wall)
    fat = -100.0 + 9.0 * texture + 50.0 * (texture > 2.0).astype(np.float32)
    if z_mm > 70:  # above the pleura the neck and the inlet are full of muscle
        fat = fat + np.float32(min((z_mm - 70) / 25.0, 1.0)) * (60 + 50 * (texture > -0.3))
    paint(hu, coverage(depth, edge), fat)

    window = crop(grid)
    hull = np.full_like(hu, 60.0)
    hull[window] = hull_distance(grid, z_mm)
    above = np.full_like(hu, 30.0)
    if z_mm < -70 + visit.diaphragm_shift_mm:
        dome = body.diaphragm_z(x, y, -depth, grid.theta, visit.diaphragm_shift_mm)
        above = (np.float32(z_mm) - dome) * np.float32(0.72)
        paint_abdomen(hu, grid, z_mm, depth, above, texture, visit.contrast, erect=visit.erect)
    heart_room = np.maximum(depth, -above)
    mediastinum = coverage(np.maximum(heart_room, hull), edge)

    cavity = np.maximum(depth + np.float32(1.2), -above)
    cavity = np.maximum(cavity, (np.float32(z_mm) - body.apex_z(x, y)) * np.float32(0.8))
    cavity = -smooth_min(-cavity, hull, 5.0)
    left = (x > 2.0) & (depth > -90)
    lung = cavity
    fluid = np.zeros_like(hu)
    if visit.effusion_mm > 0 and z_mm < -15:
        if visit.erect:
            meniscus = np.float32(34.0) * np.exp(np.minimum(depth, 0) * np.float32(1 / 9.0))
            surface = np.float32(-134.0) + meniscus + 10 * np.maximum(np.cos(grid.theta), 0)
            film = (np.float32(z_mm) - surface) * np.float32(0.6)
        else:
            layer = effusion_thickness(grid.theta, z_mm, visit.effusion_mm)
            film = -(layer + depth)
        film = np.where(left, film, np.float32(60.0))
        fluid = coverage(np.maximum(cavity, film), edge + 0.25)
        paint(hu, fluid, 9.0 + 1.5 * texture)
        lung = np.maximum(cavity, -film)
    lung_cover = coverage(lung, edge + 0.25)
    air = np.float32(-868.0) + np.float32(0.30 if not visit.erect else 0.0) * y + 13.0 * texture
    if visit.effusion_mm > 0 and not visit.erect and z_mm < -15:
        squeeze = np.exp(-np.maximum(film, 0) * np.float32(1 / 5.0)) * (film < 40)
        wet = np.clip(layer * np.float32(1 / 4.0), 0.0, 1.0) * left
        air = air + 520.0 * squeeze * wet * np.float32(min(visit.effusion_mm / 20.0, 1.0))
    paint(hu, lung_cover, air)
    oblique = oblique_distance(x, y, z_mm)
    fissure = np.float32(1.0) - np.minimum(np.abs(oblique) * np.float32(1 / 1.3), 1)
    flat = np.abs(np.float32(z_mm) - horizontal_z(x, y)) * np.float32(1 / 1.8)
    flat = np.where((x < 0) & (oblique > 0), 1 - np.minimum(flat, 1), np.float32(0))
    hu += lung_cover * np.maximum(fissure, flat) * np.float32(105.0)

    kept = hu.copy()
    paint_mediastinum(hu, grid, z_mm, visit.contrast)
    if z_mm < -70 + visit.diaphragm_shift_mm:
        # the heart rests on the diaphragm: below it only the tubes that cross it remain
        under = coverage(above + np.float32(2.5), edge * 2)
        spine = coverage(np.hypot(x - 10, y - 34) - np.float32(24), edge)
        hu += under * (1 - spine) * (kept - hu)
    paint_skeleton(hu, grid, z_mm, depth, texture, arms_down=visit.erect)
    lobes = np.where(lung_cover > 0.5, lobe_of(x, y, z_mm), np.uint8(0)).astype(np.uint8)
    return SliceResult(hu, lung_cover, fluid, lobes, mediastinum)
