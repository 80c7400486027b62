"""Thousands of damaged files, the same ones each time: no crash, no hang, no memory, no stray file.

The long run is ``python -m tests.fuzz.long``; what it found last is in ``docs/measurements.md``.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.cases import (
    Report,
    archive_cases,
    codestream_cases,
    file_cases,
    header_cases,
    object_cases,
    peak_megabytes,
    run,
)
from tests.fuzz.seeds import (
    archive_seeds,
    codestream_seeds,
    corpus_folder,
    header_seeds,
    object_seeds,
)

SECONDS = 12.0
MEGABYTES = 600


def assert_clean(report: Report, peak_before: int) -> None:
    assert not report.failures, "\n".join(report.failures.values())
    assert report.cases >= 50
    assert peak_megabytes() - peak_before < MEGABYTES, report


def test_d19_damaged_headers_are_read_or_refused_in_words() -> None:
    before = peak_megabytes()
    cases = header_cases(header_seeds(None), 3, 6000)
    assert_clean(run("headers", cases, SECONDS), before)


def test_d19_damaged_files_are_shown_or_refused_in_words(tmp_path: Path) -> None:
    before = peak_megabytes()
    cases = file_cases(header_seeds(None), tmp_path, 3, 700)
    assert_clean(run("files", cases, SECONDS), before)


def test_d19_damaged_objects_are_opened_or_refused_in_words(tmp_path: Path) -> None:
    before = peak_megabytes()
    cases = object_cases(object_seeds(None), tmp_path, 3, 500)
    assert_clean(run("objects", cases, SECONDS), before)


def test_d19_damaged_codestreams_cost_one_frame() -> None:
    before = peak_megabytes()
    cases = codestream_cases(codestream_seeds(None), 4, 250)
    assert_clean(run("codestreams", cases, SECONDS), before)


def test_d19_damaged_archives_write_nothing_outside(tmp_path: Path) -> None:
    before = peak_megabytes()
    cases = archive_cases(archive_seeds(), tmp_path, 3, 1500)
    assert_clean(run("archives", cases, SECONDS), before)


def test_d19_damage_to_the_corpus(tmp_path: Path) -> None:
    corpus = corpus_folder()
    if corpus is None:
        pytest.skip("the corpus is not on this machine")
    before = peak_megabytes()
    seeds = header_seeds(corpus)
    assert_clean(run("headers", header_cases(seeds, 5, 2000), SECONDS / 2), before)
    assert_clean(run("files", file_cases(seeds, tmp_path, 5, 300), SECONDS / 2), before)
