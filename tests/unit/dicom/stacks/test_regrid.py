import numpy as np

from app.core.geometry import Geometry
from app.dicom.stacks.regrid import SliceSource, offsets_in_grid, plan_slices, regrid_slice

GRID = Geometry.from_arrays((6, 5, 6), (1, 1, 2), (0, 0, 0), np.eye(3), "1.2")


def at(*heights):
    return [(0.0, 0.0, float(z)) for z in heights]


def test_slices_on_the_grid_are_taken_as_they_are():
    plan = plan_slices(at(0, 2, 4, 6, 8, 10), GRID, fill_gaps=False)
    assert [source.parts for source in plan] == [((n, 1.0),) for n in range(6)]


def test_g04_a_gap_stays_empty_unless_asked():
    plan = plan_slices(at(0, 2, 6, 8, 10), GRID, fill_gaps=False)
    assert plan[2] == SliceSource(())
    assert plan[3].parts == ((2, 1.0),)
    filled = plan_slices(at(0, 2, 6, 8, 10), GRID, fill_gaps=True)
    assert filled[2].parts == ((1, 0.5), (2, 0.5))


def test_weights_follow_the_true_distance():
    plan = plan_slices(at(0, 3, 10), GRID, fill_gaps=True)
    (low, low_weight), (high, high_weight) = plan[2].parts
    assert (low, high) == (1, 2)
    np.testing.assert_allclose((low_weight, high_weight), (6 / 7, 1 / 7))


def test_shift_by_fractions_of_a_pixel_is_linear():
    plane = np.arange(20.0).reshape(4, 5)
    offsets = offsets_in_grid([(0.5, 0.25, 0.0)], GRID)
    values, holds = regrid_slice(
        SliceSource(((0, 1.0),)), offsets, (5, 6), lambda n: (plane, np.ones((4, 5), bool))
    )
    assert holds[1:4, 1:5].all()
    j, i = np.mgrid[1:4, 1:5]
    np.testing.assert_allclose(values[1:4, 1:5], (j - 0.25) * 5 + (i - 0.5))


def test_padding_never_mixes_with_image():
    plane = np.full((4, 5), 100.0)
    plane[:, 0] = -2000
    valid = plane > -1000
    offsets = offsets_in_grid([(0.4, 0.0, 0.0)], GRID)
    values, holds = regrid_slice(
        SliceSource(((0, 1.0),)), offsets, (5, 6), lambda n: (plane, valid)
    )
    np.testing.assert_allclose(values[holds], 100.0)
    assert not holds[:, 0].any()
