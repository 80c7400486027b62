"""The library over its life: imports that go on, conflicts, deletion, moves, backup and restore."""

from __future__ import annotations

import json
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from app.cli.main import run
from app.core.errors import DatabaseTooNew, DiskFull, InputError, ReportError, StoreError
from app.core.report import Report
from app.store.sessions import MAIN_READING
from app.store.store import Store
from app.workflow.context import AppContext
from app.workflow.disk_space import check_space
from app.workflow.import_studies import import_paths
from app.workflow.library import (
    backup,
    check_library,
    delete_study,
    relocate,
    repair_library,
    restore,
)
from app.workflow.open_study import open_paths, open_stored
from app.workflow.session import StudySession
from tests.support.domain import FixedClock
from tests.support.library import only, small
from tests.support.synthetic_dicom import write_series
from tests.support.workflow_context import context_in

ROOT = Path(__file__).resolve().parents[2]


def _signed(context: AppContext, uid: str) -> None:
    draft = Report("2.25.5", uid, 1, "en", "FINDINGS: none.", "draft")
    context.store.reports.put(MAIN_READING, replace(draft, state="signed"))


@pytest.fixture
def ct(tmp_path: Path) -> Path:
    write_series(tmp_path / "ct", small())
    return tmp_path / "ct"


# Opening


def test_d18_what_is_missing_is_said_when_the_study_is_opened(
    context: AppContext, ct: Path
) -> None:
    import_paths(context, [ct])
    sorted(ct.iterdir())[0].unlink()
    study = open_stored(context, only(context).study_instance_uid)
    (warning,) = [warning for warning in study.warnings if warning.code == "D18"]
    assert "1 of 3" in warning.text
    assert "1 из 3" in warning.text_ru


def test_a_study_read_from_an_archive_that_is_gone_says_what_to_do(
    tmp_path: Path, ct: Path
) -> None:
    archive = tmp_path / "study.zip"
    with zipfile.ZipFile(archive, "w") as target:
        for path in ct.iterdir():
            target.write(path, path.name)
    with context_in(tmp_path / "library") as context:
        (study,) = open_paths(context, [archive]).studies
        StudySession(context, study).close()
        shutil.rmtree(context.workspace)
        with pytest.raises(InputError, match="archive") as caught:
            open_stored(context, study.study_instance_uid)
        assert "overread import" in caught.value.hint
        import_paths(context, [archive])
        assert open_stored(context, study.study_instance_uid).series


# Deletion


def test_deleting_takes_the_copies_and_no_file_of_anybody_else(
    context: AppContext, ct: Path
) -> None:
    import_paths(context, [ct])
    import_paths(context, [ct], copy=True)
    uid = only(context).study_instance_uid
    StudySession(context, open_stored(context, uid)).close()
    done = delete_study(context, uid)
    assert (done.objects, done.files_deleted, done.report_kept) == (3, 3, False)
    assert len(list(ct.iterdir())) == 3
    assert [p for p in (context.store.folder / "images").rglob("*") if p.is_file()] == []
    assert context.store.studies.all() == ()
    assert context.store.studies.search("phantom") == ()
    assert context.store.audit.verify() is None
    assert "study.deleted" in {event.action for event in context.store.audit.events()}
    context.store.close()
    content = (context.store.folder / Store.DATABASE_NAME).read_bytes()
    assert b"phantom" not in content.lower()


def test_a_signed_report_is_never_deleted(context: AppContext, ct: Path) -> None:
    import_paths(context, [ct], copy=True)
    uid = only(context).study_instance_uid
    _signed(context, uid)
    with pytest.raises(ReportError, match="signed report"):
        delete_study(context, uid)
    assert only(context).instances == 3
    assert delete_study(context, uid, keep_report=True).report_kept
    left = only(context)
    assert (left.instances, left.images_deleted_at_utc != "") == (0, True)
    assert context.store.reports.latest(uid, MAIN_READING).state == "signed"
    with pytest.raises(InputError, match="deleted"):
        open_stored(context, uid)
    import_paths(context, [ct])
    assert (only(context).instances, only(context).images_deleted_at_utc) == (3, "")


# Moves and checks


def test_moved_files_are_found_by_their_uids(context: AppContext, ct: Path) -> None:
    import_paths(context, [ct])
    new = ct.parent / "архив" / "2026"
    shutil.copytree(ct, new)
    shutil.rmtree(ct)
    for number, path in enumerate(sorted(new.iterdir())):
        path.rename(new / f"renamed-{number}.bin")
    state = check_library(context)
    assert (state.missing, state.is_well) == (3, False)
    done = relocate(context, new.parent)
    assert (done.found, done.still_missing) == (3, 0)
    assert check_library(context).is_well
    study = open_stored(context, only(context).study_instance_uid)
    assert sum(series.frames for series in study.series) == 3
    assert import_paths(context, [new]).counts.known == 3


def test_what_a_crash_left_over_is_found_and_removed(context: AppContext, ct: Path) -> None:
    import_paths(context, [ct], copy=True)
    stray = context.store.folder / "images" / "ab" / "cd" / "ef.123.part"
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"half")
    context.store._db.execute("DELETE FROM study_text")
    state = check_library(context)
    assert state.left_over == (stray,)
    assert "search index" in state.fault
    repair_library(context, state)
    assert check_library(context).is_well
    assert not stray.exists()
    assert len(context.store.studies.search("phantom")) == 1


def test_a_copy_that_rotted_is_found_where_content_is_looked_at(
    context: AppContext, ct: Path, tmp_path: Path
) -> None:
    import_paths(context, [ct], copy=True)
    copy = context.store.studies.paths(only(context).study_instance_uid)[0]
    content = bytearray(copy.read_bytes())
    content[-1] ^= 1
    copy.write_bytes(content)
    assert check_library(context).is_well
    state = check_library(context, with_content=True)
    assert (state.damaged, state.is_well) == ((copy,), False)
    assert backup(context, tmp_path / "backups", with_images=True).damaged == (copy,)
    repair_library(context, state)
    assert only(context).missing_files == 1
    import_paths(context, [ct], copy=True)
    assert check_library(context, with_content=True).is_well


def test_too_little_space_is_said_before_anything_is_written(
    context: AppContext, ct: Path, tmp_path: Path
) -> None:
    context.settings = context.settings.model_copy(update={"disk_reserve_mb": 10**9})
    with pytest.raises(DiskFull, match="too little space") as caught:
        import_paths(context, [ct], copy=True)
    assert "мало места" in caught.value.ru
    assert not (context.store.folder / "images").exists()
    assert context.store.studies.all() == ()
    import_paths(context, [ct])
    with pytest.raises(DiskFull):
        backup(context, tmp_path / "backups")
    check_space(tmp_path / "not" / "yet", 1, reserve_mb=0)


# Backup and restore


def test_a_backup_comes_back_with_its_images(tmp_path: Path, ct: Path) -> None:
    data = tmp_path / "library"
    with context_in(data) as context:
        import_paths(context, [ct], copy=True)
        uid = only(context).study_instance_uid
        _signed(context, uid)
        made = backup(context, tmp_path / "backups", with_images=True)
        assert (made.studies, made.objects, made.files_copied, made.damaged) == (1, 3, 3, ())
        delete_study(context, uid, keep_report=True)
        write_series(tmp_path / "later", small(study="later"))
        import_paths(context, [tmp_path / "later"])
        with pytest.raises(StoreError, match="open in another program"):
            restore(made.folder, data, user="Dr", clock=FixedClock())
    done = restore(made.folder, data, user="Dr", clock=FixedClock())
    assert (done.studies, done.objects, done.files_copied) == (1, 3, 3)
    with context_in(data) as context:
        assert only(context).instances == 3
        assert check_library(context).is_well
        assert context.store.audit.last().action == "library.restored"
        assert open_stored(context, uid).series
    assert done.old_library is not None
    old = Store(done.old_library)
    assert len(old.studies.all()) == 2
    old.close()


def test_a_backup_moves_to_another_machine(tmp_path: Path, ct: Path) -> None:
    with context_in(tmp_path / "one") as context:
        import_paths(context, [ct], copy=True)
        made = backup(context, tmp_path / "usb", with_images=True)
        uid = only(context).study_instance_uid
    shutil.rmtree(tmp_path / "one")
    shutil.rmtree(ct)
    restore(made.folder, tmp_path / "two", user="Dr")
    with context_in(tmp_path / "two") as context:
        assert check_library(context).is_well
        assert sum(s.frames for s in open_stored(context, uid).series) == 3


@pytest.mark.parametrize("name", [Store.DATABASE_NAME, "images.jsonl", "backup.json"])
def test_a_damaged_backup_changes_nothing(tmp_path: Path, ct: Path, name: str) -> None:
    data = tmp_path / "library"
    with context_in(data) as context:
        import_paths(context, [ct])
        made = backup(context, tmp_path / "backups")
    damaged = made.folder / name
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 0x55
    damaged.write_bytes(content)
    before = (data / Store.DATABASE_NAME).read_bytes()
    with pytest.raises(InputError, match=r"damaged|not a backup"):
        restore(made.folder, data, user="Dr")
    assert (data / Store.DATABASE_NAME).read_bytes() == before
    assert not list(data.glob("restoring-*"))


def test_a_damaged_library_is_replaced_and_kept_aside(tmp_path: Path, ct: Path) -> None:
    data = tmp_path / "library"
    with context_in(data) as context:
        import_paths(context, [ct])
        made = backup(context, tmp_path / "backups")
    (data / Store.DATABASE_NAME).write_bytes(b"holiday photo" * 1000)
    done = restore(made.folder, data, user="Dr")
    assert done.objects == 3
    assert done.old_library is not None
    assert (done.old_library / Store.DATABASE_NAME).read_bytes().startswith(b"holiday")


def test_a_backup_of_a_newer_version_is_refused(tmp_path: Path, ct: Path) -> None:
    data = tmp_path / "library"
    with context_in(data) as context:
        import_paths(context, [ct])
        context.store._db.execute(
            "INSERT INTO schema_migrations VALUES (9999, '9999_later.sql', 'x', '2030')"
        )
        made = backup(context, tmp_path / "backups")
        context.store._db.execute("DELETE FROM schema_migrations WHERE number = 9999")
    with pytest.raises(DatabaseTooNew):
        restore(made.folder, data, user="Dr")
    Store(data).close()


# Command line


def test_the_verbs_of_the_library(
    tmp_path: Path, ct: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = ["--data", str(tmp_path / "library")]

    def answer(*words: str) -> dict:
        assert run([*words, *data, "--json"]) in (0, 1)
        return json.loads(capsys.readouterr().out)

    assert answer("import", str(ct), "--copy")["files"]["new"] == 3
    assert answer("import", str(ct), "--copy")["files"]["known"] == 3
    found = answer("studies", "--find", "synthetic phan", "--modality", "CT")
    (study,) = found["studies"]
    assert (found["matching"], found["total"], study["blocked"]) == (1, 1, "")
    assert answer("studies", "--from", "2026-01-03")["studies"] == []
    assert len(answer("studies", "--from", "2026-01-02", "--to", "20260102")["studies"]) == 1
    assert answer("library", "check")["is_well"]
    made = answer("library", "backup", str(tmp_path / "b"), "--images")
    deleted = answer("library", "delete", study["study_instance_uid"])
    assert (deleted["objects"], deleted["files_deleted"]) == (3, 3)
    assert answer("library", "restore", made["folder"])["objects"] == 3
    shutil.rmtree(tmp_path / "library" / "images")
    assert run(["library", "check", *data]) == 1
    assert "3 without a file" in capsys.readouterr().out
    assert answer("library", "relocate", str(ct))["found"] == 3
    monkeypatch.setenv("LC_ALL", "ru_RU.UTF-8")
    assert run(["library", "check", *data]) == 0
    assert "Исследований: 1" in capsys.readouterr().out
    assert run(["studies", "--find", "никто", *data]) == 0
    assert "Ничего не найдено" in capsys.readouterr().out
    assert run(["import", *data]) == 2
    assert "--resume" in capsys.readouterr().err
