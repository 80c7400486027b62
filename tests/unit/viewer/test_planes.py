"""Plane grids: sizes, directions of scrolling, planes of oblique volumes."""

from __future__ import annotations

import numpy as np
import pytest

from app.viewer.planes import nearest_index, plane_grid
from tests.support.phantoms import FEET_FIRST, SAGITTAL_ACQUIRED, double_oblique, linear_volume


def test_reformats_of_an_axial_volume_use_its_voxels():
    space = linear_volume().geometry
    coronal = plane_grid(space, "coronal")
    assert coronal.size_ijk == (20, 12, 16)
    assert coronal.spacing_ijk == (0.7, 2.5, 0.9)
    assert plane_grid(space, "sagittal").size_ijk == (16, 12, 20)


@pytest.mark.parametrize("direction", [np.eye(3), FEET_FIRST])
def test_g02_axial_plane_scrolls_like_the_stack(direction):
    space = linear_volume(direction).geometry
    axial = plane_grid(space, "axial")
    np.testing.assert_allclose(axial.direction_matrix[:, 2], space.direction_matrix[:, 2])
    assert nearest_index(axial, space.ijk_to_lps((3, 3, 5))) == 5


def test_axial_plane_of_a_sagittal_volume_starts_at_the_head():
    axial = plane_grid(linear_volume(SAGITTAL_ACQUIRED).geometry, "axial")
    assert axial.direction_matrix[2, 2] == -1.0


def test_oblique_volume_lies_inside_its_planes():
    space = linear_volume(double_oblique()).geometry
    for plane in ("axial", "coronal", "sagittal"):
        grid = plane_grid(space, plane)
        inside = grid.lps_to_ijk(space.corners_lps())
        assert (inside >= -0.51).all()
        assert (inside <= np.asarray(grid.size_ijk) - 0.49).all()
