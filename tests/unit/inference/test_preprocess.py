"""Steps in their order, and the way back to the input grid for every orientation."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from app.core.errors import ModelPackError
from app.core.geometry import Geometry
from app.inference import manifest_steps as steps
from app.inference.preprocess import ModelInput, film_move, prepare
from app.inference.resample_grid import resample_values
from app.inference.volume_axes import move_for
from app.inference.way_back import resize_linear


def film_input(array, **values):
    return ModelInput(np.asarray(array)[None], **values)


def test_i01_monochrome1_is_inverted_once():
    image = np.array([[0, 10], [20, 100]], np.int16)
    plan = (steps.InvertMonochrome1(step="invert_monochrome1"),)
    same = prepare(film_input(image), 2, plan).values
    inverted = prepare(film_input(image, polarity_inverted=True), 2, plan).values
    assert np.array_equal(same, image)
    assert np.array_equal(inverted, 100 - image)


def test_i09_padding_does_not_count_for_percentiles_and_range():
    image = np.full((20, 20), 50, np.int16)
    image[:10] = np.arange(200).reshape(10, 20)
    image[15:] = -2000
    plan = (
        steps.ClipPercentile(step="clip_percentile", low=0.0, high=100.0),
        steps.ScaleRange(step="scale"),
    )
    out = prepare(film_input(image, padding=(-2000, -2000)), 2, plan).values
    assert out.min() == 0.0
    assert out.max() == 1.0
    assert np.all(out[15:] == 0.0)
    assert out[12, 0] == pytest.approx(50 / 199)


def test_percentile_clip_matches_numpy():
    rng = np.random.default_rng(0)
    image = rng.normal(1000, 300, (40, 30)).astype(np.float32)
    plan = (
        steps.ClipPercentile(step="clip_percentile", low=1.0, high=99.0),
        steps.ScaleRange(step="scale", low=0.0, high=1.0),
    )
    low, high = np.percentile(image, [1, 99])
    expected = (np.clip(image, low, high) - low) / (high - low)
    assert np.allclose(prepare(film_input(image), 2, plan).values, expected, atol=1e-5)


def test_a_flat_image_does_not_divide_by_zero():
    plan = (
        steps.ClipPercentile(step="clip_percentile", low=1.0, high=99.0),
        steps.ScaleRange(step="scale"),
        steps.ZScore(step="zscore"),
    )
    assert np.all(prepare(film_input(np.full((4, 4), 7)), 2, plan).values == 0)


@pytest.mark.parametrize(("spacing", "box"), [(None, (64, 32)), ((1.0, 2.0), (64, 64))])
def test_letterbox_keeps_the_physical_aspect(spacing, box):
    image = np.ones((100, 50), np.float32)
    plan = (steps.Letterbox(step="letterbox", size=(64, 64)),)
    state = prepare(film_input(image, pixel_spacing_mm=spacing), 2, plan)
    assert state.values.shape == (64, 64)
    rows, columns = (
        np.flatnonzero(state.values.any(axis=1)),
        np.flatnonzero(state.values.any(axis=0)),
    )
    assert (rows.size, columns.size) == box
    assert columns[0] == (64 - box[1]) // 2


def test_letterbox_there_and_back_lands_in_place():
    image = np.zeros((333, 251), np.float32)
    image[100:200, 60:160] = 1
    plan = (steps.Letterbox(step="letterbox", size=(128, 128)),)
    state = prepare(film_input(image, pixel_spacing_mm=(0.4, 0.5)), 2, plan)
    back = state.to_native(state.values) > 0.5
    assert back.shape == image.shape
    assert 2 * np.logical_and(back, image > 0).sum() / (back.sum() + image.sum()) > 0.99


def test_resize_without_antialias_agrees_with_pillow_when_enlarging():
    rng = np.random.default_rng(2)
    small = rng.random((7, 9), dtype=np.float32)
    ours = resize_linear(small, (20, 31), antialias=False)
    pillow = resize_linear(small, (20, 31), antialias=True)
    assert np.allclose(ours, pillow, atol=1e-4)


@pytest.mark.parametrize(
    ("orientation", "flips"),
    [
        (None, ()),
        (("L", "F"), ()),
        (("R", "F"), (1,)),
        (("L", "H"), (0,)),
        (("R", "H"), (0, 1)),
        (("A", "F"), ()),
        (("", ""), ()),
    ],
)
def test_film_orientation(orientation, flips):
    assert film_move(orientation, "L", "F").flips == flips


def all_orientations():
    for order in itertools.permutations(range(3)):
        for signs in itertools.product((1, -1), repeat=3):
            matrix = np.zeros((3, 3))
            for index_axis, (patient_axis, sign) in enumerate(zip(order, signs, strict=True)):
                matrix[patient_axis, index_axis] = sign
            yield matrix


@pytest.mark.parametrize("axes", ["LPS", "RAS", "SLA"])
def test_g01_all_48_orientations_come_to_one_and_go_back(axes):
    """An asymmetric pattern in patient space, stored in every way, must look the same."""
    vector = {"L": (1, 0, 0), "R": (-1, 0, 0), "P": (0, 1, 0), "A": (0, -1, 0), "S": (0, 0, 1)}
    wanted = np.array([vector[letter] for letter in axes], float).T
    size = np.array([5, 6, 7])
    count = 0
    for matrix in all_orientations():
        stored_size = np.abs(matrix.T) @ size
        origin = np.where(matrix.sum(axis=1) < 0, size - 1, 0)
        geometry = Geometry.from_arrays(stored_size, (1, 1, 1), origin, matrix, "1.2")
        k, j, i = np.mgrid[tuple(slice(0, n) for n in geometry.shape_kji)]
        points = geometry.ijk_to_lps(np.stack([i, j, k], -1))
        stored = points @ np.array([1.0, 10.0, 100.0])
        move = move_for(geometry, axes)
        moved = move.apply(stored)
        # moving one step along i, j or k must move along the wanted patient axis
        for index_axis in range(3):
            step = np.diff(moved, axis=2 - index_axis)
            assert np.allclose(step, wanted[:, index_axis] @ np.array([1.0, 10.0, 100.0]))
        assert np.array_equal(move.revert(moved), stored)
        count += 1
    assert count == 48


def test_oblique_volumes_take_the_closest_axes():
    angle = np.radians(20)
    turn = np.array(
        [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
    )
    geometry = Geometry.from_arrays((4, 5, 6), (1, 1, 1), (0, 0, 0), turn, "1.2")
    assert move_for(geometry, "LPS").permutation == (0, 1, 2)
    assert move_for(geometry, "LPS").flips == ()
    with pytest.raises(ModelPackError, match="twice"):
        move_for(geometry, "LRS")


@pytest.mark.parametrize("order", [0, 1, 3])
def test_resampling_keeps_the_field_of_view(order):
    """A linear ramp stays a ramp: voxel centres map by (n + 0.5) * old / new - 0.5."""
    ramp = np.broadcast_to(np.arange(40, dtype=np.float32), (6, 8, 40))
    out = resample_values(ramp, (6, 8, 100), order=order)
    expected = np.clip((np.arange(100) + 0.5) * 0.4 - 0.5, 0, 39)
    tolerance = 0.51 if order == 0 else 0.02
    assert np.allclose(out[3, 4, 15:-15], expected[15:-15], atol=tolerance)


def test_trap_11_order_of_steps_is_that_of_the_manifest():
    geometry = Geometry.from_arrays((8, 8, 8), (1, 1, 1), (0, 0, 0), np.eye(3), "1.2")
    voxels = np.zeros((8, 8, 8), np.int16)
    voxels[3:5, 3:5, 3:5] = 8
    image = ModelInput(voxels, geometry=geometry)
    crop = steps.CropNonzero(step="crop_nonzero")
    shift = steps.Normalize(step="normalize", mean=1.0, std=1.0)
    assert prepare(image, 3, (crop, shift)).values.shape == (2, 2, 2)
    assert prepare(image, 3, (shift, crop)).values.shape == (8, 8, 8)
    state = prepare(image, 3, (crop, shift))
    assert np.array_equal(state.to_native(state.values) != 0, voxels != 0)


def test_several_images_are_no_film():
    with pytest.raises(ModelPackError, match="one film"):
        prepare(ModelInput(np.zeros((2, 4, 4))), 2, ())
