"""Haemorrhage, Evans index and midline shift with known answers, tilted heads included."""

from __future__ import annotations

import math

import numpy as np
import pytest

from app.measure.anatomy import Anatomy
from app.measure.head import lateral_axis, midline_shift
from app.measure.regional import measure_anatomy
from tests.support.solids import by_kind, ellipsoid, grid, points_of, rotation

GRID = grid((180, 210, 150), (2.0, 2.0, 3.0))


def head(turn):
    """A brain of 140 x 180 x 120 mm, frontal horns 42 mm across, a skull 8 mm thick around it."""
    local = points_of(GRID) @ turn
    brain = ellipsoid(local, (0, 0, 0), (70, 90, 60))
    inner = ellipsoid(local, (0, 0, 0), (74, 94, 64))
    skull = ellipsoid(local, (0, 0, 0), (82, 102, 72)) & ~inner
    horns = np.zeros(brain.shape, bool)
    for side in (-1, 1):  # reaching from the middle to 21 mm on either side
        horns |= ellipsoid(local, (side * 10.5, -25, 8), (10.5, 14, 6))
    return {"brain": brain & ~horns, "ventricle_frontal": horns, "skull": skull}


@pytest.mark.parametrize("tilt", [(0, 0, 0), (0, 0, 12), (0, 10, -8)])
def test_evans_index_of_tilted_heads(tilt):
    masks = head(rotation(*tilt))
    number = by_kind(measure_anatomy(Anatomy(GRID, masks=masks)))["evans_index"]
    # the inner skull 8 mm over the middle: 148 * sqrt(1 - (8 / 64)^2)
    width = 148 * math.sqrt(1 - (8 / 64) ** 2)
    assert number.value == pytest.approx(42 / width, abs=0.025)
    assert number.status == "valid"
    points = np.asarray(number.points_lps)
    widths = np.linalg.norm(points[1] - points[0]), np.linalg.norm(points[3] - points[2])
    assert widths[0] / widths[1] == pytest.approx(number.value, abs=0.003)


def test_evans_index_without_a_skull_says_so():
    masks = head(np.eye(3))
    del masks["skull"]
    number = by_kind(measure_anatomy(Anatomy(GRID, masks=masks)))["evans_index"]
    assert number.status == "low_quality"
    assert "brain stands for" in number.note
    assert number.value == pytest.approx(42 / 139, abs=0.025)
    del masks["brain"]
    number = by_kind(measure_anatomy(Anatomy(GRID, masks=masks)))["evans_index"]
    assert (number.status, number.value) == ("failed", None)


@pytest.mark.parametrize("tilt", [(0, 0, 0), (5, 7, 15), (0, -12, -20)])
def test_the_lateral_axis_is_found_by_symmetry(tilt):
    turn = rotation(*tilt)
    brain = ellipsoid(points_of(GRID) @ turn, (0, 0, 0), (60, 85, 50))
    axis = lateral_axis(Anatomy(GRID, masks={"brain": brain}).structure("brain"))
    assert axis @ turn[:, 0] > math.cos(math.radians(2.5))


def test_no_axis_without_symmetry():
    points = points_of(GRID)
    # three arms of different length, no plane mirrors them
    lump = ellipsoid(points, (30, 10, 5), (45, 8, 8)) | ellipsoid(points, (-5, 40, 0), (8, 45, 8))
    lump |= ellipsoid(points, (0, -30, 40), (9, 25, 9)) | ellipsoid(
        points, (-40, -40, -30), (9, 9, 20)
    )
    assert lateral_axis(Anatomy(GRID, masks={"brain": lump}).structure("brain")) is None


@pytest.mark.parametrize("spacing", [(0.8, 0.8, 2.5), (1.0, 1.0, 5.0)])
def test_volume_and_abc2_of_an_ellipsoid(spacing):
    """Half axes 24, 15, 15: ABC/2 is 3/pi of the truth for a whole count of slices."""
    geometry = grid((90, 90, 80), spacing)
    bleeding = ellipsoid(points_of(geometry), (0, 0, 0), (15, 24, 15), rotation(0, 0, 30))
    rows = by_kind(measure_anatomy(Anatomy(geometry, masks={"hemorrhage": bleeding})))
    truth = 4 / 3 * math.pi * 24 * 15 * 15 / 1000
    assert rows["hemorrhage_volume"].value == pytest.approx(truth, rel=0.03)
    # slices over 25 % of the largest area: |z| < 15 * sqrt(0.75); under 75 % they count half
    one_slice = 48 * 30 * spacing[2] / 2 / 1000
    counted = (15 * math.sqrt(0.75) * 2 + 15) / 2  # mean of the two lengths that are counted
    expected = 48 * 30 * counted / 2 / 1000
    assert rows["hemorrhage_abc2"].value == pytest.approx(expected, abs=one_slice)
    assert {row.status for row in rows.values()} == {"valid"}
    points = np.asarray(rows["hemorrhage_abc2"].points_lps)
    assert np.linalg.norm(points[1] - points[0]) == pytest.approx(48, abs=1.6)


def test_midline_shift_from_three_points():
    front, back = (2.0, -80.0, 10.0), (2.0, 90.0, 10.0)
    number = midline_shift(front, back, (9.5, -10.0, 10.0))
    assert number.value == pytest.approx(7.5)
    assert "left" in number.note
    assert "влево" in number.note_ru
    assert "right" in midline_shift(front, back, (-3.0, 0.0, 10.0)).note
    assert midline_shift(front, back, (2.0, 0.0, 10.0)).note == ""
    turn = rotation(0, 0, 25)
    turned = midline_shift(*(tuple(turn @ np.asarray(p)) for p in (front, back, (9.5, -10, 10))))
    assert turned.value == pytest.approx(7.5)
    assert number.point_names[3] == "foot"
    assert midline_shift(front, front, back).status == "failed"
