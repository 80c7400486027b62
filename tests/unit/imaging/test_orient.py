import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.geometry import Geometry
from app.imaging.nifti import read_nifti, write_nifti
from app.imaging.orient import (
    affine_ras,
    axis_code,
    opposite_letters,
    orientation_letters,
    reorient,
)

ALL_48 = [
    "".join(pair[sign] for pair, sign in zip(order, signs, strict=True))
    for order in itertools.permutations(("LR", "PA", "SI"))
    for signs in itertools.product((0, 1), repeat=3)
]
LPS_AXES = Geometry.from_arrays((4, 3, 2), (0.5, 0.75, 2.0), (-10, 20, 30), np.eye(3), "1.2.3")


def test_there_are_48_orientations():
    assert len(set(ALL_48)) == 48


@pytest.mark.parametrize("code", ALL_48)
def test_g13_reorient_keeps_every_voxel_in_its_place(code):
    values = np.arange(24).reshape(LPS_AXES.shape_kji)
    moved, grid = reorient(values, LPS_AXES, code)
    assert axis_code(grid) == code
    assert moved.shape == grid.shape_kji
    for k, j, i in np.ndindex(*moved.shape):
        point = grid.ijk_to_lps((i, j, k))
        a, b, c = np.rint(LPS_AXES.lps_to_ijk(point)).astype(int)
        assert moved[k, j, i] == values[c, b, a]
    back, original = reorient(moved, grid, "LPS")
    np.testing.assert_array_equal(back, values)
    assert original.same_grid(LPS_AXES)


@settings(max_examples=48, deadline=None)
@given(code=st.sampled_from(ALL_48), angle=st.floats(-0.4, 0.4), axis=st.integers(0, 2))
def test_g13_nifti_round_trip_over_all_orientations(code, angle, axis, tmp_path_factory):
    values, grid = reorient(np.arange(24, dtype=np.int16).reshape(2, 3, 4), LPS_AXES, code)
    a, b = [n for n in range(3) if n != axis]
    turn = np.eye(3)
    turn[a, a] = turn[b, b] = np.cos(angle)
    turn[a, b], turn[b, a] = -np.sin(angle), np.sin(angle)
    grid = Geometry.from_arrays(
        grid.size_ijk, grid.spacing_ijk, grid.origin_lps, turn @ grid.direction_matrix, ""
    )
    path = tmp_path_factory.mktemp("nifti") / "v.nii.gz"
    write_nifti(path, values, grid)
    read, read_grid = read_nifti(path)
    np.testing.assert_array_equal(read, values)
    assert read_grid.same_grid(grid, 1e-3)


def test_ras_affine_negates_x_and_y():
    point = affine_ras(LPS_AXES) @ np.array([1, 1, 1, 1.0])
    lps = LPS_AXES.ijk_to_lps((1, 1, 1))
    np.testing.assert_allclose(point[:3], lps * [-1, -1, 1])


def test_letters_strongest_first():
    assert orientation_letters((1, 0, 0)) == "L"
    assert orientation_letters((-0.3, 0.9, 0)) == "PR"
    assert orientation_letters((0, 0, -1), head_foot=True) == "F"
    assert orientation_letters((0.05, -1, 0)) == "A"
    assert opposite_letters("PR") == "AL"


def test_g14_no_direction_no_letters():
    assert orientation_letters((0, 0, 0)) == ""
    assert orientation_letters((np.nan, 0, 1)) == ""
