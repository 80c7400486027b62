"""The bundle against the published R4 schema and the models of fhir.resources; what it says."""

from __future__ import annotations

import base64
import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastjsonschema
import pytest
from fhir.resources.R4B.bundle import Bundle

from app.core.communication import Communication
from app.core.measurement import Measurement
from app.core.report import Report, Signature
from app.core.study import PatientText
from app.reporting.outputs.document import SeriesLine
from app.reporting.outputs.fhir import FhirNames, fhir_bundle
from app.reporting.render_pdf import render_pdf
from tests.support.domain import effusion, model_finding
from tests.unit.reporting.outputs.documents import AT_UTC, TEXTS, document, signed

NAMES = FhirNames("urn:oid:1.2.3", "urn:oid:1.2.4", "Клиника № 5")
_SCHEMA = Path(__file__).parents[3] / "support" / "fhir_r4_schema.json"


@functools.cache
def _schema() -> Callable[[Any], Any]:
    return fastjsonschema.compile(json.loads(_SCHEMA.read_text("utf-8")))


def _made(language: str = "en", **changes: object) -> dict[str, Any]:
    content = fhir_bundle(document(language, **changes), NAMES, AT_UTC)
    bundle = json.loads(content)
    _schema()(bundle)
    Bundle.model_validate(bundle)
    urls = {entry["fullUrl"] for entry in bundle["entry"]}
    assert len(urls) == len(bundle["entry"])
    for reference in _references(bundle):
        assert reference in urls
    return bundle


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["reference"]] if isinstance(value.get("reference"), str) else []
        return own + [one for item in value.values() for one in _references(item)]
    if isinstance(value, list):
        return [one for item in value for one in _references(item)]
    return []


def _all(bundle: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    found = (entry["resource"] for entry in bundle["entry"])
    return [one for one in found if one["resourceType"] == kind]


def _one(bundle: dict[str, Any], kind: str) -> dict[str, Any]:
    (found,) = _all(bundle, kind)
    return found


def test_the_schema_refuses_what_is_no_bundle() -> None:
    bundle = _made()
    report = _one(bundle, "DiagnosticReport")
    report["status"] = "signed"
    with pytest.raises(fastjsonschema.JsonSchemaException):
        _schema()(bundle)
    with pytest.raises(ValueError, match="type"):
        Bundle.model_validate(_made() | {"type": None})


def test_the_report_rests_on_patient_study_and_signer() -> None:
    bundle = _made("ru", pdf=render_pdf(document("ru")))
    report = _one(bundle, "DiagnosticReport")
    assert report["status"] == "final"
    assert report["language"] == "ru"
    assert report["conclusion"].endswith("Плевральный выпот слева.")
    assert report["code"]["coding"][0]["code"] == "18748-4"
    pdf, text = report["presentedForm"]
    assert base64.b64decode(pdf["data"]).startswith(b"%PDF-1.7")
    assert base64.b64decode(text["data"]).decode() == TEXTS["ru"]
    assert "Плевральный выпот слева" in report["text"]["div"]
    patient = _one(bundle, "Patient")
    assert patient["identifier"] == [{"system": "urn:oid:1.2.3", "value": "4711"}]
    assert patient["name"][0]["family"] == "Иванова"
    assert patient["name"][0]["given"] == ["Анна", "Сергеевна"]
    assert (patient["gender"], patient["birthDate"]) == ("female", "1965-02-03")
    study = _one(bundle, "ImagingStudy")
    assert study["identifier"][0] == {"system": "urn:dicom:uid", "value": "urn:oid:1.2.3.4"}
    assert study["identifier"][1]["value"] == "A123"
    assert study["series"][0]["uid"] == "1.2.3.4.1"
    assert _one(bundle, "Practitioner")["name"][0]["family"] == "Petrov"
    assert _one(bundle, "Organization")["name"] == "Клиника № 5"
    device = _one(bundle, "Device")
    assert (device["deviceName"][0]["name"], device["version"][0]["value"]) == ("tiny", "1.0.0")


def test_findings_and_measurements_are_observations() -> None:
    found = _all(_made(), "Observation")
    (finding,) = [one for one in found if "hasMember" in one]
    assert finding["valueCodeableConcept"]["coding"][0] == {
        "system": "http://snomed.info/sct", "code": "60046008", "display": "Pleural effusion",
    }  # fmt: skip
    assert finding["interpretation"][0]["coding"][0]["code"] == "POS"
    side = finding["component"][0]["valueCodeableConcept"]["coding"][0]
    assert (side["code"], side["display"]) == ("7771000", "Left")
    assert len(finding["hasMember"]) == 4
    volume, axis, ratio, mean = (one for one in found if "method" in one)
    assert volume["valueQuantity"] == {
        "value": 412.0, "unit": "mL", "system": "http://unitsofmeasure.org", "code": "mL",
    }  # fmt: skip
    assert volume["method"] == {"text": "voxel-count@1"}
    assert axis["note"] == [{"text": "corrected by the reader"}]
    assert ratio["referenceRange"][0]["high"]["value"] == 0.5
    assert ratio["interpretation"][0]["coding"][0]["code"] == "H"
    assert "coding" not in ratio["code"]  # no terminology of ours is sure of it
    assert ratio["code"]["text"] == "Cardiothoracic ratio"
    assert mean["dataAbsentReason"]["coding"][0]["code"] == "error"
    assert "valueQuantity" not in mean


@pytest.mark.parametrize(("presence", "code"), [("absent", "NEG"), ("uncertain", "IND")])
def test_what_is_absent_or_doubtful_is_never_positive(presence: str, code: str) -> None:
    finding = model_finding(content=effusion(presence=presence, measurements=()))
    (one,) = _all(_made(findings=(finding,)), "Observation")
    assert one["interpretation"][0]["coding"][0]["code"] == code


STATES = [
    ({"state": "draft", "signature": None}, "preliminary", "preliminary"),
    ({"state": "preliminary"}, "preliminary", "preliminary"),
    ({"state": "signed"}, "final", "final"),
    ({"state": "amended", "change": "addendum"}, "appended", "amended"),
    ({"state": "amended", "change": "correction"}, "corrected", "corrected"),
    ({"state": "amended", "change": "cosignature"}, "amended", "amended"),
]


@pytest.mark.parametrize(("changes", "status", "of_observation"), STATES)
def test_status_follows_the_version(changes: dict, status: str, of_observation: str) -> None:
    bundle = _made(report=signed(**changes))
    assert _one(bundle, "DiagnosticReport")["status"] == status
    assert {one["status"] for one in _all(bundle, "Observation")} == {of_observation}


def test_a_correction_names_what_it_follows_and_who_was_told() -> None:
    told = Communication(
        "2.25.77", ("2.25.100",), "Sidorov", "surgeon", "Petrov^Ivan", AT_UTC, "telephone", True
    )
    older = Signature("Orlova^Anna", AT_UTC, "preliminary", "orlova", "resident", "password")
    report = signed(
        uid="2.25.12", version=2, state="amended", change="correction", change_reason="side",
        predecessor_uid="2.25.11", prior_signatures=(older,), communications=(told,),
    )  # fmt: skip
    bundle = _made(report=report, chain_uid="2.25.11")
    values = [one["value"] for one in _one(bundle, "DiagnosticReport")["identifier"]]
    assert values == ["urn:oid:2.25.11", "urn:oid:2.25.12"]
    provenance = _one(bundle, "Provenance")
    assert provenance["entity"][0]["what"]["identifier"]["value"] == "urn:oid:2.25.11"
    assert provenance["reason"] == [{"text": "side"}]
    assert [a["type"]["coding"][0]["code"] for a in provenance["agent"]] == ["author", "author"]
    said = _one(bundle, "Communication")
    assert said["recipient"] == [{"display": "Sidorov, surgeon"}]
    assert said["sent"] == AT_UTC


def test_the_barest_report_and_the_strangest_text_are_bundles() -> None:
    text = PatientText("")
    bare = Report("1.2", "1.2.3", 1, "en", "Nothing.", "draft")
    bundle = fhir_bundle(
        document(
            report=bare, patient_name=text, patient_id=text, patient_birth_date=text,
            patient_sex="", study_date="", study_description="", accession_number=text, findings=(),
            referring_physician=text, series=(),
        ),
        FhirNames(), AT_UTC,
    )  # fmt: skip
    _schema()(json.loads(bundle))
    Bundle.model_validate(json.loads(bundle))
    strange = signed(text='<script>&"\x00\x0b]]> 中文\n\n' + "x" * 50_000)
    report = _one(_made(report=strange), "DiagnosticReport")
    assert "&lt;script&gt;&amp;" in report["text"]["div"]


def test_the_same_version_gives_the_same_bytes() -> None:
    assert fhir_bundle(document(), NAMES, AT_UTC) == fhir_bundle(document(), NAMES, AT_UTC)


def test_values_of_the_images_that_fhir_does_not_allow_are_left_out() -> None:
    item = Measurement("volume", 1e-7, "mL", "m@1")
    finding = model_finding(content=effusion(measurements=(item,)))
    series = (SeriesLine("1.2", "", " ", 0),)
    bundle = _made(findings=(finding,), series=series, study_description="a\x0bb")
    assert _all(bundle, "Observation")[0]["valueQuantity"]["value"] == 1e-7
