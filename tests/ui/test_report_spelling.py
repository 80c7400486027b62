"""Spelling in the report: marks, menu, the site's dictionary, the setting."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtGui import QTextCursor
from pytestqt.qtbot import QtBot

from app.config.settings import load_settings
from app.config.site_words import site_words
from app.ui.report_panel import ReportPanel
from app.workflow import review
from app.workflow.check_report import check_now
from app.workflow.context import AppContext
from app.workflow.session import StudySession
from app.workflow.sign_report import SignRequest, sign
from tests.support.panel_sessions import chest_session
from tests.support.typing_keys import type_text
from tests.support.workflow_context import context_in

TEXT = "FINDINGS: Small pleural efusion. Очагг в лёгком.\n"


@pytest.fixture
def context(tmp_path: Path) -> Iterator[AppContext]:
    with context_in(tmp_path) as opened:
        yield opened


@pytest.fixture
def session(context: AppContext) -> StudySession:
    return chest_session(context)


@pytest.fixture
def panel(qtbot: QtBot, context: AppContext, session: StudySession) -> ReportPanel:
    shown = ReportPanel(context)
    qtbot.addWidget(shown)
    shown.resize(480, 700)
    session.set_report_text(TEXT)
    shown.set_session(session)
    shown.show()
    qtbot.waitUntil(lambda: shown.spelling.is_ready, timeout=20000)
    return shown


def marked(panel: ReportPanel) -> list[str]:
    text = panel.editor.report_text()
    return [text[start:end] for start, end in panel.editor.marks.places("spelling")]


def menu_texts(panel: ReportPanel) -> list[str]:
    assert panel.spelling.menu is not None
    return [action.text() for action in panel.spelling.menu.actions()]


def choose(panel: ReportPanel, text: str) -> None:
    menu = panel.spelling.menu
    assert menu is not None
    (action,) = (item for item in menu.actions() if item.text() == text)
    menu.close()
    action.trigger()


def test_words_are_marked_and_a_key_walks_through_them(
    panel: ReportPanel, session: StudySession, qtbot: QtBot
) -> None:
    assert marked(panel) == ["efusion", "Очагг"]
    panel.spelling.next_word()
    assert panel.editor.textCursor().selectedText() == "efusion"
    assert menu_texts(panel)[0] == "effusion"
    choose(panel, "effusion")
    qtbot.waitUntil(lambda: marked(panel) == ["Очагг"], timeout=20000)
    assert "pleural effusion." in session.report_text
    panel.spelling.next_word()
    choose(panel, "Очаг")
    qtbot.waitUntil(lambda: panel.spelling.is_ready and marked(panel) == [], timeout=20000)
    panel.undo()
    assert "Очагг" in session.report_text
    assert "effusion." in session.report_text


def test_a_word_goes_into_the_dictionary_of_the_site(
    panel: ReportPanel, context: AppContext, qtbot: QtBot
) -> None:
    panel.spelling.next_word()
    choose(panel, "Add “efusion” to the dictionary")
    qtbot.waitUntil(lambda: marked(panel) == ["Очагг"], timeout=20000)
    assert site_words(context.store.folder) == {"efusion"}
    panel.spelling.next_word()
    choose(panel, "Leave it in this report")
    assert marked(panel) == []


def test_the_menu_at_a_right_word_offers_only_the_usual(panel: ReportPanel) -> None:
    cursor = panel.editor.textCursor()
    cursor.setPosition(TEXT.index("pleural") + 2)
    panel.editor.setTextCursor(cursor)
    panel.editor.customContextMenuRequested.emit(panel.editor.cursorRect(cursor).center())
    assert not [text for text in menu_texts(panel) if "dictionary" in text]
    panel.editor.customContextMenuRequested.emit(_place_of(panel, "efusion"))
    assert menu_texts(panel)[0] == "effusion"
    assert panel.spelling.menu is not None
    panel.spelling.menu.close()


def _place_of(panel: ReportPanel, word: str) -> QPoint:
    cursor = QTextCursor(panel.editor.document())
    cursor.setPosition(TEXT.index(word) + 2)
    return panel.editor.cursorRect(cursor).center()


def test_the_word_being_typed_is_left_alone_until_the_cursor_leaves_it(
    panel: ReportPanel, qtbot: QtBot
) -> None:
    panel.editor.setFocus()
    qtbot.waitUntil(panel.editor.hasFocus, timeout=5000)
    panel.editor.moveCursor(QTextCursor.MoveOperation.End)
    type_text(panel.editor, "Nodl")
    qtbot.waitUntil(lambda: panel.spelling.is_ready, timeout=20000)
    assert panel.spelling.wrong_words() == ["efusion", "Очагг", "Nodl"]
    assert marked(panel) == ["efusion", "Очагг"]
    panel.editor.moveCursor(QTextCursor.MoveOperation.Start)
    assert marked(panel) == ["efusion", "Очагг", "Nodl"]


def test_it_can_be_turned_off_and_stays_so(
    panel: ReportPanel, context: AppContext, qtbot: QtBot
) -> None:
    with qtbot.waitSignal(panel.spelling.turned) as told:
        panel.spelling.toggle()
    assert told.args == [False]
    assert marked(panel) == []
    assert not load_settings(context.store.folder).spell_check
    panel.spelling.next_word()
    assert panel.editor.textCursor().selectedText() == ""
    panel.spelling.toggle()
    qtbot.waitUntil(lambda: len(marked(panel)) == 2, timeout=20000)


def test_the_names_of_the_study_are_not_marked_and_reach_no_log(
    panel: ReportPanel, session: StudySession, qtbot: QtBot, caplog: pytest.LogCaptureFixture
) -> None:
    name = str(session.study.patient.name).partition("^")[0]
    assert name
    session.set_report_text(f"Patient {name.title()}. Small efusion.")
    qtbot.waitUntil(lambda: panel.spelling.is_ready, timeout=20000)
    assert panel.spelling.wrong_words() == ["efusion"]
    assert name.lower() not in caplog.text.lower()


def test_an_addendum_is_spelled_and_undone_by_itself(
    panel: ReportPanel, session: StudySession, qtbot: QtBot
) -> None:
    for found in session.findings:
        review.reject(session, found.uid, "artefact")
    session.set_report_text("FINDINGS: The lungs are clear.\n")
    sign(session, SignRequest("Petrov^Ivan", "author", check_now(session)))
    panel.add_addendum()
    addendum = panel.addendum_editor
    assert addendum is not None
    type_text(addendum.text, "No pnevmothorax seen.")
    qtbot.waitUntil(lambda: addendum.spelling.wrong_words() == ["pnevmothorax"], timeout=20000)
    panel.next_misspelling()
    menu = addendum.spelling.menu
    assert menu is not None
    fix = menu.actions()[0]
    menu.close()
    fix.trigger()
    assert addendum.text.report_text() == f"No {fix.text()} seen."
    qtbot.waitUntil(lambda: addendum.spelling.wrong_words() == [], timeout=20000)
    addendum.text.undo_wanted.emit()
    assert addendum.text.report_text() == "No pnevmothorax seen."
    addendum.sign()
    assert session.report is not None
    assert session.report.text.endswith("No pnevmothorax seen.\n")
