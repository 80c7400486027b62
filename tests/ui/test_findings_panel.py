from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QPushButton
from pytestqt.qtbot import QtBot

from app.core.finding import FindingContent, Label
from app.core.report import Message
from app.core.study import SeriesRef
from app.ui.coverage_view import CoverageRow
from app.ui.finding_card import CardFacts, FindingCard
from app.ui.finding_editor import FindingEditor
from app.ui.findings_panel import FindingsPanel
from app.ui.reject_menu import ReasonList
from app.ui.texts import set_language
from app.workflow import review
from app.workflow.context import AppContext
from app.workflow.review import REJECT_REASONS
from app.workflow.session import StudySession
from tests.support.domain import SERIES_UID, STUDY_UID
from tests.support.panel_sessions import (
    EFFUSION,
    FRACTURE,
    LEFT_LUNG,
    NODULE,
    chest_session,
    proposed,
)
from tests.support.workflow_context import context_in

REF = SeriesRef(STUDY_UID, SERIES_UID, 0)


@pytest.fixture
def context(tmp_path: Path) -> Iterator[AppContext]:
    with context_in(tmp_path) as opened:
        yield opened


@pytest.fixture
def session(context: AppContext) -> StudySession:
    return chest_session(context)


@pytest.fixture
def panel(qtbot: QtBot, context: AppContext, session: StudySession) -> FindingsPanel:
    shown = FindingsPanel(context)
    qtbot.addWidget(shown)
    shown.resize(400, 800)
    shown.set_session(session)
    shown.show()
    shown.setFocus()
    return shown


def lines(panel: FindingsPanel, uid: str) -> str:
    card = panel.card(uid)
    assert card is not None
    return "\n".join(card.text_lines()).replace("&nbsp;", " ").replace("\u00a0", " ")


def test_a_card_says_what_where_how_large_and_how_sure(panel: FindingsPanel) -> None:
    text = lines(panel, NODULE)
    assert "Nodule, right, upper lobe S3" in text
    assert "8.2 mm" in text
    assert "was 6.1 mm on 2026-05-02" in text
    assert "score 0.91, above threshold 0.50" in text
    assert "%" not in text
    assert "below threshold 0.50" in lines(panel, FRACTURE)


def test_a_number_that_is_not_valid_says_so_in_words(panel: FindingsPanel) -> None:
    text = lines(panel, LEFT_LUNG)
    assert "cut off by the edge of the image" in text
    assert "could not be computed" in text
    assert "0.00" not in text


def test_the_side_is_said_also_where_a_russian_word_begins_alike(panel: FindingsPanel) -> None:
    # "плевральный" holds the letters of "лев", "Левое лёгкое" really names its side
    set_language("ru")
    assert "Плевральный выпот, слева" in lines(panel, EFFUSION)
    assert "слева" not in lines(panel, LEFT_LUNG)


def test_keys_step_accept_reject_and_reopen(
    panel: FindingsPanel, session: StudySession, qtbot: QtBot
) -> None:
    QTest.keyClick(panel, Qt.Key.Key_N)
    assert session.selected_uid == NODULE
    QTest.keyClick(panel, Qt.Key.Key_Return)
    assert session.finding(NODULE).state == "accepted"
    assert "accepted · Dr Petrov" in lines(panel, NODULE)

    session.select(EFFUSION)
    QTest.keyClick(panel, Qt.Key.Key_X)
    reasons = panel.findChild(ReasonList)
    assert reasons is not None
    QTest.keyClick(reasons, Qt.Key.Key_2)
    assert session.finding(EFFUSION).state == "rejected"
    decision = session.finding(EFFUSION).decision
    assert decision is not None
    assert decision.reason == REJECT_REASONS[1][0]
    assert "artefact" in lines(panel, EFFUSION)

    session.select(EFFUSION)
    QTest.keyClick(panel, Qt.Key.Key_U)
    assert session.finding(EFFUSION).state == "proposed"
    QTest.keyClick(panel, Qt.Key.Key_N, Qt.KeyboardModifier.ShiftModifier)
    assert session.selected_uid != EFFUSION


def test_a_reason_in_words_can_be_typed_at_once(
    panel: FindingsPanel, session: StudySession
) -> None:
    session.select(FRACTURE)
    QTest.keyClick(panel, Qt.Key.Key_Delete)
    reasons = panel.findChild(ReasonList)
    assert reasons is not None
    QTest.keyClick(reasons, "o")
    field = reasons.findChild(QLineEdit)
    assert field is not None
    QTest.keyClicks(field, "ld callus")
    QTest.keyClick(field, Qt.Key.Key_Return)
    decision = session.finding(FRACTURE).decision
    assert decision is not None
    assert decision.reason == "old callus"


def test_an_edit_changes_side_and_number_and_keeps_the_proposal(
    panel: FindingsPanel, session: StudySession
) -> None:
    session.select(NODULE)
    QTest.keyClick(panel, Qt.Key.Key_E)
    editor = panel.findChild(FindingEditor)
    assert editor is not None
    editor.set_side("left")
    number = next(f for f in editor.findChildren(QLineEdit) if f.text() == "8.2")
    number.setText("9,5")
    QTest.keyClick(number, Qt.Key.Key_Return)
    finding = session.finding(NODULE)
    assert finding.state == "edited"
    assert finding.current.laterality == "left"
    assert finding.current.concept == finding.proposal.content.concept
    assert finding.current.measurements[0].value == pytest.approx(9.5)
    assert finding.current.measurements[0].status == "edited"
    assert finding.current.measurements[1].status == "valid"
    assert finding.proposal.content.laterality == "right"
    text = lines(panel, NODULE)
    assert "proposed: Nodule, right" in text
    assert "entered by the reader" in text


def test_a_wrong_number_is_said_and_nothing_is_written(
    panel: FindingsPanel, session: StudySession
) -> None:
    session.select(NODULE)
    panel.edit_current()
    editor = panel.findChild(FindingEditor)
    assert editor is not None
    number = next(f for f in editor.findChildren(QLineEdit) if f.text() == "8.2")
    number.setText("eight")
    editor.save()
    assert session.finding(NODULE).state == "proposed"
    QTest.keyClick(number, Qt.Key.Key_Escape)
    assert session.finding(NODULE).state == "proposed"


def test_an_own_finding_is_added_by_keyboard(panel: FindingsPanel, session: StudySession) -> None:
    before = {finding.uid for finding in session.findings}
    QTest.keyClick(panel, Qt.Key.Key_F)
    editor = panel.findChild(FindingEditor)
    assert editor is not None
    field = editor.focusProxy()
    assert field is not None
    QTest.keyClicks(field, "Atelectasis")
    editor.set_side("right")
    QTest.keyClick(field, Qt.Key.Key_Return)
    (uid,) = {finding.uid for finding in session.findings} - before
    added = session.finding(uid)
    assert added.current.label.ru == "Ателектаз"
    assert added.current.concept is not None
    assert added.provenance.kind == "person"
    assert session.selected_uid == uid


def test_undo_of_an_added_finding_takes_its_card_away(
    panel: FindingsPanel, session: StudySession
) -> None:
    content = session.finding(EFFUSION).current
    uid = review.add(session, content, REF, None)
    assert panel.card(uid) is not None
    session.undo()
    assert panel.card(uid) is None


def test_an_empty_list_is_never_normal(
    qtbot: QtBot, context: AppContext, session: StudySession
) -> None:
    del session
    panel = FindingsPanel(context)
    qtbot.addWidget(panel)
    panel.set_session(chest_session(context, ()))
    refused = CoverageRow(
        "ct-head", Message("CT head", "КТ головы"), "0.3", REF, "1 chest", "refused",
        (Message("Body part CHEST, the pack needs HEAD.", "Область CHEST, нужна HEAD."),),
    )  # fmt: skip
    panel.set_coverage([refused])
    panel.show()
    shown = "\n".join(label.text() for label in panel.findChildren(type(panel._empty)))
    assert "says nothing about the study" in shown
    assert "Nothing was analysed" in shown
    assert "Body part CHEST, the pack needs HEAD." in shown
    assert "normal" not in shown.replace("never means that the study is normal", "")


@pytest.mark.parametrize("language", ["en", "ru"])
def test_nothing_is_cut_at_the_smallest_width(
    panel: FindingsPanel, session: StudySession, qtbot: QtBot, language: str
) -> None:
    set_language(language)
    panel.resize(panel.minimumWidth(), 900)
    session.select(NODULE)
    review.accept(session, NODULE)
    panel.edit_current()
    qtbot.wait(20)
    for button in panel.findChildren(QPushButton):
        if button.isVisible():
            wanted = button.fontMetrics().horizontalAdvance(button.text())
            assert button.width() >= wanted, button.text()
            place = button.mapTo(panel, button.rect().topRight())
            assert place.x() <= panel.width(), button.text()


def test_the_keys_go_back_to_where_the_reader_was(
    panel: FindingsPanel, session: StudySession, qtbot: QtBot
) -> None:
    images = QLineEdit()
    qtbot.addWidget(images)
    images.show()
    images.setFocus()
    qtbot.waitUntil(images.hasFocus)
    session.select(EFFUSION)
    panel.reject_current()
    reasons = panel.findChild(ReasonList)
    assert reasons is not None
    QTest.keyClick(reasons, Qt.Key.Key_1)
    assert session.finding(EFFUSION).state == "rejected"
    qtbot.waitUntil(images.hasFocus)


def test_the_keys_mean_the_same_with_a_russian_layout(
    panel: FindingsPanel, session: StudySession
) -> None:
    def press(letter: str) -> None:
        event = QKeyEvent(
            QEvent.Type.KeyPress, ord(letter.upper()), Qt.KeyboardModifier.NoModifier, letter
        )
        QApplication.sendEvent(panel, event)

    press("т")
    assert session.selected_uid == NODULE
    QTest.keyClick(panel, Qt.Key.Key_Return)
    press("г")
    assert session.finding(NODULE).state == "proposed"
    press("ч")
    assert panel.findChild(ReasonList) is not None


def test_a_lesion_of_two_models_says_so_and_names_both(qtbot: QtBot) -> None:
    other = proposed("1.2", FindingContent(None, Label("nodule", "узелок")))
    finding = replace(
        proposed("1.1", FindingContent(None, Label("nodule", "узелок"))), others=(other,)
    )
    card = FindingCard()
    qtbot.addWidget(card)
    card.show_finding(
        finding, CardFacts(number=1, is_current=False, is_locked=False, flag_texts={})
    )
    assert "2 models" in card._origin.text()
    assert card._origin.toolTip().count(other.provenance.pack) >= 2
