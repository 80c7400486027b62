"""The fast searches give what trying all pairs gives."""

from __future__ import annotations

import numpy as np
import pytest

from app.measure.diameters import in_plane_axes, max_diameter_3d
from app.measure.outline import convex_hull, farthest_pair, outline_segments


def blobs(rng):
    """Three overlapping or separate ellipsoids."""
    mask = np.zeros((14, 18, 16), np.uint8)
    k, j, i = np.ogrid[:14, :18, :16]
    for _ in range(3):
        c, r = rng.uniform(2, 12, 3), rng.uniform(1.5, 5, 3)
        inside = ((k - c[0]) / r[0]) ** 2 + ((j - c[1]) / r[1]) ** 2 + ((i - c[2]) / r[2]) ** 2 < 1
        mask |= inside.astype(np.uint8)
    return mask


def surface(mask, spacing):
    padded, parts = np.pad(mask, 1), []
    for axis in range(3):
        points = np.argwhere(np.diff(padded, axis=axis) != 0).astype(float) - 1
        points[:, axis] += 0.5
        parts.append(points[:, ::-1])
    return np.concatenate(parts) * spacing


@pytest.mark.parametrize("seed", range(8))
def test_all_pairs_agree(seed):
    rng = np.random.default_rng(seed)
    mask, spacing = blobs(rng), rng.uniform(0.5, 3, 3)
    assert max_diameter_3d(mask, tuple(spacing))[0] == pytest.approx(
        farthest_pair(surface(mask, spacing))[0]
    )
    in_plane = max(
        farthest_pair(outline_segments(plane).reshape(-1, 2) * spacing[:2])[0]
        for plane in mask
        if plane.any()
    )
    axes = in_plane_axes(mask, (spacing[0], spacing[1]))
    assert axes.long_mm == pytest.approx(in_plane)
    assert axes.short_mm <= axes.long_mm + 1e-9


def test_empty_masks_have_no_diameter():
    empty = np.zeros((3, 4, 5), np.uint8)
    assert in_plane_axes(empty, (1.0, 1.0)) is None
    assert max_diameter_3d(empty, (1.0, 1.0, 1.0)) is None


def test_outline_of_single_pixels_and_both_ambiguous_cells():
    assert len(outline_segments(np.ones((1, 1)))) == 4
    assert len(outline_segments(np.eye(2))) == 8
    assert len(outline_segments(np.eye(2)[::-1])) == 8
    for mask in (np.eye(2), np.eye(3)[::-1], np.ones((2, 3))):
        ends = outline_segments(mask).reshape(-1, 2)
        _, counts = np.unique(ends, axis=0, return_counts=True)
        assert np.all(counts % 2 == 0)  # closed curves


def test_hull():
    points = np.array([[0, 0], [2, 0], [1, 0], [2, 2], [0, 2], [1, 1]], float)
    assert len(convex_hull(points)) == 4
    assert len(convex_hull(points[:1])) == 1
