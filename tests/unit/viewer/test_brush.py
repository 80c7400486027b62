"""Brush and eraser: which voxels a stroke changes, in every plane, and the patch it gives."""

from __future__ import annotations

import numpy as np
import pytest

from app.core.segmentation import Mask
from app.viewer.planes import plane_grid
from app.viewer.tools.brush import BrushStroke, stepped_radius
from tests.support.phantoms import REF, double_oblique, linear_volume


def _stroke(space, plane, *, erase=False, filled=False, radius=3.0):
    start = np.full(space.shape_kji, int(filled), np.uint8)
    mask = Mask(start, REF)
    return mask, BrushStroke(mask, space, plane_grid(space, plane), radius_mm=radius, erase=erase)


@pytest.mark.parametrize("plane", ["stack", "axial", "coronal", "sagittal"])
def test_a_dab_is_a_disc_of_one_image(plane):
    space = linear_volume(size_ijk=(40, 40, 30), spacing_ijk=(1, 1, 2)).geometry
    mask, stroke = _stroke(space, plane)
    center = space.ijk_to_lps((20, 20, 15))
    assert stroke.add_point(center)
    k, j, i = np.nonzero(stroke.voxels)
    points = space.ijk_to_lps(np.stack((i, j, k), axis=-1))
    local = (points - center) @ plane_grid(space, plane).direction_matrix
    assert np.unique(np.round(local[:, 2], 6)).tolist() == [0.0]
    assert np.hypot(local[:, 0], local[:, 1]).max() <= 3.0
    expected_mm2 = np.pi * 9
    pixel_mm2 = 1.0 if plane in ("stack", "axial") else 2.0
    assert len(points) * pixel_mm2 == pytest.approx(expected_mm2, rel=0.25)
    assert mask.is_empty


def test_a_stroke_joins_its_points_and_its_patch_does_and_undoes():
    space = linear_volume(size_ijk=(60, 40, 5), spacing_ijk=(1, 1, 1)).geometry
    mask, stroke = _stroke(space, "stack", radius=2.0)
    stroke.add_point(space.ijk_to_lps((10, 20, 2)))
    stroke.add_point(space.ijk_to_lps((50, 20, 2)))
    assert stroke.voxels[2, 20, 8:53].all()
    patch = stroke.finish()
    assert patch.box.lower_ijk == (8, 18, 2)
    assert patch.box.upper_ijk == (53, 23, 3)
    painted = patch.apply(mask)
    np.testing.assert_array_equal(painted.voxels, stroke.voxels)
    assert patch.revert(painted).is_empty


def test_eraser_takes_away_and_a_stroke_that_changes_nothing_is_none():
    space = linear_volume(size_ijk=(20, 20, 5), spacing_ijk=(1, 1, 1)).geometry
    mask, stroke = _stroke(space, "stack", erase=True, filled=True)
    assert stroke.add_point(space.ijk_to_lps((10, 10, 2)))
    assert stroke.voxels.sum() < mask.voxels.sum()
    _, empty = _stroke(space, "stack", erase=True)
    assert not empty.add_point(space.ijk_to_lps((10, 10, 2)))
    assert empty.finish() is None


def test_outside_the_image_nothing_happens():
    space = linear_volume().geometry
    _, stroke = _stroke(space, "stack")
    assert not stroke.add_point((900.0, 900.0, 900.0))


def test_oblique_plane_paints_near_the_plane_only():
    space = linear_volume(double_oblique(), (30, 30, 30), (1, 1, 1)).geometry
    _, stroke = _stroke(space, "axial", radius=5.0)
    center = space.ijk_to_lps((15, 15, 15))
    stroke.add_point(center)
    k, j, i = np.nonzero(stroke.voxels)
    height = space.ijk_to_lps(np.stack((i, j, k), axis=-1))[:, 2] - center[2]
    assert np.abs(height).max() <= 0.5 + 1e-6


def test_radius_steps_stay_within_limits():
    assert stepped_radius(10, 1) == pytest.approx(12)
    assert stepped_radius(0.5, -5) == 0.5
    assert stepped_radius(90, 5) == 100
