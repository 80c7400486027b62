"""Bad input gives one clear sentence and the exit code of the contract; nothing crashes."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.program import CHECKOUT, one_sentence, overread
from tests.support.synthetic_dicom import (
    SeriesSpec,
    write_projection,
    write_series,
    write_ultrasound,
)  # fmt: skip

SHIPPED = CHECKOUT / "models" / "cxr-lung-fields"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "library"


def test_a_folder_of_holiday_photos(tmp_path: Path, data: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(3):
        picture = np.full((40, 60, 3), 80 * number, np.uint8)
        Image.fromarray(picture).save(photos / f"beach-{number}.jpg")
    outcome = overread("inspect", photos, "--json", data=data)
    assert outcome.code == 3
    assert "DICOM" in one_sentence(outcome)


def test_an_empty_folder(tmp_path: Path, data: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    outcome = overread("read", folder, "--out", tmp_path / "out", "--json", data=data)
    assert outcome.code == 3
    assert one_sentence(outcome)


def test_a_path_that_does_not_exist(tmp_path: Path, data: Path) -> None:
    outcome = overread("inspect", tmp_path / "nowhere", "--json", data=data)
    assert outcome.code == 3
    assert one_sentence(outcome)


def test_a_truncated_file_is_named_and_the_rest_opens(tmp_path: Path, data: Path) -> None:
    paths = write_series(tmp_path / "ct", SeriesSpec(count=5))
    whole = paths[2].read_bytes()
    paths[2].write_bytes(whole[: len(whole) // 2])
    (tmp_path / "ct" / "header-only.dcm").write_bytes(whole[:140])
    outcome = overread("inspect", tmp_path / "ct", "--json", data=data)
    assert outcome.code == 0, outcome.err
    report = outcome.json()
    named = [row["path"] for row in report["files"]["unreadable"] + report["files"]["skipped"]]
    assert any(path.endswith("header-only.dcm") for path in named)
    series = report["studies"][0]["series"][0]
    assert sum(stack["frames"] for stack in series["stacks"]) == series["frames"]


def test_a_zip_bomb(tmp_path: Path, data: Path) -> None:
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(40):
            archive.writestr(f"{number}.dcm", bytes(64 * 1024 * 1024))
    outcome = overread("inspect", bomb, "--json", data=data)
    assert outcome.code == 3
    assert one_sentence(outcome)


def test_a_modality_that_no_pack_knows(tmp_path: Path, data: Path) -> None:
    write_ultrasound(tmp_path / "us.dcm", frames=3)
    out = tmp_path / "out"
    outcome = overread("read", tmp_path / "us.dcm", "--out", out, "--json", data=data)
    assert outcome.code in (0, 1), outcome.err
    run = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert "refused" in json.dumps(run)
    findings = json.loads((out / "findings.json").read_text(encoding="utf-8"))
    assert findings["findings"] == []


def test_infer_on_a_refused_series_gives_the_reason(tmp_path: Path, data: Path) -> None:
    write_series(tmp_path / "ct", SeriesSpec(count=5))
    outcome = overread(
        "infer", tmp_path / "ct", "--pack", "cxr-lung-fields", "--out", tmp_path / "out",
        "--json", data=data,
    )  # fmt: skip
    assert outcome.code == 3
    assert "CT" in outcome.err


def _pack_zip(target: Path, change: dict[str, object] | None, weights: bytes | None) -> Path:
    manifest = json.loads((SHIPPED / "manifest.json").read_text(encoding="utf-8"))
    manifest |= {"id": "another-pack"} | (change or {})
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("manifest.json", json.dumps(manifest))
        for row in manifest["files"]:
            content = (SHIPPED / row["path"]).read_bytes()
            if weights is not None and row["path"].endswith(".onnx"):
                content = weights
            archive.writestr(row["path"], content)
    return target


def test_a_pack_with_a_wrong_hash(tmp_path: Path, data: Path) -> None:
    pack = _pack_zip(tmp_path / "pack.zip", None, b"not these weights")
    outcome = overread("packs", "add", pack, "--json", data=data)
    assert outcome.code == 3
    assert one_sentence(outcome)
    assert "another-pack" not in overread("packs", "list", "--json", data=data).out


def test_a_pack_with_an_unknown_manifest_key(tmp_path: Path, data: Path) -> None:
    pack = _pack_zip(tmp_path / "pack.zip", {"run_this": "code"}, None)
    outcome = overread("packs", "add", pack, "--json", data=data)
    assert outcome.code == 3
    assert "run_this" in one_sentence(outcome)


def test_findings_of_another_study(tmp_path: Path, data: Path) -> None:
    write_projection(tmp_path / "dx.dcm", np.zeros((64, 48), np.uint16))
    findings = tmp_path / "findings.json"
    findings.write_text(
        json.dumps(
            {"schema": "overread.findings/1", "study_instance_uid": "2.25.999", "findings": []}
        ),
        encoding="utf-8",
    )
    outcome = overread(
        "read", tmp_path / "dx.dcm", "--out", tmp_path / "out", "--accept", findings, "--json",
        data=data,
    )  # fmt: skip
    assert outcome.code == 3
    assert "another study" in one_sentence(outcome)


def test_a_report_in_a_third_language(tmp_path: Path, data: Path) -> None:
    report, findings = tmp_path / "report.txt", tmp_path / "findings.json"
    report.write_text("所见：双肺纹理清晰，心影不大。\n印象：未见异常。", encoding="utf-8")
    findings.write_text('{"schema": "overread.findings/1", "findings": []}', encoding="utf-8")
    outcome = overread("check", "--report", report, "--findings", findings, "--json", data=data)
    assert outcome.code == 3
    assert one_sentence(outcome)


def test_a_findings_file_that_is_no_json(tmp_path: Path, data: Path) -> None:
    report, findings = tmp_path / "report.txt", tmp_path / "findings.json"
    report.write_text("Findings: no pneumothorax.", encoding="utf-8")
    findings.write_text("{", encoding="utf-8")
    outcome = overread("check", "--report", report, "--findings", findings, "--json", data=data)
    assert outcome.code == 3
    assert one_sentence(outcome)


@pytest.fixture(params=["1m"])
def small_disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A disk of one mebibyte, or of the size that the test asks for."""
    size = request.param
    folder = tmp_path / "small-disk"
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(["mount", *options], check=False).returncode != 0:
        pytest.skip("mounting a small disk needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk(tmp_path: Path, data: Path, small_disk: Path) -> None:
    write_series(tmp_path / "ct", SeriesSpec(count=30, rows=256, columns=256))
    series = overread("inspect", tmp_path / "ct", "--json", data=data).json()
    uid = series["studies"][0]["series"][0]["series_instance_uid"]
    target = small_disk / "volume.nii"
    outcome = overread("volume", tmp_path / "ct", "--series", uid, "--out", target, data=data)
    assert outcome.code == 4, outcome.err
    assert "full" in one_sentence(outcome).lower()


@pytest.mark.parametrize("small_disk", ["3m"], indirect=True)
def test_a_library_on_a_full_disk_loses_nothing(tmp_path: Path, small_disk: Path) -> None:
    library = small_disk / "library"
    write_projection(tmp_path / "dx.dcm", np.zeros((64, 48), np.uint16))
    first = overread("import", tmp_path / "dx.dcm", "--json", data=library)
    assert first.code == 0, first.err
    filler = small_disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
    write_series(tmp_path / "ct", SeriesSpec(count=200))
    second = overread("import", tmp_path / "ct", "--json", data=library)
    assert second.code == 4, second.err
    assert one_sentence(second)
    filler.unlink()
    studies = overread("studies", "--json", data=library)
    assert studies.code == 0, studies.err
    assert len(studies.json()["studies"]) == 1
    assert overread("audit", "verify", data=library).code == 0
