"""Kill the program at any moment: what was acknowledged is there after the restart."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app.imaging.labelmap import content_sha256
from app.workflow import review
from app.workflow.session import StudySession
from tests.support.decide_forever import FIRST, SECOND
from tests.support.domain import header_study
from tests.support.workflow_context import context_in

ROOT = Path(__file__).resolve().parents[2]


def _killed_reader(folder: Path, steps: int) -> dict[str, Any]:
    """Start the endless reader, kill it after so many acknowledged steps; the last of each kind."""
    last: dict[str, Any] = {}
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.decide_forever", str(folder)],
        stdout=subprocess.PIPE, cwd=ROOT, text=True, encoding="utf-8",
    ) as process:  # fmt: skip
        assert process.stdout is not None
        for _ in range(steps):
            line = process.stdout.readline()
            assert line, "the reader ended by itself"
            last |= json.loads(line)
        process.kill()
        for line in process.stdout:
            # it went on until the kill arrived: that was acknowledged too
            if line.endswith("\n"):
                last |= json.loads(line)
    return last


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_nothing_acknowledged_is_lost(tmp_path: Path, seed: int) -> None:
    steps = random.Random(seed).randint(4, 60)
    last = _killed_reader(tmp_path, steps)
    with context_in(tmp_path) as context:
        assert context.store.fault() == ""
        assert context.store.audit.verify() is None
        session = StudySession(context, header_study())
        # one step may have reached the disk without being said: its undo finds what was said
        text_number = int(session.report_text.split()[-1].rstrip("."))
        said_number = int(last["text"].split()[-1].rstrip(".")) if "text" in last else 0
        # every fourth step begins with an undo, which takes back the text said last
        undone = {said_number - 1} if said_number % 4 == 2 else set()
        assert text_number in {said_number, said_number + 1} | undone
        if "position" in last:
            assert session.position["slice"] in (
                last["position"]["slice"], last["position"]["slice"] + 1,
            )  # fmt: skip
            assert session.selected_uid in (FIRST, SECOND)
        journal = context.store.findings.journal(header_study().study_instance_uid, "main")
        decided = [e.finding for e in journal if e.finding_uid == SECOND]
        said = (last["state"], tuple(last["flags"]))
        assert said in [(f.state, f.current.quality_flags) for f in decided[-3:]]
        assert session.finding(SECOND) == decided[-1]
        if "mask" in last:
            drawn = [e.finding for e in journal if e.finding_uid == FIRST]
            assert last["mask"] in [f.current.region.mask_sha256 for f in drawn[-2:]]
        mask = session.mask(FIRST)
        assert mask is not None
        assert content_sha256(mask.voxels) == session.finding(FIRST).current.region.mask_sha256
        # and the work goes on
        if session.finding(FIRST).state != "rejected":
            review.reject(session, FIRST, "artefact")
        assert context.store.audit.verify() is None
