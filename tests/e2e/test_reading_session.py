"""The main job in the window, by keys and mouse, under an X server: proposals to signed DICOM."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydicom
import pytest
from PIL import Image

from tests.support.program import CHECKOUT
from tests.support.validation import dciodvfy_errors

STEPS = (
    "opened", "proposed", "accepted", "edited-with-the-brush", "own-finding",
    "second-own-finding", "why-rejected", "rejected", "drafted", "side-broken", "mended",
    "sign-dialog", "signed",
)  # fmt: skip


@pytest.fixture(scope="module")
def display(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The display there is, or an Xvfb of our own."""
    present = os.environ.get("DISPLAY")
    if present:
        yield present
        return
    program = shutil.which("Xvfb")
    if program is None:
        pytest.skip("there is no display, and Xvfb is not installed")
    read_end, write_end = os.pipe()
    server = subprocess.Popen(
        [program, "-displayfd", str(write_end), "-screen", "0", "1920x1080x24", "-nolisten", "tcp"],
        pass_fds=(write_end,),
        stderr=subprocess.DEVNULL,
    )
    os.close(write_end)
    try:
        with os.fdopen(read_end) as number:
            yield f":{number.readline().strip()}"
    finally:
        server.terminate()
        server.wait(10)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reading")


@pytest.fixture(scope="module")
def screens(folder: Path) -> Path:
    return Path(os.environ.get("OVERREAD_SCREENSHOTS") or folder / "screens")


@pytest.fixture(scope="module")
def session(display: str, folder: Path, film: Path) -> dict[str, Any]:
    """What the scripted session saw."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.e2e.reading_session", str(film), str(folder)],
        cwd=CHECKOUT,
        env=os.environ
        | {"DISPLAY": display, "QT_QPA_PLATFORM": "xcb", "LANG": "C.UTF-8", "TZ": "UTC"},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    seen: dict[str, Any] = json.loads((folder / "session.json").read_text("utf-8"))
    return seen


def test_the_models_proposed_and_a_person_decided(session: dict[str, Any]) -> None:
    assert session["proposed"] >= 2
    assert set(session["states"]) == {"accepted", "edited", "rejected"}


def test_the_brush_changed_the_outline_and_its_number(session: dict[str, Any]) -> None:
    (before,), (after,) = session["area_before"], session["area_after"]
    assert before < after < 1.3 * before


def test_the_broken_side_blocks_and_the_offered_fix_mends_it(session: dict[str, Any]) -> None:
    assert session["draft_verdict"] == "clean"
    assert session["broken_rules"] == ["laterality-vs-finding"]
    assert session["current_rule"] == "laterality-vs-finding"
    assert session["mended_rules"] == []
    assert session["text_is_the_draft"]


def test_the_report_is_signed_and_bound_to_its_hash(session: dict[str, Any]) -> None:
    assert session["can_sign"]
    assert session["fault"] == ""
    assert session["state"] == "signed"
    assert session["verified"]


def test_the_dicom_outputs_are_valid(session: dict[str, Any]) -> None:
    files = [Path(name) for name in session["files"] if name.endswith(".dcm")]
    kinds = {str(pydicom.dcmread(file, stop_before_pixels=True).Modality) for file in files}
    assert kinds >= {"SEG", "SR"}
    for file in files:
        assert dciodvfy_errors(file) == [], file.name
    verified = [pydicom.dcmread(file) for file in files if file.name.startswith("sr")]
    assert verified
    for document in verified:
        assert document.VerificationFlag == "VERIFIED"
        name = str(document.VerifyingObserverSequence[0].VerifyingObserverName)
        assert name.replace("^", " ").strip() == "Dr Petrov"


def test_each_step_has_its_picture(session: dict[str, Any], screens: Path) -> None:
    del session
    names = [path.stem.split("-", 1)[1] for path in sorted(screens.glob("[0-9]*.png"))]
    assert names == list(STEPS)
    with Image.open(screens / "02-proposed.png") as picture:
        assert len(picture.convert("L").getcolors(256 * 256) or ()) > 100
