from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from app.core.report import Override
from app.ui.findings_panel import FindingsPanel
from app.ui.report_panel import ReportPanel
from app.ui.sign_dialog import SignDialog
from app.workflow import review
from app.workflow.context import AppContext
from app.workflow.session import StudySession
from app.workflow.sign_report import verify_signed
from tests.support.panel_sessions import (
    EFFUSION,
    FRACTURE,
    LEFT_LUNG,
    NODULE,
    RIGHT_LUNG,
    chest_session,
    other_side,
)
from tests.support.workflow_context import context_in


@pytest.fixture
def context(tmp_path: Path) -> Iterator[AppContext]:
    with context_in(tmp_path) as opened:
        yield opened


@pytest.fixture
def session(context: AppContext) -> StudySession:
    made = chest_session(context)
    for uid in (NODULE, EFFUSION, RIGHT_LUNG, LEFT_LUNG):
        review.accept(made, uid)
    review.reject(made, FRACTURE, "artefact")
    return made


@pytest.fixture
def panel(qtbot: QtBot, context: AppContext, session: StudySession) -> ReportPanel:
    shown = ReportPanel(context)
    qtbot.addWidget(shown)
    shown.set_session(session)
    shown.show()
    shown.draft()
    return shown


def opened(panel: ReportPanel) -> SignDialog:
    panel.sign()
    assert panel.sign_dialog is not None
    return panel.sign_dialog


def test_a_clean_report_is_signed_and_locked(
    panel: ReportPanel, session: StudySession, context: AppContext, qtbot: QtBot
) -> None:
    dialog = opened(panel)
    assert dialog.can_sign
    with qtbot.waitSignal(panel.signed, timeout=1000):
        dialog.sign()
    assert session.report is not None
    assert session.report.state == "signed"
    assert session.report.signature is not None
    assert session.report.signature.name == "Dr Petrov"
    assert session.report.signature.meaning == "author"
    assert verify_signed(context, session.report)
    assert panel.editor.isReadOnly()
    before = panel.editor.report_text()
    QTest.keyClicks(panel.editor, "more")
    assert panel.editor.report_text() == before
    assert panel.sign_dialog is None


def test_a_block_keeps_sign_off_until_it_is_fixed(
    panel: ReportPanel, session: StudySession
) -> None:
    text = panel.editor.report_text()
    panel.editor.replace_range(*other_side(text))
    dialog = opened(panel)
    assert not dialog.can_sign
    block = next(d for d in dialog.discrepancies.items if d.severity == "block")
    dialog.sign()
    assert not session.is_signed
    dialog.discrepancies.fix_requested.emit(block)
    assert dialog.can_sign
    assert panel.editor.report_text() == text
    dialog.reject()


def test_a_block_keeps_sign_off_until_it_has_a_reason(
    panel: ReportPanel, session: StudySession
) -> None:
    panel.editor.replace_range(*other_side(panel.editor.report_text()))
    dialog = opened(panel)
    blocks = [d for d in dialog.discrepancies.items if d.severity == "block"]
    for block in blocks:
        assert not dialog.can_sign
        dialog.discrepancies.override_given.emit(block, "check_wrong")
    assert dialog.can_sign
    dialog.discrepancies.override_removed.emit(blocks[0])
    assert not dialog.can_sign
    dialog.discrepancies.override_given.emit(blocks[0], "already_told")
    dialog.sign()
    assert session.report is not None
    assert {o.reason for o in session.report.overrides} >= {"already_told"}


def test_without_a_name_nobody_signs(panel: ReportPanel) -> None:
    dialog = opened(panel)
    dialog.set_signer("  ")
    assert not dialog.can_sign
    dialog.set_signer("Dr Ivanova")
    assert dialog.can_sign
    dialog.reject()


def test_a_change_behind_the_dialog_is_said_in_words(
    panel: ReportPanel, session: StudySession
) -> None:
    dialog = opened(panel)
    session.set_report_text(session.report_text + "\nMore.")
    dialog.sign()
    assert not session.is_signed
    assert "changed after the check" in dialog.fault
    dialog.sign()  # the dialog has checked anew meanwhile
    assert session.is_signed


def test_show_leaves_the_dialog_for_the_place(panel: ReportPanel, qtbot: QtBot) -> None:
    panel.editor.replace_range(*other_side(panel.editor.report_text()))
    dialog = opened(panel)
    block = next(d for d in dialog.discrepancies.items if d.finding_uid == NODULE)
    with qtbot.waitSignal(panel.show_finding, timeout=1000):
        dialog.discrepancies.show_requested.emit(block)
    assert panel.sign_dialog is None
    assert "left" in panel.editor.textCursor().selectedText().lower()


def test_an_addendum_is_the_only_change_after_signing(
    panel: ReportPanel, session: StudySession, context: AppContext
) -> None:
    opened(panel).sign()
    first = session.report
    assert first is not None
    panel.add_addendum()
    addendum = panel.addendum_editor
    assert addendum is not None
    addendum.sign()
    assert session.report is first
    addendum.set_text("Compared with the outside film of 2025.")
    addendum.sign()
    assert session.report is not None
    assert session.report.version == 2
    assert session.report.state == "amended"
    assert session.report.predecessor_uid == first.uid
    assert "outside film" in panel.editor.report_text()
    assert verify_signed(context, session.report)


def test_an_addendum_that_contradicts_a_finding_needs_a_reason(
    panel: ReportPanel, session: StudySession
) -> None:
    opened(panel).sign()
    panel.add_addendum()
    addendum = panel.addendum_editor
    assert addendum is not None
    addendum.set_text("IMPRESSION: there is no pleural effusion. [...]")
    addendum.sign()
    blocks = addendum.discrepancies.items
    assert blocks
    assert session.report is not None
    assert session.report.version == 1
    for block in blocks:
        addendum.discrepancies.override_given.emit(block, "check_wrong")
    addendum.sign()
    assert session.report.version == 2
    assert {o.discrepancy_id for o in session.report.overrides} >= {b.id for b in blocks}


def test_a_signed_report_closes_the_findings(
    panel: ReportPanel, session: StudySession, context: AppContext, qtbot: QtBot
) -> None:
    findings = FindingsPanel(context)
    qtbot.addWidget(findings)
    findings.set_session(session)
    findings.show()
    session.select(NODULE)
    card = findings.card(NODULE)
    assert card is not None
    assert any(button.isVisible() for button in card.findChildren(QPushButton))
    opened(panel).sign()
    assert not any(button.isVisible() for button in card.findChildren(QPushButton))
    findings.setFocus()
    QTest.keyClick(findings, Qt.Key.Key_X)
    assert session.finding(NODULE).state == "accepted"


def test_a_reason_given_earlier_counts_in_the_dialog(
    panel: ReportPanel, session: StudySession
) -> None:
    panel.editor.replace_range(*other_side(panel.editor.report_text()))
    dialog = opened(panel)
    blocks = [d for d in dialog.discrepancies.items if d.severity == "block"]
    dialog.reject()
    for block in blocks:
        session.set_override(Override(block.id, block.rule, "chronic"))
    assert opened(panel).can_sign
