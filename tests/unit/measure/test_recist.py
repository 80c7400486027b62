"""RECIST 1.1: nadir, new lesions, nodes by their short axis, five millimetres."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.measure.recist import (
    Course,
    Target,
    Visit,
    assess,
    differences,
    faults_of,
    sum_measurement,
)  # fmt: skip

LIVER = Target("1", "liver", False, 40.0, 5.0)
LUNG = Target("2", "lung", False, 30.0, 1.0)
NODE = Target("3", "node", True, 20.0, 5.0)
DAY = dt.date(2026, 1, 1)


def course(*sums, targets=(LIVER, LUNG), **visit):
    """A course whose visits have these diameters (one tuple per visit)."""
    visits = [
        Visit(DAY + dt.timedelta(days=60 * n), dict(zip("123", values, strict=False)))
        for n, values in enumerate(sums, start=1)
    ]
    if visit:
        visits[-1] = replace(visits[-1], **visit)
    return Course(DAY, targets, tuple(visits))


@pytest.mark.parametrize(
    ("visits", "response"),
    [
        ([(28, 21)], "PR"), ([(28, 21.1)], "SD"),  # 49 of 70 is minus 30 %
        ([(44, 40)], "PD"), ([(43, 40)], "SD"),  # 84 of 70 is plus 20 %
        ([(0, 0)], "CR"), ([(1, 0)], "PR"),
        ([(20, 10), (25, 11)], "PD"),  # 30 is the nadir: 36 is plus 20 % and 6 mm
        ([(20, 10), (24, 10.5)], "PR"),  # 34.5: 15 %
        ([(10, 5), (12, 7.5)], "PR"),  # 19.5 of 15: 30 %, but 4.5 mm only
        ([(10, 5), (13, 7)], "PD"),
        ([(0, 0), (6, 0)], "PD"), ([(0, 0), (3, 0)], "PR"),
        ([(20, 10), (25, 11), (25, 11)], "PD"),  # still against the nadir, not the visit before
    ],
)  # fmt: skip
def test_response_of_targets(visits, response):
    assert assess(course(*visits))[-1].overall == response


def test_the_nadir_is_the_smallest_sum_baseline_included():
    judged = assess(course((30, 20), (35, 25), (36, 26)))
    assert [one.nadir_mm for one in judged] == [70, 50, 50]
    assert judged[2].from_nadir_percent == pytest.approx(24)
    assert judged[2].from_baseline_percent == pytest.approx(-100 * 8 / 70)
    assert judged[0].nadir_date == DAY


def test_nodes_are_gone_under_ten_millimetres_of_short_axis():
    targets = (LIVER, NODE)
    for node, response in ((9.9, "CR"), (10.0, "PR")):
        visit = Visit(DAY + dt.timedelta(days=60), {"1": 0.0, "3": node})
        (judged,) = assess(Course(DAY, targets, (visit,)))
        assert judged.overall == response
        assert judged.sum_mm == node


@pytest.mark.parametrize(
    ("visit", "response"),
    [
        ({"new_lesions": ("bone",)}, "PD"), ({"non_targets": "progression"}, "PD"),
        ({"non_targets": "present"}, "PR"), ({"non_targets": "absent"}, "CR"),
        ({"non_targets": "not assessed"}, "PR"),
    ],
)  # fmt: skip
def test_the_rest_of_the_disease(visit, response):
    assert assess(course((0, 0), **visit))[-1].overall == response


def test_a_target_that_was_not_assessed():
    (judged,) = assess(course((30, None)))
    assert (judged.sum_mm, judged.overall) == (None, "NE")
    assert (sum_measurement(judged).status, sum_measurement(judged).value) == ("failed", None)
    (judged,) = assess(course((90, None)))
    assert judged.overall == "PD"  # what was seen is enough
    (judged,) = assess(course((30, None), new_lesions=("bone",)))
    assert judged.overall == "PD"
    assert sum_measurement(assess(course((30, 20)))[0]).value == 50


def test_the_choice_of_targets():
    assert faults_of((LIVER, LUNG, NODE)) == ()
    many = [replace(LIVER, tracking_uid=str(n), organ=f"organ {n}") for n in range(6)]
    assert "at most 5" in faults_of(many)[0]
    three = [replace(LIVER, tracking_uid=str(n)) for n in range(3)]
    assert "3 targets in liver" in faults_of(three)[0]
    for target in (replace(LIVER, baseline_mm=9.9), replace(NODE, baseline_mm=14.9),
                   replace(LIVER, baseline_mm=15.0, slice_mm=8.0)):  # fmt: skip
        assert "at least" in faults_of((target,))[0]
    assert "twice" in faults_of((LIVER, LIVER))[0]
    assert faults_of(()) != ()
    with pytest.raises(ValueError, match="at least"):
        assess(Course(DAY, (replace(LIVER, baseline_mm=5.0),)))
    backwards = Course(DAY, (LIVER,), (Visit(DAY, {"1": 30.0}),))
    with pytest.raises(ValueError, match="order of date"):
        assess(backwards)


def test_an_edited_prior_changes_nothing_silently():
    """An earlier visit edited from 50 to 40 mm turns today's stable disease into progression."""
    before = course((30, 20), (34, 21))
    after = course((25, 15), (34, 21))
    assert assess(before)[1].overall == "SD"
    assert assess(after)[1].overall == "PD"
    changed = {(d.date, d.what): (d.before, d.after) for d in differences(before, after)}
    last = before.visits[1].date
    assert changed[(last, "nadir_mm")] == ("50", "40")
    assert changed[(last, "overall")] == ("SD", "PD")
    assert (before.visits[0].date, "sum_mm") in changed
    assert differences(before, before) == ()


@given(st.lists(st.tuples(st.floats(0, 80), st.floats(0, 80)), min_size=1, max_size=6))
def test_no_progression_within_five_millimetres_of_the_nadir(visits):
    for one in assess(course(*visits)):
        assert one.nadir_mm <= 70.0
        if one.targets == "PD":
            assert one.sum_mm >= one.nadir_mm + 5.0 - 1e-6
