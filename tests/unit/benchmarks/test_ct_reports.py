"""The CT part of the unseen benchmark: its gold holds, and it is counted as it says."""

from __future__ import annotations

from collections import Counter

import pytest

from benchmarks.report_blind import ct
from benchmarks.report_blind.concepts import LANGUAGES


@pytest.mark.parametrize("half", ct.HALVES)
def test_both_languages_state_and_deny_the_same(half: str) -> None:
    english, russian = (ct.reports(language, half) for language in LANGUAGES)
    assert len(english) >= 20
    for one, other in zip(english, russian, strict=True):
        assert (one.uid, one.region, one.gold) == (other.uid, other.region, other.gold)
        assert {"present", "absent"} & set(one.gold.values())
        assert len(one.text) > 150


def test_no_report_is_in_both_halves_and_no_gold_line_is_left_in_a_text() -> None:
    every = [one for half in ct.HALVES for one in ct.reports("en", half)]
    assert len({one.uid for one in every}) == len(every)
    assert not [one.uid for one in every if one.text.startswith(("+", "-", "?"))]
    stated = Counter(
        code for one in every for code, state in one.gold.items() if state == "present"
    )
    denied = Counter(code for one in every for code, state in one.gold.items() if state == "absent")
    assert {concept.code for concept in ct.concepts()} == set(stated) | set(denied)


def test_labels_are_counted_for_the_concept_they_name() -> None:
    read = {
        "pulmonary nodule": "absent",
        "lung nodule": "present",
        "subcutaneous emphysema": "present",
        "coronary bypass surgery": "present",
        "pulmonary fibrosis": "uncertain",
    }
    assert ct.states(read, "chest") == {"nod": "present", "fib": "uncertain"}
    assert ct.states({"hepatic fibrosis": "present"}, "chest") == {}


def test_a_wrong_gold_line_is_refused() -> None:
    for gold in ("+ xyz", "+ nod\n- nod", "+ sdh"):
        with pytest.raises(ValueError, match="one"):
            ct._report(f"one chest\n{gold}\nText of the report.\n", "en", "dev")


def test_both_states_are_counted_apart() -> None:
    rows = [
        ("nod", "present", "present"),
        ("eff", "present", "absent"),
        ("car", "absent", "absent"),
        ("ggo", "absent", "present"),
        ("lym", "absent", None),
    ]
    assert ct._count(rows, "present") == {"right": 1, "wrong": 1, "missed": 1}
    assert ct._count(rows, "absent") == {"right": 1, "wrong": 1, "missed": 2}
    assert ct._rates(Counter(right=1, wrong=1, missed=2)) == pytest.approx((1 / 2, 1 / 3, 2 / 5))
