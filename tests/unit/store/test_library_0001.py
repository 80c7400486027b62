"""A library of the first released form: brought up with everything in it, a copy kept first."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from app.core.errors import AlreadySigned, DatabaseTooNew
from app.core.report import Signature
from app.store.connection import Connection
from app.store.migrate import migrate, shipped_migrations
from app.store.sessions import MAIN_READING
from app.store.store import Store
from tests.support.domain import FixedClock

NOW = "2026-11-20T10:00:00+00:00"


def _fill_0001(folder: Path) -> None:
    """A library as version 0001 left it: two studies, a decision, a signed report."""
    db = Connection(folder / Store.DATABASE_NAME)
    migrate(db, clock=FixedClock(), backups=folder / "backups", migrations=shipped_migrations()[:1])
    for uid, name, date in (("1.2.3", "ИВАНОВ^ПЁТР", "2025-05-06"), ("1.2.4", "SMITH^JOHN", "")):
        db.execute(
            "INSERT INTO studies VALUES (?, ?, ?, '1965-02-03', 'M', ?, '10:15:00', 'ACC-7',"
            " 'CT chest', ?, '')",
            (uid, f"ID-{uid}", name, date, NOW),
        )
        for number, modality in enumerate(("CT", "SR"), 1):
            db.execute(
                "INSERT INTO series VALUES (?, ?, ?, 'lung window', 'CHEST', ?, 2)",
                (f"{uid}.{number}", uid, modality, number),
            )
            for n in (1, 2):
                db.execute(
                    "INSERT INTO instances VALUES (?, ?, ?, ?)",
                    (f"{uid}.{number}.{n}", uid, f"{uid}.{number}", f"/archive/{uid}/{number}/{n}"),
                )
    # one object in two places is one object
    db.execute("INSERT INTO instances VALUES ('1.2.3.1.1', '1.2.3', '1.2.3.1', '/elsewhere/copy')")
    db.execute(
        "INSERT INTO reports VALUES ('9', '1.2.3', 'main', 1, 'signed', 'FINDINGS: none.', ?,"
        " '{}', 'ab')",
        (
            json.dumps(
                {
                    "language": "en", "links": [], "overrides": [],
                    "signature": ["Dr Petrov", NOW, "author"], "predecessor_uid": "",
                }
            ),
        ),
    )  # fmt: skip
    db.execute(
        "INSERT INTO decisions (study_instance_uid, reading, finding_uid, action, actor, at_utc,"
        " payload) VALUES ('1.2.3', 'main', '5', 'accept', 'Dr', ?, '{}')",
        (NOW,),
    )
    db.close()


def test_it_is_brought_up_with_all_its_data(tmp_path: Path) -> None:
    _fill_0001(tmp_path)
    store = Store(tmp_path, clock=FixedClock())
    first, second = store.studies.all()
    assert (first.study_instance_uid, second.study_instance_uid) == ("1.2.3", "1.2.4")
    assert (first.series, first.instances, first.modalities) == (2, 4, ("CT", "SR"))
    assert (first.blocked, first.missing_files, first.is_incomplete) == ("", 0, False)
    assert len(store.studies.paths("1.2.3")) == 5
    for text in ("пётр иванов", "петр", "acc", "lung", "id"):
        assert "1.2.3" in {study.study_instance_uid for study in store.studies.search(text)}, text
    assert len(store.studies.search(modality="CT", date_from="2025-01-01")) == 1
    report = store.reports.latest("1.2.3", MAIN_READING)
    assert report is not None
    assert report.state == "signed"
    assert store.fault() == ""
    store.close()


def test_a_copy_of_the_old_one_is_kept(tmp_path: Path) -> None:
    _fill_0001(tmp_path)
    Store(tmp_path, clock=FixedClock()).close()
    (copy,) = (tmp_path / "backups").iterdir()
    assert "step-0001" in copy.name
    old = Connection(copy)
    assert old.row("SELECT COUNT(*) FROM studies")[0] == 2
    assert old.row("SELECT 1 FROM sqlite_master WHERE name = 'study_text'") is None
    old.close()
    Store(tmp_path, clock=FixedClock()).close()
    assert len(list((tmp_path / "backups").iterdir())) == 1


def test_the_copy_can_be_put_back_and_is_brought_up_again(tmp_path: Path) -> None:
    _fill_0001(tmp_path)
    Store(tmp_path, clock=FixedClock()).close()
    (copy,) = (tmp_path / "backups").iterdir()
    (tmp_path / "again").mkdir()
    copy.rename(tmp_path / "again" / Store.DATABASE_NAME)
    store = Store(tmp_path / "again", clock=FixedClock())
    assert len(store.studies.search("smith")) == 1
    store.close()


def test_a_library_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    Store(tmp_path).close()
    db = Connection(tmp_path / Store.DATABASE_NAME)
    db.execute("INSERT INTO schema_migrations VALUES (9999, '9999_later.sql', 'x', '2030')")
    db.close()
    with pytest.raises(DatabaseTooNew, match="newer version"):
        Store(tmp_path)


def test_a_signed_report_of_the_first_form_stays_closed(tmp_path: Path) -> None:
    _fill_0001(tmp_path)
    store = Store(tmp_path, clock=FixedClock())
    report = store.reports.latest("1.2.3", MAIN_READING)
    assert report is not None
    assert report.signature == Signature("Dr Petrov", NOW, "author")
    assert report.signatures == (report.signature,)
    assert (report.change, report.communications) == ("original", ())
    with pytest.raises(AlreadySigned):
        store.reports.put(MAIN_READING, replace(report, text="another"))
    store.close()
