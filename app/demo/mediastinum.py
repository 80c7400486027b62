"""Heart, great vessels, airways, oesophagus: shapes in the anatomical frame (mm, LPS axes)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from app.demo.body import spine_y
from app.demo.shapes import (
    Ellipsoid,
    Plane,
    SliceGrid,
    Tube,
    Window,
    capsule_distance,
    catmull_rom,
    coverage,
    ellipsoid_distance,
    paint,
    smooth_min,
)


def _tube(*points: tuple[float, float, float, float]) -> Tube:
    """Return a smooth tube from (x, y, z, radius) points."""
    return catmull_rom(Tube(tuple(p[:3] for p in points), tuple(p[3] for p in points)))


TRACHEA: Final = _tube((0, -10, 150, 8.5), (0, -5, 110, 8.5), (2, 3, 55, 8.6), (2, 12, 6, 9.2))
RIGHT_BRONCHI: Final = (
    _tube((2, 12, 7, 8.0), (-12, 15, -8, 7.2), (-24, 18, -20, 6.4), (-32, 21, -42, 5.4)),
    _tube((-18, 16, -14, 4.8), (-30, 18, -11, 4.4), (-42, 18, -4, 3.8)),
)
LEFT_BRONCHI: Final = (
    _tube((2, 12, 7, 7.6), (20, 17, -11, 6.2), (38, 22, -24, 5.8), (49, 32, -50, 4.6)),
    _tube((38, 21, -24, 4.8), (50, 10, -24, 4.3), (58, 2, -18, 3.7)),
)
AORTA: Final = _tube(
    (6, -20, -50, 15), (-12, -24, -30, 16.5), (-17, -25, 0, 16), (-12, -18, 22, 15),
    (4, -4, 33, 14), (20, 14, 31, 13.5), (29, 31, 14, 13), (29, 39, -15, 12.5),
    (26, 40, -60, 12), (18, 38, -105, 11.5), (9, 30, -160, 10.5), (4, 24, -230, 9.5),
)  # fmt: skip
ARCH_BRANCHES: Final = (
    _tube((-6, -14, 36, 6.5), (-13, -12, 60, 6), (-20, -10, 82, 5.5), (-24, -14, 130, 4)),
    _tube((-20, -10, 82, 4.4), (-42, 4, 100, 4.2), (-75, -5, 96, 4)),
    _tube((7, -4, 38, 4.2), (13, -6, 70, 4), (24, -14, 130, 3.8)),
    _tube((18, 8, 36, 5), (24, 10, 75, 4.6), (44, 8, 99, 4.3), (75, -5, 96, 4)),
)
VEINS: Final = (
    _tube((-26, -24, 55, 9), (-30, -16, 25, 9.5), (-31, -12, -10, 9.5), (-28, -10, -40, 11)),
    _tube((-26, -24, 55, 7.5), (-32, -30, 76, 7), (-34, -26, 120, 6)),
    _tube((-26, -25, 50, 7), (-5, -40, 55, 6.8), (20, -40, 68, 6.8), (33, -28, 88, 7)),
    _tube((33, -28, 88, 7), (34, -26, 120, 5.5)),
)
AZYGOS: Final = _tube(
    (-29, -10, 14, 4), (-27, 4, 17, 4.2), (-18, 20, 14, 4.2), (-8, 29, 4, 4), (-8, 30, -60, 3.5),
    (-7, 26, -160, 3),
)  # fmt: skip
PULMONARY_ARTERIES: Final = (
    _tube((22, -46, -48, 13.5), (22, -38, -22, 14), (24, -20, -8, 13.5), (30, -4, -4, 11.5)),
    _tube((24, -18, -12, 11), (4, -6, -18, 10.5), (-20, 2, -20, 10), (-34, 6, -24, 8.5)),
    _tube((-32, 5, -22, 8), (-40, 13, -40, 7.2), (-43, 20, -60, 6)),
    _tube((-24, 2, -17, 6), (-36, 6, -8, 5.4), (-44, 12, 2, 4.4)),
    _tube((30, -4, -4, 11.5), (40, 12, -7, 9.5), (49, 25, -24, 8), (54, 35, -52, 6.2)),
    _tube((40, 8, -5, 6), (50, 2, -4, 5), (60, -6, 0, 4)),
)
PULMONARY_VEINS: Final = (
    _tube((-18, 2, -46, 7), (-38, -6, -36, 6), (-50, -12, -26, 4.6)),
    _tube((-18, 16, -62, 6.5), (-40, 28, -64, 6), (-54, 36, -72, 4.6)),
    _tube((26, 2, -42, 7), (44, -10, -34, 6), (58, -18, -22, 4.6)),
    _tube((24, 18, -58, 6.5), (44, 30, -62, 5.6), (58, 38, -74, 4.6)),
)
CAVA: Final = _tube((-26, 0, -84, 11), (-24, 6, -110, 11), (-20, 10, -150, 11), (-18, 8, -230, 11))
OESOPHAGUS: Final = _tube(
    (4, 12, 140, 6), (6, 18, 80, 6.5), (8, 27, 10, 7), (6, 27, -40, 7.5), (14, 25, -90, 8),
    (28, 14, -118, 8.5), (44, 2, -128, 9),
)  # fmt: skip
_LONG: Final = (0.74, -0.50, -0.45)
LEFT_VENTRICLE: Final = Ellipsoid((41, -20, -74), (49, 32, 34), _LONG)
LEFT_CAVITY: Final = Ellipsoid((37, -18, -70), (42, 20.5, 22), _LONG)
RIGHT_VENTRICLE: Final = Ellipsoid((13, -49, -72), (46, 26, 32), _LONG)
RIGHT_CAVITY: Final = Ellipsoid((12, -50, -71), (42, 22.5, 28), _LONG)
RIGHT_ATRIUM: Final = Ellipsoid((-22, -18, -62), (33, 27, 23), (0.1, -0.05, -1.0))
LEFT_ATRIUM: Final = Ellipsoid((2, 13, -52), (32, 16, 21))
APPENDAGE: Final = Ellipsoid((40, -16, -38), (16, 10, 10), (0.6, -0.7, 0.2))
_NODES: Final = (
    Ellipsoid((-14, -4, 20), (4, 3, 5)),
    Ellipsoid((2, 20, -20), (8, 4, 6)),
    Ellipsoid((22, 2, 12), (4, 3, 4)),
    Ellipsoid((-6, -34, 30), (3, 3, 4)),
)
_NECK: Final = (
    (_tube((-44, 30, 60, 4), (-30, 24, 95, 9), (-22, 20, 150, 9)), 62.0),
    (_tube((44, 30, 60, 4), (30, 24, 95, 9), (22, 20, 150, 9)), 62.0),
    (_tube((-14, -52, 60, 5), (-26, -36, 100, 8), (-38, -18, 150, 9)), 62.0),
    (_tube((14, -52, 60, 5), (26, -36, 100, 8), (38, -18, 150, 9)), 62.0),
    (_tube((-8, -50, 58, 3), (-7, -32, 110, 4), (-6, -28, 150, 4)), 60.0),
    (_tube((8, -50, 58, 3), (7, -32, 110, 4), (6, -28, 150, 4)), 60.0),
    (_tube((-14, -8, 96, 5), (-15, -10, 112, 9), (-14, -12, 130, 6)), 118.0),
    (_tube((14, -8, 96, 5), (15, -10, 112, 9), (14, -12, 130, 6)), 118.0),
    (_tube((-9, 24, 60, 4), (-9, 12, 110, 6), (-9, 10, 150, 6)), 60.0),
    (_tube((9, 24, 60, 4), (9, 12, 110, 6), (9, 10, 150, 6)), 60.0),
)


@dataclass(frozen=True, slots=True)
class Contrast:
    """HU of blood and organs; differs with and without intravenous contrast."""

    arterial: float
    venous: float
    myocardium: float
    liver: float
    spleen: float
    kidney: float


ENHANCED: Final = Contrast(168.0, 150.0, 96.0, 108.0, 122.0, 170.0)
NATIVE: Final = Contrast(42.0, 42.0, 45.0, 60.0, 50.0, 35.0)

# what the mediastinal pleura is wrapped around: (shape, fat between shape and pleura in mm)
_WRAPPED_TUBES: Final = (
    (TRACHEA, 3.5), (RIGHT_BRONCHI[0], 2.0), (LEFT_BRONCHI[0], 2.0), (AORTA, 2.0),
    (ARCH_BRANCHES[0], 5.0), (ARCH_BRANCHES[2], 5.0), (ARCH_BRANCHES[3], 2.5), (VEINS[0], 2.0),
    (VEINS[1], 3.0), (VEINS[2], 6.0), (VEINS[3], 4.0), (AZYGOS, 2.0), (OESOPHAGUS, 2.0),
    (PULMONARY_ARTERIES[0], 2.5), (PULMONARY_ARTERIES[1], 1.5), (PULMONARY_ARTERIES[2], 0.6),
    (PULMONARY_ARTERIES[4], 0.8), (PULMONARY_VEINS[0], 0.0), (PULMONARY_VEINS[1], 0.0),
    (PULMONARY_VEINS[2], 0.0), (PULMONARY_VEINS[3], 0.0), (CAVA, 1.5),
)  # fmt: skip
_HEART: Final = (LEFT_VENTRICLE, RIGHT_VENTRICLE, RIGHT_ATRIUM, LEFT_ATRIUM, APPENDAGE)
_FAT_PADS: Final = (
    Ellipsoid((72, -54, -104), (22, 22, 14)),
    Ellipsoid((-38, -52, -100), (20, 24, 14)),
    Ellipsoid((2, -62, 20), (13, 16, 40)),
    Ellipsoid((6, -26, -116), (38, 50, 26)),
)
_CROP: Final = (-112.0, 112.0, -110.0, 100.0)


def crop(grid: SliceGrid) -> Window:
    """Return the window in which the mediastinum lies."""
    return grid.window(*_CROP)


def tube_distance(
    grid: SliceGrid, window: Window, z_mm: float, tube: Tube, reach_mm: float, out: Plane
) -> None:
    """Lower `out` (over `window`) to the distance from a tube, as far as `reach_mm` outside it."""
    r0, c0 = window[0].start, window[1].start
    for k in range(len(tube.points) - 1):
        a, b = tube.points[k], tube.points[k + 1]
        ra, rb = tube.radii[k], tube.radii[k + 1]
        far = max(ra, rb) + reach_mm
        if not min(a[2], b[2]) - far < z_mm < max(a[2], b[2]) + far:
            continue
        box = grid.window(
            max(min(a[0], b[0]) - far, _CROP[0]),
            min(max(a[0], b[0]) + far, _CROP[1]),
            max(min(a[1], b[1]) - far, _CROP[2]),
            min(max(a[1], b[1]) + far, _CROP[3]),
        )
        x, y = grid.xy(box)
        view = out[
            box[0].start - r0 : box[0].stop - r0,
            box[1].start - c0 : box[1].stop - c0,
        ]
        if view.size:
            np.minimum(view, capsule_distance(x, y, z_mm, (a, b), (ra, rb)), out=view)


def hull_distance(grid: SliceGrid, z_mm: float) -> Plane:
    """Distance to the mediastinum (what is not lung between the two lungs), over `crop`."""
    window = crop(grid)
    x, y = grid.xy(window)
    ys = spine_y(z_mm)
    hull = np.sqrt(x * x + (y - np.float32(ys + 5)) ** 2) - np.float32(19.5)
    behind = np.maximum(np.abs(x) - np.float32(19.0), np.float32(ys + 4) - y)
    hull = smooth_min(hull, behind, 10.0)
    lean = np.float32(2.0)
    slab = np.abs(x - lean) + 0 * y - np.float32(1.6)
    hull = np.minimum(hull, slab)
    scratch = np.empty_like(hull)
    for tube, fat in _WRAPPED_TUBES:
        low = min(p[2] for p in tube.points) - 26
        high = max(p[2] for p in tube.points) + 26
        if low < z_mm < high:
            scratch.fill(60.0)
            tube_distance(grid, window, z_mm, tube, 22.0, scratch)
            scratch -= np.float32(fat)
            hull = smooth_min(hull, scratch, 11.0)
    for shape, fat in (*((s, 4.0) for s in _HEART), *((s, 0.0) for s in _FAT_PADS)):
        if abs(z_mm - shape.centre[2]) < max(shape.semi_mm) + 16:
            part = ellipsoid_distance(x, y, z_mm, shape) - np.float32(fat)
            hull = smooth_min(hull, part, 9.0)
    return hull


def _solid(hu: Plane, grid: SliceGrid, z_mm: float, shape: Ellipsoid, value: float) -> None:
    reach = max(shape.semi_mm) + 3
    if abs(z_mm - shape.centre[2]) > reach:
        return
    cx, cy, _ = shape.centre
    window = grid.window(cx - reach, cx + reach, cy - reach, cy + reach)
    x, y = grid.xy(window)
    distance = ellipsoid_distance(x, y, z_mm, shape)
    paint(hu[window], coverage(distance, grid.edge_mm * 1.3), value)


def _hose(
    hu: Plane, grid: SliceGrid, z_mm: float, tube: Tube, *layers: tuple[float, float]
) -> None:
    """Paint a tube as layers of (mm added to the radius, HU), outermost first."""
    if not min(p[2] for p in tube.points) - 20 < z_mm < max(p[2] for p in tube.points) + 20:
        return
    window = crop(grid)
    distance = np.full(hu[window].shape, 60.0, dtype=np.float32)
    tube_distance(grid, window, z_mm, tube, 4.0, distance)
    near = distance < 4.0
    if not near.any():
        return
    values = hu[window][near]
    for grow, value in layers:
        paint(values, coverage(distance[near] - np.float32(grow), grid.edge_mm), value)
    hu[window][near] = values


def paint_mediastinum(hu: Plane, grid: SliceGrid, z_mm: float, contrast: Contrast) -> None:
    """Paint every structure of the mediastinum and the neck on a fat background."""
    arterial, venous = contrast.arterial, contrast.venous
    for muscle, value in _NECK:
        _hose(hu, grid, z_mm, muscle, (0.0, value))
    for node in _NODES:
        _solid(hu, grid, z_mm, node, 48.0 + 0.2 * (contrast.myocardium - 45))
    _hose(hu, grid, z_mm, OESOPHAGUS, (0.0, 46.0), (-4.5, 20.0), (-5.6, -420.0))
    for shape in (RIGHT_VENTRICLE, LEFT_VENTRICLE):
        _solid(hu, grid, z_mm, shape, contrast.myocardium)
    for shape in (RIGHT_ATRIUM, LEFT_ATRIUM, APPENDAGE):
        _solid(hu, grid, z_mm, shape, venous)
    septum = Ellipsoid((37, -20, -71), (45, 27, 29), _LONG)
    _solid(hu, grid, z_mm, RIGHT_CAVITY, venous)
    _solid(hu, grid, z_mm, septum, contrast.myocardium)
    _solid(hu, grid, z_mm, LEFT_CAVITY, arterial)
    for tube in (*VEINS, AZYGOS, CAVA):
        _hose(hu, grid, z_mm, tube, (0.0, venous))
    for tube in (*PULMONARY_ARTERIES, *PULMONARY_VEINS):
        _hose(hu, grid, z_mm, tube, (0.0, arterial - 6))
    _hose(hu, grid, z_mm, AORTA, (0.0, 50.0), (-1.4, arterial))
    for tube in ARCH_BRANCHES:
        _hose(hu, grid, z_mm, tube, (0.0, arterial))
    for calcium in (Ellipsoid((33, 26, 27), (4, 2, 2)), Ellipsoid((21, -50, -52), (5, 1.2, 1.2))):
        _solid(hu, grid, z_mm, calcium, 620.0)
    for airway in (TRACHEA, *RIGHT_BRONCHI, *LEFT_BRONCHI):
        _hose(hu, grid, z_mm, airway, (1.4, 40.0))
    for airway in (TRACHEA, *RIGHT_BRONCHI, *LEFT_BRONCHI):
        _hose(hu, grid, z_mm, airway, (0.0, -985.0))
