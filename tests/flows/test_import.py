"""Into the library: indexed, copied where asked or where they must, whole or not at all."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from app.core.errors import Cancelled, InputError
from app.jobs.cancel import CancelToken
from app.workflow.context import AppContext
from app.workflow.import_studies import import_paths
from app.workflow.open_study import known_priors, open_paths, open_stored
from app.workflow.session import StudySession
from tests.support.synthetic_dicom import SeriesSpec, write_series


def test_files_stay_where_they_are_unless_copies_are_asked_for(
    context: AppContext, tmp_path: Path
) -> None:
    paths = write_series(tmp_path / "ct", SeriesSpec(count=3))
    outcome = import_paths(context, [tmp_path / "ct"])
    uid = outcome.studies[0].study_instance_uid
    assert outcome.copied == 0
    assert set(context.store.studies.paths(uid)) == {path.resolve() for path in paths}
    copied = import_paths(context, [tmp_path / "ct"], copy=True)
    assert copied.copied == 3
    for path in paths:
        path.unlink()
    study = open_stored(context, uid)
    assert sum(len(series.instances) for series in study.series) == 3
    stored = context.store.studies.get(uid)
    assert stored is not None
    assert stored.instances == 3


def test_what_comes_out_of_an_archive_is_kept(context: AppContext, tmp_path: Path) -> None:
    paths = write_series(tmp_path / "ct", SeriesSpec(count=3))
    archive = tmp_path / "study.zip"
    with zipfile.ZipFile(archive, "w") as target:
        for path in paths:
            target.write(path, path.name)
    outcome = import_paths(context, [archive])
    uid = outcome.studies[0].study_instance_uid
    assert outcome.copied == 3
    kept = context.store.studies.paths(uid)
    assert all((context.store.folder / "images") in path.parents for path in kept)


def test_importing_twice_copies_once(context: AppContext, tmp_path: Path) -> None:
    write_series(tmp_path / "ct", SeriesSpec(count=2))
    import_paths(context, [tmp_path / "ct"], copy=True)
    before = sorted(
        (path, path.stat().st_mtime_ns) for path in (context.store.folder / "images").rglob("*.dcm")
    )
    import_paths(context, [tmp_path / "ct"], copy=True)
    after = sorted(
        (path, path.stat().st_mtime_ns) for path in (context.store.folder / "images").rglob("*.dcm")
    )
    assert before == after
    assert len(after) == 2


def test_two_archives_opened_one_after_the_other_do_not_write_over_each_other(
    context: AppContext, tmp_path: Path
) -> None:
    opened = []
    for name in ("one", "two"):
        paths = write_series(tmp_path / name, SeriesSpec(count=2, study=name, name=name))
        archive = tmp_path / f"{name}.zip"
        with zipfile.ZipFile(archive, "w") as target:
            for path in paths:
                target.write(path, path.name)
        opened.append(open_paths(context, [archive]).studies[0])
    places = [
        {instance.path for series in study.series for instance in series.instances}
        for study in opened
    ]
    assert places[0].isdisjoint(places[1])
    assert all(path.exists() for path in places[0] | places[1])


def test_an_archive_opened_again_and_again_is_read_once_when_it_is_reopened(
    context: AppContext, tmp_path: Path
) -> None:
    paths = write_series(tmp_path / "one", SeriesSpec(count=2))
    archive = tmp_path / "one.zip"
    with zipfile.ZipFile(archive, "w") as target:
        for path in paths:
            target.write(path, path.name)
    for _ in range(3):
        study = open_paths(context, [archive]).studies[0]
        StudySession(context, study).close()
    known = context.store.studies.paths(study.study_instance_uid)
    assert len(known) == 6
    again = open_stored(context, study.study_instance_uid)
    assert {i.path for s in again.series for i in s.instances} == {
        i.path for s in study.series for i in s.instances
    }


def test_photos_and_empty_folders_are_refused_in_a_sentence(
    context: AppContext, tmp_path: Path
) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "beach.jpg").write_bytes(b"\xff\xd8\xff\xe0" + b"sand" * 100)
    (tmp_path / "empty").mkdir()
    for name in ("photos", "empty", "nowhere"):
        with pytest.raises(InputError):
            import_paths(context, [tmp_path / name])
    assert context.store.studies.all() == ()


def test_a_cancelled_import_leaves_nothing_half(context: AppContext, tmp_path: Path) -> None:
    write_series(tmp_path / "ct", SeriesSpec(count=3))
    token = CancelToken()

    def stop(fraction: float, _text: str) -> None:
        if fraction >= 0.0:
            token.cancel()

    with pytest.raises(Cancelled):
        import_paths(context, [tmp_path / "ct"], copy=True, progress=stop, cancel=token)
    assert context.store.studies.all() == ()


def test_studies_whose_files_are_gone_say_so(context: AppContext, tmp_path: Path) -> None:
    paths = write_series(tmp_path / "ct", SeriesSpec(count=2))
    uid = import_paths(context, [tmp_path / "ct"]).studies[0].study_instance_uid
    for path in paths:
        path.unlink()
    with pytest.raises(InputError, match="no longer"):
        open_stored(context, uid)
    with pytest.raises(InputError, match="no study"):
        open_stored(context, "9.9.9")


def test_priors_are_earlier_studies_of_the_same_patient(
    context: AppContext, tmp_path: Path
) -> None:
    dates = {"old": "20250101", "older": "20240101", "new": "20260101", "other": "20230101"}
    for name, date in dates.items():

        def change(ds, _n, name=name, date=date) -> None:
            ds.StudyDate = date
            ds.PatientID = "another" if name == "other" else "4711"

        spec = SeriesSpec(count=2, study=name, name=name, change=change)
        write_series(tmp_path / "all" / name, spec)
    studies = open_paths(context, [tmp_path / "all"]).studies
    newest = max(
        (s for s in studies if s.patient.id == "4711"), key=lambda study: study.study_date
    )  # fmt: skip
    priors = known_priors(newest, studies)
    assert [p.study_date[:4] for p in priors] == ["2025", "2024"]
