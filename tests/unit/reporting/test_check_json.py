"""``overread.check/1`` and ``overread.extract/1`` as they leave the program."""

from __future__ import annotations

import pytest

from app.core.errors import InputError
from app.core.report import StudyFacts
from app.reporting.check_json import check_to_json, extraction_to_json
from app.reporting.extract import extract
from app.reporting.facts_json import study_facts_from_json
from tests.support.report_findings import checked, finding, report


def test_check_object_has_the_fields_of_the_contract() -> None:
    text = report("en", "Left effusion.")
    row = check_to_json(checked(text, finding("pleural effusion", "right")), id="case")
    assert row["schema"] == "overread.check/1"
    assert row["id"] == "case"
    assert row["verdict"] == "blocked"
    assert len(row["report_sha256"]) == len(row["findings_sha256"]) == 64
    first = row["discrepancies"][0]
    assert {"rule", "severity", "finding_uid", "spans", "message", "fix"} <= set(first)
    span = first["spans"][0]
    assert text[span["start"] : span["end"]] == span["text"]
    assert set(first["message"]) == {"en", "ru"}
    assert set(first["fix"]) >= {"insert", "at"}
    assert {
        "concept",
        "presence",
        "laterality",
        "site",
        "sizes_mm",
        "change",
        "section",
        "span",
    } == (set(row["statements"][0]))


def test_extract_object() -> None:
    row = extraction_to_json(extract("No pneumothorax. Left effusion."), id="7")
    assert row["schema"] == "overread.extract/1"
    assert row["presence"] == {"pneumothorax": "absent", "pleural effusion": "present"}


def test_study_facts() -> None:
    assert study_facts_from_json(None) == StudyFacts()
    facts = study_facts_from_json({"modality": "CT", "contrast": False, "priors": []})
    assert facts.contrast is False
    assert facts.priors == ()
    assert study_facts_from_json({"laterality": None}).priors is None
    with pytest.raises(InputError):
        study_facts_from_json([1])
    with pytest.raises(InputError):
        study_facts_from_json({"priors": "2024"})
