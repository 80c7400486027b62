"""Implicit shapes on an axial slice: signed distances in millimetres, negative inside.

Everything is in the demo's own anatomical frame: x to the patient's left, y posterior, z superior
(LPS axes), with the carina at the origin.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Plane: TypeAlias = NDArray[np.float32]
"""One float32 array over (a window of) a slice, indexed [row y, column x]."""
Point: TypeAlias = tuple[float, float, float]
Window: TypeAlias = tuple[slice, slice]


@dataclass(frozen=True, slots=True)
class SliceGrid:
    """The sample points of an axial slice, with the polar coordinates about the body axis."""

    x_mm: Plane
    y_mm: Plane
    edge_mm: float
    """Width over which an edge goes from inside to outside (partial volume)."""
    thickness_mm: float
    radius_mm: Plane = field(repr=False)
    theta: Plane = field(repr=False)
    """Absolute angle from the posterior midline, 0 to pi."""

    @classmethod
    def make(cls, x_mm: Plane, y_mm: Plane, thickness_mm: float) -> SliceGrid:
        """Build a grid from column and row coordinates (mm, ascending)."""
        x = x_mm.astype(np.float32)
        y = y_mm.astype(np.float32)
        radius = np.sqrt(x[None, :] ** 2 + y[:, None] ** 2).astype(np.float32)
        theta = np.abs(np.arctan2(x[None, :], y[:, None])).astype(np.float32)
        edge = max(float(x[1] - x[0]), 0.5 * float(y[1] - y[0])) * 1.25
        return cls(x, y, edge, thickness_mm, radius, theta)

    def window(self, x0: float, x1: float, y0: float, y1: float) -> Window:
        """Return the index window (rows, columns) that covers a box given in mm."""
        i0, i1 = np.searchsorted(self.x_mm, (x0, x1))
        j0, j1 = np.searchsorted(self.y_mm, (y0, y1))
        return slice(int(j0), int(j1)), slice(int(i0), int(i1))

    def xy(self, window: Window) -> tuple[Plane, Plane]:
        """Return broadcastable x (1, n) and y (m, 1) over a window."""
        return self.x_mm[None, window[1]], self.y_mm[window[0], None]


@dataclass(frozen=True, slots=True)
class Tube:
    """A round tube along a polyline, with one radius (mm) per point."""

    points: tuple[Point, ...]
    radii: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.points) != len(self.radii) or len(self.points) < 2:
            message = "a tube needs at least two points and one radius for each"
            raise ValueError(message)


@dataclass(frozen=True, slots=True)
class Ellipsoid:
    """An ellipsoid; `axis` is the direction of the first semi-axis."""

    centre: Point
    semi_mm: Point
    axis: Point = (1.0, 0.0, 0.0)

    def frame(self) -> NDArray[np.float64]:
        """Return three orthonormal directions as rows."""
        first = np.asarray(self.axis, dtype=np.float64)
        first = first / np.linalg.norm(first)
        seed = np.array([0.0, 1.0, 0.0]) if abs(first[1]) < 0.9 else np.array([0.0, 0.0, 1.0])
        second = seed - first * float(seed @ first)
        second = second / np.linalg.norm(second)
        return np.stack([first, second, np.cross(first, second)])


def catmull_rom(tube: Tube, per_span: int = 4) -> Tube:
    """Return the tube with a smooth curve through its points."""
    p = np.column_stack([np.asarray(tube.points), np.asarray(tube.radii)])
    p = np.vstack([2 * p[0] - p[1], p, 2 * p[-1] - p[-2]])
    t = np.linspace(0.0, 1.0, per_span, endpoint=False)[:, None]
    out = [
        0.5
        * (
            2 * p[i]
            + (p[i + 1] - p[i - 1]) * t
            + (2 * p[i - 1] - 5 * p[i] + 4 * p[i + 1] - p[i + 2]) * t**2
            + (3 * p[i] - p[i - 1] - 3 * p[i + 1] + p[i + 2]) * t**3
        )
        for i in range(1, len(p) - 2)
    ]
    dense = np.vstack([*out, p[-2][None, :]])
    return Tube(
        tuple((float(a), float(b), float(c)) for a, b, c in dense[:, :3]),
        tuple(float(r) for r in dense[:, 3]),
    )


def capsule_distance(
    x: Plane, y: Plane, z: float, ends: tuple[Point, Point], radii: tuple[float, float]
) -> Plane:
    """Signed distance to a tapered capsule."""
    (ax, ay, az), (bx, by, bz) = ends
    ux, uy, uz = bx - ax, by - ay, bz - az
    length2 = max(ux * ux + uy * uy + uz * uz, 1e-6)
    dx, dy, dz = x - np.float32(ax), y - np.float32(ay), z - az
    t = dx * np.float32(ux / length2) + (dy * np.float32(uy / length2) + dz * uz / length2)
    np.clip(t, 0.0, 1.0, out=t)
    distance = ((dx - t * np.float32(ux)) ** 2 + (dy - t * np.float32(uy)) ** 2).astype(np.float32)
    distance += (dz - t * np.float32(uz)) ** 2
    np.sqrt(distance, out=distance)
    distance -= np.float32(radii[0]) + t * np.float32(radii[1] - radii[0])
    result: Plane = distance
    return result


def ellipsoid_distance(x: Plane, y: Plane, z: float, shape: Ellipsoid) -> Plane:
    """Signed distance (first-order) to an ellipsoid."""
    dx, dy, dz = (
        x - np.float32(shape.centre[0]),
        y - np.float32(shape.centre[1]),
        z - shape.centre[2],
    )
    k0 = np.zeros(np.broadcast_shapes(dx.shape, dy.shape), np.float32)
    k1 = np.zeros_like(k0)
    for row, semi in zip(shape.frame(), shape.semi_mm, strict=True):
        a, b, c = (float(v) / semi for v in row)
        q = dx * np.float32(a) + (dy * np.float32(b) + np.float32(dz * c))
        k0 += q * q
        k1 += (q * np.float32(1.0 / semi)) ** 2
    norm = np.sqrt(k0)
    result: Plane = norm * (norm - np.float32(1.0)) / np.sqrt(k1 + np.float32(1e-9))
    return result


def smooth_min(a: Plane, b: Plane, blend_mm: float) -> Plane:
    """Union of two distances with a fillet of about `blend_mm`."""
    h = np.maximum(np.float32(blend_mm) - np.abs(a - b), np.float32(0.0))
    result: Plane = np.minimum(a, b) - h * h * np.float32(0.25 / blend_mm)
    return result


def coverage(distance: Plane, edge_mm: float) -> Plane:
    """Return the part of each sample that lies inside (0 to 1)."""
    result: Plane = np.clip(np.float32(0.5) - distance * np.float32(1.0 / edge_mm), 0.0, 1.0)
    return result


def paint(target: Plane, cover: Plane, value: Plane | float) -> None:
    """Blend `value` into `target` in place where `cover` is above zero."""
    target += cover * (np.asarray(value, dtype=np.float32) - target)
