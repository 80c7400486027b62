"""The CT part of the unseen benchmark: its gold holds, and it is counted as it says."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from benchmarks.report_blind import ct
from benchmarks.report_blind.concepts import LANGUAGES


@pytest.mark.parametrize("half", ct.HALVES)
def test_both_languages_state_and_deny_the_same(half: str) -> None:
    english, russian = (ct.ct_reports(language, half) for language in LANGUAGES)
    assert len(english) >= 20
    for one, other in zip(english, russian, strict=True):
        assert (one.uid, one.region, one.gold) == (other.uid, other.region, other.gold)
        assert {"present", "absent"} & set(one.gold.values())
        assert len(one.text) > 150


def test_no_report_is_in_both_halves_and_every_concept_is_used() -> None:
    every = [one for half in ct.HALVES for one in ct.ct_reports("en", half)]
    assert len({one.uid for one in every}) == len(every)
    assert not [one.uid for one in every if one.text.startswith(("+", "-", "?"))]
    scored = Counter(code for one in every for code, state in one.gold.items() if state != "open")
    assert set(ct.ct_concepts()) == set(scored)


def test_labels_are_counted_for_the_concept_they_name() -> None:
    read = {
        "pulmonary nodule": "absent",
        "Lung nodule": "present",
        "subcutaneous emphysema": "present",
        "coronary bypass surgery": "present",
        "pulmonary fibrosis": "uncertain",
        "pleural effusion": "absent",
    }
    found = ct.states(read, "chest")
    assert found == {"nod": "present", "fib": "present", "eff": "absent"}
    assert ct.states({"hepatic fibrosis": "present"}, "chest") == {}
    assert ct.states({"pleural effusion": "present"}, "abdomen") == {}


def test_a_gold_line_that_does_not_fit_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = ct.ct_concepts()
    monkeypatch.setattr(ct, "_FOLDER", tmp_path)
    monkeypatch.setattr(ct, "ct_concepts", lambda: known)
    for gold in ("+ nod\n- nod", "+ sdh"):
        (tmp_path / "dev.en.txt").write_text(f"=== one chest\n{gold}\nSome text.\n", "utf-8")
        with pytest.raises(ValueError, match="one"):
            ct.ct_reports.__wrapped__("en", "dev")


def test_both_states_are_counted_apart_and_the_targets_decide() -> None:
    gold = {"nod": "present", "eff": "present", "car": "absent", "ggo": "absent", "lym": "absent"}
    report = ct.CtReport("a", "en", "dev", "chest", "Text.", gold | {"bro": "open"})
    read = {
        "lung nodule": "present", "pleural effusion": "absent", "cardiomegaly": "absent",
        "ground-glass opacity": "present", "bronchiectasis": "present", "atelectasis": "present",
    }  # fmt: skip
    lines, misses, met = ct.score([report], {"a": {"presence": read}})
    assert any(line.startswith("| present | 1 | 1 | 1 | 0.500 |") for line in lines)
    assert any(line.startswith("| absent | 1 | 1 | 2 | 0.400 |") for line in lines)
    assert any("Contradicted: 2 of 5" in line and "marks: 1 in 1" in line for line in lines)
    assert {row["concept"] for row in misses} == {"eff", "ggo", "lym", "ate"}
    assert not met
    right = {"pulmonary nodule": "present", "pleural effusion": "present", "cardiomegaly": "absent"}
    right |= {"ground-glass opacity": "absent", "lymphadenopathy": "absent"}
    assert ct.score([report], {"a": {"presence": right}})[2]
