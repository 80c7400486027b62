"""The thoracic wall: cage, skin and muscle thickness as functions of angle and height (mm)."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.demo.shapes import Plane

_Table = NDArray[np.float64]

_Z: Final = np.array([-230, -200, -160, -120, -80, -40, 0, 30, 55, 75, 90, 110, 135, 170.0])
_HALF_WIDTH: Final = np.array([120, 124, 128, 131, 130, 126, 118, 108, 94, 78, 66, 54, 46, 46.0])
_FRONT: Final = np.array([90, 94, 96, 94, 92, 88, 80, 71, 61, 50, 44, 38, 36, 36.0])
_BACK: Final = np.array([60, 66, 73, 80, 85, 86, 82, 77, 70, 64, 58, 50, 44, 44.0])

_WALL_Z: Final = np.array([-230, -200, -100, -60, -30, 0, 25, 45, 65, 80, 95, 105, 115, 125, 140.0])
_WALL_SIDE: Final = np.array([24, 24, 25, 27, 33, 44, 62, 84, 108, 118, 116, 100, 76, 50, 30.0])
_WALL_FRONT: Final = np.array([17, 17, 18, 19, 20, 21, 23, 26, 26, 26, 24, 22, 22, 22, 22.0])
_WALL_BACK: Final = np.array([38, 36, 33, 32, 32, 32, 33, 35, 38, 40, 42, 42, 42, 42, 42.0])
_MUSCLE_SIDE: Final = np.array([9, 10, 13, 15, 20, 30, 46, 66, 90, 100, 98, 84, 60, 36, 18.0])
_MUSCLE_FRONT: Final = np.array([9, 9, 9, 9, 10, 12, 13, 14, 13, 12, 12, 12, 14, 14, 14.0])

THETA: Final[_Table] = np.linspace(0.0, np.pi, 241)
"""Nodes of the angle tables: absolute angle from the posterior midline."""


def cage_radius(theta: _Table, z_mm: _Table | float) -> _Table:
    """Radius (mm) of the inner surface of the rib cage about the body axis."""
    half = np.interp(z_mm, _Z, _HALF_WIDTH)
    front = np.interp(z_mm, _Z, _FRONT)
    back = np.interp(z_mm, _Z, _BACK)
    c, s = np.cos(theta), np.sin(theta)
    depth = np.where(c > 0, back, front)
    power = 2.25 + 0.35 * c
    radius = ((s / half) ** power + (np.abs(c) / depth) ** power) ** (-1.0 / power)
    gutter = 9.0 * np.exp(-(((theta - 0.55) / 0.27) ** 2)) * np.interp(z_mm, [60, 100], [1, 0.2])
    result: _Table = radius + gutter
    return result


def spine_y(z_mm: float) -> float:
    """Posterior coordinate (mm) of the centre of the vertebral body at a height."""
    return float(np.interp(z_mm, _Z, _BACK)) - 35.0


def wall_thickness(theta: _Table, z_mm: float, *, erect: bool) -> _Table:
    """Distance (mm) from the inner cage surface to the skin."""
    side, front, back = (
        float(np.interp(z_mm, _WALL_Z, t)) for t in (_WALL_SIDE, _WALL_FRONT, _WALL_BACK)
    )
    c, s = np.cos(theta), np.sin(theta)
    flat = 2.0 + 1.5 * float(np.interp(z_mm, [0, 60], [0, 1]))
    weight = s**flat
    wall = side * weight + np.where(c > 0, back, front) * (1 - weight)
    wall = wall + 6.0 * np.exp(-(((theta - 0.34) / 0.17) ** 2))
    peak, top, fold = (-72.0, 34.0, 17.0) if erect else (-48.0, 34.0, 26.0)
    spread = top if z_mm > peak else fold
    lift = float(np.exp(-(((z_mm - peak) / spread) ** 2)))
    centre, size = (2.45, 46.0) if erect else (2.25, 36.0)
    wall = wall + size * lift * np.exp(-(((theta - centre) / 0.36) ** 2))
    result: _Table = wall
    return result


def muscle_thickness(theta: _Table, z_mm: float) -> _Table:
    """Thickness (mm) of the muscle outside the inner cage surface."""
    side, front, back = (
        float(np.interp(z_mm, _WALL_Z, t)) for t in (_MUSCLE_SIDE, _MUSCLE_FRONT, _WALL_BACK)
    )
    c, s = np.cos(theta), np.sin(theta)
    weight = s ** (2.0 + 1.5 * float(np.interp(z_mm, [0, 60], [0, 1])))
    erector = (back - 5.0) * np.exp(-((theta / 0.52) ** 4))
    muscle = side * weight + np.where(c > 0, 15.0, front) * (1 - weight)
    result: _Table = np.maximum(muscle, erector)
    return result


def on_grid(table: _Table, theta: Plane) -> Plane:
    """Look an angle table up on a slice (linear interpolation)."""
    position = theta * np.float32((THETA.size - 1) / np.pi)
    index = position.astype(np.int32)
    np.minimum(index, THETA.size - 2, out=index)
    fraction = position - index
    values = table.astype(np.float32)
    steps = np.diff(values)
    result: Plane = values[index] + fraction * steps[index]
    return result


def diaphragm_z(x: Plane, y: Plane, depth_mm: Plane, theta: Plane, shift_mm: float) -> Plane:
    """Height (mm) of the upper diaphragm surface; `depth_mm` is the depth below the inner cage."""
    right = (x < 0).astype(np.float32)
    peak = np.float32(-97.0) + right * np.float32(10.0)
    x0 = np.float32(66.0) - right * np.float32(132.0)
    ap = y + np.float32(12.0)
    crown = ((x - x0) ** 2) * np.float32(1 / 300.0) + (ap**2) * np.float32(1 / 330.0)
    dome = peak - np.minimum(crown, np.float32(22.0) + crown * np.float32(0.25))
    lateral = np.sin(theta)
    back = np.maximum(np.cos(theta), np.float32(0.0))
    drop = np.float32(30.0) + lateral * np.float32(34.0) + back * np.float32(42.0)
    away = np.maximum(depth_mm, np.float32(0.0))
    edge = np.exp(away * np.float32(-1 / 17.0))
    result: Plane = dome - drop * edge + np.float32(shift_mm)
    return result


def apex_z(x: Plane, y: Plane) -> Plane:
    """Height (mm) of the roof of the pleural cavity."""
    side = np.abs(x) - np.float32(44.0)
    ap = y - np.float32(20.0)
    result: Plane = (
        np.float32(96.0) - side**2 * np.float32(1 / 55.0) - ap**2 * np.float32(1 / 130.0)
    )
    return result
