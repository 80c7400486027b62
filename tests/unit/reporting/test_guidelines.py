"""Recommendations come from tables with all their inputs, or say what is missing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from app.core.clinical import ClinicalFacts
from app.core.finding import Finding
from app.core.report import StudyFacts
from app.reporting.check import check
from app.reporting.compose import Composing, compose
from app.reporting.guidelines.advice import advice_of
from app.reporting.templates.shelf import TemplateShelf
from tests.support.report_findings import finding

KNOWN = ClinicalFacts(cancer=False, immunosuppressed=False, screening=False, risk="low")
FACTS = StudyFacts(
    modality="CT", body_part="CHEST", patient_birth_date="1960-05-01", study_date="2026-01-01",
    priors=(), clinical=KNOWN,
)  # fmt: skip


def solid(*mm: float, uid: str = "n", label: str = "solid nodule", **more: Any) -> Finding:
    return finding(label, "right", ru="солидный очаг", uid=uid, mm=mm, **more)


@pytest.mark.parametrize(
    ("rows", "english", "russian"),
    [([solid(5.0, 4.0)], "no routine follow-up", "динамическое наблюдение не требуется"),
     ([solid(7.0, 6.0)], "CT at 6–12 months, then CT at 18–24 months",
      "КТ через 6–12 мес., затем через 18–24 мес."),
     ([solid(12.0, 9.0)], "consider CT at 3 months, PET/CT or tissue sampling",
      "КТ через 3 мес., ПЭТ/КТ или биопсия"),
     ([solid(7.0, 6.0), solid(5.0, 4.0, uid="m")], "CT at 3–6 months", "КТ через 3–6 мес.")],
)  # fmt: skip
def test_fleischner_rows_in_words(rows: list[Finding], english: str, russian: str) -> None:
    advice = advice_of(rows, FACTS, "fleischner-2017")
    assert advice is not None
    assert advice.text is not None
    assert english in advice.text.en
    assert russian in advice.text.ru


@pytest.mark.parametrize(
    ("clinical", "label", "asked"),
    [(replace(KNOWN, cancer=None), "solid nodule", "whether cancer is known"),
     (replace(KNOWN, risk=""), "solid nodule", "risk of lung cancer"),
     (KNOWN, "pulmonary nodule", "kind of the nodule")],
)  # fmt: skip
def test_what_is_missing_is_listed_and_nothing_recommended(
    clinical: ClinicalFacts, label: str, asked: str
) -> None:
    row = finding(label, "right", ru="очаг", mm=(5.0, 4.0))
    facts = replace(FACTS, clinical=clinical)
    template = TemplateShelf().get("ct-chest", "en")
    draft = compose([row], facts, "en", Composing(template))
    assert any(asked in note.en for note in draft.notes)
    assert "Fleischner" not in draft.text
    assert "RECOMMENDATION" not in draft.text


def test_a_known_nodule_and_a_young_patient_are_not_for_fleischner() -> None:
    previous = {"value": 4.0, "unit": "mm", "date": "2025-01-01"}
    known = solid(measurements=[
        {"kind": "long_axis", "value": 5.0, "unit": "mm", "previous": previous},
        {"kind": "short_axis", "value": 4.0, "unit": "mm"},
    ])  # fmt: skip
    young = replace(FACTS, patient_birth_date="2000-01-01")
    for rows, facts in (([known], FACTS), ([solid(5.0, 4.0)], young)):
        advice = advice_of(rows, facts, "fleischner-2017")
        assert advice is not None
        assert advice.text is None
        assert advice.missing
    assert advice_of([finding("renal cyst")], FACTS, "fleischner-2017") is None


@pytest.mark.parametrize(
    ("mm", "category"),
    [((5.0, 4.0), "2"), ((7.0, 6.0), "3"), ((9.0, 9.0), "4A"), ((20.0, 16.0), "4B")],
)  # fmt: skip
def test_lung_rads_stands_in_the_impression(mm: tuple[float, float], category: str) -> None:
    facts = replace(FACTS, clinical=replace(KNOWN, screening=True))
    template = TemplateShelf().get("ct-chest-screening", "en")
    draft = compose([solid(*mm)], facts, "en", Composing(template))
    assert f"Lung-RADS {category} (v2022)." in draft.text
    assert "RECOMMENDATION:\nLung cancer screening:" in draft.text
    text = draft.text.replace("[coronary calcification]", "none")
    assert "[" not in text
    assert check(text, [solid(*mm)], facts, "en", links=draft.links).verdict == "clean"


def test_lung_rads_asks_for_the_baseline() -> None:
    facts = replace(FACTS, priors=None)
    advice = advice_of([solid(7.0, 6.0)], facts, "lung-rads-2022")
    assert advice is None or advice.text is None
    facts = replace(facts, clinical=replace(KNOWN, screening=True))
    advice = advice_of([solid(7.0, 6.0)], facts, "lung-rads-2022")
    assert advice is not None
    assert "baseline" in advice.missing[0].en
