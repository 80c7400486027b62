"""Index space to patient space and back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import FrameOfReferenceMismatch, GeometryError
from app.core.geometry import Box, Geometry

sizes = st.tuples(*[st.integers(1, 600)] * 3)
spacings = st.tuples(*[st.floats(0.05, 20)] * 3)
places = st.tuples(*[st.floats(-2000, 2000)] * 3)
angles = st.tuples(*[st.floats(-np.pi, np.pi)] * 3)
IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


def _rotation(angles_rad: tuple[float, float, float]) -> np.ndarray:
    (a, b, c) = angles_rad
    x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return x @ y @ z


@st.composite
def geometries(draw: st.DrawFn) -> Geometry:
    return Geometry.from_arrays(
        draw(sizes), draw(spacings), draw(places), _rotation(draw(angles)), "1.2.3"
    )


@given(geometries(), places)
def test_round_trip(geometry: Geometry, index: tuple[float, float, float]) -> None:
    there = geometry.ijk_to_lps(index)
    assert np.allclose(geometry.lps_to_ijk(there), index, atol=1e-5)


@given(geometries())
def test_same_grid_is_that_of_itself_only(geometry: Geometry) -> None:
    assert geometry.same_grid(geometry)
    moved = replace(geometry, origin_lps=(geometry.origin_lps[0] + 0.1, *geometry.origin_lps[1:]))
    assert not geometry.same_grid(moved)
    assert not geometry.same_grid(replace(geometry, frame_of_reference_uid="9"))


@given(geometries())
def test_m08_voxel_volume_comes_from_the_affine(geometry: Geometry) -> None:
    assert geometry.voxel_volume_mm3 == pytest.approx(
        abs(np.linalg.det(geometry.affine_lps[:3, :3])), rel=1e-6
    )


def test_the_columns_of_direction_are_the_axes() -> None:
    sagittal = Geometry((4, 3, 2), (1, 1, 5), (0, 0, 0), (0, 0, 1, 1, 0, 0, 0, 1, 0), "1")
    assert np.allclose(sagittal.ijk_to_lps([1, 0, 0]), [0, 1, 0])
    assert np.allclose(sagittal.ijk_to_lps([0, 1, 0]), [0, 0, 1])
    assert np.allclose(sagittal.ijk_to_lps([0, 0, 1]), [5, 0, 0])
    assert sagittal.shape_kji == (2, 3, 4)


def test_half_a_voxel_belongs_to_the_volume() -> None:
    geometry = Geometry((2, 2, 2), (1, 1, 1), (0, 0, 0), IDENTITY, "1")
    assert geometry.contains((-0.5, 0, 1.5))
    assert not geometry.contains((-0.6, 0, 0))


def test_g19_other_frames_of_reference_are_refused() -> None:
    one = Geometry((2, 2, 2), (1, 1, 1), (0, 0, 0), IDENTITY, "1")
    one.require_same_frame(one)
    with pytest.raises(FrameOfReferenceMismatch):
        one.require_same_frame(replace(one, frame_of_reference_uid="2"))


@pytest.mark.parametrize(
    "change",
    [
        {"size_ijk": (0, 1, 1)},
        {"spacing_ijk": (1, -1, 1)},
        {"spacing_ijk": (1, float("nan"), 1)},
        {"direction": (1, 0, 0, 0, 1, 0, 0, 1, 1)},
    ],
)
def test_impossible_grids_cannot_be_made(change: dict) -> None:
    good = Geometry((2, 2, 2), (1, 1, 1), (0, 0, 0), IDENTITY, "1")
    with pytest.raises(GeometryError):
        replace(good, **change)


def test_a_box_cuts_the_array_half_open() -> None:
    array = np.zeros((4, 5, 6))
    array[Box((1, 2, 3), (2, 4, 4)).slices_kji] = 1
    assert array.sum() == 2
    assert array[3, 2, 1] == 1
    with pytest.raises(GeometryError):
        Box((2, 0, 0), (1, 1, 1))
