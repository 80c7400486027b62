"""``check`` and ``extract`` as programs: JSON out, exit codes, one bad line among good ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pydicom
import pytest

from app.cli.main import run
from tests.support.synthetic_dicom import SeriesSpec, write_series

FINDINGS = {
    "schema": "overread.findings/1",
    "findings": [
        {
            "uid": "f1",
            "label": {"en": "pleural effusion", "ru": "плевральный выпот"},
            "state": "accepted",
            "laterality": "right",
        }
    ],
}
GOOD = "FINDINGS: Right pleural effusion.\nIMPRESSION: Right pleural effusion.\n"
WRONG = GOOD.replace("Right", "Left")


def written(folder: Path, report: str) -> list[str]:
    """The arguments of ``check`` for a report, its files in ``folder``."""
    (folder / "report.txt").write_text(report, encoding="utf-8")
    (folder / "findings.json").write_text(json.dumps(FINDINGS), encoding="utf-8")
    return ["check", "--report", str(folder / "report.txt"), "--findings",
            str(folder / "findings.json"), "--json"]  # fmt: skip


def lines_of(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize(("report", "code", "verdict"), [(GOOD, 0, "clean"), (WRONG, 1, "blocked")])
def test_check_of_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], report: str, code: int, verdict: str
) -> None:
    assert run(written(tmp_path, report)) == code
    (answer,) = lines_of(capsys)
    assert answer["schema"] == "overread.check/1"
    assert answer["verdict"] == verdict


def test_check_needs_a_report(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "--json"]) == 2
    assert capsys.readouterr().out == ""


def test_a_report_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = written(tmp_path, GOOD)
    (tmp_path / "report.txt").unlink()
    assert run(arguments) == 3
    assert "report.txt" in capsys.readouterr().err


def test_one_bad_line_does_not_stop_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cases = [
        {"id": "a", "lang": "en", "report": WRONG, **FINDINGS, "study": {}},
        {"id": "b", "report": "Die Lunge ist frei, kein Erguss mit Befund", "findings": []},
        {"id": "c", "report": 5},
        {"id": "d", "report": GOOD, "findings": [{"uid": "x", "state": "maybe", "label": "y"}]},
        {"id": "e", "lang": "en", "report": GOOD, **FINDINGS, "study": None},
    ]
    lines = [json.dumps(case) for case in cases]
    lines.insert(1, "{not json")
    file = tmp_path / "cases.jsonl"
    file.write_text("\n".join(lines) + "\n\n", encoding="utf-8")
    assert run(["check", "--jsonl", str(file)]) == 1
    answers = lines_of(capsys)
    assert [answer["id"] for answer in answers] == ["a", None, "b", "c", "d", "e"]
    assert [answer.get("verdict") for answer in answers] == [
        "blocked", None, None, None, None, "clean",
    ]  # fmt: skip
    assert [("error" in answer) for answer in answers] == [False, True, True, True, True, False]
    assert answers[2]["error"]["code"] == "language"
    assert answers[1]["line"] == 2


def test_extract_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "texts.jsonl"
    rows = [{"id": 1, "text": "No pneumothorax."}, {"id": 2, "text": "Выпот слева.", "lang": "ru"}]
    text = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    file.write_text(text, encoding="utf-8")
    assert run(["extract", "--jsonl", str(file), "--json"]) == 0
    first, second = lines_of(capsys)
    assert first["presence"] == {"pneumothorax": "absent"}
    assert second["id"] == 2
    assert second["statements"][0]["laterality"] == "left"


def test_extract_of_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "text.txt"
    file.write_bytes("\ufeffLeft effusion.".encode())
    assert run(["extract", str(file), "--json"]) == 0
    (answer,) = lines_of(capsys)
    assert answer["presence"] == {"pleural effusion": "present"}
    assert run(["extract", str(file)]) == 0
    assert "pleural effusion" in capsys.readouterr().out


def test_findings_of_another_study_are_not_checked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = write_series(tmp_path / "ct", SeriesSpec(count=1))[0]
    uid = str(pydicom.dcmread(one).StudyInstanceUID)
    arguments = [*written(tmp_path, GOOD), "--study", str(tmp_path / "ct")]
    file = tmp_path / "findings.json"
    rows = json.loads(file.read_text("utf-8"))
    file.write_text(json.dumps(rows | {"study_instance_uid": uid}), encoding="utf-8")
    assert run(arguments) in (0, 1)
    capsys.readouterr()
    file.write_text(json.dumps(rows | {"study_instance_uid": "2.25.9"}), encoding="utf-8")
    assert run(arguments) == 3
    streams = capsys.readouterr()
    assert streams.out == ""
    assert "another study" in streams.err
