"""What an archive-wide run remembers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.core.errors import EnvironmentFault
from app.workflow.screen_journal import JOURNAL, ScreenJournal, status_of
from app.workflow.screen_units import ScreenUnit, content_sha256, fingerprint

A, B = "a" * 64, "b" * 64


def entry(pack: str, status: str = "done") -> dict:
    return {"pack": pack[0], "manifest_sha256": pack, "status": status, "reasons": []}


def row(unit: ScreenUnit, study: str = "s1", *entries: dict, **more: object) -> dict:
    return {
        "study": study, "fingerprint": unit.fingerprint, "wanted": [A], "packs": list(entries),
        "status": status_of(entries), "error": None, "studies_in_unit": 1,
    } | more  # fmt: skip


@pytest.fixture
def unit(tmp_path) -> ScreenUnit:
    file = tmp_path / "image.dcm"
    file.write_bytes(b"pixels")
    return ScreenUnit((str(file),), fingerprint([file]), "1.2.3")


def test_what_is_written_is_known_after_a_start_anew(tmp_path, unit):
    with ScreenJournal(tmp_path / "out") as journal:
        assert journal.handled(unit, [A]) == frozenset()
        journal.add(row(unit, "s1", entry(A)))
    with ScreenJournal(tmp_path / "out") as journal:
        assert journal.handled(unit, [A, B]) == {A}  # another pack still has to run
        journal.add(row(unit, "s1", entry(B, "nothing-fits")))
        assert journal.handled(unit, [A, B]) == {A, B}
        assert [r["status"] for r in journal.rows] == ["done"]
        assert len(journal.rows[0]["packs"]) == 2


def test_a_line_that_was_cut_off_is_dropped(tmp_path, unit):
    with ScreenJournal(tmp_path) as journal:
        journal.add(row(unit, "s1", entry(A)))
    whole = (tmp_path / JOURNAL).read_bytes()
    (tmp_path / JOURNAL).write_bytes(whole + whole[: len(whole) // 2])
    with ScreenJournal(tmp_path) as journal:
        assert journal.handled(unit, [A]) == {A}
        journal.add(row(unit, "s2", entry(A)))
    lines = (tmp_path / JOURNAL).read_bytes().splitlines()
    assert [json.loads(line)["study"] for line in lines] == ["s1", "s2"]


def test_failures_count_as_handled_until_they_are_to_be_tried_again(tmp_path, unit):
    with ScreenJournal(tmp_path) as journal:
        journal.add(row(unit, "s1", entry(A, "failed"), entry(B)))
        assert journal.handled(unit, [A, B]) == {A, B}
    with ScreenJournal(tmp_path, retry_failed=True) as journal:
        assert journal.handled(unit, [A, B]) == {B}


def test_a_unit_that_could_not_be_read(tmp_path, unit):
    lost = row(unit, "", status="failed", error={"en": "lost"}, wanted=[A])
    with ScreenJournal(tmp_path) as journal:
        journal.add(lost)
        assert journal.handled(unit, [A]) == {A}
        assert journal.handled(unit, [B]) == frozenset()
    with ScreenJournal(tmp_path, retry_failed=True) as journal:
        assert journal.handled(unit, [A]) == frozenset()
        journal.add(row(unit, "s1", entry(A)))
        assert [r["study"] for r in journal.rows] == ["s1"]


def test_an_archive_of_several_studies_is_done_with_the_last(tmp_path, unit):
    archive = ScreenUnit(unit.paths, unit.fingerprint)
    with ScreenJournal(tmp_path) as journal:
        journal.add(row(archive, "s1", entry(A), studies_in_unit=2))
        assert journal.handled(archive, [A]) == frozenset()
        journal.add(row(archive, "s2", entry(A), studies_in_unit=2))
        assert journal.handled(archive, [A]) == {A}


def test_a_study_that_was_moved_is_known_by_its_content(tmp_path, unit):
    content = content_sha256(map(Path, unit.paths))
    moved = tmp_path / "elsewhere" / "other-name"
    moved.parent.mkdir()
    moved.write_bytes(b"pixels")
    there = ScreenUnit((str(moved),), fingerprint([moved]), "1.2.3")
    moved.with_name("changed").write_bytes(b"other pixels")
    changed = ScreenUnit((str(moved.with_name("changed")),), "another", "1.2.3")
    with ScreenJournal(tmp_path / "out") as journal:
        journal.add(row(unit, content, entry(A)))
        assert there.fingerprint != unit.fingerprint
        assert journal.handled(there, [A]) == {A}
        assert journal.handled(changed, [A]) == frozenset()


def test_one_run_at_a_time(tmp_path):
    with ScreenJournal(tmp_path), pytest.raises(EnvironmentFault, match="Another run"):
        ScreenJournal(tmp_path).__enter__()
    with ScreenJournal(tmp_path):
        pass
