from __future__ import annotations

import json
from pathlib import Path

import pydicom
import pytest

from app.cli.main import run
from tests.support.synthetic_dicom import SeriesSpec, uid, write_series
from tests.support.synthetic_objects import (
    item,
    write_document,
    write_presentation_state,
    write_report,
)
from tests.support.synthetic_seg import headers_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    text = item("TEXT", ("121071", "DCM", "Finding"), TextValue="Узел 9 мм")
    write_report(tmp_path / "in" / "sr", [text])
    write_document(tmp_path / "in" / "pdf", b"%PDF-1.7 odd")
    return tmp_path / "in"


def test_objects_are_listed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["objects", str(folder), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["schema"] == "overread.objects/1"
    assert sorted(row["family"] for row in answer["objects"]) == ["document", "report"]
    assert run(["objects", str(folder), "--lang", "ru"]) == 0
    assert "документ PDF" in capsys.readouterr().out


def test_one_object_is_shown(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = uid("study", "sr", "instance", "sr")
    assert run(["objects", str(folder), "--show", report]) == 0
    assert "  Finding: Узел 9 мм" in capsys.readouterr().out
    assert run(["objects", str(folder), "--show", report, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["content"]["root"]["children"][0]["text"] == "Узел 9 мм"


def test_a_document_is_written_to_a_file(folder: Path) -> None:
    out = folder.parent / "out.pdf"
    document = uid("study", "pdf", "instance", "pdf")
    assert run(["objects", str(folder), "--show", document, "--out", str(out)]) == 0
    assert out.read_bytes() == b"%PDF-1.7 odd"


def test_a_presentation_state_is_drawn_into_a_file(tmp_path: Path) -> None:
    paths = write_series(tmp_path / "in" / "ct", SeriesSpec(count=3))
    image = headers_of(paths)[1].SOPInstanceUID
    path = write_presentation_state(tmp_path / "in" / "pr", image)
    ds = pydicom.dcmread(path)
    del ds.ReferencedSeriesSequence[0].ReferencedImageSequence[0].ReferencedFrameNumber
    ds.save_as(path)
    out = tmp_path / "pr.png"
    shown = ["--show", ds.SOPInstanceUID, "--out", str(out)]
    assert run(["objects", str(tmp_path / "in"), *shown]) == 0
    assert out.read_bytes().startswith(b"\x89PNG")


def test_an_unknown_uid_is_an_input_error(folder: Path) -> None:
    assert run(["objects", str(folder), "--show", "1.2.3"]) == 3
