import numpy as np
import pytest

from app.core.errors import FrameOfReferenceMismatch
from app.core.geometry import Geometry
from app.imaging.resample import resample_array, resample_to, turned_onto, with_spacing

GRID = Geometry.from_arrays((10, 8, 6), (1, 1, 2), (-5, -4, -6), np.eye(3), "1.2.3")
GRID_OF_A_FILE = Geometry.from_arrays((10, 8, 6), (1, 1, 2), (-5, -4, -6), np.eye(3), "")


def ramp(grid):
    i, j, k = grid.size_ijk
    index = np.stack(np.meshgrid(np.arange(i), np.arange(j), np.arange(k), indexing="ij"), -1)
    return (grid.ijk_to_lps(index) @ [1.0, 3.0, 7.0]).transpose(2, 1, 0).astype(np.float32)


def test_linear_values_stay_at_their_place():
    target = Geometry.from_arrays((7, 6, 7), (0.9, 1.1, 1.3), (-4.5, -3.5, -5.5), np.eye(3), "")
    result = resample_array(ramp(GRID), GRID, target)
    np.testing.assert_allclose(result, ramp(target), atol=1e-3)


def test_masks_stay_binary():
    mask = np.zeros(GRID.shape_kji, np.uint8)
    mask[2:4, 2:6, 3:8] = 1
    finer = with_spacing(GRID, (0.5, 0.5, 0.5))
    result = resample_to(mask, GRID, finer)
    assert set(np.unique(result)) == {0, 1}
    assert result.sum() * finer.voxel_volume_mm3 == mask.sum() * GRID.voxel_volume_mm3


def test_with_spacing_keeps_the_outer_edges():
    finer = with_spacing(GRID, (0.5, 0.5, 1.0))
    np.testing.assert_allclose(finer.ijk_to_lps((-0.5,) * 3), GRID.ijk_to_lps((-0.5,) * 3))
    assert finer.size_ijk == (20, 16, 12)


def test_g19_other_frame_of_reference_is_refused():
    other = Geometry.from_arrays((2, 2, 2), (1, 1, 1), (0, 0, 0), np.eye(3), "9.9")
    with pytest.raises(FrameOfReferenceMismatch):
        resample_array(ramp(GRID), GRID, other)


@pytest.mark.parametrize(
    "direction",
    [np.eye(3), np.diag([-1, -1, 1]), [[0, 0, -1], [1, 0, 0], [0, -1, 0]]],
)
def test_axes_in_another_order_are_the_same_voxels(direction):
    matrix = np.asarray(direction, dtype=float)
    axes = np.abs(matrix).argmax(axis=0)
    sizes = [GRID.size_ijk[axis] for axis in axes]
    first = [0 if matrix[axes[n], n] > 0 else sizes[n] - 1 for n in range(3)]
    origin = GRID.ijk_to_lps([first[list(axes).index(axis)] for axis in range(3)])
    spacing = [GRID.spacing_ijk[axis] for axis in axes]
    other = Geometry.from_arrays(sizes, spacing, origin, matrix, "")
    np.testing.assert_allclose(turned_onto(ramp(other), other, GRID_OF_A_FILE), ramp(GRID))


def test_other_voxels_are_not_turned():
    moved = Geometry.from_arrays((10, 8, 6), (1, 1, 2), (-5, -4, -5), np.eye(3), "")
    assert turned_onto(ramp(moved), moved, GRID_OF_A_FILE) is None
    tilt = np.deg2rad(3)
    tilted = [[np.cos(tilt), -np.sin(tilt), 0], [np.sin(tilt), np.cos(tilt), 0], [0, 0, 1]]
    oblique = Geometry.from_arrays((10, 8, 6), (1, 1, 2), (-5, -4, -6), tilted, "")
    assert turned_onto(ramp(oblique), oblique, GRID_OF_A_FILE) is None
