"""Exact numbers of the slice path: orientation, polarity, padding, windows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.core.study import SeriesRef
from app.core.volume import ColorTable, Rescale, VoiTable, Volume, Window
from app.imaging.voi import apply_window, display_levels
from app.rendering.slice_renderer import SliceRenderer
from app.viewer.planes import PLANES, plane_grid
from tests.support.phantoms import (
    AXIAL,
    CORONAL_ACQUIRED,
    FEET_FIRST,
    SAGITTAL_ACQUIRED,
    double_oblique,
    linear_volume,
    value_at,
)

DIRECTIONS = {
    "axial": AXIAL,
    "sagittal": SAGITTAL_ACQUIRED,
    "coronal": CORONAL_ACQUIRED,
    "feet-first": FEET_FIRST,
    "prone": np.diag([-1.0, -1.0, 1.0]),
    "oblique": double_oblique(),
}


def positions(grid, index):
    vv, uu = np.meshgrid(np.arange(grid.size_ijk[1]), np.arange(grid.size_ijk[0]), indexing="ij")
    return grid.ijk_to_lps(np.stack((uu, vv, np.full_like(uu, index)), axis=-1))


@pytest.mark.parametrize("name", DIRECTIONS)
@pytest.mark.parametrize("plane", PLANES)
def test_g16_every_pixel_shows_what_lies_at_its_place(name, plane):
    volume = linear_volume(DIRECTIONS[name])
    renderer = SliceRenderer(volume)
    grid = plane_grid(renderer.space, plane)
    index = grid.size_ijk[2] // 2
    shown = renderer.stored(grid, index)
    assert shown.shape == (grid.size_ijk[1], grid.size_ijk[0])
    points = positions(grid, index)
    inside = volume.geometry.lps_to_ijk(points)
    limits = np.asarray(volume.geometry.size_ijk) - 1
    within = np.all((inside >= 0) & (inside <= limits), axis=-1)
    assert within.mean() > 0.3
    np.testing.assert_allclose(shown[within], value_at(points)[within], atol=0.02)


@pytest.mark.parametrize("name", [n for n in DIRECTIONS if n != "oblique"])
@pytest.mark.parametrize("plane", PLANES)
def test_planes_along_the_grid_interpolate_nothing(name, plane):
    """Along the grid's own axes every pixel is a voxel: integers come through unchanged."""
    source = linear_volume(DIRECTIONS[name])
    rng = np.random.default_rng(7)
    voxels = rng.integers(-1000, 3000, source.voxels.shape).astype(np.int16)
    volume = Volume(voxels, source.geometry, Rescale(), "HU", source.source)
    renderer = SliceRenderer(volume)
    grid = plane_grid(renderer.space, plane)
    index = 3
    nearest = np.rint(source.geometry.lps_to_ijk(positions(grid, index))).astype(int)
    expected = voxels[nearest[..., 2], nearest[..., 1], nearest[..., 0]]
    np.testing.assert_array_equal(renderer.stored(grid, index), expected)


def test_display_is_the_window_formula_for_every_stored_value():
    volume = _film(np.arange(-32768, 32768, dtype=np.int32).astype(np.int16).reshape(1, 256, 256))
    renderer = SliceRenderer(volume)
    shown = renderer.display(renderer.space, 0, Window(40, 400))
    np.testing.assert_array_equal(shown, apply_window(volume.modality_values(0), 40, 400))


def test_i01_monochrome1_is_inverted_once_after_the_window():
    values = np.array([[[0, 100, 200, 300]]], dtype=np.uint16)
    straight = SliceRenderer(_film(values))
    reverse = SliceRenderer(_film(values, polarity_inverted=True))
    window = Window(150, 300)
    plain = straight.display(straight.space, 0, window).astype(int)
    turned = reverse.display(reverse.space, 0, window).astype(int)
    np.testing.assert_array_equal(turned, 255 - plain)
    again = reverse.display(reverse.space, 0, window, inverted=True)
    np.testing.assert_array_equal(again, plain)


def test_i09_padding_is_black_and_outside_the_automatic_window():
    values = np.full((1, 20, 20), 500, dtype=np.int16)
    values[0, :, 10:] = 900
    values[0, :5] = -2000
    renderer = SliceRenderer(_film(values, padding=(-2000, -2000), polarity_inverted=True))
    shown = renderer.display(renderer.space, 0, renderer.default_window())
    assert (shown[:5] == 0).all()
    window = renderer.auto_window(0)
    assert 500 <= window.center <= 900
    assert window.width <= 400


def test_color_comes_through_unchanged():
    rng = np.random.default_rng(3)
    rgb = rng.integers(0, 256, (2, 6, 9, 3)).astype(np.uint8)
    renderer = SliceRenderer(_film(rgb))
    shown = renderer.display(renderer.space, 1, Window(127.5, 256))
    np.testing.assert_array_equal(shown, rgb[1])


def test_g14_images_without_place_have_no_frame_of_reference():
    renderer = SliceRenderer(_film(np.zeros((1, 4, 6), np.uint8), pixel_spacing_mm=(0.2, 0.1)))
    assert renderer.space.frame_of_reference_uid == ""
    assert renderer.space.spacing_ijk == (0.1, 0.2, 1.0)


@pytest.mark.parametrize("plane", PLANES)
def test_i09_padding_is_not_mixed_into_reformats(plane):
    """A constant body in padding: every pixel is body or padding, nothing in between."""
    source = linear_volume(DIRECTIONS["oblique"])
    voxels = np.full(source.voxels.shape, -2000, np.int16)
    voxels[3:-3, 3:-3, 3:-3] = 50
    volume = replace(source, voxels=voxels, padding=(-2000, -2000))
    renderer = SliceRenderer(volume)
    grid = plane_grid(renderer.space, plane)
    shown = renderer.stored(grid, grid.size_ijk[2] // 2)
    assert set(np.unique(shown)) == {-2000, 50}


def test_i12_supplemental_palette_colours_high_values_only():
    table = ColorTable(1000, bytes([255, 0, 0, 0, 255, 0]))
    stored = np.array([[[0, 500, 1000, 1001, 1500]]], np.int16)
    volume = _film(stored, supplement=table)
    renderer = SliceRenderer(volume)
    shown = renderer.display(renderer.space, 0, Window(500, 1000))[0]
    grey = apply_window(np.array([0.0, 500.0]), 500, 1000)
    assert shown.tolist() == [
        [grey[0]] * 3, [grey[1]] * 3, [255, 0, 0], [0, 255, 0], [0, 255, 0]
    ]  # fmt: skip


def test_i02_table_and_window_give_the_picture_of_the_one_function():
    stored = np.arange(-50, 50, dtype=np.int16).reshape(1, 10, 10)
    entries = np.arange(100, dtype="<u2")[::-1] * 41
    table = VoiTable(-50, 12, entries.astype("<u2").tobytes())
    volume = _film(stored, windows=(Window(0, 100, "CURVE", table=table),))
    renderer = SliceRenderer(volume)
    own = renderer.default_window()
    assert own.table == table
    shown = renderer.display(renderer.space, 0, own)
    np.testing.assert_array_equal(shown, display_levels(volume, stored[0], own))
    assert shown[0, 0] > shown[-1, -1]  # the curve falls
    plain = renderer.display(renderer.space, 0, Window(0, 100))
    assert plain[0, 0] < plain[-1, -1]  # a window instead of the table


def test_probe_gives_modality_value_or_none():
    volume = linear_volume()
    renderer = SliceRenderer(volume)
    point = volume.geometry.ijk_to_lps((4, 5, 6))
    assert renderer.modality_at(point) == pytest.approx(float(value_at(point)), abs=0.01)
    assert renderer.modality_at((1000, 0, 0)) is None


def _film(voxels, **changes):
    return Volume(voxels, None, Rescale(), "arbitrary", SeriesRef("1.2", "1.2.3"), **changes)
