"""Kill the program while it signs: each report is signed and whole, or not signed."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from app.store.sessions import MAIN_READING
from app.workflow.sign_report import verify_signed
from tests.support.program import CHECKOUT
from tests.support.workflow_context import context_in


@pytest.mark.parametrize("seed", [1, 2])
def test_a_report_is_signed_or_not(tmp_path: Path, seed: int) -> None:
    wanted = random.Random(seed).randint(3, 25)
    said: list[str] = []
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.sign_forever", str(tmp_path)],
        stdout=subprocess.PIPE, cwd=CHECKOUT, text=True, encoding="utf-8",
    ) as process:  # fmt: skip
        assert process.stdout is not None
        for _ in range(wanted):
            said.append(process.stdout.readline().strip())
        process.kill()
        said += [line.strip() for line in process.stdout if line.endswith("\n")]
    with context_in(tmp_path) as context:
        assert context.store.audit.verify() is None
        trail = list(context.store.audit.events())
        noted = {e.details["study"] for e in trail if e.action == "report.signed"}
        for study in {*said, *noted}:
            report = context.store.reports.latest(study, MAIN_READING)
            assert report is not None
            assert report.state == "signed"
            assert verify_signed(context, report)
        assert len(noted - set(said)) <= 1  # one may have reached the disk without being said
        opened = [event.subject_uid for event in trail if event.action == "study.opened"]
        last = context.store.reports.latest(opened[-1], MAIN_READING)
        assert last is None or (last.state == "signed") == (opened[-1] in noted)
