"""The report: draft, edit, check while typing, discrepancies, sign, addendum."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QLabel,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from app.core.errors import AppError
from app.core.report import CheckResult, Discrepancy, Language, Override, Report
from app.core.signing import meaning_text
from app.ui import finding_words as words
from app.ui.addendum_editor import AddendumEditor
from app.ui.discrepancy_panel import DiscrepancyPanel
from app.ui.key_layout import latin_key
from app.ui.live_check import CheckWork, LiveCheck
from app.ui.panel_style import PANEL_STYLE, set_role
from app.ui.report_bars import ReportButtons, ReportHeader
from app.ui.report_editor import ReportEditor
from app.ui.report_status import status_line
from app.ui.report_writing import ReportWriting
from app.ui.session_signals import SessionSignals
from app.ui.sign_dialog import SignDialog
from app.ui.texts import language, language_changed, tr
from app.workflow import check_report, compose_report

if TYPE_CHECKING:
    from app.workflow.context import AppContext
    from app.workflow.session import StudySession


class ReportPanel(QWidget):
    """Writes the report of the open study. Main thread only; a key is never held up.

    What is typed reaches the journal within 250 ms, or at once when the focus leaves. The check
    runs beside the typing. ``show_finding`` asks the images to show a finding; ``signed`` tells
    of a version that was just signed.
    """

    show_finding = Signal(object)
    signed = Signal(object)

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._session: StudySession | None = None
        self._signals: SessionSignals | None = None
        self._addendum: AddendumEditor | None = None
        self._dialog: SignDialog | None = None
        self._notice = ""
        self.setStyleSheet(PANEL_STYLE)
        self._header = ReportHeader()
        self._header.language_chosen.connect(self._choose_language)
        self._buttons = ReportButtons()
        self._buttons.draft_pressed.connect(self.draft)
        self._buttons.check_pressed.connect(self.check)
        self._buttons.sign_pressed.connect(self.sign)
        self._buttons.addendum_pressed.connect(self.add_addendum)
        self._editor = ReportEditor()
        self._editor.finding_clicked.connect(self._show_finding)
        self._writing = ReportWriting(self._editor, self)
        self._writing.typed.connect(self._typed)
        self._writing.failed.connect(self._say_error)
        self._signature = QLabel()
        self._signature.setWordWrap(True)
        self._status = QLabel()
        self._status.setWordWrap(True)
        self._notice_line = QLabel()
        self._notice_line.setWordWrap(True)
        self._notice_line.setProperty("role", "dim")
        self._list = DiscrepancyPanel()
        self._list.show_requested.connect(self._show_discrepancy)
        self._list.fix_requested.connect(self.apply_fix)
        self._list.override_given.connect(self._override)
        self._list.override_removed.connect(self._take_override_back)
        self._below = QVBoxLayout()
        self._live = LiveCheck(context.runner, self._prepare_check, self)
        self._live.finished.connect(self._take_check)
        self._live.failed.connect(self._check_failed)
        self._place()
        language_changed.connect(self._relabel)
        self._relabel()

    @property
    def editor(self) -> ReportEditor:
        """The text editor."""
        return self._editor

    @property
    def discrepancies(self) -> DiscrepancyPanel:
        """The list under the text."""
        return self._list

    @property
    def sign_dialog(self) -> SignDialog | None:
        """The sign dialog while it is open."""
        return self._dialog

    @property
    def addendum_editor(self) -> AddendumEditor | None:
        """The addendum editor while it is open."""
        return self._addendum

    def set_session(self, session: StudySession | None) -> None:
        """Show the report of ``session`` (None: no study is open); stores what was typed."""
        self.flush()
        self._live.stop()
        if self._signals is not None:
            self._signals.disconnect_all()
        self._signals = None
        self._close_addendum()
        self._session = session
        self._notice = ""
        self._writing.set_session(session)
        if session is not None:
            self._signals = SessionSignals(
                (session.report_changed, self._report_changed),
                (session.check_finished, self._check_finished),
                (session.finding_changed, self._findings_changed),
                (session.findings_added, self._findings_changed),
                (session.findings_removed, self._findings_changed),
            )
            self._live.schedule()
        self._refresh()

    def flush(self) -> None:
        """Journal what was typed, now."""
        self._writing.flush()

    def draft(self) -> None:
        """Compose a draft from the accepted findings; Ctrl+Z brings the old text back."""
        session = self._session
        if session is None:
            return
        self.flush()
        self._write(lambda: compose_report.draft(session, session.language))
        stated = sum(1 for finding in session.findings if finding.is_in_report)
        if not session.is_locked:
            key = "report.draft_replaced" if stated else "report.draft_empty"
            self._notice = tr(key, count=stated)
            self._refresh_status()

    def check(self) -> None:
        """Check now, in the background."""
        self.flush()
        self._live.run_now()

    def sign(self) -> None:
        """Open the sign dialog; the check runs anew in it."""
        session = self._session
        if session is None or session.is_locked or self._dialog is not None:
            return
        self.flush()
        dialog = SignDialog(session, self._apply, self)
        dialog.show_requested.connect(self._leave_dialog_for)
        dialog.signed.connect(self._was_signed)
        dialog.finished.connect(self._dialog_closed)
        self._dialog = dialog
        dialog.open()

    def apply_fix(self, item: Discrepancy | None = None) -> None:
        """Apply the offered fix of ``item``, else of the discrepancy at the cursor or the current
        one."""
        if not isinstance(item, Discrepancy):
            item = self._editor.discrepancy_at_cursor() or self._list.current
        if item is not None:
            self._apply(item)

    def next_discrepancy(self) -> None:
        """Go to the next discrepancy and show its place."""
        self._step(1)

    def previous_discrepancy(self) -> None:
        """Go to the previous discrepancy and show its place."""
        self._step(-1)

    def add_addendum(self) -> None:
        """Open the addendum editor under a signed report."""
        session = self._session
        if session is None or not session.is_signed or self._addendum is not None:
            return
        self._addendum = AddendumEditor(session)
        self._addendum.signed.connect(self._was_signed)
        self._addendum.cancelled.connect(self._close_addendum)
        self._addendum.show_requested.connect(self._show_discrepancy)
        self._below.addWidget(self._addendum)
        self._refresh()
        self._addendum.setFocus()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """The panel's keys, where no global action has taken them."""
        control = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        alt = bool(event.modifiers() & Qt.KeyboardModifier.AltModifier)
        key = latin_key(event.key())
        keys: dict[tuple[bool, bool, int], Callable[[], None]] = {
            (True, False, Qt.Key.Key_D): self.draft,
            (True, False, Qt.Key.Key_K): self.check,
            (True, False, Qt.Key.Key_Return): self.sign,
            (True, False, Qt.Key.Key_Enter): self.sign,
            (True, False, Qt.Key.Key_Period): self.apply_fix,
            (False, True, Qt.Key.Key_Down): self.next_discrepancy,
            (False, True, Qt.Key.Key_Up): self.previous_discrepancy,
        }
        run = keys.get((control, alt, key))
        if run is None:
            super().keyPressEvent(event)
            return
        run()
        event.accept()

    def _typed(self) -> None:
        self._notice = ""
        self._live.schedule()

    def _prepare_check(self) -> CheckWork | None:
        self.flush()
        session = self._session
        if session is None or session.is_locked:
            return None
        given = check_report.snapshot(session)
        if not given.text.strip():
            self._editor.show_discrepancies(())
            self._list.show_items((), {}, locked=False)
            self._refresh_status()
            return None
        return lambda: check_report.check_snapshot(given)

    def _take_check(self, result: CheckResult) -> None:
        # the session drops a result whose text or findings are no longer the present ones
        if self._session is not None and not self._session.set_check(result):
            self._live.schedule()

    def _check_failed(self, error: AppError) -> None:
        self._notice = tr("report.check_failed", reason=error.text(language()))
        self._refresh_status()

    def _check_finished(self, _result: object = None) -> None:
        self._refresh()

    def _report_changed(self) -> None:
        session = self._session
        if session is None:
            return
        self._writing.take()
        self._refresh()
        self._live.schedule()

    def _findings_changed(self, _payload: object = None) -> None:
        self._refresh()
        self._live.schedule()

    def _write(self, work: Callable[[], object]) -> None:
        try:
            work()
        except AppError as error:
            self._say_error(error)

    def _say_error(self, error: AppError) -> None:
        self._notice = error.text(language())
        self._refresh_status()

    def _apply(self, item: Discrepancy) -> None:
        session = self._session
        if session is None or session.is_locked:
            return
        self.flush()
        if not session.is_check_current:
            self._write(lambda: check_report.check_now(session))
        check = session.last_check
        fresh = [] if check is None else [d for d in check.discrepancies if d.id == item.id]
        if not fresh or fresh[0].fix is None:
            self._notice = tr("discrepancy.no_fix")
            self._refresh_status()
            return
        fix = fresh[0].fix
        self._editor.replace_range(fix.start, fix.end, fix.insert)
        self.flush()
        self._write(lambda: check_report.check_now(session))

    def _override(self, item: Discrepancy, reason: str) -> None:
        session = self._session
        if session is not None:
            self.flush()
            self._write(lambda: session.set_override(Override(item.id, item.rule, reason)))

    def _take_override_back(self, item: Discrepancy) -> None:
        session = self._session
        if session is not None:
            self.flush()
            self._write(lambda: session.remove_override(item.id))

    def _show_discrepancy(self, item: Discrepancy) -> None:
        if self._editor.show_place(item):
            self._editor.setFocus()
        if item.finding_uid:
            self._show_finding(item.finding_uid)

    def _show_finding(self, uid: str) -> None:
        if self._session is not None and self._session.has_finding(uid):
            self._session.select(uid)
            self.show_finding.emit(uid)

    def _step(self, step: int) -> None:
        item = self._list.step(step)
        if item is not None:
            self._show_discrepancy(item)

    def _leave_dialog_for(self, item: Discrepancy) -> None:
        if self._dialog is not None:
            self._dialog.reject()
        self._show_discrepancy(item)

    def _was_signed(self, report: Report) -> None:
        self._close_addendum()
        self._refresh()
        self.signed.emit(report)

    def _dialog_closed(self, _code: int) -> None:
        dialog, self._dialog = self._dialog, None
        if dialog is not None:
            dialog.deleteLater()
        self._editor.setFocus()

    def _close_addendum(self) -> None:
        addendum, self._addendum = self._addendum, None
        if addendum is not None:
            self._below.removeWidget(addendum)
            addendum.hide()
            addendum.deleteLater()
        self._refresh()

    def _choose_language(self, code: Language) -> None:
        session = self._session
        if session is not None:
            self.flush()
            self._write(lambda: session.set_language(code))
            self._refresh()

    def _refresh(self) -> None:
        session = self._session
        signed = session is not None and session.is_locked
        is_open = session is not None
        self._editor.setReadOnly(signed or not is_open)
        self._editor.setPlaceholderText(tr("report.placeholder" if is_open else "report.no_study"))
        self._header.refresh(session)
        self._buttons.refresh(session, writing_addendum=self._addendum is not None)
        report = None if session is None else session.report
        signature = None if report is None else report.signature
        self._signature.setVisible(signature is not None)
        if signature is not None:
            self._signature.setText(
                tr(
                    "report.signed_line",
                    name=signature.name,
                    at=words.full_time_text(signature.at_utc),
                    meaning=meaning_text(signature.meaning).text(language()),
                )
            )
        if session is not None and report is not None:
            self._editor.show_links(report.links, words.finding_numbers(session.findings))
        else:
            self._editor.show_links((), {})
        self._refresh_check()
        self._refresh_status()

    def _refresh_check(self) -> None:
        session = self._session
        if session is None:
            self._editor.show_discrepancies(())
            self._list.show_items((), {}, locked=True)
            self._list.hide()
            return
        overrides = {item.discrepancy_id: item for item in session.overrides}
        check = session.last_check
        items = () if check is None or not session.report_text.strip() else check.discrepancies
        if session.is_check_current and not self._writing.is_ahead:
            self._editor.show_discrepancies(d for d in items if d.id not in overrides)
        # what was open at signing is frozen with the report; there is nothing left to resolve
        shown = () if session.is_locked else items
        if session.is_locked:
            self._editor.show_discrepancies(())
        self._list.show_items(shown, overrides, locked=session.is_locked)
        self._give_list_room(bool(shown))

    def _give_list_room(self, wanted: bool) -> None:
        """Show or hide the list; when it appears it gets two fifths of the height."""
        if wanted and self._list.isHidden():
            height = max(self._splitter.height(), 300)
            self._list.show()
            self._splitter.setSizes([height * 3 // 5, height * 2 // 5])
        elif not wanted:
            self._list.hide()

    def _refresh_status(self) -> None:
        self._notice_line.setText(self._notice)
        self._notice_line.setVisible(bool(self._notice) and self._session is not None)
        text, role = status_line(self._session)
        self._status.setText(text)
        self._status.setVisible(bool(text))
        set_role(self._status, role)

    def _relabel(self, *_: object) -> None:
        self._list.relabel()
        self._refresh()

    def _place(self) -> None:
        writing = QWidget()
        column = QVBoxLayout(writing)
        column.setContentsMargins(8, 0, 8, 2)
        column.setSpacing(4)
        column.addWidget(self._editor, 1)
        column.addWidget(self._signature)
        column.addLayout(self._below)
        column.addWidget(self._notice_line)
        column.addWidget(self._status)
        self._splitter = QSplitter(Qt.Orientation.Vertical)
        self._splitter.addWidget(writing)
        self._splitter.addWidget(self._list)
        self._splitter.setStretchFactor(0, 1)
        self._splitter.setChildrenCollapsible(False)
        self._list.hide()
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(2)
        outer.addWidget(self._header)
        outer.addWidget(self._splitter, 1)
        outer.addWidget(self._buttons)
        self.setMinimumWidth(330)
