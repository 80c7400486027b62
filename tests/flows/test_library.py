"""The library over its life: imports that go on, conflicts, deletion, moves, backup and restore."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pydicom
import pytest

from app.cli.main import run
from app.core.errors import DatabaseTooNew, DiskFull, InputError, ReportError, StoreError
from app.core.report import Report
from app.jobs.cancel import CancelToken
from app.store.sessions import MAIN_READING
from app.store.store import Store
from app.workflow import library_scan
from app.workflow.context import AppContext
from app.workflow.disk_space import check_space
from app.workflow.import_counts import ImportCounts
from app.workflow.import_studies import import_paths, resume_imports
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
from tests.support.synthetic_dicom import SeriesSpec, write_series
from tests.support.workflow_context import context_in

ROOT = Path(__file__).resolve().parents[2]


def _small(**changes) -> SeriesSpec:
    return SeriesSpec(**({"count": 3, "rows": 4, "columns": 4} | changes))


def _edit(path: Path, **values: object) -> None:
    ds = pydicom.dcmread(path)
    for keyword, value in values.items():
        setattr(ds, keyword, value)
    ds.save_as(path)


def _only(context: AppContext):
    (study,) = context.store.studies.all()
    return study


def _signed(context: AppContext, uid: str) -> None:
    draft = Report("2.25.5", uid, 1, "en", "FINDINGS: none.", "draft")
    context.store.reports.put(MAIN_READING, replace(draft, state="signed"))


@pytest.fixture
def ct(tmp_path: Path) -> Path:
    write_series(tmp_path / "ct", _small())
    return tmp_path / "ct"


# Import again


def test_unchanged_files_are_not_read_again(
    context: AppContext, ct: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_paths(context, [ct])
    read: list[Path] = []
    real = library_scan.scan_files
    monkeypatch.setattr(
        library_scan,
        "scan_files",
        lambda files, **more: (read.extend(files), real(files, **more))[1],
    )
    changed = sorted(ct.iterdir())[0]
    _edit(changed, SeriesDescription="corrected series description")
    write_series(ct, _small(count=1, name="new"))
    outcome = import_paths(context, [ct])
    assert {path.name for path in read} == {changed.name, "new-000-0"}
    counts = outcome.counts
    assert (counts.known, counts.changed, counts.new) == (2, 1, 1)
    assert outcome.studies[0].instances == 4
    assert context.store.studies.search("corrected")[0].instances == 4


@pytest.mark.parametrize("copy", [False, True])
def test_nothing_is_read_when_nothing_changed(
    context: AppContext, ct: Path, monkeypatch: pytest.MonkeyPatch, copy: bool
) -> None:
    import_paths(context, [ct], copy=copy)
    monkeypatch.setattr(library_scan, "scan_files", lambda *_a, **_k: pytest.fail("was read"))
    outcome = import_paths(context, [ct], copy=copy)
    assert (outcome.counts.known, outcome.counts.new, outcome.copied) == (3, 0, 0)
    assert [study.instances for study in outcome.studies] == [3]


def test_an_archive_is_unpacked_once(context: AppContext, ct: Path, tmp_path: Path) -> None:
    archive = tmp_path / "study.zip"
    with zipfile.ZipFile(archive, "w") as target:
        for path in ct.iterdir():
            target.write(path, path.name)
    assert import_paths(context, [archive]).counts.new == 3
    again = import_paths(context, [archive])
    assert (again.counts.known, again.counts.new, again.copied) == (1, 0, 0)
    assert [study.instances for study in again.studies] == [3]
    uid = again.studies[0].study_instance_uid
    delete_study(context, uid)
    assert import_paths(context, [archive]).counts.new == 3


def test_files_that_vanished_are_marked_and_come_back(context: AppContext, ct: Path) -> None:
    import_paths(context, [ct])
    gone = sorted(ct.iterdir())[0]
    gone.rename(ct.parent / "away")
    outcome = import_paths(context, [ct])
    assert outcome.missing == 1
    assert (_only(context).instances, _only(context).missing_files) == (3, 1)
    (ct.parent / "away").rename(gone)
    import_paths(context, [ct])
    assert _only(context).missing_files == 0


def test_a_folder_that_became_empty_loses_nothing_from_the_index(
    context: AppContext, ct: Path
) -> None:
    import_paths(context, [ct])
    for path in ct.iterdir():
        path.unlink()
    assert import_paths(context, [ct]).missing == 3
    assert (_only(context).instances, _only(context).missing_files) == (3, 3)


def test_counts_and_remaining_time_are_told(context: AppContext, tmp_path: Path) -> None:
    write_series(tmp_path / "in", _small(count=150))
    told: list[ImportCounts] = []
    import_paths(context, [tmp_path / "in"], on_counts=told.append)
    assert [counts.seen for counts in told] == [0, 100, 150]
    assert {counts.total for counts in told} == {150}
    assert told[0].remaining_s is None
    assert told[1].remaining_s is not None
    assert told[1].remaining_s > 0.0
    assert "100 of 150 files: 100 new, 0 known, about" in told[1].message().en
    assert "100 из 150" in told[1].message().ru


# Interrupted


def test_an_import_killed_at_any_point_goes_on(tmp_path: Path) -> None:
    folder, data = tmp_path / "in", tmp_path / "library"
    write_series(folder, _small(count=350))
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.import_slowly", str(data), str(folder)],
        stdout=subprocess.PIPE, cwd=ROOT, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        while int(process.stdout.readline()) < 200:
            pass
        process.kill()
    with context_in(data) as context:
        assert context.store.fault() == ""
        half = _only(context)
        assert half.instances in (200, 300)
        assert half.is_incomplete
        assert len(context.store.imports.unfinished()) == 1
        (outcome,) = resume_imports(context)
        assert outcome.resumed
        assert (outcome.counts.known, outcome.counts.new) == (half.instances, 350 - half.instances)
        whole = _only(context)
        assert (whole.instances, whole.is_incomplete) == (350, False)
        assert context.store.imports.unfinished() == ()
        assert context.store.audit.verify() is None


def test_a_cancelled_import_says_that_the_study_is_incomplete(
    context: AppContext, tmp_path: Path
) -> None:
    write_series(tmp_path / "in", _small(count=150))
    token = CancelToken()

    def stop(counts: ImportCounts) -> None:
        if counts.seen:
            token.cancel()

    with pytest.raises(Exception, match="cancelled"):
        import_paths(context, [tmp_path / "in"], cancel=token, on_counts=stop)
    assert (_only(context).instances, _only(context).is_incomplete) == (100, True)
    study = open_stored(context, _only(context).study_instance_uid)
    assert "D18" in {warning.code for warning in study.warnings}
    import_paths(context, [tmp_path / "in"])
    assert (_only(context).instances, _only(context).is_incomplete) == (150, False)


# Duplicates


@pytest.mark.parametrize("at_once", [True, False])
def test_the_same_bytes_in_two_places_are_one_object(
    context: AppContext, ct: Path, tmp_path: Path, at_once: bool
) -> None:
    shutil.copytree(ct, tmp_path / "twice")
    if at_once:
        outcome = import_paths(context, [ct, tmp_path / "twice"])
    else:
        import_paths(context, [ct])
        outcome = import_paths(context, [tmp_path / "twice"])
    assert len(outcome.scan.skipped) == 3
    assert outcome.conflicts == ()
    assert _only(context).instances == 3
    assert import_paths(context, [ct, tmp_path / "twice"]).counts.known == 6
    # one place goes, the other still has it
    shutil.rmtree(ct)
    check_library(context)
    assert _only(context).missing_files == 0
    study = open_stored(context, _only(context).study_instance_uid)
    assert sum(series.frames for series in study.series) == 3


@pytest.mark.parametrize("at_once", [True, False])
def test_one_uid_with_two_contents_keeps_both_and_tells(
    context: AppContext, ct: Path, tmp_path: Path, at_once: bool
) -> None:
    shutil.copytree(ct, tmp_path / "other")
    for path in (tmp_path / "other").iterdir():
        _edit(path, PixelData=bytes(32))
    if at_once:
        outcome = import_paths(context, [ct, tmp_path / "other"])
    else:
        import_paths(context, [ct])
        outcome = import_paths(context, [tmp_path / "other"])
    assert len(outcome.conflicts) == 3
    assert "different content" in outcome.conflicts[0].reason.en
    assert _only(context).instances == 6
    study = open_stored(context, _only(context).study_instance_uid)
    assert sum(series.frames for series in study.series) == 6


def test_copies_of_repeated_files_are_made_once(
    context: AppContext, ct: Path, tmp_path: Path
) -> None:
    shutil.copytree(ct, tmp_path / "twice")
    outcome = import_paths(context, [ct, tmp_path / "twice"], copy=True)
    assert outcome.copied == 3
    assert import_paths(context, [ct, tmp_path / "twice"], copy=True).counts.known == 6


# Identity (D08)


@pytest.mark.parametrize("at_once", [True, False])
def test_d08_one_study_of_two_patients_is_blocked_with_the_reason(
    context: AppContext, tmp_path: Path, at_once: bool
) -> None:
    def other(ds, _n) -> None:
        ds.PatientName, ds.PatientID = "Somebody^Else", "OTHER"

    write_series(tmp_path / "in" / "one", _small(name="one"))
    if not at_once:
        import_paths(context, [tmp_path / "in"])
        assert _only(context).blocked == ""
    write_series(tmp_path / "in" / "two", _small(name="two", change=other))
    import_paths(context, [tmp_path / "in"])
    stored = _only(context)
    assert "patient ID and patient name" in stored.blocked
    assert "номер пациента" in stored.blocked_ru
    assert "Else" not in stored.blocked
    study = open_stored(context, stored.study_instance_uid)
    assert study.blocked
    assert {stack.verdict for series in study.series for stack in series.stacks} == {"blocked"}
    # the wrong half is corrected
    for path in (tmp_path / "in" / "two").iterdir():
        _edit(path, PatientName="Phantom^Synthetic", PatientID="TEST-1")
    import_paths(context, [tmp_path / "in"])
    assert _only(context).blocked == ""


def test_d08_half_a_study_opened_from_its_files_is_blocked_by_what_the_library_knows(
    context: AppContext, ct: Path, tmp_path: Path
) -> None:
    import_paths(context, [ct])

    def other(ds, _n) -> None:
        ds.PatientName, ds.PatientID = "Somebody^Else", "OTHER"

    write_series(tmp_path / "two", _small(name="two", change=other))
    (study,) = open_paths(context, [tmp_path / "two"]).studies
    assert "library" in study.blocked
    assert {stack.verdict for series in study.series for stack in series.stacks} == {"blocked"}
    StudySession(context, study).close()
    assert _only(context).blocked
    assert _only(context).patient.id == "TEST-1"


# Opening


def test_d18_what_is_missing_is_said_when_the_study_is_opened(
    context: AppContext, ct: Path
) -> None:
    import_paths(context, [ct])
    sorted(ct.iterdir())[0].unlink()
    study = open_stored(context, _only(context).study_instance_uid)
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
    uid = _only(context).study_instance_uid
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
    assert b"Phantom" not in (context.store.folder / Store.DATABASE_NAME).read_bytes()


def test_a_signed_report_is_never_deleted(context: AppContext, ct: Path) -> None:
    import_paths(context, [ct], copy=True)
    uid = _only(context).study_instance_uid
    _signed(context, uid)
    with pytest.raises(ReportError, match="signed report"):
        delete_study(context, uid)
    assert _only(context).instances == 3
    assert delete_study(context, uid, keep_report=True).report_kept
    left = _only(context)
    assert (left.instances, left.images_deleted_at_utc != "") == (0, True)
    assert context.store.reports.latest(uid, MAIN_READING).state == "signed"
    with pytest.raises(InputError, match="deleted"):
        open_stored(context, uid)
    import_paths(context, [ct])
    assert (_only(context).instances, _only(context).images_deleted_at_utc) == (3, "")


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
    study = open_stored(context, _only(context).study_instance_uid)
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
        uid = _only(context).study_instance_uid
        _signed(context, uid)
        made = backup(context, tmp_path / "backups", with_images=True)
        assert (made.studies, made.objects, made.files_copied, made.damaged) == (1, 3, 3, ())
        delete_study(context, uid, keep_report=True)
        write_series(tmp_path / "later", _small(study="later"))
        import_paths(context, [tmp_path / "later"])
        with pytest.raises(StoreError, match="open in another program"):
            restore(made.folder, data, user="Dr", clock=FixedClock())
    done = restore(made.folder, data, user="Dr", clock=FixedClock())
    assert (done.studies, done.objects, done.files_copied) == (1, 3, 3)
    with context_in(data) as context:
        assert _only(context).instances == 3
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
        uid = _only(context).study_instance_uid
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
    made = answer("library", "backup", "--to", str(tmp_path / "b"), "--images")
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


@pytest.mark.parametrize(
    "name",
    [
        "исследования/山田 太郎",
        "a'b; DROP TABLE studies; --",
        pytest.param(
            os.fsdecode(b"latin-\xe9\xff"),
            marks=pytest.mark.skipif(os.name == "nt", reason="file names are bytes on POSIX alone"),
        ),
    ],
)
def test_d11_names_in_any_script_and_in_none(
    context: AppContext, tmp_path: Path, name: str
) -> None:
    write_series(tmp_path / "in" / name, _small())
    import_paths(context, [tmp_path / "in" / name])
    assert import_paths(context, [tmp_path / "in"]).counts.known == 3
    study = open_stored(context, _only(context).study_instance_uid)
    assert sum(series.frames for series in study.series) == 3
    shutil.rmtree(tmp_path / "in" / name)
    assert import_paths(context, [tmp_path / "in"]).missing == 3
