"""The report: draft, edit, check while typing, discrepancies, sign, addendum."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from app.core.errors import AppError
from app.core.report import Language, Report
from app.ui import finding_words as words
from app.ui.choice_bar import ChoiceBar
from app.ui.discrepancy_panel import DiscrepancyPanel
from app.ui.editor_pick import EditorPick
from app.ui.field_walk import FieldWalk
from app.ui.find_bar import FindBar
from app.ui.history_bridge import step_name
from app.ui.notice_line import NoticeLine
from app.ui.panel_style import PANEL_STYLE, set_role
from app.ui.prior_pane import PriorPane
from app.ui.report_bars import ReportButtons, ReportHeader
from app.ui.report_checking import ReportChecking
from app.ui.report_composing import ReportComposing
from app.ui.report_dictation import ReportDictation
from app.ui.report_editor import ReportEditor
from app.ui.report_frame import ReportFrame
from app.ui.report_inserting import ReportInserting
from app.ui.report_keys import KeyTable
from app.ui.report_outline import ReportOutline, SectionList
from app.ui.report_signing import ReportSigning
from app.ui.report_spelling import ReportSpelling
from app.ui.report_status import status_line
from app.ui.report_writing import ReportWriting
from app.ui.session_signals import SessionSignals
from app.ui.texts import language, language_changed, tr

if TYPE_CHECKING:
    from app.ui.addendum_editor import AddendumEditor
    from app.ui.sign_dialog import SignDialog
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
        self._session: StudySession | None = None
        self._signals: SessionSignals | None = None
        self._notice = NoticeLine()
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
        self._editor.undo_wanted.connect(self.undo)
        self._editor.redo_wanted.connect(self.redo)
        self._writing = ReportWriting(self._editor, self)
        self._writing.typed.connect(self._typed)
        self._writing.failed.connect(self._say_error)
        self._outline = ReportOutline(self._editor)
        pick = EditorPick(self._editor)
        self._inserting = ReportInserting(self._editor, pick, self._writing)
        self._inserting.said.connect(self._say)
        self._composing = ReportComposing(self._editor, self._writing)
        self._composing.said.connect(self._say)
        self._fields = FieldWalk(self._editor, pick, self._composing.fields_of)
        self._fields.filled.connect(lambda: self._writing.store("insert"))
        self._find = FindBar(self._editor)
        self._find.replaced.connect(lambda: self._writing.store("replace"))
        self._checking = ReportChecking(
            context.runner, self._editor, self._writing, self._outline, self
        )
        self._checking.show_finding.connect(self._show_finding)
        self._checking.said.connect(self._say)
        self._checking.set_mender(self._mend)
        self._prior, self._choice = PriorPane(), ChoiceBar()
        self._prior.said.connect(self._say)
        self._prior.left.connect(self._editor.setFocus)
        self._prior.carried.connect(lambda: self._say(tr("prior.carried")))
        self._choice.left.connect(self._editor.setFocus)
        self._checking.refreshed.connect(self._refresh_status)
        self.spelling = ReportSpelling(
            context, self._editor, lambda: self._writing.store("fix"), self
        )
        self.spelling.said.connect(self._say)
        self.dictation = ReportDictation(context, self, self)
        self.dictation.said.connect(self._say)
        self._signing = ReportSigning(self._checking.apply)
        self._signing.signed.connect(self._was_signed)
        self._signing.show_wanted.connect(self._checking.show)
        self._signing.failed.connect(self._say_error)
        self._signing.changed.connect(self._refresh)
        self._signing.closed.connect(self._editor.setFocus)
        self._status = QLabel()
        self._frame = self._place()
        self._checking.list.rebuilt.connect(self._give_list_room)
        self._keys = self._key_table()
        self._editor.add_key_handler(self._keys.press)
        language_changed.connect(self._relabel)
        self._relabel()

    @property
    def editor(self) -> ReportEditor:
        """The text editor."""
        return self._editor

    @property
    def discrepancies(self) -> DiscrepancyPanel:
        """The list under the text."""
        return self._checking.list

    @property
    def notice(self) -> str:
        """What was said last."""
        return self._notice.text

    @property
    def spoken_language(self) -> str:
        """The language in which the report is dictated."""
        return "" if self._session is None else self._session.language

    @property
    def fields(self) -> FieldWalk:
        """The fields of the text."""
        return self._fields

    @property
    def outline(self) -> ReportOutline:
        """The sections of the text."""
        return self._outline

    @property
    def find_bar(self) -> FindBar:
        """Find and replace."""
        return self._find

    @property
    def sign_dialog(self) -> SignDialog | None:
        """The sign dialog while it is open."""
        return self._signing.dialog

    @property
    def addendum_editor(self) -> AddendumEditor | None:
        """The addendum editor while it is open."""
        return self._signing.addendum

    def next_misspelling(self) -> None:
        """Go to the next misspelled word of the text that is being written."""
        addendum = self.addendum_editor
        (self.spelling if addendum is None else addendum.spelling).next_word()

    @property
    def signing(self) -> ReportSigning:
        """Signatures, versions, and who was told."""
        return self._signing

    def set_session(self, session: StudySession | None) -> None:
        """Show the report of ``session`` (None: no study is open); stores what was typed."""
        self.flush()
        if self._signals is not None:
            self._signals.disconnect_all()
        self._signals = None
        self._session = session
        self._notice.say("")
        self._writing.set_session(session)
        self._checking.set_session(session)
        self.spelling.set_session(session)
        self._signing.set_session(session)
        self._inserting.set_session(session)
        self._composing.set_session(session)
        self._prior.set_session(session)
        self._frame.show_earlier(False)
        self._outline.show_sections(self._editor.report_text(), ())
        if session is not None:
            self._signals = SessionSignals(
                (session.report_changed, self._report_changed),
                (session.check_finished, self._check_finished),
                (session.finding_changed, self._findings_changed),
                (session.findings_added, self._findings_changed),
                (session.findings_removed, self._findings_changed),
            )
        self._refresh()

    def set_full(self, full: bool) -> None:
        """The parts side by side (in a window of its own), or above each other."""
        self._frame.set_full(full)
        self._editor.setStyleSheet("font-size: 16px;" if full else "")
        self._refresh()

    def flush(self) -> None:
        """Journal what was typed, now."""
        self._writing.flush()

    def insert_text(self, text: str) -> None:
        """Put ``text`` in place of the selection, as one step of undo."""
        if self._session is not None and not self._editor.isReadOnly():
            self.flush()
            self._editor.replace_range(*self._editor.selected_range(), text)
            self._writing.store("insert")

    def insert_measurement(self) -> None:
        """Put a measurement of the current finding at the cursor."""
        self._inserting.current_measurement()

    def draft(self) -> None:
        """Compose a draft from the accepted findings; Ctrl+Z brings the old text back."""
        self._composing.draft(None)

    def choose_template(self) -> None:
        """Offer the templates of the report's language; the draft is made by the one chosen."""
        if self._editor.isReadOnly():
            return
        found = self._composing.templates()
        names = [f"{'● ' if fits else ''}{template.name}" for template, fits in found]
        self._choice.offer(
            tr("choice.template"), names, lambda number: self._composing.draft(found[number][0])
        )

    def templates_changed(self) -> None:
        """Templates or macros were edited: use them as they now are."""
        self._composing.forget()

    def toggle_prior(self) -> None:
        """Show the reports of earlier studies beside the text, or put them away."""
        if not self._prior.isHidden():
            self._frame.show_earlier(False)
            self._editor.setFocus()
        elif self._prior.load():
            self._frame.show_earlier(True)
            self._prior.setFocus()
        else:
            self._say(tr("prior.none"))

    def undo(self) -> None:
        """Take the latest change of the study back, of the text or of a finding."""
        self._go("undo")

    def redo(self) -> None:
        """Do it again."""
        self._go("redo")

    def check(self) -> None:
        """Check now, in the background."""
        self._checking.run_now()

    def open_search(self) -> None:
        """Open the search."""
        self._find.open(replacing=False)

    def open_replace(self) -> None:
        """Open search and replace."""
        self._find.open(replacing=True)

    def sign(self) -> None:
        """Open the sign dialog; the check runs anew in it."""
        self.flush()
        self._signing.sign()

    def revise(self) -> None:
        """Open what was signed as preliminary for review, or a signed report for correction."""
        self._signing.revise()

    def communicate(self, finding_uid: str = "") -> None:
        """Record who was told of the critical results, or of the finding given."""
        self.flush()
        self._signing.communicate(finding_uid)

    def show_versions(self) -> None:
        """The versions of the report and what changed between them."""
        self.flush()
        self._signing.show_versions()

    def apply_fix(self) -> None:
        """Apply the offered fix of the discrepancy at the cursor, else of the current one."""
        self._checking.apply()

    def dismiss(self) -> None:
        """Ask why the discrepancy at the cursor, else the current one, may stand."""
        self._checking.dismiss()

    def next_discrepancy(self) -> None:
        """Go to the next discrepancy and show its place."""
        self._checking.step(1)

    def previous_discrepancy(self) -> None:
        """Go to the previous discrepancy and show its place."""
        self._checking.step(-1)

    def next_section(self) -> None:
        """Put the cursor into the next section."""
        self._outline.step(1)

    def previous_section(self) -> None:
        """Put the cursor into the section before."""
        self._outline.step(-1)

    def add_addendum(self) -> None:
        """Open the addendum editor under a signed report."""
        self._signing.add_addendum()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """The panel's keys, where no global action has taken them."""
        if not self._keys.press(event):
            super().keyPressEvent(event)

    def _mend(self, position: int) -> bool:
        return self._composing.refresh_at(position) or self._composing.confirm_at(position)

    def _typed(self) -> None:
        self._notice.say("")
        self._checking.schedule()
        self.spelling.schedule()

    def _go(self, way: str) -> None:
        session = self._session
        if session is None:
            return
        self.flush()
        label = session.history.undo_label if way == "undo" else session.history.redo_label
        if label is None:
            return
        self._write(session.undo if way == "undo" else session.redo)
        # what is taken back may not be in sight: it is said
        self._say(tr(f"report.{way}ne", what=step_name(label)))

    def _check_finished(self, _result: object = None) -> None:
        self._refresh()

    def _report_changed(self) -> None:
        if self._session is None:
            return
        self._writing.take()
        self._refresh()
        self._checking.schedule()
        self.spelling.schedule()

    def _findings_changed(self, _payload: object = None) -> None:
        self._refresh()
        self._checking.schedule()

    def _write(self, work: Callable[[], object]) -> None:
        try:
            work()
        except AppError as error:
            self._say_error(error)

    def _say_error(self, error: AppError) -> None:
        self._say(error.text(language()))

    def _say(self, text: str) -> None:
        self._notice.say(text)

    def _show_finding(self, uid: str) -> None:
        if self._session is not None and self._session.has_finding(uid):
            self._session.select(uid)
            self.show_finding.emit(uid)

    def _was_signed(self, report: Report) -> None:
        self._notice.say("")
        self._refresh()
        self.signed.emit(report)

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
        self._buttons.refresh(session, writing_addendum=self._signing.addendum is not None)
        report = None if session is None else session.report
        self._signing.refresh()
        if session is not None and report is not None:
            self._editor.show_links(report.links, words.finding_numbers(session.findings))
        else:
            self._editor.show_links((), {})
        self._fields.mark()
        self._composing.mark()
        self._checking.refresh()
        self._refresh_status()

    def _give_list_room(self) -> None:
        listed = self._checking.list
        self._frame.show_list(bool(listed.items), brief=not listed.unfolded)

    def _refresh_status(self) -> None:
        text, role = status_line(self._session)
        self._status.setText(text)
        self._status.setVisible(bool(text))
        set_role(self._status, role)

    def _relabel(self, *_: object) -> None:
        self._editor.setAccessibleName(tr("report.text_name"))
        self._checking.list.setAccessibleName(tr("discrepancy.list_name"))
        self._checking.list.relabel()
        self._refresh()

    def _key_table(self) -> KeyTable:
        calls: dict[str, Callable[[], object]] = {
            "Ctrl+D": self.draft, "Ctrl+K": self.check, "Ctrl+Return": self.sign,
            "Ctrl+Enter": self.sign, "Ctrl+.": self.apply_fix, "Alt+Down": self.next_discrepancy,
            "Alt+Up": self.previous_discrepancy, "Alt+Del": self.dismiss,
            "Ctrl+T": self.choose_template, "Ctrl+P": self.toggle_prior,
            "Ctrl+M": self.insert_measurement, "Ctrl+F": self.open_search,
            "Ctrl+Shift+T": self.communicate, "Ctrl+Shift+A": self.add_addendum,
            "Ctrl+Shift+R": self.revise, "Ctrl+Shift+V": self.show_versions,
            "Ctrl+H": self.open_replace, "Ctrl+PgDown": self.next_section,
            "Ctrl+PgUp": self.previous_section,
        }  # fmt: skip
        for number in range(9):
            calls[f"Alt+{number + 1}"] = partial(self._outline.go_to, number)
        return KeyTable(calls)

    def _place(self) -> ReportFrame:
        self._status.setWordWrap(True)
        writing = QWidget()
        column = QVBoxLayout(writing)
        column.setContentsMargins(8, 0, 8, 2)
        column.setSpacing(4)
        column.addWidget(self._editor, 1)
        column.addWidget(self._find)
        column.addWidget(self._signing)
        column.addWidget(self._notice)
        column.addWidget(self._status)
        sections = SectionList(self._outline, self._editor)
        frame = ReportFrame(writing, self._checking.list, sections, self._prior)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(2)
        outer.addWidget(self._header)
        outer.addWidget(self._choice)
        outer.addWidget(frame, 1)
        outer.addWidget(self._buttons)
        self.setMinimumWidth(330)
        return frame
