"""Morphology in millimetres: shapes whose result is known."""

from __future__ import annotations

import numpy as np
import pytest

from app.imaging.morphology import (
    block_mean,
    block_repeat,
    closed,
    dilate,
    distance_inside,
    distance_to,
    erode,
    filled_per_slice,
    opened,
    reached,
    split_by_markers,
)

SPACING = (0.5, 1.0, 2.0)


def _ball(radius_mm: float, spacing=SPACING, shape=(15, 25, 45)) -> np.ndarray:
    k, j, i = np.ogrid[tuple(slice(0, n) for n in shape)]
    middle = [(n - 1) / 2 for n in shape]
    square = (
        ((i - middle[2]) * spacing[0]) ** 2
        + ((j - middle[1]) * spacing[1]) ** 2
        + ((k - middle[0]) * spacing[2]) ** 2
    )
    return square <= radius_mm**2


def test_a_point_grows_into_a_ball_of_millimetres():
    point = np.zeros((15, 25, 45), np.bool_)
    point[7, 12, 22] = True
    for radius in (2.0, 2.4, 8.0):  # by rows of voxels, and by distance
        assert np.array_equal(dilate(point, radius, SPACING), _ball(radius))


def test_both_ways_of_growing_agree(monkeypatch):
    rng = np.random.default_rng(0)
    mask = rng.random((12, 20, 24)) > 0.97
    by_rows = dilate(mask, 2.0, SPACING)
    monkeypatch.setattr("app.imaging.morphology._BALL_VOXELS", 0)
    assert np.array_equal(dilate(mask, 2.0, SPACING), by_rows)


def test_eroding_undoes_growing_of_a_ball_and_the_border_is_no_outside():
    ball = _ball(4.0)
    assert not (erode(dilate(ball, 2.0, SPACING), 2.0, SPACING) & ~_ball(4.5)).any()
    full = np.ones((5, 5, 5), np.bool_)
    assert erode(full, 2.0, (1.0, 1.0, 1.0)).all()


def test_opening_removes_thin_and_closing_bridges_narrow():
    mask = np.zeros((9, 30, 30), np.bool_)
    mask[2:7, 5:15, 5:15] = True
    thin = mask.copy()
    thin[4, 9, 15:28] = True
    assert not opened(thin, 1.5, (1, 1, 1))[4, 9, 20:].any()
    gap = mask.copy()
    gap[:, 9:11] = False
    assert closed(gap, 2.0, (1, 1, 1))[4, 9:11, 10].all()
    assert not closed(gap, 0.9, (1, 1, 1))[4, 9:11, 10].any()


def test_closing_reaches_the_border_of_the_array():
    mask = np.ones((6, 20, 20), np.bool_)
    mask[:, 9:11, :5] = False
    assert closed(mask, 3.0, (1, 1, 1)).all()


def test_distances_are_millimetres():
    mask = np.zeros((9, 9, 9), np.bool_)
    mask[4, 4, 2:7] = True
    assert distance_inside(mask, SPACING)[4, 4, 4] == pytest.approx(1.0)  # j is the nearest way out
    assert distance_to(mask, SPACING)[2, 4, 4] == pytest.approx(4.0)
    assert np.isinf(distance_to(np.zeros((2, 2, 2)), SPACING)).all()
    assert np.isinf(distance_inside(np.ones((2, 2, 2)), SPACING)).all()


def test_only_components_with_a_seed_are_reached():
    mask = np.zeros((3, 5, 12), np.bool_)
    mask[1, 2, 1:4] = mask[1, 2, 6:10] = True
    seeds = np.zeros_like(mask)
    seeds[1, 2, 7] = True
    assert reached(mask, seeds).sum() == 4
    assert not reached(mask, np.zeros_like(mask)).any()


def test_holes_of_a_plane_are_filled_even_where_the_volume_is_open():
    mask = np.zeros((4, 9, 9), np.bool_)
    mask[:, 2:7, 2:7] = True
    mask[:, 4, 4] = False  # a channel from end to end
    assert filled_per_slice(mask)[:, 4, 4].all()


def test_two_balls_part_at_their_neck():
    k, j, i = np.ogrid[:21, :21, :44]
    left = (k - 10) ** 2 + (j - 10) ** 2 + (i - 12) ** 2 <= 81
    right = (k - 10) ** 2 + (j - 10) ** 2 + (i - 30) ** 2 <= 81
    both = left | right | ((np.abs(k - 10) <= 2) & (np.abs(j - 10) <= 2) & (np.abs(i - 21) <= 9))
    markers = np.zeros(both.shape, np.uint8)
    markers[10, 10, 12], markers[10, 10, 30] = 1, 2
    parts = split_by_markers(both, markers, (1, 1, 1))
    assert set(np.unique(parts)) == {0, 1, 2}
    assert (parts[both & (np.broadcast_to(i, both.shape) <= 19)] == 1).all()
    assert (parts[both & (np.broadcast_to(i, both.shape) >= 23)] == 2).all()


def test_blocks_are_averaged_and_repeated():
    array = np.arange(2 * 3 * 5, dtype=np.float32).reshape(2, 3, 5)
    mean = block_mean(array, (1, 2, 2))
    assert mean.shape == (2, 2, 3)
    assert mean[0, 0, 0] == pytest.approx(array[0, :2, :2].mean())
    assert block_repeat(mean, (1, 2, 2), array.shape).shape == array.shape
