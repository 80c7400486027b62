"""What was typed survives the death of the program; a long check does not hold the hand up."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.ui.live_check import LABEL
from app.ui.report_panel import ReportPanel
from app.workflow import review
from app.workflow.context import AppContext
from app.workflow.session import StudySession
from tests.support.domain import header_study
from tests.support.panel_sessions import NODULE
from tests.support.panel_sessions import chest_session as make_session
from tests.support.program import CHECKOUT
from tests.support.typing_keys import type_text
from tests.support.workflow_context import context_in


def test_what_was_typed_without_a_pause_survives_kill_9(tmp_path: Path) -> None:
    typing = subprocess.Popen(
        [sys.executable, "-m", "tests.support.type_forever", str(tmp_path)],
        cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert typing.stdout is not None
    try:
        batches = [int(typing.stdout.readline()) for _ in range(4)]
    finally:
        typing.kill()
        typing.wait(30)
        typing.stdout.close()
    # it never paused: the batches came while it typed
    assert batches == sorted(set(batches))
    with context_in(tmp_path) as context:
        text = StudySession(context, header_study()).report_text
    assert len(text) >= batches[-1]
    words = text.split(" ")
    assert words[:-1] == [f"word{n}" for n in range(len(words) - 1)]


@pytest.fixture
def context(tmp_path: Path) -> Iterator[AppContext]:
    with context_in(tmp_path) as opened:
        yield opened


def test_keys_reach_the_text_while_a_long_report_is_checked(
    context: AppContext, qtbot: QtBot
) -> None:
    session = make_session(context)
    review.accept(session, NODULE)
    panel = ReportPanel(context)
    qtbot.addWidget(panel)
    panel.set_session(session)
    panel.show()
    sentences = (f"Part {n}: the heart is normal, no effusion is seen.\n" for n in range(800))
    panel.editor.replace_all("FINDINGS:\n" + "".join(sentences) + "IMPRESSION:\nNormal.\n")
    panel.editor.setFocus()
    panel.flush()

    def checking() -> bool:
        jobs = context.runner.jobs
        return any(job.label == LABEL and job.state == "running" for job in jobs)

    panel.check()
    qtbot.waitUntil(checking, timeout=20_000)
    before, typed = panel.editor.report_text(), 0
    while checking() and typed < 40:
        type_text(panel.editor, "a")
        QApplication.processEvents()
        typed += 1
    assert typed >= 10
    assert len(panel.editor.report_text()) == len(before) + typed
    assert panel.editor.hasFocus()
    panel.set_session(None)
