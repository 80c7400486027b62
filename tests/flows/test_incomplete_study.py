"""A study of which not all has come: what is made of it says so, until the rest has come."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydicom
import pypdfium2
import pytest

from app.core.study import Completeness
from app.network.answers import RetrieveRequest
from app.network.web_peer import WebPeer
from app.workflow.context import AppContext
from app.workflow.infer_image import InferRequest, infer_image
from app.workflow.open_study import open_stored
from app.workflow.read_study import ReadRequest, read_study
from app.workflow.retrieve_study import Retrieval, retrieve_study, retrieve_to_folder
from tests.flows.conftest import PACK, write_film
from tests.support.orthanc import Orthanc, running_orthanc
from tests.support.validation import dciodvfy_errors
from tests.support.web_relay import Relay, running_relay

MISSING = "1 of 2"


@pytest.fixture
def pacs(tmp_path: Path) -> Iterator[Orthanc]:
    """Holds one study of two films."""
    with running_orthanc(tmp_path / "pacs") as orthanc:
        (tmp_path / "films").mkdir()
        for name in ("one", "two"):
            orthanc.upload(write_film(tmp_path / "films" / name))
        yield orthanc


@pytest.fixture
def study_uid(pacs: Orthanc, tmp_path: Path) -> str:
    return str(pydicom.dcmread(tmp_path / "films" / "one").StudyInstanceUID)


@pytest.fixture
def broken(pacs: Orthanc, tmp_path: Path) -> Iterator[WebPeer]:
    """The PACS behind a line that breaks after the first film."""
    first = (tmp_path / "films" / "one").stat().st_size
    with running_relay(Relay(pacs.url, cut_after=int(first * 1.5))) as relay:
        yield WebPeer("PACS", f"{relay.url}/dicom-web", proxy="direct")


@pytest.fixture
def whole(pacs: Orthanc) -> WebPeer:
    return WebPeer("PACS", pacs.dicom_web_url, proxy="direct")


def _json(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def _pdf_text(path: Path) -> str:
    document = pypdfium2.PdfDocument(path)
    try:
        return "\n".join(page.get_textpage().get_text_range() for page in document)
    finally:
        document.close()


def test_d18_reading_carries_it_to_check_findings_sr_and_pdf_until_the_rest_has_come(
    context: AppContext, broken: WebPeer, whole: WebPeer, study_uid: str, tmp_path: Path
) -> None:
    retrieve_study(context, Retrieval(broken, RetrieveRequest(study_uid)))
    study = open_stored(context, study_uid)
    assert study.completeness == Completeness(1, 2, "archive")
    out = tmp_path / "partial"
    read_study(context, study, ReadRequest(out=out, accept="all", signer="Dr Petrov"))
    (run,) = _json(out / "run.json")["packs"]
    assert (run["partial"], run["received"], run["expected"]) == (True, 1, 2)
    findings = _json(out / "findings.json")["findings"]
    assert findings
    assert all(finding["provenance"]["partial"] for finding in findings)
    (warning,) = [
        item for item in _json(out / "check.json")["discrepancies"]
        if item["rule"] == "incomplete-study"
    ]  # fmt: skip
    assert MISSING in warning["message"]["en"]
    for name, flag in (("ai-sr-1.dcm", "PARTIAL"), ("sr-1.dcm", "COMPLETE")):
        document = pydicom.dcmread(out / "dicom" / name)
        assert document.CompletionFlag == flag  # what is verified cannot be partial
        assert MISSING in document.CompletionFlagDescription
        assert dciodvfy_errors(out / "dicom" / name) == []
    assert MISSING in _pdf_text(out / "report.pdf")

    retrieve_study(context, Retrieval(whole, RetrieveRequest(study_uid)))
    study = open_stored(context, study_uid)
    assert study.completeness == Completeness(2, 2, "archive")
    out = tmp_path / "whole"
    read_study(context, study, ReadRequest(out=out, accept="all", signer="Dr Petrov"))
    assert not any(run["partial"] for run in _json(out / "run.json")["packs"])
    rules = {item["rule"] for item in _json(out / "check.json")["discrepancies"]}
    assert "incomplete-study" not in rules
    assert not any("partial" in f["provenance"] for f in _json(out / "findings.json")["findings"])
    for name in ("ai-sr-1.dcm", "sr-1.dcm"):
        document = pydicom.dcmread(out / "dicom" / name)
        assert document.CompletionFlag == "COMPLETE"
        assert "CompletionFlagDescription" not in document
    assert "incomplete" not in _pdf_text(out / "report.pdf")


def test_d18_inference_on_retrieved_files_knows_what_the_archive_said(
    context: AppContext, broken: WebPeer, study_uid: str, tmp_path: Path
) -> None:
    folder = tmp_path / "files"
    retrieve_to_folder(context, Retrieval(broken, RetrieveRequest(study_uid)), folder)
    request = InferRequest(
        path=folder,
        installed=context.packs.get(PACK),
        out=tmp_path / "out",
        workspace=tmp_path / "unpacked",
        expected=context.store.expected.of_study,
    )
    report = infer_image(request, context.inference, clock=context.clock, uids=context.uids)
    assert (report["partial"], report["received"], report["expected"]) == (True, 1, 2)
    findings = _json(tmp_path / "out" / "findings.json")["findings"]
    assert all(finding["provenance"]["partial"] for finding in findings)
