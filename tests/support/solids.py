"""Solids of known size on any grid, for the measurements: as functions of points in LPS."""

from __future__ import annotations

import numpy as np

from app.core.geometry import Geometry


def rotation(x_deg, y_deg, z_deg):
    """A rotation matrix: about x, then y, then z."""
    a, b, c = np.radians([x_deg, y_deg, z_deg])
    rx = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    ry = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    rz = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return rz @ ry @ rx


def grid(extent_mm, spacing_ijk, direction=None, centre=(0.0, 0.0, 0.0)):
    """A grid of about ``extent_mm`` (x, y, z along its own axes) around a centre in LPS."""
    size = [int(np.ceil(e / s)) for e, s in zip(extent_mm, spacing_ijk, strict=True)]
    matrix = np.eye(3) if direction is None else np.asarray(direction, float)
    half = (np.asarray(size) - 1) / 2 * np.asarray(spacing_ijk)
    origin = np.asarray(centre) - matrix @ half
    return Geometry.from_arrays(size, spacing_ijk, origin, matrix, "")


def points_of(geometry):
    """The centres of all voxels in LPS, shape [k, j, i, 3]."""
    k, j, i = np.indices(geometry.shape_kji)
    return geometry.ijk_to_lps(np.stack([i, j, k], axis=-1))


def ellipsoid(points, centre, radii, turn=None):
    """Inside an ellipsoid whose axes are the columns of ``turn``."""
    local = (points - np.asarray(centre, float)) @ (np.eye(3) if turn is None else turn)
    return ((local / np.asarray(radii, float)) ** 2).sum(axis=-1) <= 1.0


def cylinder(points, centre, axis, radius, length):
    """Inside a cylinder with flat ends."""
    unit = np.asarray(axis, float) / np.linalg.norm(axis)
    offset = points - np.asarray(centre, float)
    along = offset @ unit
    away = np.linalg.norm(offset - along[..., None] * unit, axis=-1)
    return (away <= radius) & (np.abs(along) <= length / 2)


def box(points, centre, sizes, turn=None):
    """Inside a box with edges of ``sizes`` along the columns of ``turn``."""
    local = (points - np.asarray(centre, float)) @ (np.eye(3) if turn is None else turn)
    return (np.abs(local) <= np.asarray(sizes, float) / 2).all(axis=-1)


def by_kind(rows, structure=None):
    """Measurements of found rows by kind, of one structure where that is named."""
    return {
        row.measurement.kind: row.measurement
        for row in rows
        if structure is None or row.structure == structure
    }
