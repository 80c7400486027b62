"""Co-signature, correction, versions, critical results and accounts in the window."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from app.ui.report_panel import ReportPanel
from app.ui.sign_dialog import SignDialog
from app.ui.texts import set_language
from app.ui.users_window import UsersWindow
from app.ui.versions_window import VersionsWindow
from app.workflow import review
from app.workflow.context import AppContext
from app.workflow.session import StudySession
from tests.support.panel_sessions import (
    EFFUSION,
    FRACTURE,
    LEFT_LUNG,
    NODULE,
    RIGHT_LUNG,
    chest_session,
)
from tests.support.signing import (
    ADMIN,
    ADMIN_PASSWORD,
    PASSWORD,
    ToldTime,
    account,
    cheap_hashes,
)
from tests.support.workflow_context import context_in


@pytest.fixture(autouse=True)
def _cheap() -> Iterator[None]:
    with cheap_hashes():
        yield


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
def panel(qtbot: QtBot, context: AppContext, session: StudySession) -> Iterator[ReportPanel]:
    shown = ReportPanel(context)
    qtbot.addWidget(shown)
    shown.set_session(session)
    shown.show()
    shown.draft()
    yield shown
    shown.set_session(None)


def opened(panel: ReportPanel) -> SignDialog:
    panel.sign()
    assert panel.sign_dialog is not None
    return panel.sign_dialog


def signed_as(panel: ReportPanel, login: str) -> None:
    dialog = opened(panel)
    dialog.set_signer(login)
    dialog.signer.password.setText(PASSWORD)
    dialog.sign()
    assert panel.sign_dialog is None


def shown_button(panel: ReportPanel, text: str) -> QPushButton:
    found = [b for b in panel.findChildren(QPushButton) if text in b.text() and b.isVisible()]
    assert len(found) == 1, text
    return found[0]


def test_with_accounts_the_dialog_asks_for_login_and_password(
    panel: ReportPanel, session: StudySession, context: AppContext
) -> None:
    account(context, "petrov", "Petrov^Ivan", "radiologist")
    dialog = opened(panel)
    assert not dialog.can_sign
    dialog.set_signer("petrov")
    assert not dialog.can_sign
    dialog.signer.password.setText("guess")
    assert dialog.can_sign
    dialog.sign()
    assert "do not fit" in dialog.fault
    assert not session.is_locked
    assert dialog.signer.password.text() == ""
    QTest.keyClicks(dialog.signer.password, PASSWORD)
    QTest.keyClick(dialog.signer.password, Qt.Key.Key_Return)
    assert session.is_signed


def test_a_role_offers_its_own_meanings(panel: ReportPanel, context: AppContext) -> None:
    account(context, "sidorov", "Sidorov^Oleg", "resident")
    account(context, "petrov", "Petrov^Ivan", "radiologist")
    dialog = opened(panel)
    dialog.set_signer("sidorov")
    assert dialog.meaning == "preliminary"
    dialog.set_signer("petrov")
    assert dialog.meaning == "author"
    dialog.set_signer(ADMIN)
    dialog.signer.password.setText(ADMIN_PASSWORD)
    assert dialog.meaning == ""
    assert not dialog.can_sign
    dialog.reject()


def test_a_doubtful_clock_asks_for_a_reason(
    panel: ReportPanel, session: StudySession, context: AppContext
) -> None:
    context.time_witness = ToldTime(offset=600.0)
    dialog = opened(panel)
    assert dialog.signer.clock_reason.isVisible()
    assert not dialog.can_sign
    dialog.signer.clock_reason.setText("the server is wrong")
    dialog.sign()
    assert session.report.signature.clock == "overridden"


def test_a_resident_signs_and_a_senior_sees_the_differences(
    panel: ReportPanel, session: StudySession, context: AppContext
) -> None:
    account(context, "sidorov", "Sidorov^Oleg", "resident")
    account(context, "petrov", "Petrov^Ivan", "radiologist")
    signed_as(panel, "sidorov")
    assert session.report.state == "preliminary"
    assert panel.editor.isReadOnly()
    shown_button(panel, "Review and co-sign").click()
    assert not panel.editor.isReadOnly()
    session.set_report_text(session.report_text.replace("upper lobe", "lower lobe", 1))
    dialog = opened(panel)
    seen = dialog.changes.toPlainText()
    assert "upperlower" in seen.replace(" ", "")
    assert dialog.changes.isVisible()
    for item in dialog.discrepancies.items:
        dialog.discrepancies.override_given.emit(item, "check_wrong")
    dialog.set_signer("petrov")
    assert dialog.meaning == "cosignature"
    dialog.signer.password.setText(PASSWORD)
    dialog.sign()
    assert session.is_signed
    assert [s.login for s in session.report.signatures] == ["sidorov", "petrov"]


def test_a_correction_needs_a_reason_and_can_be_discarded(
    panel: ReportPanel, session: StudySession
) -> None:
    opened(panel).sign()
    first = session.report
    shown_button(panel, "Correct…").click()
    line = panel.signing.reason
    assert line is not None
    QTest.keyClick(line.text, Qt.Key.Key_Return)
    assert session.report == first
    QTest.keyClicks(line.text, "wrong side")
    QTest.keyClick(line.text, Qt.Key.Key_Return)
    assert session.is_being_corrected
    assert panel.signing.reason is None
    shown_button(panel, "Discard").click()
    assert session.report == first
    panel.revise()
    QTest.keyClick(panel.signing.reason.text, Qt.Key.Key_Escape)
    assert panel.signing.reason is None
    panel.revise()
    QTest.keyClicks(panel.signing.reason.text, "typing error")
    QTest.keyClick(panel.signing.reason.text, Qt.Key.Key_Return)
    session.set_report_text(session.report_text + "Corrected.\n")
    dialog = opened(panel)
    assert dialog.meaning == "correction"
    dialog.sign()
    assert (session.report.version, session.report.change) == (2, "correction")


def test_a_critical_result_is_recorded_from_the_dialog(
    panel: ReportPanel, session: StudySession, qtbot: QtBot
) -> None:
    content = replace(session.finding(EFFUSION).current, significance="critical")
    review.edit(session, EFFUSION, content)
    panel.draft()
    dialog = opened(panel)
    assert not dialog.can_sign
    assert dialog.critical_button.isVisible()
    dialog.critical_button.click()
    form = dialog.communication_form
    assert form is not None
    form.record()
    assert "names" in form.fault
    QTest.keyClicks(form.told, "Ivanova")
    QTest.keyClick(form.told, Qt.Key.Key_Return)
    assert [record.told for record in session.communications] == ["Ivanova"]
    assert session.communicated == {EFFUSION}
    assert "Ivanova (attending physician)" in session.report_text
    assert dialog.can_sign
    dialog.sign()
    assert session.report.communications[0].finding_uids == (EFFUSION,)


def test_who_was_told_goes_into_the_addendum(panel: ReportPanel, session: StudySession) -> None:
    content = replace(session.finding(EFFUSION).current, significance="critical")
    review.edit(session, EFFUSION, content)
    panel.draft()
    dialog = opened(panel)
    for item in dialog.discrepancies.items:
        dialog.discrepancies.override_given.emit(item, "already_told")
    dialog.sign()
    panel.add_addendum()
    panel.communicate()
    form = panel.signing.communication_form
    assert form is not None
    form.told.setText("Ivanova")
    form.record()
    addendum = panel.addendum_editor
    assert addendum is not None
    addendum.sign()
    assert "communicated by telephone to Ivanova" in session.report_text
    assert session.report.communications[0].told == "Ivanova"


def test_the_versions_are_compared(panel: ReportPanel, session: StudySession, qtbot: QtBot) -> None:
    opened(panel).sign()
    panel.add_addendum()
    panel.addendum_editor.set_text("No change.")
    panel.addendum_editor.sign()
    panel.show_versions()
    window = panel.signing.versions_window
    assert isinstance(window, VersionsWindow)
    assert window.table.rowCount() == 2
    assert [window.table.item(row, 0).text() for row in (0, 1)] == ["2", "1"]
    assert "as signed" in window.table.item(0, 2).text()
    assert "No change." in window.view.toPlainText()
    assert "underline" in window.view.toHtml()
    window.table.selectRow(1)
    assert window.before.currentData() == 2
    window.close()


def test_accounts_are_managed_in_a_window(qtbot: QtBot, context: AppContext) -> None:
    window = UsersWindow(context)
    qtbot.addWidget(window)
    window.show()
    fields = (window.login, window.name, window.password, window.again)
    for field, text in zip(fields, (ADMIN, "Chief^Anna", ADMIN_PASSWORD, "other"), strict=True):
        field.setText(text)
    window.do("add")
    assert "differ" in window.said
    window.password.setText(ADMIN_PASSWORD)
    window.again.setText(ADMIN_PASSWORD)
    window.do("add")
    assert [user.login for user in context.store.users.all()] == [ADMIN]
    for field, text in zip(fields, ("petrov", "Petrov^Ivan", PASSWORD, PASSWORD), strict=True):
        field.setText(text)
    window.select("")
    window.login.setText("petrov")
    window.roles["administrator"].setChecked(False)
    window.roles["radiologist"].setChecked(True)
    window.do("add")
    assert "do not fit" in window.said
    for field, text in zip(fields, ("petrov", "Petrov^Ivan", PASSWORD, PASSWORD), strict=True):
        field.setText(text)
    window.admin_login.setText(ADMIN)
    window.admin_password.setText(ADMIN_PASSWORD)
    window.do("add")
    assert window.said == "Done: petrov"
    assert window.table.rowCount() == 2
    window.select("petrov")
    assert window.login.isReadOnly()
    window.admin_password.setText(ADMIN_PASSWORD)
    window.do("disable")
    assert context.store.users.get("petrov").is_disabled
    assert window.buttons["enable"].isVisible()
    assert not window.buttons["disable"].isVisible()
    assert all(not field.text() for field in (window.password, window.admin_password))


@pytest.mark.parametrize("code", ["en", "ru"])
def test_the_dialogs_speak_both_languages(
    panel: ReportPanel, session: StudySession, code: str
) -> None:
    set_language(code)
    dialog = opened(panel)
    assert dialog.windowTitle()
    dialog.reject()
    panel.show_versions()
    window = panel.signing.versions_window
    assert window is None or window.windowTitle()
