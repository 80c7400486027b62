"""Push-to-talk in the report. Recogniser and microphone are stand-ins for what a site has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QTextCursor
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app.config.dictation_settings import DictationModel, DictationSettings
from app.reporting.dictation.port import Heard
from app.ui.report_panel import ReportPanel
from app.workflow.context import AppContext
from app.workflow.session import StudySession
from tests.support.panel_sessions import chest_session
from tests.support.workflow_context import context_in

TEXT = "FINDINGS:\nLungs are clear.\n\nIMPRESSION:\n"


class Scripted:
    """Hears what its sound says: bytes of text, the utterance ends with the sound."""

    def __init__(self) -> None:
        self._sound = b""

    def feed(self, pcm: bytes) -> tuple[Heard, ...]:
        self._sound += pcm
        return (Heard(self._sound.decode(), False, "en"),)

    def finish(self) -> tuple[Heard, ...]:
        sound, self._sound = self._sound, b""
        return (Heard(sound.decode(), True, "en"),)


@pytest.fixture
def context(tmp_path: Path) -> Iterator[AppContext]:
    with context_in(tmp_path) as opened:
        yield opened


@pytest.fixture
def session(context: AppContext) -> StudySession:
    made = chest_session(context)
    made.set_language("en")
    made.set_report_text(TEXT)
    return made


@pytest.fixture
def panel(qtbot: QtBot, context: AppContext, session: StudySession) -> ReportPanel:
    shown = ReportPanel(context)
    qtbot.addWidget(shown)
    shown.set_session(session)
    shown.show()
    return shown


def speak(panel: ReportPanel, qtbot: QtBot, words: str) -> None:
    """Hold the key, say ``words``, let it go; until all of it is written."""
    closed: list[bool] = []

    def microphone(_name: str, take: Callable[[bytes], None]) -> Callable[[], None]:
        for word in words.split():
            take(f"{word} ".encode())
        return lambda: closed.append(True)

    panel.dictation.recogniser = lambda _model: Scripted()
    panel.dictation.microphone = microphone
    QTest.keyPress(panel.editor, Qt.Key.Key_F12)
    assert panel.dictation.is_listening
    with qtbot.waitSignal(
        panel.dictation.said, timeout=20000, check_params_cb=lambda text: text == ""
    ):
        QTest.keyRelease(panel.editor, Qt.Key.Key_F12)
    assert closed == [True]
    assert not panel.dictation.is_listening


def set_up(context: AppContext) -> None:
    model = DictationModel(language="en", engine="pocketsphinx")
    context.settings = context.settings.model_copy(
        update={"dictation": DictationSettings(models=(model,))}
    )


def test_what_is_said_is_written_at_the_cursor_and_taken_back(
    panel: ReportPanel, session: StudySession, context: AppContext, qtbot: QtBot
) -> None:
    set_up(context)
    panel.editor.moveCursor(QTextCursor.MoveOperation.End)
    speak(panel, qtbot, "nodule twelve by eight millimeters period")
    assert session.report_text == TEXT + "Nodule 12 x 8 mm."
    speak(panel, qtbot, "no effusion period")
    assert session.report_text == TEXT + "Nodule 12 x 8 mm. No effusion."
    speak(panel, qtbot, "undo that")
    assert session.report_text == TEXT + "Nodule 12 x 8 mm."


def test_without_a_model_it_says_so(panel: ReportPanel, qtbot: QtBot) -> None:
    with qtbot.waitSignal(panel.dictation.said) as told:
        QTest.keyPress(panel.editor, Qt.Key.Key_F12)
    assert "docs/dictation.md" in told.args[0]
    assert not panel.dictation.is_listening


def test_a_signed_report_takes_no_words(
    panel: ReportPanel, context: AppContext, session: StudySession
) -> None:
    set_up(context)
    panel.editor.setReadOnly(True)
    QTest.keyPress(panel.editor, Qt.Key.Key_F12)
    assert not panel.dictation.is_listening
    assert session.report_text == TEXT


def test_a_section_is_gone_to_by_its_name(
    panel: ReportPanel, session: StudySession, context: AppContext, qtbot: QtBot
) -> None:
    set_up(context)
    panel.editor.moveCursor(QTextCursor.MoveOperation.Start)
    qtbot.waitUntil(lambda: len(panel.outline.sections) == 2, timeout=20000)
    speak(panel, qtbot, "impression section stable period")
    head, _, impression = session.report_text.partition("IMPRESSION:")
    assert "table" not in head
    assert "table." in impression
