"""Undo shared with the session, fields, search, sections, the report's own window."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, Qt
from PySide6.QtGui import QTextCursor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from app.ui.report_dock import ReportDock
from app.ui.report_editor import FINDING_MIME
from app.ui.report_panel import ReportPanel
from app.ui.report_positions import changed_part, character, utf16
from app.ui.texts import set_language
from app.workflow import review
from app.workflow.context import AppContext
from app.workflow.session import StudySession
from tests.support.panel_sessions import EFFUSION, NODULE, measured
from tests.support.panel_sessions import chest_session as make_session
from tests.support.typing_keys import type_text
from tests.support.workflow_context import context_in

CONTROL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
NONE = Qt.KeyboardModifier.NoModifier


@pytest.fixture
def context(tmp_path: Path) -> Iterator[AppContext]:
    with context_in(tmp_path) as opened:
        yield opened


@pytest.fixture
def session(context: AppContext) -> StudySession:
    made = make_session(context)
    review.accept(made, NODULE)
    return made


@pytest.fixture
def panel(qtbot: QtBot, context: AppContext, session: StudySession) -> ReportPanel:
    shown = ReportPanel(context)
    qtbot.addWidget(shown)
    shown.resize(480, 700)
    shown.set_session(session)
    shown.show()
    return shown


@pytest.fixture
def dock(qtbot: QtBot, panel: ReportPanel) -> ReportDock:
    made = ReportDock(panel)
    qtbot.addWidget(made)
    made.show()
    return made


def press(widget: QWidget, key: Qt.Key, held: Qt.KeyboardModifier = NONE) -> None:
    QTest.keyClick(widget, key, held)


def test_undo_takes_back_text_and_decisions_in_the_order_in_which_they_were_made(
    panel: ReportPanel, session: StudySession
) -> None:
    type_text(panel.editor, "One.")
    panel.flush()
    review.accept(session, EFFUSION)
    type_text(panel.editor, " Two.")
    press(panel.editor, Qt.Key.Key_Z, CONTROL)
    assert panel.editor.report_text() == session.report_text == "One."
    assert session.finding(EFFUSION).state == "accepted"
    press(panel.editor, Qt.Key.Key_Z, CONTROL)
    assert session.finding(EFFUSION).state == "proposed"
    assert panel.editor.report_text() == "One."
    press(panel.editor, Qt.Key.Key_Z, CONTROL)
    assert panel.editor.report_text() == ""
    for _ in range(3):
        press(panel.editor, Qt.Key.Key_Y, CONTROL)
    assert panel.editor.report_text() == session.report_text == "One. Two."
    assert session.finding(EFFUSION).state == "accepted"


def test_a_run_of_typing_is_one_step_and_another_place_begins_a_new_one(
    panel: ReportPanel, session: StudySession
) -> None:
    for word in ("The ", "heart ", "is "):
        type_text(panel.editor, word)
        panel.flush()
    assert len(session.history.commands) == 2  # beside the acceptance of the fixture
    panel.editor.moveCursor(QTextCursor.MoveOperation.Start)
    type_text(panel.editor, "X")
    panel.flush()
    assert len(session.history.commands) == 3
    press(panel.editor, Qt.Key.Key_Z, CONTROL)
    assert session.report_text == "The heart is "


def test_a_draft_and_its_links_go_and_come_together(
    panel: ReportPanel, session: StudySession
) -> None:
    type_text(panel.editor, "mine")
    panel.draft()
    links = session.links
    assert links
    panel.undo()
    assert (session.report_text, session.links) == ("mine", ())
    panel.redo()
    assert session.links == links


@pytest.mark.parametrize("code", ["en", "ru"])
def test_tab_goes_through_the_fields_and_what_is_typed_fills_them(
    panel: ReportPanel, session: StudySession, code: str
) -> None:
    set_language(code)
    panel.editor.replace_all("Heart [size].\n\U0001f600 Lungs [clear or not], vertebra [L1].")
    panel.fields.mark()
    assert len(panel.editor.marks.places("fields")) == 2
    panel.editor.moveCursor(QTextCursor.MoveOperation.Start)
    press(panel.editor, Qt.Key.Key_Tab)
    assert panel.editor.textCursor().selectedText() == "[size]"
    press(panel.editor, Qt.Key.Key_Tab)
    assert panel.editor.textCursor().selectedText() == "[clear or not]"
    press(panel.editor, Qt.Key.Key_Tab, SHIFT)
    assert panel.editor.textCursor().selectedText() == "[size]"
    type_text(panel.editor, "normal")
    press(panel.editor, Qt.Key.Key_Tab)
    type_text(panel.editor, "clear")
    panel.flush()
    assert session.report_text == "Heart normal.\n\U0001f600 Lungs clear, vertebra [L1]."


def test_without_fields_tab_moves_the_focus(panel: ReportPanel, qtbot: QtBot) -> None:
    panel.editor.setFocus()
    qtbot.waitUntil(panel.editor.hasFocus)
    press(panel.editor, Qt.Key.Key_Tab)
    qtbot.waitUntil(lambda: not panel.editor.hasFocus())
    assert panel.editor.report_text() == ""


def lines_of(panel: ReportPanel) -> list[QLineEdit]:
    return panel.find_bar.findChildren(QLineEdit)


def test_find_goes_round_and_replace_all_is_one_step(
    panel: ReportPanel, session: StudySession
) -> None:
    panel.editor.replace_all("Left lung. LEFT hilum. Cleft. left side.")
    panel.flush()
    panel.editor.moveCursor(QTextCursor.MoveOperation.Start)
    press(panel.editor, Qt.Key.Key_H, CONTROL)
    find, replace = lines_of(panel)
    type_text(find, "left")
    assert panel.editor.selected_range() == (0, 4)
    press(find, Qt.Key.Key_Return)
    assert panel.editor.textCursor().selectedText() == "LEFT"
    press(find, Qt.Key.Key_Return, SHIFT)
    press(find, Qt.Key.Key_Return, SHIFT)
    assert panel.editor.report_text()[panel.editor.selected_range()[0] :] == "left side."
    panel.find_bar.whole_words.setChecked(True)
    replace.setText("right")
    panel.find_bar.replace_all()
    assert session.report_text == "right lung. right hilum. Cleft. right side."
    panel.undo()
    assert session.report_text == "Left lung. LEFT hilum. Cleft. left side."
    press(find, Qt.Key.Key_Escape)
    assert panel.find_bar.isHidden()


def test_replacing_one_goes_on_to_the_next(panel: ReportPanel) -> None:
    panel.editor.replace_all("a b a b a")
    panel.editor.moveCursor(QTextCursor.MoveOperation.Start)
    panel.open_replace()
    find, replace = lines_of(panel)
    type_text(find, "a")
    replace.setText("c")
    press(replace, Qt.Key.Key_Return)
    press(replace, Qt.Key.Key_Return)
    assert panel.editor.report_text() == "c b c b a"
    assert panel.editor.textCursor().selectedText() == "a"


@pytest.mark.parametrize("code", ["en", "ru"])
def test_sections_are_marked_and_gone_to_by_key(
    panel: ReportPanel, session: StudySession, qtbot: QtBot, code: str
) -> None:
    session.set_language(code)  # type: ignore[arg-type]
    panel.draft()
    qtbot.waitUntil(lambda: len(panel.outline.sections) >= 2, timeout=5000)
    names = [section.name for section in panel.outline.sections]
    press(panel.editor, Qt.Key.Key_1 + names.index("impression"), Qt.KeyboardModifier.AltModifier)
    behind = panel.editor.report_text()[panel.editor.selected_range()[0] :]
    header = panel.outline.sections[names.index("impression")].header
    assert panel.editor.report_text()[: -len(behind)].rstrip().rstrip(":").endswith(header)
    press(panel.editor, Qt.Key.Key_PageUp, CONTROL)
    assert panel.outline.current() == names.index("impression") - 1


def test_the_report_moves_to_its_own_window_and_back_with_cursor_and_text(
    panel: ReportPanel, dock: ReportDock, session: StudySession
) -> None:
    report = panel
    type_text(report.editor, "The heart")
    dock.toggle()
    window = dock.window_
    assert window is not None
    assert report.window() is window
    type_text(report.editor, " is normal.")
    report.flush()
    assert session.report_text == "The heart is normal."
    window.close()
    assert dock.window_ is None
    assert report.window() is dock.window()
    press(report.editor, Qt.Key.Key_Z, CONTROL)
    assert session.report_text != "The heart is normal."


def test_positions_and_differences_count_in_characters() -> None:
    text = "a\U0001f600b"
    assert [utf16(text, n) for n in range(4)] == [0, 1, 3, 4]
    assert [character(text, n) for n in (0, 1, 3, 4)] == [0, 1, 2, 3]
    for before, after in (("abc", "abXc"), ("aaa", "aa"), ("", "x"), ("x", "x"), ("abab", "ab")):
        start, end, new_end = changed_part(before, after)
        assert before[:start] + after[start:new_end] + before[end:] == after
        assert min(start, end, new_end) >= 0


def test_a_measurement_goes_to_the_cursor_with_its_link(
    panel: ReportPanel, session: StudySession
) -> None:
    panel.editor.replace_all("Nodule of")
    session.select(NODULE)
    press(panel.editor, Qt.Key.Key_M, CONTROL)
    (said,) = [link.text for link in session.links]
    assert session.report_text == f"Nodule of {said}"
    assert "mm" in said
    assert session.links[0].finding_uid == NODULE
    panel.undo()
    assert (session.report_text, session.links) == ("Nodule of", ())


def test_of_several_measurements_one_is_chosen_by_its_number(
    panel: ReportPanel, session: StudySession
) -> None:
    content = session.finding(NODULE).current
    volume = measured("volume", 0.21, "mL")
    review.edit(session, NODULE, replace(content, measurements=(*content.measurements, volume)))
    panel.editor.replace_all("Nodule:")
    session.select(NODULE)
    panel.insert_measurement()
    assert session.links == ()
    type_text(panel.editor, "2")
    assert session.report_text.startswith("Nodule: ")
    assert "mL" in session.report_text
    assert "mm" not in session.report_text


def test_a_dropped_finding_gives_its_measurement_and_one_not_accepted_gives_nothing(
    panel: ReportPanel, session: StudySession
) -> None:
    for uid in (EFFUSION, NODULE):
        data = QMimeData()
        data.setData(FINDING_MIME, uid.encode())
        assert panel.editor.canInsertFromMimeData(data)
        panel.editor.insertFromMimeData(data)
        assert bool(session.links) == (uid == NODULE)


def test_of_a_web_page_only_the_words_are_pasted(panel: ReportPanel) -> None:
    data = QMimeData()
    data.setHtml("<p>Lungs <b>clear</b>.</p><script>x()</script>")
    panel.editor.insertFromMimeData(data)
    assert panel.editor.report_text().strip() == "Lungs clear."
