"""Volumes whose every value tells where it lies, so an error of orientation is a wrong number."""

from __future__ import annotations

import numpy as np

from app.core.geometry import Geometry
from app.core.study import SeriesRef
from app.core.volume import Rescale, Volume, Window

REF = SeriesRef("1.2.3", "1.2.3.4", 0)
FRAME = "1.2.3.9"
WEIGHTS = np.array([1.0, 3.0, 7.0])
AXIAL = np.eye(3)
SAGITTAL_ACQUIRED = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
CORONAL_ACQUIRED = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
FEET_FIRST = np.diag([-1.0, 1.0, -1.0])


def double_oblique(first_deg: float = 20.0, second_deg: float = 15.0) -> np.ndarray:
    """A direction turned about two axes."""
    a, b = np.radians([first_deg, second_deg])
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_z = np.array([[np.cos(b), -np.sin(b), 0], [np.sin(b), np.cos(b), 0], [0, 0, 1]])
    return about_z @ about_x


def value_at(points_lps: np.ndarray) -> np.ndarray:
    """The phantom's value at points in LPS: linear, with a weight of its own for each axis."""
    return np.asarray(points_lps) @ WEIGHTS


def linear_volume(
    direction: np.ndarray = AXIAL,
    size_ijk: tuple[int, int, int] = (20, 16, 12),
    spacing_ijk: tuple[float, float, float] = (0.7, 0.9, 2.5),
    **changes: object,
) -> Volume:
    """A float volume of ``value_at``."""
    geometry = Geometry.from_arrays(size_ijk, spacing_ijk, (-11.0, 7.0, 30.0), direction, FRAME)
    i, j, k = size_ijk
    kk, jj, ii = np.meshgrid(np.arange(k), np.arange(j), np.arange(i), indexing="ij")
    points = geometry.ijk_to_lps(np.stack((ii, jj, kk), axis=-1))
    voxels = value_at(points).astype(np.float32)
    return Volume(voxels, geometry, Rescale(), "HU", REF, windows=(Window(40.0, 400.0),), **changes)
