"""Into the library again, interrupted, twice, under two names: nothing lost, nothing done twice."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from app.core.errors import Cancelled, DicomReadError, DiskFull
from app.jobs.cancel import CancelToken
from app.workflow import library_scan
from app.workflow.context import AppContext
from app.workflow.import_batch import _chunks
from app.workflow.import_counts import ImportCounts
from app.workflow.import_studies import import_paths, resume_imports
from app.workflow.library import check_library, delete_study, repair_library
from app.workflow.open_study import open_paths, open_stored
from app.workflow.session import StudySession
from tests.support.library import edit, only, small
from tests.support.synthetic_dicom import write_series
from tests.support.workflow_context import context_in

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def ct(tmp_path: Path) -> Path:
    write_series(tmp_path / "ct", small())
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
    edit(changed, SeriesDescription="corrected series description")
    write_series(ct, small(count=1, name="new"))
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


def test_of_an_archive_of_two_studies_one_deleted_comes_back(
    context: AppContext, tmp_path: Path
) -> None:
    archive = tmp_path / "two.zip"
    with zipfile.ZipFile(archive, "w") as target:
        for name in ("one", "two"):
            for path in write_series(tmp_path / name, small(study=name)):
                target.write(path, f"{name}/{path.name}")
    import_paths(context, [archive])
    first, second = context.store.studies.all()
    delete_study(context, first.study_instance_uid)
    assert [study.study_instance_uid for study in context.store.studies.all()] == [
        second.study_instance_uid
    ]
    import_paths(context, [archive])
    assert [study.instances for study in context.store.studies.all()] == [3, 3]
    assert import_paths(context, [archive]).counts.known == 1


def test_files_that_vanished_are_marked_and_come_back(context: AppContext, ct: Path) -> None:
    import_paths(context, [ct])
    gone = sorted(ct.iterdir())[0]
    gone.rename(ct.parent / "away")
    outcome = import_paths(context, [ct])
    assert outcome.missing == 1
    assert (only(context).instances, only(context).missing_files) == (3, 1)
    (ct.parent / "away").rename(gone)
    import_paths(context, [ct])
    assert only(context).missing_files == 0


def test_a_folder_that_became_empty_loses_nothing_from_the_index(
    context: AppContext, ct: Path
) -> None:
    import_paths(context, [ct])
    for path in ct.iterdir():
        path.unlink()
    assert import_paths(context, [ct]).missing == 3
    assert (only(context).instances, only(context).missing_files) == (3, 3)


def test_counts_and_remaining_time_are_told(context: AppContext, tmp_path: Path) -> None:
    write_series(tmp_path / "in", small(count=150))
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


@pytest.mark.parametrize(("seen", "wait_s", "copy"), [(200, 0.0, False), (100, 0.27, True)])
def test_an_import_killed_at_any_point_goes_on(
    tmp_path: Path, seen: int, wait_s: float, copy: bool
) -> None:
    folder, data = tmp_path / "in", tmp_path / "library"
    write_series(folder, small(count=350))
    how = ["copy"] if copy else []
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.import_slowly", str(data), str(folder), *how],
        stdout=subprocess.PIPE, cwd=ROOT, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        while int(process.stdout.readline()) < seen:
            pass
        time.sleep(wait_s)
        process.kill()
    with context_in(data) as context:
        assert context.store.fault() == ""
        half = only(context)
        assert seen <= half.instances < 350
        assert half.is_incomplete
        assert len(context.store.imports.unfinished()) == 1
        (outcome,) = resume_imports(context)
        assert outcome.resumed
        assert (outcome.counts.known, outcome.counts.new) == (half.instances, 350 - half.instances)
        whole = only(context)
        assert (whole.instances, whole.is_incomplete) == (350, False)
        assert context.store.imports.unfinished() == ()
        assert context.store.audit.verify() is None
        repair_library(context, check_library(context))
        state = check_library(context)
        assert state.is_well
        assert state.left_over == ()


def test_a_disk_that_fills_up_keeps_what_was_imported_and_goes_on(
    context: AppContext, tmp_path: Path
) -> None:
    write_series(tmp_path / "in", small(count=150))
    settings = context.settings

    def fill_up(counts: ImportCounts) -> None:
        if counts.seen:
            context.settings = settings.model_copy(update={"disk_reserve_mb": 10**9})

    with pytest.raises(DiskFull):
        import_paths(context, [tmp_path / "in"], copy=True, on_counts=fill_up)
    assert (only(context).instances, only(context).is_incomplete) == (100, True)
    context.settings = settings
    (outcome,) = resume_imports(context)
    assert (outcome.counts.known, outcome.copied) == (100, 50)
    assert (only(context).instances, only(context).is_incomplete) == (150, False)


def test_an_import_whose_files_are_gone_is_given_up(context: AppContext, tmp_path: Path) -> None:
    context.store.imports.begin([tmp_path / "gone"], copies=False, at_utc="2026-11-22")
    assert resume_imports(context) == ()
    assert context.store.imports.unfinished() == ()


def test_a_source_that_cannot_be_read_is_no_fault_of_the_library(tmp_path: Path) -> None:
    with pytest.raises(DicomReadError, match="cannot be read"):
        list(_chunks(tmp_path / "scratched disc"))


def test_a_cancelled_import_says_that_the_study_is_incomplete(
    context: AppContext, tmp_path: Path
) -> None:
    write_series(tmp_path / "in", small(count=150))
    token = CancelToken()

    def stop(counts: ImportCounts) -> None:
        if counts.seen:
            token.cancel()

    with pytest.raises(Cancelled):
        import_paths(context, [tmp_path / "in"], cancel=token, on_counts=stop)
    assert (only(context).instances, only(context).is_incomplete) == (100, True)
    study = open_stored(context, only(context).study_instance_uid)
    assert "D18" in {warning.code for warning in study.warnings}
    import_paths(context, [tmp_path / "in"])
    assert (only(context).instances, only(context).is_incomplete) == (150, False)


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
    assert only(context).instances == 3
    assert import_paths(context, [ct, tmp_path / "twice"]).counts.known == 6
    # one place goes, the other still has it
    shutil.rmtree(ct)
    check_library(context)
    assert only(context).missing_files == 0
    study = open_stored(context, only(context).study_instance_uid)
    assert sum(series.frames for series in study.series) == 3


@pytest.mark.parametrize("at_once", [True, False])
def test_one_uid_with_two_contents_keeps_both_and_tells(
    context: AppContext, ct: Path, tmp_path: Path, at_once: bool
) -> None:
    shutil.copytree(ct, tmp_path / "other")
    for path in (tmp_path / "other").iterdir():
        edit(path, PixelData=bytes(32))
    if at_once:
        outcome = import_paths(context, [ct, tmp_path / "other"])
    else:
        import_paths(context, [ct])
        outcome = import_paths(context, [tmp_path / "other"])
    assert len(outcome.conflicts) == 3
    assert "different content" in outcome.conflicts[0].reason.en
    assert only(context).instances == 6
    study = open_stored(context, only(context).study_instance_uid)
    assert sum(series.frames for series in study.series) == 6


def test_copies_of_repeated_files_are_made_once(
    context: AppContext, ct: Path, tmp_path: Path
) -> None:
    shutil.copytree(ct, tmp_path / "twice")
    outcome = import_paths(context, [ct, tmp_path / "twice"], copy=True)
    assert outcome.copied == 3
    assert import_paths(context, [ct, tmp_path / "twice"], copy=True).counts.known == 6


def test_a_copy_that_is_gone_is_made_again_from_another_file(
    context: AppContext, ct: Path, tmp_path: Path
) -> None:
    import_paths(context, [ct], copy=True)
    shutil.rmtree(context.store.folder / "images")
    shutil.copytree(ct, tmp_path / "again")
    assert import_paths(context, [tmp_path / "again"], copy=True).copied == 3
    assert check_library(context).is_well


# Identity (D08)


@pytest.mark.parametrize("at_once", [True, False])
def test_d08_one_study_of_two_patients_is_blocked_with_the_reason(
    context: AppContext, tmp_path: Path, at_once: bool
) -> None:
    def other(ds, _n) -> None:
        ds.PatientName, ds.PatientID = "Somebody^Else", "OTHER"

    write_series(tmp_path / "in" / "one", small(name="one"))
    if not at_once:
        import_paths(context, [tmp_path / "in"])
        assert only(context).blocked == ""
    write_series(tmp_path / "in" / "two", small(name="two", change=other))
    import_paths(context, [tmp_path / "in"])
    stored = only(context)
    assert "patient ID and patient name" in stored.blocked
    assert "номер пациента" in stored.blocked_ru
    assert "Else" not in stored.blocked
    study = open_stored(context, stored.study_instance_uid)
    assert study.blocked
    assert {stack.verdict for series in study.series for stack in series.stacks} == {"blocked"}
    # the wrong half is corrected
    for path in (tmp_path / "in" / "two").iterdir():
        edit(path, PatientName="Phantom^Synthetic", PatientID="TEST-1")
    import_paths(context, [tmp_path / "in"])
    assert only(context).blocked == ""


def test_d08_half_a_study_opened_from_its_files_is_blocked_by_what_the_library_knows(
    context: AppContext, ct: Path, tmp_path: Path
) -> None:
    import_paths(context, [ct])

    def other(ds, _n) -> None:
        ds.PatientName, ds.PatientID = "Somebody^Else", "OTHER"

    write_series(tmp_path / "two", small(name="two", change=other))
    (study,) = open_paths(context, [tmp_path / "two"]).studies
    assert "library" in study.blocked
    assert {stack.verdict for series in study.series for stack in series.stacks} == {"blocked"}
    StudySession(context, study).close()
    assert only(context).blocked
    assert only(context).patient.id == "TEST-1"


# Names


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
    write_series(tmp_path / "in" / name, small())
    import_paths(context, [tmp_path / "in" / name])
    assert import_paths(context, [tmp_path / "in"]).counts.known == 3
    study = open_stored(context, only(context).study_instance_uid)
    assert sum(series.frames for series in study.series) == 3
    shutil.rmtree(tmp_path / "in" / name)
    assert import_paths(context, [tmp_path / "in"]).missing == 3
