from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QTextCursor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from app.core.report import Discrepancy, Language, Message
from app.ui.report_panel import ReportPanel
from app.ui.texts import set_language
from app.workflow import check_report, review
from app.workflow.context import AppContext
from app.workflow.session import StudySession
from tests.support.domain import header_study
from tests.support.panel_sessions import (
    EFFUSION,
    FRACTURE,
    LEFT_LUNG,
    NODULE,
    RIGHT_LUNG,
    other_side,
)
from tests.support.panel_sessions import chest_session as make_session
from tests.support.typing_keys import type_text
from tests.support.workflow_context import context_in


@pytest.fixture
def context(tmp_path: Path) -> Iterator[AppContext]:
    with context_in(tmp_path) as opened:
        yield opened


@pytest.fixture
def session(context: AppContext) -> StudySession:
    made = make_session(context)
    for uid in (NODULE, EFFUSION, RIGHT_LUNG, LEFT_LUNG):
        review.accept(made, uid)
    review.reject(made, FRACTURE, "artefact")
    return made


@pytest.fixture
def panel(qtbot: QtBot, context: AppContext, session: StudySession) -> ReportPanel:
    shown = ReportPanel(context)
    qtbot.addWidget(shown)
    shown.resize(480, 700)
    shown.set_session(session)
    shown.show()
    return shown


def checked(panel: ReportPanel, session: StudySession, qtbot: QtBot) -> list[Discrepancy]:
    """The discrepancies once the check that runs beside the typing has come to rest."""

    def at_rest() -> bool:
        return session.is_check_current and session.report_text == panel.editor.report_text()

    qtbot.waitUntil(at_rest, timeout=5000)
    assert session.last_check is not None
    return list(session.last_check.discrepancies)


def type_over(panel: ReportPanel, start: int, end: int, words: str) -> None:
    """Select a range and type ``words`` over it, key by key."""
    cursor = panel.editor.textCursor()
    cursor.setPosition(start)
    cursor.setPosition(end, QTextCursor.MoveMode.KeepAnchor)
    panel.editor.setTextCursor(cursor)
    type_text(panel.editor, words)


def swap_side(panel: ReportPanel) -> None:
    """Type the opposite side over the first one that the draft names."""
    type_over(panel, *other_side(panel.editor.report_text()))


@pytest.mark.parametrize(("code", "left"), [("en", "left"), ("ru", "лев")])
def test_a_swapped_side_is_underlined_and_fixed_by_one_key(
    panel: ReportPanel, session: StudySession, qtbot: QtBot, code: Language, left: str
) -> None:
    set_language(code)
    session.set_language(code)
    panel.draft()
    assert not [d for d in checked(panel, session, qtbot) if d.severity == "block"]
    clean = panel.editor.report_text()
    swap_side(panel)

    found = checked(panel, session, qtbot)
    block = next(d for d in found if d.rule == "laterality-vs-finding")
    assert block.severity == "block"
    assert block.finding_uid == NODULE
    assert block.fix is not None
    assert any(
        severity == "block" and left in words.lower()
        for severity, words in panel.editor.underlined_words()
    )
    assert panel.discrepancies.items[0].severity == "block"

    while panel.discrepancies.current is None or panel.discrepancies.current.id != block.id:
        panel.next_discrepancy()
    QTest.keyClick(panel.editor, Qt.Key.Key_Period, Qt.KeyboardModifier.ControlModifier)
    assert not [d for d in checked(panel, session, qtbot) if d.severity == "block"]
    assert panel.editor.report_text() == clean
    QTest.keyClick(panel.editor, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert panel.editor.report_text() != clean


def test_typing_is_never_held_up_and_reaches_the_disk(
    panel: ReportPanel, session: StudySession, context: AppContext, qtbot: QtBot
) -> None:
    panel.draft()
    worst = 0.0
    for letter in "The heart is not enlarged. " * 8:
        began = time.perf_counter()
        QTest.keyClicks(panel.editor, letter)
        worst = max(worst, time.perf_counter() - began)
    assert worst < 0.15  # two cores, shared; a pause that a hand feels is longer
    text = panel.editor.report_text()
    qtbot.waitUntil(lambda: session.report_text == text, timeout=1000)
    stored = context.store.reports.latest(session.study.study_instance_uid, session.reading)
    assert stored is not None
    assert stored.text == text


def test_closing_the_study_stores_what_was_typed(panel: ReportPanel, session: StudySession) -> None:
    QTest.keyClicks(panel.editor, "FINDINGS: none yet")
    panel.set_session(None)
    assert session.report_text == "FINDINGS: none yet"
    assert panel.editor.report_text() == ""
    assert panel.editor.isReadOnly()


def test_a_draft_can_be_taken_back_with_the_text_before(
    panel: ReportPanel, session: StudySession
) -> None:
    QTest.keyClicks(panel.editor, "my own words")
    panel.draft()
    assert "my own words" not in panel.editor.report_text()
    QTest.keyClick(panel.editor, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert panel.editor.report_text() == "my own words"
    panel.flush()
    assert session.report_text == "my own words"


def test_a_result_for_an_older_text_is_dropped(
    panel: ReportPanel, session: StudySession, qtbot: QtBot
) -> None:
    panel.draft()
    checked(panel, session, qtbot)
    old = check_report.check_text(
        session.report_text, session.findings, session.facts, session.language
    )
    QTest.keyClicks(panel.editor, "Left. ")
    panel.flush()
    assert not session.set_check(old)
    checked(panel, session, qtbot)
    assert session.last_check is not old


def test_ctrl_click_on_a_generated_sentence_shows_its_finding(
    panel: ReportPanel, session: StudySession, qtbot: QtBot
) -> None:
    panel.draft()
    link = next(link for link in session.report.links if link.finding_uid == NODULE)
    start = panel.editor.report_text().index(link.text)
    cursor = panel.editor.textCursor()
    cursor.setPosition(start + 3)
    place = panel.editor.cursorRect(cursor).center() + QPoint(1, 0)
    with qtbot.waitSignal(panel.show_finding, timeout=1000) as caught:
        qtbot.mouseClick(
            panel.editor.viewport(),
            Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.ControlModifier,
            place,
        )
    assert caught.args == [NODULE]
    assert session.selected_uid == NODULE


def test_places_count_in_characters_also_behind_rare_ones(
    panel: ReportPanel, session: StudySession, qtbot: QtBot
) -> None:
    # Qt counts UTF-16 units, the check characters; a space that does not break has to survive
    panel.draft()
    panel.editor.replace_range(0, 0, "\U0001f600 12\u00a0mm scale\n")
    panel.editor.replace_range(*other_side(panel.editor.report_text()))
    checked(panel, session, qtbot)
    assert "\u00a0" in session.report_text
    assert session.last_check is not None
    block = next(d for d in session.last_check.discrepancies if d.severity == "block")
    words = [words for severity, words in panel.editor.underlined_words() if severity == "block"]
    assert block.spans[0].text in words


def test_a_reason_lets_a_discrepancy_stand_and_survives_a_restart(
    panel: ReportPanel, session: StudySession, context: AppContext, qtbot: QtBot
) -> None:
    panel.draft()
    swap_side(panel)
    block = next(d for d in checked(panel, session, qtbot) if d.severity == "block")
    panel.discrepancies.ask_reason(block)
    panel.discrepancies.override_given.emit(block, "check_wrong")
    assert [item.reason for item in session.overrides] == ["check_wrong"]
    again = StudySession(context, header_study())
    assert again.overrides == session.overrides


def test_alt_arrows_go_round_the_discrepancies(
    panel: ReportPanel, session: StudySession, qtbot: QtBot
) -> None:
    panel.draft()
    swap_side(panel)
    type_over(panel, 0, 0, "[...] ")
    items = checked(panel, session, qtbot)
    assert len(items) >= 2
    seen = []
    for _ in items:
        QTest.keyClick(panel.editor, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
        current = panel.discrepancies.current
        assert current is not None
        seen.append(current.id)
    assert sorted(seen) == sorted(item.id for item in items)


def test_a_full_disk_is_said_and_the_text_is_stored_once_there_is_room(
    panel: ReportPanel, session: StudySession, context: AppContext, qtbot: QtBot
) -> None:
    database = context.store._db
    used = database.row("PRAGMA page_count")[0]
    database.row(f"PRAGMA max_page_count = {used}")
    text = "The lungs are clear. " * 4000
    panel.editor.replace_all(text)
    panel.flush()
    assert session.report_text == ""
    assert any("full" in label.text() for label in panel.findChildren(QLabel))
    assert panel.editor.report_text() == text
    database.row("PRAGMA max_page_count = 100000")
    qtbot.waitUntil(lambda: session.report_text == text, timeout=5000)


def test_a_list_of_folded_notes_leaves_the_room_to_the_text(
    qtbot: QtBot, panel: ReportPanel
) -> None:
    note = Discrepancy("prior-not-mentioned", "note", Message("A note.", "Заметка."), None, ())
    panel.discrepancies.show_items((note,), {}, locked=False)
    qtbot.waitUntil(lambda: panel.discrepancies.isVisible())
    folded = panel.discrepancies.height()
    panel.discrepancies.unfold("note")
    qtbot.waitUntil(lambda: panel.discrepancies.height() > 2 * folded)
