"""The report session in the window, by keys, in both languages: from the draft to the signature."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app.core.report import Language
from tests.support.program import CHECKOUT


@pytest.fixture(scope="module", params=["en", "ru"])
def session(
    request: pytest.FixtureRequest, film: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """What the scripted session saw."""
    language: Language = request.param
    folder = tmp_path_factory.mktemp(f"report-{language}")
    pictures = os.environ.get("OVERREAD_SCREENSHOTS")
    more = {"OVERREAD_SCREENSHOTS": f"{pictures}/report-{language}"} if pictures else {}
    done = subprocess.run(
        [
            sys.executable, "-m", "tests.e2e.report_session", str(film), str(folder),
            language,
        ],
        cwd=CHECKOUT,
        env=os.environ | {"QT_QPA_PLATFORM": "offscreen", "LANG": "C.UTF-8", "TZ": "UTC"} | more,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    seen: dict[str, Any] = json.loads((folder / "session.json").read_text("utf-8"))
    return seen


def test_three_discrepancies_are_seen_and_mended_by_key(session: dict[str, Any]) -> None:
    assert session["draft_verdict"] == "clean"
    assert session["edited"]
    assert session["edited_rules"] == []
    assert session["field_rules"] == ["placeholder-left"]
    assert session["field_filled"] == []
    assert session["broken_rules"] == ["laterality-vs-finding"]
    assert session["mended_rules"] == []
    assert session["organ_rules"] == ["sex-organ"]
    assert session["organ_mended"] == []
    assert session["undone"]


def test_the_report_comes_back_from_its_window(session: dict[str, Any]) -> None:
    assert session["is_back"]


def test_a_critical_finding_blocks_until_somebody_was_told(session: dict[str, Any]) -> None:
    assert "critical-without-communication" in session["critical_rules"]
    assert len(session["told"]) == 1
    assert session["told_in_text"]
    assert session["told_rules"] == []


def test_a_resident_signs_a_senior_cosigns_and_extends(session: dict[str, Any]) -> None:
    assert session["preliminary_can_sign"]
    assert session["preliminary"] == "preliminary"
    assert session["cosigned_changes"]
    assert session["cosigned"] == "signed"
    assert session["states"] == ["preliminary", "signed", "amended"]
    assert session["signers"] == ["sidorov", "petrov", "petrov"]
    assert session["intact"] == [True, True, True]
    assert session["trail"]
