"""Points, lines and boxes that the reader places for a pack."""

from __future__ import annotations

import numpy as np
import pytest

from app.core.geometry import Geometry
from app.core.reader_input import NamedBox, ReaderInput
from app.core.report import Message
from app.viewer.planes import plane_grid
from app.viewer.tools.marking import Asked, Marking

TEXT = Message("x", "x")
TURNED = np.asarray([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, -1.0]])


def space(direction: np.ndarray | None = None) -> Geometry:
    turn = np.eye(3) if direction is None else direction
    return Geometry.from_arrays(
        (100, 80, 40), (0.5, 0.5, 2.0), (-20.0, 7.0, 300.0), turn.ravel(), "1.2.3"
    )


def marking(*asked: Asked, direction: np.ndarray | None = None) -> Marking:
    return Marking(space(direction), asked)


def corners(made: Marking, number: int = 0) -> np.ndarray:
    """Lower and upper corner of a box in (i, j, k)."""
    return np.sort(made.space.lps_to_ijk(np.asarray(made.given.boxes[number].lps)), axis=0)


def test_a_press_places_a_point_and_a_second_one_moves_it() -> None:
    made = marking(Asked("nodule", "point", TEXT, required=True))
    assert [entry.name for entry in made.missing] == ["nodule"]
    at = made.space.ijk_to_lps((30, 20, 10))
    made, grip = made.pressed(at, made.space, 2.0)
    assert grip.is_new
    assert not made.missing
    near = made.space.ijk_to_lps((32, 20, 10))
    held, grip = made.pressed(near, made.space, 2.0)
    assert not grip.is_new
    moved = held.dragged(grip, made.space.ijk_to_lps((50, 60, 10)), made.space)
    assert len(moved.given.points) == 1
    assert np.allclose(made.space.lps_to_ijk(moved.given.points[0].lps), (50, 60, 10))


def test_a_point_of_another_image_is_not_taken_hold_of() -> None:
    made = marking(Asked("nodule", "point", TEXT, many=True))
    made, _ = made.pressed(made.space.ijk_to_lps((30, 20, 10)), made.space, 2.0)
    made, grip = made.pressed(made.space.ijk_to_lps((30, 20, 15)), made.space, 2.0)
    assert grip.is_new
    assert len(made.given.points) == 2


@pytest.mark.parametrize("direction", [None, TURNED], ids=["plain", "turned"])
def test_a_box_is_drawn_moved_and_drawn_out(direction) -> None:
    made = marking(Asked("left", "box", TEXT), direction=direction)
    grid = made.space
    begun, grip = made.pressed(grid.ijk_to_lps((20, 20, 10)), grid, 1.0)
    drawn = begun.dragged(grip, grid.ijk_to_lps((60, 40, 10)), grid)
    # 20 x 10 mm across, so 15 mm deep: 7.5 images of 2 mm
    assert np.allclose(corners(drawn), [(20, 20, 10 - 3.75), (60, 40, 10 + 3.75)])
    held, grip = drawn.pressed(grid.ijk_to_lps((40, 30, 11)), grid, 1.0)
    assert grip.sides == (0, 0, 0)
    moved = held.dragged(grip, grid.ijk_to_lps((45, 25, 11)), grid)
    assert np.allclose(corners(moved), [(25, 15, 6.25), (65, 35, 13.75)])
    held, grip = drawn.pressed(grid.ijk_to_lps((60, 30, 11)), grid, 1.0)
    assert grip.sides == (1, 0, 0)
    wider = held.dragged(grip, grid.ijk_to_lps((80, 0, 11)), grid)
    assert np.allclose(corners(wider), [(20, 20, 6.25), (80, 40, 13.75)])
    least = held.dragged(grip, grid.ijk_to_lps((0, 0, 11)), grid)
    assert np.allclose(corners(least), [(20, 20, 6.25), (21, 40, 13.75)])


def test_the_depth_of_a_box_is_drawn_out_on_another_plane() -> None:
    grid = space()
    box = NamedBox("left", tuple(map(tuple, grid.ijk_to_lps([(20, 20, 5), (60, 40, 15)]).tolist())))
    made = Marking(grid, (Asked("left", "box", TEXT),), ReaderInput(boxes=(box,)))
    coronal = plane_grid(grid, "coronal")
    held, grip = made.pressed(grid.ijk_to_lps((40, 30, 15)), coronal, 1.0)
    assert grip.sides == (0, 0, 1)
    deeper = held.dragged(grip, grid.ijk_to_lps((40, 30, 25)), coronal)
    assert np.allclose(corners(deeper), [(20, 20, 5), (60, 40, 25)])
    assert made.box_on(box, grid, 10) is not None
    assert made.box_on(box, grid, 16) is None


def test_a_line_has_two_ends() -> None:
    made = marking(Asked("heart", "line", TEXT))
    begun, grip = made.pressed(made.space.ijk_to_lps((10, 10, 3)), made.space, 1.0)
    drawn = begun.dragged(grip, made.space.ijk_to_lps((90, 10, 3)), made.space)
    ends = made.space.lps_to_ijk(np.asarray(drawn.given.lines[0].lps))
    assert np.allclose(ends, [(10, 10, 3), (90, 10, 3)])
    assert drawn.without("heart").given.is_empty
