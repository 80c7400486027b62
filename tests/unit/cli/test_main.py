"""The edge of the program: faults of paths in one sentence, a reader that goes away."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.program import CHECKOUT, one_sentence, overread
from tests.support.synthetic_dicom import SeriesSpec, write_series


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return write_series(tmp_path / "ct", SeriesSpec(count=2))[0]


def test_an_output_that_is_a_folder_is_told_in_a_sentence(tmp_path: Path, film: Path) -> None:
    outcome = overread("snapshot", film, "--out", tmp_path, data=tmp_path / "data")
    assert outcome.code == 3
    assert "folder" in one_sentence(outcome)
    assert str(tmp_path) in outcome.err


def test_a_name_that_is_too_long_is_told_in_russian_too(tmp_path: Path, film: Path) -> None:
    long = tmp_path / ("y" * 300)
    outcome = overread("inspect", long, data=tmp_path / "data")
    assert outcome.code == 3
    assert "too long" in one_sentence(outcome)
    russian = overread(
        "snapshot", film, "--out", f"{long}.png", data=tmp_path / "data",
        extra={"LC_ALL": "ru_RU.UTF-8"},
    )  # fmt: skip
    assert russian.code == 3
    assert "слишком длинное" in one_sentence(russian)


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of a POSIX shell")
def test_a_reader_that_goes_away_is_no_bug(tmp_path: Path, film: Path) -> None:
    command = [sys.executable, "-m", "app", "inspect", str(film), "--json"]
    process = subprocess.Popen(
        command, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=os.environ | {"OVERREAD_DATA": str(tmp_path / "data")},
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    told = process.stderr.read()
    process.stderr.close()
    assert process.wait(60) == 0
    assert told == b""


def test_a_check_without_findings_is_a_fault_of_usage(tmp_path: Path) -> None:
    report = tmp_path / "report.txt"
    report.write_text("Findings: none.", encoding="utf-8")
    outcome = overread("check", "--report", report, data=tmp_path / "data")
    assert outcome.code == 2
    assert "--findings" in one_sentence(outcome)


def test_json_of_the_audit_trail_is_one_object(tmp_path: Path, film: Path) -> None:
    assert overread("import", film, data=tmp_path / "data").code == 0
    shown = overread("audit", "show", "--json", data=tmp_path / "data").json()
    assert shown["schema"] == "overread.audit/1"
    assert [event["seq"] for event in shown["events"]] == list(range(1, len(shown["events"]) + 1))
    to = tmp_path / "trail.jsonl"
    exported = overread("audit", "export", "--to", to, "--json", data=tmp_path / "data").json()
    assert exported["events"] == len(to.read_text(encoding="utf-8").splitlines())


def test_a_line_answers_with_the_id_it_came_with(tmp_path: Path) -> None:
    lines = '{"id": 7, "text": "No pneumothorax."}\n{"id": "7", "text": 5}\n'
    outcome = overread("extract", "--jsonl", "-", data=tmp_path / "data", stdin=lines)
    assert [json.loads(line)["id"] for line in outcome.out.splitlines()] == [7, "7"]
    case = '{"id": 3, "report": "Findings: no effusion.", "findings": []}\n'
    outcome = overread("check", "--jsonl", data=tmp_path / "data", stdin=case)
    assert json.loads(outcome.out)["id"] == 3
