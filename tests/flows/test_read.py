"""The main job without a window: what is in the folder afterwards, for each way it can go."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

from app.core.errors import (
    IdentityConflict,
    InputError,
    ModelPackError,
    ReportError,
    UnsupportedLanguage,
)
from app.core.study import Study
from app.imaging.nifti import read_nifti
from app.store.store import Store
from app.workflow.context import AppContext
from app.workflow.export import export
from app.workflow.open_study import open_paths
from app.workflow.read_study import ReadOutcome, ReadRequest, read_study
from app.workflow.session import StudySession
from app.workflow.sign_report import addendum
from tests.flows.conftest import PACK, write_film
from tests.support.synthetic_dicom import SeriesSpec, write_projection, write_series
from tests.support.validation import dciodvfy_errors

Read = Callable[..., ReadOutcome]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def read(context: AppContext, study: Study, out: Path) -> Read:
    def run(**wishes: Any) -> ReadOutcome:
        return read_study(context, study, ReadRequest(out=wishes.pop("out", out), **wishes))

    return run


def _json(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def test_everything_is_there_after_signing(
    context: AppContext, study: Study, read: Read, out: Path
) -> None:
    outcome = read(accept="all", signer="Dr Petrov")
    assert outcome.is_signed
    assert not outcome.is_blocked
    written = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert written == {path.relative_to(out).as_posix() for path in outcome.files}
    assert written == {
        "findings.json", "check.json", "report.txt", "report.pdf", "run.json",
        "masks/1-right-lung.nii.gz", "masks/2-left-lung.nii.gz",
        "dicom/ai-seg-1.dcm", "dicom/ai-sr-1.dcm", "dicom/seg-1.dcm", "dicom/sr-1.dcm",
        "dicom/report-pdf.dcm", "dicom/key-images-1.dcm",
        "key-images/1-right-lung.png", "key-images/2-left-lung.png",
    }  # fmt: skip
    run = _json(out / "run.json")
    assert [row["pack"] for row in run["packs"]] == [PACK]
    assert run["packs"][0]["weights_sha256"]
    assert run["routing"][0]["packs"][0]["verdict"] in ("suitable", "limited")
    findings = _json(out / "findings.json")
    assert findings["study_instance_uid"] == study.study_instance_uid
    for row in findings["findings"]:
        mask, _geometry = read_nifti(out / row["region"]["mask"])
        assert mask.any()
        assert row["state"] == "accepted"
    check = _json(out / "check.json")
    assert check["verdict"] != "blocked"
    assert (out / "report.pdf").read_bytes().startswith(b"%PDF")
    assert (out / "report.txt").read_text("utf-8").strip()
    for name in ("key-images/1-right-lung.png",):
        assert (out / name).read_bytes().startswith(b"\x89PNG")
    assert context.store.audit.verify() is None


def test_the_objects_are_valid_and_say_who_and_from_what(
    context: AppContext, study: Study, read: Read, out: Path
) -> None:
    read(accept="all", signer="Петров Иван")
    for path in sorted((out / "dicom").iterdir()):
        assert dciodvfy_errors(path) == [], path.name
        assert pydicom.dcmread(path).StudyInstanceUID == study.study_instance_uid
    raw, final = (pydicom.dcmread(out / "dicom" / name) for name in ("ai-sr-1.dcm", "sr-1.dcm"))
    assert raw.VerificationFlag == "UNVERIFIED"
    assert final.VerificationFlag == "VERIFIED"
    assert "Петров" in str(final.VerifyingObserverSequence[0].VerifyingObserverName)
    predecessor = final.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0]
    assert predecessor.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == raw.SOPInstanceUID
    segmentation = pydicom.dcmread(out / "dicom" / "seg-1.dcm")
    assert segmentation.SegmentationType == "BINARY"
    stored = sum(int(read_nifti(p)[0].sum()) for p in (out / "masks").iterdir())
    assert int(segmentation.pixel_array.sum()) == stored


def test_objects_keep_their_uids_when_they_are_written_again(
    context: AppContext, study: Study, out: Path
) -> None:
    read_study(context, study, ReadRequest(out=out, accept="all", signer="Dr Petrov"))
    session = StudySession(context, study)
    assert session.is_signed
    first = export(session, out / "one", ("sr", "seg"))
    second = export(session, out / "two", ("sr", "seg"))
    for a, b in zip(first, second, strict=True):
        assert pydicom.dcmread(a).SOPInstanceUID == pydicom.dcmread(b).SOPInstanceUID
    assert (first[-1].read_bytes()) == (out / "dicom" / "sr-1.dcm").read_bytes()


def test_after_an_addendum_the_document_names_the_version_before(
    context: AppContext, study: Study, out: Path
) -> None:
    read_study(context, study, ReadRequest(out=out, accept="all", signer="Dr Petrov"))
    session = StudySession(context, study)
    addendum(session, "Told the ward by phone.", "Dr Ivanova")
    export(session, out / "again")
    first = pydicom.dcmread(out / "dicom" / "sr-1.dcm")
    second = pydicom.dcmread(out / "again" / "dicom" / "sr-1.dcm")
    assert second.SOPInstanceUID != first.SOPInstanceUID
    named = second.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0]
    assert named.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == first.SOPInstanceUID
    observers = [str(o.VerifyingObserverName) for o in second.VerifyingObserverSequence]
    assert ["Petrov" in observers[0], "Ivanova" in observers[1]] == [True, True]
    assert dciodvfy_errors(out / "again" / "dicom" / "sr-1.dcm") == []
    raw = [(out / name / "dicom" / "ai-sr-1.dcm").read_bytes() for name in (".", "again")]
    assert raw[0] == raw[1]


def test_what_is_not_as_it_was_signed_is_not_exported(
    context: AppContext, study: Study, out: Path
) -> None:
    read_study(context, study, ReadRequest(out=out, accept="all", signer="Dr Petrov"))
    db = sqlite3.connect(context.store.folder / Store.DATABASE_NAME)
    db.execute("UPDATE findings SET payload = replace(payload, '\"left\"', '\"right\"')")
    db.commit()
    db.close()
    session = StudySession(context, study)
    assert session.is_signed
    with pytest.raises(ReportError, match="does not match"):
        export(session, out / "again")
    assert not (out / "again").exists()


def test_without_a_signature_the_objects_are_unverified(read: Read, out: Path) -> None:
    outcome = read(accept="none")
    assert not outcome.is_signed
    assert {f.state for f in outcome.findings} == {"proposed"}
    names = sorted(path.name for path in (out / "dicom").iterdir())
    assert names == ["seg-1.dcm", "sr-1.dcm"]
    assert pydicom.dcmread(out / "dicom" / "sr-1.dcm").VerificationFlag == "UNVERIFIED"
    assert not (out / "report.pdf").exists()


def test_a_blocked_check_signs_nothing_and_writes_what_there_is(
    read: Read, out: Path, tmp_path: Path
) -> None:
    report = tmp_path / "report.txt"
    report.write_text("FINDINGS:\nLungs: [___].\nIMPRESSION:\nNormal.\n", "utf-8")
    outcome = read(accept="all", report=report, signer="Dr Petrov")
    assert outcome.is_blocked
    assert not outcome.is_signed
    assert _json(out / "check.json")["verdict"] == "blocked"
    assert (out / "report.txt").read_text("utf-8") == report.read_text("utf-8")
    assert (out / "findings.json").exists()
    assert not (out / "report.pdf").exists()


def test_nothing_of_an_earlier_reading_stays_in_the_folder(
    read: Read, out: Path, tmp_path: Path
) -> None:
    read(accept="all", signer="Dr Petrov")
    (out / "dicom" / "mine.dcm").write_bytes(b"not ours")
    assert (out / "report.pdf").exists()
    report = tmp_path / "report.txt"
    report.write_text("FINDINGS:\nLungs: [___].\nIMPRESSION:\nNormal.\n", "utf-8")
    outcome = read(accept="none", report=report, signer="Dr Petrov")
    written = {path for path in out.rglob("*") if path.is_file()}
    assert written == {*outcome.files, out / "dicom" / "mine.dcm"}
    assert not (out / "report.pdf").exists()


def test_readings_of_the_command_line_do_not_meet(
    context: AppContext, read: Read, tmp_path: Path
) -> None:
    first = read(accept="all", signer="Dr Petrov", out=tmp_path / "a")
    second = read(accept="none", out=tmp_path / "b")
    third = read(accept="all", signer="Dr Petrov", out=tmp_path / "c")
    assert first.is_signed
    assert third.is_signed
    assert {f.state for f in second.findings} == {"proposed"}
    assert len(second.findings) == len(first.findings)


def test_a_study_for_which_no_pack_applies_says_so_in_a_sentence(
    context: AppContext, tmp_path: Path, out: Path
) -> None:
    write_series(tmp_path / "ct", SeriesSpec(modality="CT"))
    (study,) = open_paths(context, [tmp_path / "ct"]).studies
    outcome = read_study(context, study, ReadRequest(out=out))
    assert outcome.statement is not None
    assert PACK in outcome.statement.en
    assert "CT" in outcome.statement.en
    assert outcome.statement.ru != outcome.statement.en
    run = _json(out / "run.json")
    assert run["packs"] == []
    assert run["statement"]["en"] == outcome.statement.en
    assert run["routing"][0]["packs"][0]["reasons"]
    assert _json(out / "findings.json")["findings"] == []
    assert (out / "report.txt").exists()


def test_a_report_for_a_study_without_packs_is_checked_and_signed(
    context: AppContext, tmp_path: Path, out: Path
) -> None:
    write_series(tmp_path / "ct", SeriesSpec(modality="CT"))
    (study,) = open_paths(context, [tmp_path / "ct"]).studies
    report = tmp_path / "report.txt"
    report.write_text(
        "ОПИСАНИЕ:\nОчаговых изменений не выявлено.\nЗАКЛЮЧЕНИЕ:\nПатологии не выявлено.\n", "utf-8"
    )
    outcome = read_study(context, study, ReadRequest(out=out, report=report, signer="Петров И. И."))
    assert outcome.check.language == "ru"
    assert outcome.is_signed
    assert (out / "dicom" / "report-pdf.dcm").exists()


def test_decisions_from_a_file_are_taken_over(read: Read, tmp_path: Path) -> None:
    read(accept="none", out=tmp_path / "a")
    data = _json(tmp_path / "a" / "findings.json")
    for row in data["findings"]:
        if row["laterality"] == "left":
            row["state"] = "rejected"
            row["decision"] = {"kind": "reject", "by": "x", "at": "", "reason": "artefact"}
        else:
            row["state"] = "edited"
            row["significance"] = "incidental"
            row["decision"] = {"kind": "edit", "by": "x", "at": "", "reason": ""}
    data["findings"].append(
        {
            "uid": "own-1",
            "label": {"en": "nodule", "ru": "узел"},
            "concept": {"value": "27925004", "scheme": "SCT", "meaning": "Nodule"},
            "laterality": "right",
            "state": "accepted",
        }
    )
    decided = tmp_path / "decided.json"
    decided.write_text(json.dumps(data), "utf-8")
    outcome = read(accept=decided, out=tmp_path / "b")
    by_label = {f.current.label.en: f for f in outcome.findings}
    assert by_label["left lung"].state == "rejected"
    assert by_label["left lung"].decision.reason == "artefact"
    assert by_label["right lung"].state == "edited"
    assert by_label["right lung"].current.significance == "incidental"
    assert by_label["right lung"].proposal.content.significance == "descriptive"
    assert by_label["nodule"].state == "accepted"
    assert not by_label["nodule"].is_from_model


def test_a_findings_file_of_another_study_is_refused(read: Read, tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text(json.dumps({"study_instance_uid": "9.9", "findings": []}), "utf-8")
    with pytest.raises(IdentityConflict, match="another study"):
        read(accept=path)


@pytest.mark.parametrize("text", ["{", "[1, 2]", '{"findings": 3}'])
def test_a_findings_file_that_is_none_is_refused(read: Read, tmp_path: Path, text: str) -> None:
    path = tmp_path / "broken.json"
    path.write_text(text, "utf-8")
    with pytest.raises(InputError):
        read(accept=path)


def test_bad_reports_are_refused_before_a_model_runs(
    context: AppContext, read: Read, tmp_path: Path
) -> None:
    german = tmp_path / "de.txt"
    german.write_text("BEFUND: Kein Erguss, der Thorax ist unauffällig und normal.", "utf-8")
    with pytest.raises(UnsupportedLanguage):
        read(report=german)
    with pytest.raises(InputError, match="cannot be read"):
        read(report=tmp_path / "none.txt")
    latin = tmp_path / "latin.txt"
    latin.write_bytes("größe".encode("latin-1"))
    with pytest.raises(InputError, match="UTF-8"):
        read(report=latin)
    with pytest.raises(ModelPackError):
        read(packs=("nothing",))
    actions = [event.action for event in context.store.audit.events()]
    assert "finding.proposed" not in actions


def test_a_misspelt_pack_removes_nothing_of_the_reading_before(read: Read, out: Path) -> None:
    read(accept="all", signer="Dr Petrov")
    before = {path.name: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    with pytest.raises(ModelPackError):
        read(packs=("nothing",))
    assert {path.name: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


def test_d08_a_blocked_study_runs_no_model_and_is_not_signed(
    context: AppContext, tmp_path: Path, out: Path
) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    write_film(folder / "a.dcm", name="IVANOVA^ANNA")

    def other_patient(ds) -> None:
        ds.PatientID, ds.PatientName = "9999", "SMITH^JOHN"

    write_projection(folder / "b.dcm", np.zeros((48, 40), np.uint16), change=other_patient)
    studies = open_paths(context, [folder]).studies
    blocked = [study for study in studies if study.blocked]
    assert blocked
    report = tmp_path / "report.txt"
    report.write_text("FINDINGS:\nNo pneumothorax.\nIMPRESSION:\nNormal chest.\n", "utf-8")
    request = ReadRequest(out=out, accept="all", report=report)
    outcome = read_study(context, blocked[0], request)
    assert outcome.packs == []
    assert "patient" in outcome.statement.en
    assert not (out / "dicom").exists()
    if outcome.check.verdict != "blocked":
        with pytest.raises(IdentityConflict):
            read_study(context, blocked[0], ReadRequest(out=out, report=report, signer="Dr Petrov"))
