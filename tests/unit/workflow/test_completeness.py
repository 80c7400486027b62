"""Counts of the archive against what is here (D18)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from app.core.study import Completeness, Study
from app.dicom.files.scan import scan
from app.dicom.stacks.grouping import group
from app.workflow.completeness import with_archive_counts
from app.workflow.facts import study_facts
from tests.support.synthetic_dicom import SeriesSpec, uid, write_series

ONE, TWO = uid("study", "one"), uid("study", "two")


def _study(folder: Path) -> Study:
    write_series(folder, SeriesSpec(count=4, name="one"))
    write_series(folder, SeriesSpec(count=2, name="two"))
    (study,) = group(scan([folder], workspace=folder / "unpacked").records)
    return study


def test_d18_without_a_word_of_the_archive_nothing_changes(tmp_path: Path) -> None:
    study = _study(tmp_path)
    assert with_archive_counts(study, {}) is study
    assert study_facts(study).incompleteness is None


def test_d18_what_the_archive_has_and_we_have_not(tmp_path: Path) -> None:
    study = with_archive_counts(_study(tmp_path), {ONE: 10, TWO: 2})
    assert study.completeness == Completeness(6, 12, "archive")
    missing = study_facts(study).incompleteness
    assert missing is not None
    assert ("6 of 12" in missing.en, "6 из 12" in missing.ru) == (True, True)


def test_d18_more_of_one_series_does_not_make_up_for_another(tmp_path: Path) -> None:
    study = with_archive_counts(_study(tmp_path), {ONE: 2, TWO: 4})
    assert study.completeness == Completeness(4, 6, "archive")


def test_d18_a_series_that_is_not_here_at_all_counts(tmp_path: Path) -> None:
    study = with_archive_counts(_study(tmp_path), {ONE: 4, TWO: 2, "1.2.3": 1})
    assert not study.completeness.is_complete
    whole = with_archive_counts(_study(tmp_path), {ONE: 4, TWO: 2})
    assert whole.completeness == Completeness(6, 6, "archive")


def test_d18_gaps_in_the_images_stand_where_the_archive_has_no_more(tmp_path: Path) -> None:
    gaps = replace(_study(tmp_path), completeness=Completeness(6, 7, "gaps"))
    assert with_archive_counts(gaps, {ONE: 4, TWO: 2}) is gaps
