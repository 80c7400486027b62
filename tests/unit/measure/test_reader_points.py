"""Midline shift and cardiothoracic ratio from points that are given by name."""

from __future__ import annotations

import pytest

from app.measure.anatomy import Anatomy, Person, Protocol
from app.measure.regional import measure_anatomy
from tests.support.solids import by_kind, grid

GRID = grid((20, 20, 20), (2, 2, 2))
POINTS = {
    "falx_anterior": (0.0, -80.0, 0.0), "falx_posterior": (0.0, 80.0, 0.0),
    "septum": (-6.0, 0.0, 0.0), "heart_first": (-30.0, 0.0, 0.0),
    "heart_second": (90.0, 0.0, 5.0), "thorax_first": (-140.0, 0.0, 0.0),
    "thorax_second": (140.0, 0.0, 0.0),
}  # fmt: skip


def test_points_by_name():
    anatomy = Anatomy(
        GRID, points=POINTS, person=Person(age_years=60), protocol=Protocol(view_position="PA")
    )
    rows = by_kind(measure_anatomy(anatomy))
    assert rows["midline_shift"].value == pytest.approx(6)
    assert "right" in rows["midline_shift"].note
    ratio = rows["cardiothoracic_ratio_of_lines"]
    assert ratio.value == pytest.approx(120 / 280)
    assert (ratio.status, ratio.reference.high) == ("valid", 0.5)


def test_missing_points_are_named():
    assert measure_anatomy(Anatomy(GRID)) == []
    (row,) = measure_anatomy(Anatomy(GRID, points={"septum": (0.0, 0.0, 0.0)}))
    assert (row.measurement.status, row.measurement.value) == ("failed", None)
    assert "falx_anterior" in row.measurement.note
