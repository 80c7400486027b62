"""Growth with its refusals and bounds; Fleischner and Lung-RADS each round by their own rule."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.measure import fleischner, lung_rads
from app.measure.growth import VolumeAt, volume_change, volume_doubling_time

FIRST = VolumeAt("2.25.1", 200.0, dt.date(2026, 1, 1), 1.0, "B31f", "nodule@1")
SECOND = replace(FIRST, volume_mm3=400.0, date=dt.date(2026, 7, 1))


def test_a_nodule_that_doubles_in_half_a_year():
    found = volume_doubling_time(FIRST, SECOND)
    assert found.value == pytest.approx(181)
    assert found.unit == "d"
    low = 181 * math.log(2) / math.log(2 * 1.27)
    high = 181 * math.log(2) / math.log(2 * 0.73)
    assert (found.uncertainty.low, found.uncertainty.high) == (
        pytest.approx(low),
        pytest.approx(high),
    )
    assert low < found.value < high
    change = volume_change(FIRST, SECOND)
    assert change.value == pytest.approx(100)
    assert change.uncertainty.low == pytest.approx(46)


def test_bounds_are_open_beyond_no_change():
    third = replace(SECOND, volume_mm3=260.0)  # 1.30, and 0.73 of that is under 1
    found = volume_doubling_time(FIRST, third)
    assert found.uncertainty.high is None
    assert found.uncertainty.low < found.value
    shrunk = volume_doubling_time(FIRST, replace(SECOND, volume_mm3=100.0))
    assert shrunk.value == pytest.approx(-181)
    assert shrunk.uncertainty.low < shrunk.value < shrunk.uncertainty.high < 0


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"volume_mm3": 240.0}, "under 25 %"), ({"volume_mm3": 160.0}, "under 25 %"),
        ({"slice_mm": 2.5}, "2.5 mm"), ({"slice_mm": None}, "not known"),
        ({"kernel": "B70f"}, "kernel"), ({"kernel": ""}, "kernel"),
        ({"algorithm": "nodule@2"}, "algorithm"), ({"tracking_uid": "2.25.2"}, "same lesion"),
        ({"date": dt.date(2026, 1, 20)}, "30 days"), ({"date": dt.date(2025, 1, 1)}, "not later"),
        ({"volume_mm3": 0.0}, "missing"),
    ],
)  # fmt: skip
def test_refusals_give_no_number(changes, word):
    found = volume_doubling_time(FIRST, replace(SECOND, **changes))
    assert (found.value, found.status) == (None, "failed")
    assert word in found.note
    assert found.note_ru


def test_a_small_change_is_told_as_no_growth():
    change = volume_change(FIRST, replace(SECOND, volume_mm3=230.0))
    assert change.value == pytest.approx(15)
    assert "no growth" in change.note


def test_each_guideline_rounds_by_its_own_rule():
    assert fleischner.mean_diameter_mm(6.0, 5.0) == 6  # 5.5 upwards
    assert fleischner.mean_diameter_mm(5.9, 5.0) == 5
    assert lung_rads.mean_diameter_mm(6.0, 5.0) == 5.5
    assert lung_rads.mean_diameter_mm(6.25, 5.15) == 5.8  # 6.3 and 5.2: 5.75
    assert lung_rads.mean_diameter_mm(5.9, 5.0) == 5.5  # 5.45


def test_their_volumes_are_not_those_of_each_other():
    for diameter, volume in lung_rads.VOLUMES_MM3.items():
        assert lung_rads.sphere_volume_mm3(diameter) == volume
    assert fleischner.class_of_volume(105.0) == "6 to 8 mm"  # a sphere of 5.85 mm
    assert fleischner.class_of_volume(99.9) == "under 6 mm"
    assert fleischner.class_of_volume(260.0) == "over 8 mm"
    assert not set(fleischner.VOLUMES_MM3) & {float(v) for v in lung_rads.VOLUMES_MM3.values()}
    assert [fleischner.class_of_diameter(n) for n in (5, 6, 8, 9)] == [
        "under 6 mm", "6 to 8 mm", "6 to 8 mm", "over 8 mm",
    ]  # fmt: skip


def test_growth_of_lung_rads():
    assert lung_rads.has_grown(6.0, 7.6, 180)
    assert not lung_rads.has_grown(6.0, 7.5, 180)
    assert not lung_rads.has_grown(6.0, 9.0, 400)


@given(st.floats(10, 1e4), st.floats(1.3, 20), st.integers(30, 2000))
def test_doubling_time_gives_the_growth_back(volume, ratio, days):
    first = replace(FIRST, volume_mm3=volume)
    second = replace(first, volume_mm3=volume * ratio, date=first.date + dt.timedelta(days=days))
    found = volume_doubling_time(first, second)
    assert 2 ** (days / found.value) == pytest.approx(ratio)
