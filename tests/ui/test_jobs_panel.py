from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QLabel, QPushButton
from pytestqt.qtbot import QtBot

from app.core.errors import InferenceError
from app.jobs.cancel import CancelToken
from app.jobs.progress import Progress
from app.ui.jobs_panel import JobsPanel
from app.ui.live_check import LABEL
from app.workflow.context import AppContext
from tests.support.workflow_context import context_in


@pytest.fixture
def context(tmp_path: Path) -> Iterator[AppContext]:
    with context_in(tmp_path) as opened:
        yield opened


@pytest.fixture
def panel(qtbot: QtBot, context: AppContext) -> JobsPanel:
    shown = JobsPanel(context)
    qtbot.addWidget(shown)
    shown.show()
    return shown


def test_a_failed_job_says_why_and_can_be_repeated(
    panel: JobsPanel, context: AppContext, qtbot: QtBot
) -> None:
    tries: list[int] = []

    def work(_cancel: CancelToken, _progress: Progress) -> None:
        tries.append(1)
        if len(tries) == 1:
            raise InferenceError("The model process ended.", hint="Repeat the job.")

    job = context.runner.submit("inference", "lung fields", work)
    qtbot.waitUntil(lambda: panel.texts() == [("lung fields", "failed")], timeout=2000)
    row = panel.row(job.id)
    assert row is not None
    qtbot.waitUntil(
        lambda: any("Repeat the job." in label.text() for label in row.findChildren(QLabel)),
        timeout=2000,
    )
    button = row.findChild(QPushButton)
    assert button is not None
    button.click()
    qtbot.waitUntil(lambda: ("lung fields", "done") in panel.texts(), timeout=2000)
    panel.clear_finished()
    assert panel.texts() == []


def test_a_running_job_is_cancelled(panel: JobsPanel, context: AppContext, qtbot: QtBot) -> None:
    begun = threading.Event()

    def work(cancel: CancelToken, progress: Progress) -> None:
        while True:
            begun.set()
            progress(0.4, "patch 4 of 10")
            cancel.raise_if_cancelled()
            threading.Event().wait(0.01)

    job = context.runner.submit("io", "import", work)
    assert begun.wait(2)
    qtbot.waitUntil(lambda: panel.texts() == [("import", "running")], timeout=2000)
    row = panel.row(job.id)
    assert row is not None
    row.press()
    qtbot.waitUntil(lambda: panel.texts() == [("import", "cancelled")], timeout=2000)


def test_checks_while_typing_are_not_listed(
    panel: JobsPanel, context: AppContext, qtbot: QtBot
) -> None:
    context.runner.submit("compute", LABEL, lambda _cancel, _progress: None).result(2)
    qtbot.wait(30)
    assert panel.texts() == []
