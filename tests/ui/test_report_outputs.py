"""The report to the clipboard, and the password of a certificate, in the window."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QInputDialog, QLineEdit

from app.config.report_settings import CertificateSettings, ReportSettings
from app.config.secrets import SECRETS_NAME
from app.store.outbox import Promise
from app.ui.outbox_window import OutboxWindow
from app.ui.outgoing import Outgoing
from app.ui.report_outputs import ReportOutputs
from app.workflow.check_report import check_now
from app.workflow.context import AppContext
from app.workflow.session import StudySession
from app.workflow.sign_report import SignRequest, sign
from tests.support.domain import header_study
from tests.support.workflow_context import context_in

TEXT = "CHEST X-RAY\n\nFINDINGS:\nNo abnormality.\n\nIMPRESSION:\nNormal chest.\n"


@pytest.fixture
def outputs(qtbot, tmp_path: Path):
    from PySide6.QtWidgets import QWidget

    with context_in(tmp_path / "data") as context:
        owner = QWidget()
        qtbot.addWidget(owner)
        yield ReportOutputs(context, owner), context


def _session(context: AppContext, folder: Path) -> StudySession:
    return StudySession(context, header_study(folder=folder))


def test_the_text_of_draft_and_signed_report_goes_to_the_clipboard(outputs, tmp_path: Path) -> None:
    part, context = outputs
    said, failed = [], []
    part.said.connect(said.append)
    part.failed.connect(failed.append)
    session = _session(context, tmp_path)
    part.copy(None)
    part.copy(session)
    assert "no report" in failed[0].message
    session.set_report_text(TEXT)
    part.copy(session)
    draft = QGuiApplication.clipboard().text()
    assert TEXT.strip() in draft
    assert draft.endswith("DRAFT - not signed\n")
    assert "IVANOVA" not in draft
    sign(session, SignRequest("Petrov^Ivan", "author", check_now(session)))
    part.copy(session)
    assert "Signed electronically: Petrov Ivan" in QGuiApplication.clipboard().text()
    assert "Accession number: A123" in QGuiApplication.clipboard().text()
    assert len(said) == 2
    assert said[0] != said[1]


def test_the_password_is_asked_for_once_and_never_written(
    outputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part, context = outputs
    said, ready = [], []
    part.said.connect(said.append)
    part.ready.connect(lambda: ready.append(True))
    part.ask()
    assert "No certificate" in said[0]
    report = ReportSettings(certificates=(CertificateSettings(file="clinic.p12"),))
    context.settings = context.settings.model_copy(update={"report": report})
    answers = ["", "a password"]
    asked = []

    def typed(words: str) -> str:
        asked.append(words)
        return answers.pop(0)

    monkeypatch.setattr(part, "typed", typed)
    part.ask()
    assert not ready
    part.ask()
    assert ready == [True]
    assert context.secrets.get("certificate") == "a password"
    assert not (tmp_path / "data" / SECRETS_NAME).exists()
    part.ask()
    assert len(asked) == 2
    assert "is kept until" in said[-1]


@pytest.mark.parametrize(("is_given", "expected"), [(True, "1234"), (False, "")])
def test_the_line_is_covered_and_what_is_typed_comes_back(
    outputs, is_given: bool, expected: str
) -> None:
    part, _context = outputs
    seen = []

    def answer() -> None:
        dialog = QApplication.activeModalWidget()
        assert isinstance(dialog, QInputDialog)
        seen.append(dialog.textEchoMode())
        dialog.setTextValue("1234")
        dialog.accept() if is_given else dialog.reject()

    QTimer.singleShot(0, answer)
    assert part.typed("PIN") == expected
    assert seen == [QLineEdit.EchoMode.Password]


def test_what_waits_for_a_password_is_told(outputs) -> None:
    _part, context = outputs
    promise = Promise("2.25.1", "1.2", "main", ("RIS",))
    context.store.outbox.promise(promise, at_utc=context.clock.now_utc())
    outgoing, told = Outgoing(context), []
    outgoing.state_changed.connect(told.append)
    outgoing.refresh()
    assert told == ["Signed, not yet queued: 1"]
    window = OutboxWindow(context)
    assert "password" in window._empty.text()
    window.deleteLater()
