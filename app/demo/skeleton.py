"""Bones of the thorax: ribs, spine, sternum, clavicles, scapulae, upper ends of the humeri."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.demo.body import THETA, cage_radius, on_grid, spine_y
from app.demo.shapes import (
    Ellipsoid,
    Plane,
    SliceGrid,
    Tube,
    capsule_distance,
    catmull_rom,
    coverage,
    ellipsoid_distance,
    paint,
)

_Curve = NDArray[np.float64]

_HEAD_Z: Final = (98.0, 80.0, 60.0, 40.0, 19.0, -2.0, -25.0, -48.0, -71.0, -95.0, -120.0, -144.0)
_DROP: Final = (46.0, 64.0, 82.0, 97.0, 107.0, 114.0, 119.0, 121.0, 117.0, 108.0, 75.0, 50.0)
_BONE_END: Final = (0.74, 0.77, 0.79, 0.79, 0.78, 0.76, 0.73, 0.69, 0.64, 0.58, 0.42, 0.27)
_STERNAL_Z: Final = (48.0, 22.0, 2.0, -16.0, -32.0, -45.0, -55.0, -78.0, -105.0, -135.0)
_CARTILAGE_END: Final = (0.95, 0.955, 0.96, 0.96, 0.96, 0.96, 0.96, 0.90, 0.84, 0.76)
_START: Final = 0.27

RIB_DEPTH_MM: Final = 4.6
"""Distance from the inner cage surface to the middle of a rib."""
RIB_HALF_THICKNESS_MM: Final = 3.4


@dataclass(frozen=True, slots=True)
class Rib:
    """The middle line of one rib as height over the angle table `THETA` (same on both sides)."""

    number: int
    z_mm: _Curve
    slope_cos: _Curve
    half_height_mm: _Curve
    bone_end: float
    """Last bony angle (rad)."""
    end: float
    """Last angle of the costal cartilage (rad)."""


def _phi(theta: _Curve) -> _Curve:
    result: _Curve = (theta - _START) / (np.pi - _START)
    return result


def make_ribs() -> tuple[Rib, ...]:
    """Return the twelve ribs."""
    phi = _phi(THETA)
    ribs = []
    for i in range(12):
        p = np.clip(phi, 0.0, 1.0)
        z = _HEAD_Z[i] + 5.0 * np.sin(np.pi * np.clip(p / 0.22, 0, 1)) * (i > 1)
        z = z - _DROP[i] * p**1.22
        bone = _BONE_END[i]
        end = bone
        if i < 10:
            end = _CARTILAGE_END[i]
            at_bone = float(np.interp(bone, phi, z))
            t = np.clip((phi - bone) / (end - bone), 0.0, 1.0)
            rise = at_bone + (_STERNAL_Z[i] - at_bone) * t**1.3 - 9.0 * np.sin(np.pi * t) * (i > 2)
            z = np.where(phi > bone, rise, z)
        radius = cage_radius(THETA, z)
        arc = np.hypot(radius, np.gradient(radius, THETA))
        slope = np.gradient(z, THETA) / arc
        half = 5.6 + 1.3 * np.clip(p / 0.7, 0, 1) + (1.2 if i == 0 else 0.0) - 0.14 * max(i - 6, 0)
        ribs.append(
            Rib(
                i + 1,
                z,
                1.0 / np.sqrt(1 + slope**2),
                half,
                _START + bone * (np.pi - _START),
                _START + end * (np.pi - _START),
            )
        )
    return tuple(ribs)


RIBS: Final = make_ribs()

_CLAVICLE: Final = catmull_rom(
    Tube(
        (
            (16.0, -58.0, 57.0), (45.0, -66.0, 66.0), (85.0, -45.0, 77.0),
            (120.0, -14.0, 84.0), (152.0, -6.0, 86.0),
        ),
        (9.0, 6.2, 5.6, 6.0, 7.5),
    )
)  # fmt: skip
_SCAPULA_SPINE: Final = catmull_rom(
    Tube(
        ((78.0, 98.0, 42.0), (108.0, 92.0, 60.0), (140.0, 66.0, 80.0), (160.0, 34.0, 92.0)),
        (2.5, 4.5, 6.0, 7.0),
    )
)
_LATERAL_BORDER: Final = catmull_rom(
    Tube(
        ((128.0, 78.0, -52.0), (136.0, 66.0, -10.0), (140.0, 48.0, 30.0), (142.0, 30.0, 60.0)),
        (4.5, 4.5, 6.0, 12.0),
    )
)
_CORACOID: Final = Tube(((138.0, 20.0, 70.0), (128.0, -14.0, 72.0)), (8.0, 5.0))
_HUMERUS: Final = Ellipsoid((170.0, 20.0, 68.0), (23.0, 23.0, 25.0))
_HUMERUS_SHAFT: Final = Tube(((174.0, 16.0, 60.0), (190.0, 2.0, -40.0)), (17.0, 12.0))

_SPACING: Final = tuple(19.0 + 0.5 * n for n in range(1, 18))
_TOP_OF_T1: Final = 103.0


def vertebra_at(z_mm: float) -> tuple[float, float]:
    """Return the centre height and spacing (mm) of the vertebra that holds a height."""
    top = _TOP_OF_T1
    if z_mm > top:
        count = int((z_mm - top) // 18.0)
        return top + 18.0 * count + 9.0, 18.0
    for spacing in _SPACING:
        if z_mm > top - spacing:
            return top - spacing / 2, spacing
        top -= spacing
    return top - 14.0, 28.0


def _bone(
    hu: Plane, distance: Plane, grid: SliceGrid, inner: Plane | float, cortex: tuple[float, float]
) -> None:
    """Paint a bone: trabecular `inner` HU with a cortex of (thickness mm, HU)."""
    thickness, value = cortex
    shell = coverage(-(distance + np.float32(thickness)), grid.edge_mm)
    core = np.float32(1.0) - shell
    paint(hu, coverage(distance, grid.edge_mm), shell * np.float32(value) + core * inner)


def paint_ribs(hu: Plane, grid: SliceGrid, z_mm: float, depth: Plane, texture: Plane) -> None:
    """Paint ribs and costal cartilage. `depth` is the distance outside the cage."""
    rows, cols = np.nonzero((depth > -0.5) & (depth < 10.0))
    if rows.size == 0:
        return
    theta = grid.theta[rows, cols]
    radial = (depth[rows, cols] - np.float32(RIB_DEPTH_MM)) * np.float32(1 / RIB_HALF_THICKNESS_MM)
    values = hu[rows, cols]
    grain = texture[rows, cols]
    for rib in RIBS:
        if z_mm > rib.z_mm.max() + 14 or z_mm < rib.z_mm.min() - 14:
            continue
        offset = np.float32(z_mm) - on_grid(rib.z_mm, theta)
        near = np.abs(offset) < 16.0
        near &= (theta > _START - 0.05) & (theta < rib.end + 0.03)
        if not near.any():
            continue
        t = theta[near]
        half = on_grid(rib.half_height_mm, t)
        up = offset[near] * on_grid(rib.slope_cos, t) / half
        norm = np.sqrt(np.sqrt(up**4 + radial[near] ** 4))
        flare = np.float32(4.2)
        distance = (norm - 1) * flare
        part = values[near]
        gristle = coverage(distance, grid.edge_mm) * (t > rib.bone_end)
        calcified = (grain[near] > 1.1) & (distance > -1.6)
        paint(part, gristle, 95.0 + 190.0 * calcified.astype(np.float32))
        solid = coverage(distance, grid.edge_mm) * coverage(
            (t - np.float32(rib.bone_end)) * 90, 2.0
        )
        shell = coverage(-(distance + np.float32(1.15)), grid.edge_mm)
        paint(part, solid, shell * 930 + (1 - shell) * (150 + 45 * grain[near]))
        values[near] = part
    hu[rows, cols] = values


def paint_tube_bone(
    hu: Plane,
    grid: SliceGrid,
    z_mm: float,
    tube: Tube,
    inner: float = 170.0,
    cortex: tuple[float, float] = (1.6, 950.0),
) -> None:
    """Paint a long bone given for the left side on both sides."""
    for side in (1.0, -1.0):
        boxes = [
            (p[0] * side, p[1], r)
            for p, r in zip(tube.points, tube.radii, strict=True)
            if abs(p[2] - z_mm) < r + 30
        ]
        if not boxes:
            continue
        window = grid.window(
            min(b[0] - b[2] for b in boxes) - 3,
            max(b[0] + b[2] for b in boxes) + 3,
            min(b[1] - b[2] for b in boxes) - 3,
            max(b[1] + b[2] for b in boxes) + 3,
        )
        x, y = grid.xy(window)
        if x.size == 0 or y.size == 0:
            continue
        x = x * np.float32(side)
        distance = np.full((y.shape[0], x.shape[1]), 99.0, dtype=np.float32)
        for k in range(len(tube.points) - 1):
            ends, radii = (tube.points[k], tube.points[k + 1]), tube.radii[k : k + 2]
            low, high = sorted((ends[0][2], ends[1][2]))
            if low - max(radii) - 2 < z_mm < high + max(radii) + 2:
                part = capsule_distance(x, y, z_mm, ends, (radii[0], radii[1]))
                np.minimum(distance, part, out=distance)
        _bone(hu[window], distance, grid, inner, cortex)


def _paint_vertebra(hu: Plane, grid: SliceGrid, z_mm: float, texture: Plane) -> None:
    centre_z, spacing = vertebra_at(z_mm)
    ys = spine_y(z_mm)
    local = (z_mm - centre_z) / (spacing / 2)
    size = float(np.interp(centre_z, [-220, 0, 110], [19.5, 15.0, 12.5]))
    deep = size * 0.86
    window = grid.window(-45, 45, ys - 26, ys + 80)
    x, y = grid.xy(window)
    view = hu[window]
    grain = texture[window]
    flat = x * x * np.float32(1.0)
    # the neural arch
    arch = np.full(view.shape, 99.0, dtype=np.float32)
    for side in (1.0, -1.0):
        for ends, radii in (
            (((10.5 * side, ys + 8, centre_z + 4), (11.5 * side, ys + 22, centre_z + 3)), (4, 4)),
            (((12 * side, ys + 21, centre_z + 4), (31 * side, ys + 36, centre_z + 7)), (5.5, 4.2)),
            (((12 * side, ys + 24, centre_z + 8), (11 * side, ys + 26, centre_z - 12)), (5, 4.5)),
            (((11 * side, ys + 26, centre_z), (1 * side, ys + 36, centre_z - 6)), (3.2, 3.4)),
            (((11 * side, ys + 26, centre_z - 8), (1 * side, ys + 35, centre_z - 13)), (3, 3.2)),
        ):
            part = capsule_distance(x, y, z_mm, ends, radii)
            np.minimum(arch, part, out=arch)
    for dz in (0.0, spacing):
        ends = ((0.0, ys + 36, centre_z - 5 + dz), (0.0, ys + 60, centre_z - 24 + dz))
        part = capsule_distance(x, y, z_mm, ends, (3.4, 3.8))
        np.minimum(arch, part, out=arch)
    _bone(view, arch, grid, 190.0, (1.3, 780.0))
    # body and disc
    waist = 1.0 + 0.10 * local * local
    dx = np.sqrt(flat) * np.float32(1 / (size * waist))
    dy = np.abs(y - np.float32(ys)) * np.float32(1 / (deep * waist))
    body = ((dx**2.6 + dy**2.6) ** np.float32(1 / 2.6) - 1) * np.float32(deep)
    canal = np.sqrt(flat + (y - np.float32(ys + deep + 7.5)) ** 2) - np.float32(8.2)
    body = np.maximum(body, -canal)
    from_plate = (1 - abs(local)) * spacing / 2 - 2.1
    if from_plate < 0:
        paint(view, coverage(body, grid.edge_mm), 88.0)
    else:
        plate = float(np.clip(1.6 - from_plate / 1.0, 0.0, 1.0))
        inner = np.float32(170 + 330 * plate) + grain * np.float32(38.0)
        _bone(view, body, grid, inner, (1.0, 560.0))
    paint(view, coverage(canal, grid.edge_mm), 14.0)
    cord = np.sqrt(flat * np.float32(0.7) + (y - np.float32(ys + deep + 7.0)) ** 2)
    cord = (cord - 4.0).astype(np.float32)
    paint(view, coverage(cord, grid.edge_mm), 42.0)


def _paint_sternum(hu: Plane, grid: SliceGrid, z_mm: float, depth: Plane) -> None:
    if not -92 < z_mm < 58:
        return
    half = float(
        np.interp(z_mm, [-92, -84, -66, -50, 0, 16, 24, 45, 58], [2, 6, 9, 18, 15, 13, 25, 29, 20])
    )
    half *= 0.82
    window = grid.window(-40, 40, -150, -30)
    x, y = grid.xy(window)
    radial = np.abs(depth[window] - np.float32(6.2))
    across = np.maximum(np.abs(x) - np.float32(half - 5.4), 0) + 0 * y
    distance = np.sqrt(across**2 + radial**2) - np.float32(5.4)
    end = max(z_mm - 56.5, -90.5 - z_mm, 0.0)
    cortex = (1.0, 520.0)
    inner = 95.0 if 17.0 < z_mm < 19.5 else 150.0
    _bone(hu[window], distance + np.float32(end), grid, inner, cortex)


def _paint_scapula(hu: Plane, grid: SliceGrid, z_mm: float, depth: Plane) -> None:
    if not -56 < z_mm < 78:
        return
    medial = float(np.interp(z_mm, [-56, -40, 20, 78], [1.05, 0.95, 0.80, 0.86]))
    lateral = float(np.interp(z_mm, [-56, -30, 30, 60, 78], [1.10, 1.17, 1.30, 1.36, 1.2]))
    level = np.float32(np.interp(z_mm, [-56, 0, 78], [17.0, 20.0, 30.0]))
    theta = grid.theta
    bow = np.float32(4.0) * np.sin((theta - np.float32(medial)) * np.float32(6.0))
    radial = np.abs(depth - level - bow)
    along = np.maximum(np.maximum(np.float32(medial) - theta, theta - np.float32(lateral)), 0)
    distance = np.hypot(along * np.float32(110.0), radial) - np.float32(1.7)
    distance += max(z_mm - 76, -54 - z_mm, 0.0)
    paint(hu, coverage(distance, grid.edge_mm), 720.0)


def paint_skeleton(
    hu: Plane, grid: SliceGrid, z_mm: float, depth: Plane, texture: Plane, *, arms_down: bool
) -> None:
    """Paint all bones; with the arms raised the shafts of the humeri are out of the picture."""
    _paint_scapula(hu, grid, z_mm, depth)
    paint_tube_bone(hu, grid, z_mm, _SCAPULA_SPINE, 220.0, (1.2, 700.0))
    paint_tube_bone(hu, grid, z_mm, _LATERAL_BORDER, 200.0, (1.3, 720.0))
    paint_tube_bone(hu, grid, z_mm, _CORACOID)
    paint_ribs(hu, grid, z_mm, depth, texture)
    _paint_sternum(hu, grid, z_mm, depth)
    paint_tube_bone(hu, grid, z_mm, _CLAVICLE, 190.0, (1.8, 950.0))
    if arms_down and z_mm < 95:
        paint_tube_bone(hu, grid, z_mm, _HUMERUS_SHAFT, 120.0, (3.0, 1050.0))
    for side in (1.0, -1.0):
        centre = (_HUMERUS.centre[0] * side, *_HUMERUS.centre[1:])
        head = Ellipsoid(centre, _HUMERUS.semi_mm)
        reach = _HUMERUS.semi_mm[0] + 4
        window = grid.window(
            centre[0] - reach, centre[0] + reach, centre[1] - reach, centre[1] + reach
        )
        x, y = grid.xy(window)
        if x.size and y.size and abs(z_mm - centre[2]) < _HUMERUS.semi_mm[2] + 3:
            distance = ellipsoid_distance(x, y, z_mm, head)
            inner = 230.0 + 30.0 * texture[window]
            _bone(hu[window], distance, grid, inner, (1.4, 700.0))
    _paint_vertebra(hu, grid, z_mm, texture)
