"""The stored and public form of findings gives back exactly what went in."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings

from app.core.errors import InputError
from app.core.finding import Decision, Finding, decide
from app.core.findings_json import (
    finding_from_json,
    finding_to_json,
    findings_from_json,
    findings_to_json,
)
from app.core.report import findings_sha256
from tests.support.domain import STUDY_UID, contents, model_finding, proposed_findings


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(proposed_findings(), contents)
def test_round_trip_through_json_text(finding: Finding, content: object) -> None:
    finding = decide(finding, Decision("edit", "Dr", "2026"), content)
    text = json.dumps(finding_to_json(finding))
    back = finding_from_json(json.loads(text), study_instance_uid=STUDY_UID)
    assert back == finding
    assert findings_sha256([back]) == findings_sha256([finding])


def test_the_least_that_a_check_needs() -> None:
    found = findings_from_json([{"uid": "1", "label": "nodule", "state": "accepted"}])
    assert found[0].is_in_report
    assert found[0].current.label.ru == "nodule"


def test_findings_of_another_study_are_refused() -> None:
    data = findings_to_json(STUDY_UID, [model_finding()])
    with pytest.raises(InputError, match="another study"):
        findings_from_json(data, study_instance_uid="9.9")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"label": "x", "state": "accepted"}, "uid"),
        ({"uid": "1", "state": "accepted"}, "neither a concept nor a label"),
        ({"uid": "1", "label": "x", "state": "maybe"}, "maybe"),
        ({"uid": "1", "label": "x", "laterality": "up"}, "up"),
        ({"uid": "1", "label": "x", "score": "high"}, "not a number"),
        ({"uid": "1", "label": "x", "measurements": {}}, "not a list"),
        ({"uid": "1", "label": "x", "measurements": [{"value": 1, "method": "X"}]}, "not valid"),
        ({"uid": "1", "label": "x", "region": {"kind": "blob"}}, "unknown kind"),
        ("text", "not an object"),
    ],
)
def test_a_field_of_the_wrong_kind_is_named(row: object, words: str) -> None:
    with pytest.raises(InputError, match=words):
        findings_from_json([row])


@pytest.mark.parametrize("data", [{"schema": "other/1", "findings": []}, {"findings": 3}, None])
def test_what_is_no_findings_file_is_refused(data: object) -> None:
    with pytest.raises(InputError):
        findings_from_json(data)


def test_faults_name_the_finding_in_russian_too() -> None:
    with pytest.raises(InputError) as fault:
        findings_from_json([{"uid": "a", "label": "x", "state": "maybe"}])
    assert "of finding a is 'maybe'" in fault.value.message
    assert "у находки a" in fault.value.ru


@pytest.mark.parametrize(("given_value", "expected"), [(-0.0, "-0.0"), (None, None)])
def test_an_earlier_value_is_kept_as_it_is_and_never_made_up(
    given_value: float | None, expected: str | None
) -> None:
    earlier = {"value": given_value, "unit": "mm", "date": "2026-01-01"}
    row = {"kind": "long_axis", "value": 8, "unit": "mm", "previous": earlier}
    (read,) = findings_from_json([{"uid": "a", "label": "x", "measurements": [row]}])
    previous = read.current.measurements[0].previous
    assert (None if previous is None else str(previous.value)) == expected


def test_i16_loss_by_compression_stays_with_the_finding() -> None:
    plain = model_finding()
    lossy = replace(plain, provenance=replace(plain.provenance, lossy="12:1"))
    row = finding_to_json(lossy)
    assert finding_from_json(row, study_instance_uid=STUDY_UID).provenance.lossy == "12:1"
    assert "lossy" not in json.dumps(finding_to_json(plain))
