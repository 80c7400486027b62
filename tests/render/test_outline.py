"""Outlines of masks: closed, in the right place, in every plane."""

from __future__ import annotations

import numpy as np
import pytest

from app.rendering.outline import MaskSlicer, dashes, outlines
from app.viewer.planes import PLANES, plane_grid
from tests.support.phantoms import double_oblique, linear_volume


def bounds(lines):
    points = np.concatenate(lines)
    return (*points.min(axis=0), *points.max(axis=0))


def test_a_block_is_outlined_half_a_pixel_outside():
    mask = np.zeros((10, 14), np.uint8)
    mask[3:6, 4:9] = 1
    (line,) = outlines(mask)
    assert bounds([line]) == (3.5, 2.5, 8.5, 5.5)
    np.testing.assert_allclose(line[0], line[-1])


def test_what_touches_the_edge_is_closed():
    (line,) = outlines(np.ones((4, 5), np.uint8))
    assert bounds([line]) == (-0.5, -0.5, 4.5, 3.5)
    np.testing.assert_allclose(line[0], line[-1])


def test_two_parts_give_two_lines_and_nothing_gives_none():
    mask = np.zeros((9, 9), np.uint8)
    assert outlines(mask) == ()
    mask[1:3, 1:3] = 1
    mask[6:8, 5:8] = 1
    assert len(outlines(mask)) == 2


@pytest.mark.parametrize("plane", PLANES)
def test_mask_lies_where_the_image_lies(plane):
    volume = linear_volume(double_oblique(), size_ijk=(30, 30, 30), spacing_ijk=(1, 1, 1))
    mask = np.zeros(volume.voxels.shape, np.uint8)
    mask[18:23, 6:11, 12:17] = 1
    center = volume.geometry.ijk_to_lps((14, 8, 20))
    grid = plane_grid(volume.geometry, plane)
    u, v, n = grid.lps_to_ijk(center)
    lines = MaskSlicer(mask, volume.geometry).outlines(grid, round(n))
    low_u, low_v, high_u, high_v = bounds(lines)
    assert (low_u + high_u) / 2 == pytest.approx(u, abs=1.0)
    assert (low_v + high_v) / 2 == pytest.approx(v, abs=1.0)


def test_painting_shows_after_touch():
    volume = linear_volume()
    mask = np.zeros(volume.voxels.shape, np.uint8)
    slicer = MaskSlicer(mask, volume.geometry)
    assert slicer.outlines(volume.geometry, 4) == ()
    mask[4, 2:5, 2:5] = 1
    slicer.touch()
    assert len(slicer.outlines(volume.geometry, 4)) == 1


def test_dashes_cover_their_share():
    pieces = list(dashes([(0, 0), (10, 0), (10, 10)], on=3, off=2))
    length = sum(np.linalg.norm(np.diff(p, axis=0), axis=1).sum() for p in pieces)
    assert length == pytest.approx(12.0)
