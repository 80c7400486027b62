"""``overread users``, ``overread reports`` and ``overread read --sign`` with accounts."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.cli.main import run
from tests.support.signing import cheap_hashes

Verb = Callable[..., tuple[int, Any]]
BOSS, RESIDENT = "correct horse battery", "a resident's sentence"


@pytest.fixture(autouse=True)
def _cheap() -> Iterator[None]:
    with cheap_hashes():
        yield


@pytest.fixture
def verb(
    library: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Verb:
    """Runs a verb with ``--json`` in this process; ``stdin`` holds the passwords."""

    def call(*arguments: str | Path, stdin: str = "") -> tuple[int, Any]:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        code = run([*map(str, arguments), "--data", str(library), "--json"])
        told = capsys.readouterr()
        return code, json.loads(told.out) if told.out.strip() else told.err

    return call


def _users(verb: Verb) -> None:
    code, answer = verb(
        "users", "add", "boss", "--name", "Chief^Anna", "--role", "administrator,radiologist",
        "--password-stdin", stdin=f"{BOSS}\n",
    )  # fmt: skip
    assert (code, answer["users"][0]["roles"]) == (0, ["radiologist", "administrator"])
    code, answer = verb(
        "users", "add", "sidorov", "--name", "Sidorov^Oleg", "--role", "resident", "--as", "boss",
        "--password-stdin", stdin=f"{BOSS}\n{RESIDENT}\n",
    )  # fmt: skip
    assert code == 0


def test_accounts_are_made_and_changed(verb: Verb) -> None:
    assert verb("users", "list")[1] == {
        "schema": "overread.users/1", "identity": "local", "users": [],
    }  # fmt: skip
    _users(verb)
    by = ("--as", "boss", "--password-stdin")
    assert verb("users", "disable", "sidorov", *by, stdin=f"{BOSS}\n")[0] == 0
    listed = verb("users", "list")[1]["users"]
    assert [(u["login"], u["state"], u["trusted"]) for u in listed] == [
        ("boss", "active", True),
        ("sidorov", "disabled", True),
    ]
    assert verb("users", "enable", "sidorov", *by, stdin=f"{BOSS}\n")[0] == 0
    assert verb("users", "role", "sidorov", "radiologist", *by, stdin="wrong\n")[0] == 3
    code, told = verb("users", "password", "sidorov", "--password-stdin", stdin="no\nnew one\n")
    assert (code, "do not fit" in told) == (3, True)
    new = f"{RESIDENT}\nanother sentence\n"
    assert verb("users", "password", "sidorov", "--password-stdin", stdin=new)[0] == 0
    code, told = verb("users", "unlock", "sidorov", *by, stdin="another sentence\n")
    assert code == 3  # a wrong password of the administrator
    code, told = verb("users", "role", "sidorov", "radiologist", stdin="")
    assert (code, "--as" in told) == (2, True)
    assert "no terminal" in verb("users", "add", "x", "--name", "X", "--role", "resident",
                                 "--as", "boss")[1]  # fmt: skip


def test_a_report_is_read_signed_listed_and_verified(
    verb: Verb, film_path: Path, tmp_path: Path
) -> None:
    read = ("read", film_path, "--out", tmp_path / "out", "--accept", "all")
    code, answer = verb(*read, "--sign", "Petrov^Ivan")
    assert (code, answer["signed"]) == (0, True)
    study = answer["study_instance_uid"]
    _users(verb)
    assert verb(*read, "--sign", "Petrov^Ivan", "--password-stdin", stdin="x\n")[0] == 3
    code, answer = verb(*read, "--sign", "sidorov", "--password-stdin", stdin=f"{RESIDENT}\n")
    assert (code, answer["signed"]) == (0, False)
    assert answer["report_state"] == "preliminary"
    assert not (tmp_path / "out" / "report.pdf").exists()
    code, listed = verb("reports", "list")
    assert {row["state"] for row in listed["reports"]} == {"signed", "preliminary"}
    code, waiting = verb("reports", "list", "--waiting")
    assert [row["state"] for row in waiting["reports"]] == ["preliminary"]
    by = {row["state"]: row["signatures"][0] for row in listed["reports"]}
    assert by["signed"]["identity"] == "declared"
    assert (by["preliminary"]["login"], by["preliminary"]["role"]) == ("sidorov", "resident")
    reading = next(row["reading"] for row in listed["reports"] if row["state"] != "signed")
    code, shown = verb("reports", "show", study, "--reading", reading)
    assert shown["text"] == (tmp_path / "out" / "report.txt").read_text("utf-8")
    code, answer = verb("reports", "versions", study)
    assert [(row["version"], row["intact"]) for row in answer["versions"]] == [(1, True)]
    code, answer = verb("reports", "diff", study)
    assert answer["same"] is True
    code, answer = verb("reports", "verify")
    assert (code, answer["checked"], answer["broken"], answer["trail_whole"]) == (0, 2, [], True)
    assert verb("reports", "show", "9.9.9")[0] == 3
    assert verb("reports", "show", study, "--version", "7")[0] == 3


def test_a_senior_cosigns_what_a_resident_signed(
    verb: Verb, film_path: Path, tmp_path: Path
) -> None:
    _users(verb)
    code, answer = verb(
        "read", film_path, "--out", tmp_path / "out", "--accept", "all",
        "--sign", "sidorov", "--password-stdin", stdin=f"{RESIDENT}\n",
    )  # fmt: skip
    study, (waiting,) = answer["study_instance_uid"], verb("reports", "list")[1]["reports"]
    ask = ("reports", "cosign", study, "--reading", waiting["reading"], "--password-stdin")
    assert verb(*ask, "--sign", "sidorov", stdin=f"{RESIDENT}\n")[0] == 3  # not by a resident
    assert verb(*ask, "--sign", "boss", stdin="wrong\n")[0] == 3
    text = (tmp_path / "out" / "report.txt").read_text("utf-8")
    changed = tmp_path / "text.txt"
    changed.write_text(f"{text.rstrip()} TODO\n", encoding="utf-8")
    code, blocked = verb(*ask, "--sign", "boss", "--text", changed, stdin=f"{BOSS}\n")
    assert (code, blocked["signed"], blocked["state"]) == (1, False, "preliminary")
    assert {d["rule"] for d in blocked["check"]["discrepancies"]} >= {"placeholder-left"}
    (unchanged,) = verb("reports", "list")[1]["reports"]
    assert unchanged == waiting  # nothing is left of what was not signed
    changed.write_text(f"{text.rstrip()}\nReviewed with the resident.\n", encoding="utf-8")
    code, done = verb(*ask, "--sign", "boss", "--text", changed, stdin=f"{BOSS}\n")
    assert (code, done["signed"], done["state"], done["version"]) == (0, True, "signed", 2)
    assert [s["login"] for s in done["signatures"]] == ["sidorov", "boss"]
    code, diff = verb("reports", "diff", study, "--reading", waiting["reading"])
    assert any(piece["kind"] == "added" for piece in diff["text"])
    assert verb("reports", "list", "--waiting")[1]["reports"] == []
    assert verb(*ask, "--sign", "boss", stdin=f"{BOSS}\n")[0] == 3  # nothing waits any more
    assert verb("reports", "verify")[0] == 0
