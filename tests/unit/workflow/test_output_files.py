"""Results are written whole or not at all, and a full disk is one sentence."""

from __future__ import annotations

import errno
import re
from pathlib import Path

import pytest

from app.core.errors import DiskFull, EnvironmentFault
from app.workflow.output_files import disk_faults, folder_name, name_for, write_json, write_text


def test_text_is_utf8_and_the_folder_is_made(tmp_path: Path) -> None:
    path = write_text(tmp_path / "new" / "report.txt", "выпот")
    assert path.read_bytes() == "выпот".encode()
    assert write_json(tmp_path / "a.json", {"ru": "выпот"}).read_text("utf-8").count("выпот") == 1
    assert sorted(p.name for p in tmp_path.rglob("*.part")) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_said_in_a_sentence_and_the_old_file_stays(tmp_path: Path) -> None:
    path = write_text(tmp_path / "report.txt", "old")
    (tmp_path / "report.txt.part").symlink_to("/dev/full")
    with pytest.raises(DiskFull, match="disk is full") as caught:
        write_text(path, "new" * 10000)
    assert caught.value.exit_code == 4
    assert path.read_text() == "old"
    assert not (tmp_path / "report.txt.part").is_symlink()


def test_a_full_disk_behind_another_error_is_found(tmp_path: Path) -> None:
    def save() -> None:
        try:
            raise OSError(errno.ENOSPC, "No space left on device")  # noqa: TRY301 - as a library
        except OSError as fault:
            # as pydicom does: the same type, the number lost
            raise OSError(f"With tag (7FE0,0010) got exception: {fault}") from fault

    with pytest.raises(DiskFull), disk_faults(tmp_path):
        save()


def test_a_folder_that_is_a_file_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(EnvironmentFault, match="cannot be written"):
        write_text(tmp_path / "file" / "report.txt", "x")


@pytest.mark.parametrize(
    ("number", "label", "name"),
    [
        (1, "left lung", "1-left-lung"),
        (2, "Nodule (S3)", "2-nodule-s3"),
        (3, "узел", "3"),
        (4, "../../etc", "4-etc"),
    ],
)
def test_file_names_hold_letters_digits_and_hyphens_only(
    number: int, label: str, name: str
) -> None:
    assert name_for(number, label) == name


@pytest.mark.parametrize(
    "uid", ["../../x", "/x", "C:\\x", "..", ".", "", "CON", "1.2/../..", "1" * 65, "1.2.", "\ud800"]
)
def test_d19_a_uid_that_is_none_names_no_path(uid: str) -> None:
    assert re.fullmatch("[0-9a-f]{32}", folder_name(uid))
    assert folder_name("1.2.840.10008") == "1.2.840.10008"
