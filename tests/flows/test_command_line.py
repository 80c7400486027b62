"""The verbs of the library as a script calls them: exit codes, JSON, one sentence per fault."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from app.store.store import Store
from tests.flows.conftest import PACK
from tests.support.program import one_sentence, overread


def test_read_import_studies_export_and_audit(
    library: Path, film_path: Path, tmp_path: Path
) -> None:
    done = overread(
        "read", film_path, "--out", tmp_path / "out", "--packs", PACK, "--accept", "all",
        "--sign", "Dr Petrov", "--json", data=library,
    )  # fmt: skip
    assert done.code == 0, done.err
    answer = done.json()
    assert answer["schema"] == "overread.read/1"
    assert answer["signed"]
    assert answer["findings"] == {"accepted": 2}
    assert all((tmp_path / "out" / name).is_file() for name in answer["files"])

    done = overread("studies", "--json", data=library)
    (row,) = done.json()["studies"]
    assert row["study_instance_uid"] == answer["study_instance_uid"]
    assert row["report_state"] == "signed"

    done = overread(
        "export", row["study_instance_uid"], "--to", tmp_path / "again", "--as",
        "seg,sr,pdf,fhir,hl7,text,key-images", "--json", data=library,
    )  # fmt: skip
    assert done.code == 0, done.err
    written = set(done.json()["files"])
    assert {"dicom/sr-1.dcm", "dicom/report-pdf.dcm", "report.pdf"} <= written
    assert {"report.fhir.json", "report.hl7", "report-ris.txt"} <= written
    assert all((tmp_path / "again" / name).is_file() for name in written)

    done = overread("audit", "verify", "--json", data=library)
    assert done.code == 0
    assert done.json()["whole"]
    trail = overread("audit", "export", "--to", tmp_path / "trail.jsonl", data=library)
    assert trail.code == 0
    rows = [json.loads(line) for line in (tmp_path / "trail.jsonl").read_text().splitlines()]
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
    assert "report.signed" in {row["action"] for row in rows}

    db = sqlite3.connect(library / Store.DATABASE_NAME)
    db.execute("DROP TRIGGER audit_log_never_changes")
    db.execute("UPDATE audit_log SET actor = 'nobody' WHERE seq = 2")
    db.commit()
    db.close()
    broken = overread("audit", "verify", data=library)
    assert broken.code == 1
    assert "event 2" in broken.out


def test_a_blocking_check_exits_1(library: Path, film_path: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.txt"
    report.write_text("FINDINGS: [___]\nIMPRESSION: ___\n", "utf-8")
    done = overread(
        "read", film_path, "--out", tmp_path / "out", "--report", report, "--sign", "Dr",
        data=library,
    )  # fmt: skip
    assert done.code == 1
    assert "not signed" in done.out
    assert (tmp_path / "out" / "check.json").exists()


def test_read_tells_of_files_that_it_could_not_read(
    library: Path, film_path: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "study"
    folder.mkdir()
    (folder / "film.dcm").write_bytes(film_path.read_bytes())
    (folder / "rest.zip").write_bytes(b"PK\x03\x04 a damaged archive")
    done = overread(
        "read", folder, "--out", tmp_path / "out", "--packs", PACK, "--accept", "all", "--json",
        data=library,
    )  # fmt: skip
    assert done.code == 0, done.err
    assert [Path(row["path"]).name for row in done.json()["unreadable"]] == ["rest.zip"]
    assert "rest.zip" in one_sentence(done)


def test_an_export_of_nothing_says_so(library: Path, film_path: Path, tmp_path: Path) -> None:
    imported = overread("import", film_path, "--json", data=library)
    uid = imported.json()["studies"][0]["study_instance_uid"]
    done = overread(
        "export", uid, "--to", tmp_path / "out", "--as", "key-images", "--json", data=library
    )
    assert done.code == 0
    assert done.json()["files"] == []
    assert "Nothing was written" in one_sentence(done)


@pytest.mark.parametrize(
    ("verb", "code"),
    [
        (["read", "nowhere", "--out", "out"], 3),
        (["import", "nowhere"], 3),
        (["export", "1.2.3", "--to", "out"], 3),
        (["export", "1.2.3", "--to", "out", "--as", "hl7"], 3),
    ],
)
def test_faults_are_one_sentence(tmp_path: Path, verb: list[str], code: int) -> None:
    words = [str(tmp_path / word) if word in ("out", "nowhere") else word for word in verb]
    done = overread(*words, data=tmp_path / "data")
    assert done.code == code
    assert one_sentence(done)


def test_a_library_from_the_future_is_refused(tmp_path: Path) -> None:
    Store(tmp_path).close()
    db = sqlite3.connect(tmp_path / Store.DATABASE_NAME)
    db.execute("INSERT INTO schema_migrations VALUES (99, '0099_future.sql', 'ab', 'later')")
    db.commit()
    db.close()
    done = overread("studies", data=tmp_path)
    assert done.code == 4
    assert "newer version" in one_sentence(done)


def test_an_empty_library_says_what_to_do(tmp_path: Path) -> None:
    done = overread("studies", data=tmp_path)
    assert done.code == 0
    assert "import" in done.out
    assert overread("audit", "verify", data=tmp_path).code == 0
