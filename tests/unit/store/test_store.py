"""The library: what is stored comes back, what must not change cannot, faults speak in words."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.core.errors import AlreadySigned, DiskFull, StoreError
from app.core.finding import Decision, decide
from app.core.report import Override, Report, SentenceLink, Signature
from app.core.study import SeriesRef
from app.store.model_runs import ModelRun
from app.store.sessions import MAIN_READING
from app.store.store import Store
from tests.support.domain import (
    STUDY_UID,
    FixedClock,
    header_study,
    model_finding,
    proposed_findings,
)

NOW = "2026-11-20T10:00:00+00:00"
DRAFT = Report("2.25.5", STUDY_UID, 1, "en", "FINDINGS: none.", "draft")


@pytest.fixture
def store(tmp_path: Path):
    opened = Store(tmp_path, clock=FixedClock())
    opened.studies.put(header_study(), at_utc=NOW)
    yield opened
    opened.close()


def _raw(store: Store) -> sqlite3.Connection:
    return sqlite3.connect(store.folder / Store.DATABASE_NAME)


def test_studies_come_back_with_their_paths(store: Store) -> None:
    stored = store.studies.get(STUDY_UID)
    assert stored is not None
    assert stored.patient.name == "IVANOVA^ANNA"
    assert stored.modalities == ("DX",)
    assert (stored.series, stored.instances) == (1, 1)
    assert store.studies.paths(STUDY_UID) == (Path("/nowhere/image.dcm"),)
    assert [s.study_instance_uid for s in store.studies.of_patient("4711")] == [STUDY_UID]
    assert store.studies.of_patient("") == ()
    assert store.studies.get("9") is None


def test_a_study_imported_twice_is_one_study(store: Store) -> None:
    store.studies.put(header_study(), at_utc=NOW)
    store.studies.put(replace(header_study(), description="chest pa"), at_utc=NOW)
    (stored,) = store.studies.all()
    assert stored.description == "chest pa"
    assert stored.instances == 1


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(finding=proposed_findings())
def test_findings_come_back_exactly(store: Store, finding) -> None:
    finding = decide(finding, Decision("accept", "Dr", NOW))
    store.findings.put(MAIN_READING, finding, action="finding.accept", actor="Dr", at_utc=NOW)
    found = {f.uid: f for f in store.findings.live(STUDY_UID, MAIN_READING)}
    assert found[finding.uid] == finding


def test_the_journal_keeps_every_content(store: Store) -> None:
    finding = model_finding()
    accepted = decide(finding, Decision("accept", "Dr", NOW))
    for action, state in (("proposed", finding), ("accept", accepted), ("undo.accept", finding)):
        store.findings.put(MAIN_READING, state, action=action, actor="Dr", at_utc=NOW)
    journal = store.findings.journal(STUDY_UID, MAIN_READING)
    assert [entry.finding for entry in journal] == [finding, accepted, finding]
    assert store.findings.live(STUDY_UID, MAIN_READING) == (finding,)
    assert store.findings.counts(STUDY_UID, MAIN_READING) == {"proposed": 1}


def test_withdrawn_findings_are_not_live(store: Store) -> None:
    finding = model_finding()
    store.findings.put("r", finding, action="a", actor="Dr", at_utc=NOW)
    store.findings.put("r", finding, action="b", actor="Dr", at_utc=NOW, status="withdrawn")
    assert store.findings.live(STUDY_UID, "r") == ()
    assert len(store.findings.journal(STUDY_UID, "r")) == 2


def test_readings_are_apart(store: Store) -> None:
    store.findings.put("cli-1", model_finding(), action="a", actor="Dr", at_utc=NOW)
    assert store.findings.live(STUDY_UID, MAIN_READING) == ()
    assert store.sessions.reading_of(STUDY_UID) == MAIN_READING
    store.sessions.begin_reading(STUDY_UID, "cli-1", NOW)
    assert store.sessions.reading_of(STUDY_UID) == "cli-1"
    store.findings.put(MAIN_READING, model_finding(), action="a", actor="Dr", at_utc=NOW)
    assert store.sessions.reading_of(STUDY_UID) == MAIN_READING


def test_drafts_change_and_signed_reports_never(store: Store) -> None:
    store.reports.put(MAIN_READING, DRAFT)
    full = replace(
        DRAFT,
        text="FINDINGS: effusion.",
        links=(SentenceLink("effusion.", "1", "ab"),),
        overrides=(Override("unit-slip:1", "unit-slip", "measured again"),),
    )
    store.reports.put(MAIN_READING, full)
    assert store.reports.latest(STUDY_UID, MAIN_READING) == full
    signed = replace(
        full,
        state="signed",
        signature=Signature("Dr Petrov", NOW, "author"),
        content_sha256="ab" * 32,
    )
    store.reports.put(MAIN_READING, signed, document="{}")
    with pytest.raises(AlreadySigned):
        store.reports.put(MAIN_READING, replace(signed, text="other"))
    assert store.reports.latest(STUDY_UID, MAIN_READING) == signed
    assert store.reports.document(signed.uid) == "{}"
    assert store.reports.document("9") == ""


def test_a_preliminary_report_waits_until_a_final_one_has_followed(store: Store) -> None:
    reports = store.reports
    assert reports.waiting() == ()
    assert reports.states(MAIN_READING, [STUDY_UID]) == {}
    first = replace(DRAFT, state="preliminary", signature=Signature("Sidorov", NOW, "preliminary"))
    reports.put(MAIN_READING, first, document="{}")
    assert reports.waiting() == ((MAIN_READING, first),)
    begun = replace(DRAFT, uid="2.25.6", version=2)
    reports.put(MAIN_READING, begun)
    assert reports.waiting() == ((MAIN_READING, first),)
    assert reports.states(MAIN_READING, [STUDY_UID, "9.9"]) == {STUDY_UID: "draft"}
    final = replace(begun, state="signed", signature=Signature("Petrov", NOW, "cosignature"))
    reports.put(MAIN_READING, final, document="{}")
    assert reports.waiting() == ()
    assert reports.states(MAIN_READING, [STUDY_UID]) == {STUDY_UID: "signed"}
    assert reports.states("cli-1", [STUDY_UID]) == {}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_log SET actor = 'someone'",
        "DELETE FROM audit_log",
        "UPDATE decisions SET actor = 'someone'",
        "DELETE FROM decisions",
        "UPDATE reports SET text = 'other'",
        "DELETE FROM reports",
        "UPDATE blobs SET data = x'00'",
    ],
)
def test_what_must_not_change_cannot_even_by_sql(store: Store, statement: str) -> None:
    store.audit.append("Dr", "study.opened", STUDY_UID)
    store.findings.put(MAIN_READING, model_finding(), action="a", actor="Dr", at_utc=NOW)
    store.reports.put(MAIN_READING, replace(DRAFT, state="signed"))
    store.blobs.put("ab", np.zeros((1, 2, 2), np.uint8))
    db = _raw(store)
    with pytest.raises(sqlite3.IntegrityError):
        db.execute(statement)
    db.close()


def test_the_trail_verifies_and_a_change_behind_the_back_is_found(store: Store) -> None:
    for n in range(4):
        store.audit.append("Dr", "finding.accept", f"2.25.{n}", {"state": "accepted"})
    assert store.audit.verify() is None
    assert [event.seq for event in store.audit.events()] == [1, 2, 3, 4]
    assert [event.seq for event in store.audit.events(subject_uid="2.25.2")] == [3]
    db = _raw(store)
    db.execute("DROP TRIGGER audit_log_never_changes")
    db.execute('UPDATE audit_log SET details = \'{"state": "rejected"}\' WHERE seq = 3')
    db.commit()
    db.close()
    broken = store.audit.verify()
    assert broken is not None
    assert broken.seq == 3


COLUMNS = ("at_utc", "actor", "action", "subject_uid", "details", "previous_hash", "hash")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    seq=st.integers(1, 3),
    column=st.sampled_from(COLUMNS),
    place=st.floats(0, 1, exclude_max=True),
    change=st.integers(1, 255),
)
def test_any_changed_byte_of_the_trail_is_found(
    tmp_path_factory: pytest.TempPathFactory, seq: int, column: str, place: float, change: int
) -> None:
    store = Store(tmp_path_factory.mktemp("library"), clock=FixedClock())
    for n in range(3):
        store.audit.append("Д-р", "finding.accept", f"2.25.{n}", {"b": "1", "a": "2"})
    assert store.audit.verify() is None
    db = _raw(store)
    db.execute("DROP TRIGGER audit_log_never_changes")
    query = f"SELECT CAST({column} AS BLOB) FROM audit_log WHERE seq = ?"  # noqa: S608
    raw = bytearray(db.execute(query, (seq,)).fetchone()[0])
    raw[int(place * len(raw))] ^= change
    db.execute(f"UPDATE audit_log SET {column} = CAST(? AS TEXT) WHERE seq = ?", (raw, seq))  # noqa: S608
    db.commit()
    db.close()
    assert store.audit.verify() is not None
    store.close()


def test_a_failing_transaction_leaves_nothing(store: Store) -> None:
    with pytest.raises(RuntimeError), store.transaction():  # noqa: PT012 - the order matters
        store.audit.append("Dr", "finding.accept", "1")
        store.findings.put(MAIN_READING, model_finding(), action="a", actor="Dr", at_utc=NOW)
        raise RuntimeError
    assert store.audit.last() is None
    assert store.findings.live(STUDY_UID, MAIN_READING) == ()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(shape=st.tuples(*[st.integers(1, 9)] * 3), seed=st.integers(0, 2**16))
def test_masks_come_back_exactly(store: Store, shape: tuple[int, int, int], seed: int) -> None:
    voxels = np.random.default_rng(seed).integers(0, 2, shape, np.uint8)
    key = f"{shape}-{seed}"
    store.blobs.put(key, voxels)
    store.blobs.put(key, voxels)
    assert np.array_equal(store.blobs.get(key), voxels)


def test_a_missing_or_damaged_mask_is_an_error_in_words(store: Store) -> None:
    with pytest.raises(StoreError, match="not in the library"):
        store.blobs.get("none")
    db = _raw(store)
    db.execute("INSERT INTO blobs VALUES ('bad', '[1, 2, 2]', x'0011')")
    db.commit()
    db.close()
    with pytest.raises(StoreError, match="damaged"):
        store.blobs.get("bad")


def test_the_position_comes_back(store: Store) -> None:
    assert store.sessions.get(STUDY_UID, MAIN_READING) == {}
    assert store.sessions.last_study() == ""
    store.sessions.put(STUDY_UID, MAIN_READING, {"slice": 4}, NOW)
    store.sessions.put(STUDY_UID, MAIN_READING, {"slice": 5, "window": [40.0, 400.0]}, NOW)
    assert store.sessions.get(STUDY_UID, MAIN_READING) == {"slice": 5, "window": [40.0, 400.0]}
    assert store.sessions.last_study() == STUDY_UID


def test_runs_come_back(store: Store) -> None:
    run = ModelRun(SeriesRef(STUDY_UID, "2", 1), "tiny", "1.0.0", NOW, {"patches": 1})
    store.runs.add(MAIN_READING, run)
    assert store.runs.of_study(STUDY_UID, MAIN_READING) == (run,)


def test_a_full_disk_is_said_in_a_sentence_and_loses_nothing(store: Store) -> None:
    finding = model_finding()
    store.findings.put(MAIN_READING, finding, action="a", actor="Dr", at_utc=NOW)
    pages = store._db.row("PRAGMA page_count")[0]
    store._db.row(f"PRAGMA max_page_count = {pages}")
    noise = np.random.default_rng(1).integers(0, 2, (40, 64, 64), np.uint8)
    with pytest.raises(DiskFull, match="full"), store.transaction():  # noqa: PT012 - as above
        store.audit.append("Dr", "finding.accept", finding.uid)
        store.blobs.put("noise", noise)
    assert store.findings.live(STUDY_UID, MAIN_READING) == (finding,)
    assert store.audit.last() is None
    store._db.row("PRAGMA max_page_count = 100000")
    store.blobs.put("noise", noise)
    assert store.blobs.has("noise")


def test_a_library_held_by_another_program_is_said_in_a_sentence(tmp_path: Path) -> None:
    store = Store(tmp_path, busy_timeout_s=0.05)
    other = _raw(store)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="in use"):
        store.audit.append("Dr", "study.opened", STUDY_UID)
    other.rollback()
    other.close()
    store.audit.append("Dr", "study.opened", STUDY_UID)
    store.close()


def test_a_file_that_is_no_database_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / Store.DATABASE_NAME).write_bytes(b"holiday photo" * 1000)
    with pytest.raises(StoreError, match="damaged"):
        Store(tmp_path)


def test_two_programs_share_one_trail(tmp_path: Path) -> None:
    one, two = Store(tmp_path), Store(tmp_path)
    for n in range(3):
        one.audit.append("A", "x", str(n))
        two.audit.append("B", "y", str(n))
    assert one.audit.verify() is None
    assert [event.actor for event in two.audit.events()] == ["A", "B"] * 3
    one.close()
    two.close()


def test_a_commit_is_on_the_disk_before_it_is_acknowledged(store: Store) -> None:
    assert store._db.row("PRAGMA journal_mode")[0] == "wal"
    assert store._db.row("PRAGMA synchronous")[0] == 2
    assert store.fault() == ""


def test_a_backup_is_a_whole_library(store: Store, tmp_path: Path) -> None:
    store.audit.append("Dr", "study.opened", STUDY_UID)
    store.backup(tmp_path / "copy" / Store.DATABASE_NAME)
    copy = Store(tmp_path / "copy")
    assert copy.audit.verify() is None
    assert copy.studies.get(STUDY_UID) is not None
    copy.close()
