"""The list of findings: what was proposed, what is decided, and the verbs to decide by keyboard."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app.core.errors import AppError
from app.core.finding import Finding, FindingContent
from app.core.study import SeriesRef
from app.ui.coverage_view import CoverageRow, CoverageView
from app.ui.finding_card import CardFacts, FindingCard
from app.ui.finding_editor import FindingEditor
from app.ui.finding_words import finding_numbers
from app.ui.flag_words import FlagWords
from app.ui.inline_slot import InlineSlot
from app.ui.key_layout import latin_key
from app.ui.panel_style import PANEL_STYLE
from app.ui.reject_menu import ReasonList
from app.ui.session_signals import SessionSignals
from app.ui.texts import language, language_changed, tr
from app.workflow import review

if TYPE_CHECKING:
    from app.workflow.context import AppContext
    from app.workflow.session import StudySession


class FindingsPanel(QWidget):
    """Shows the findings of the open study and takes decisions about them. Main thread only.

    ``finding_activated`` asks the images to show a finding. Every decision goes through
    ``workflow.review`` and is on disk before the card changes.
    """

    finding_activated = Signal(object)
    run_requested = Signal(object)

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._session: StudySession | None = None
        self._signals: SessionSignals | None = None
        self._cards: dict[str, FindingCard] = {}
        self._flag_words = FlagWords(context)
        self._series_provider: Callable[[], SeriesRef | None] = lambda: None
        self.setStyleSheet(PANEL_STYLE)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._title = QLabel()
        self._title.setProperty("role", "heading")
        self._count = QLabel()
        self._count.setProperty("role", "dim")
        self._coverage_button = QPushButton()
        self._coverage_button.setProperty("role", "link")
        self._coverage_button.setCheckable(True)
        self._coverage_button.toggled.connect(self._show_coverage)
        self._message = QLabel()
        self._message.setWordWrap(True)
        self._message.setProperty("role", "error")
        self._message.hide()
        self._empty = QLabel()
        self._empty.setWordWrap(True)
        self._empty.setProperty("role", "empty")
        self._coverage = CoverageView()
        self._coverage.run_requested.connect(self.run_requested)
        self._coverage.hide()
        self._scroll = QScrollArea()
        self._inline = InlineSlot(self._scroll)
        self._add = QPushButton()
        self._add.setProperty("role", "link")
        self._add.clicked.connect(self.add_finding)
        self._list = QVBoxLayout()
        self._place()
        language_changed.connect(self._relabel)
        self._relabel()

    def set_session(self, session: StudySession | None) -> None:
        """Show the findings of ``session`` (None: no study is open)."""
        if self._signals is not None:
            self._signals.disconnect_all()
        self._signals = None
        self._session = session
        self._inline.close()
        for card in self._cards.values():
            card.deleteLater()
        self._cards.clear()
        self._flag_words.forget()
        if session is not None:
            self._signals = SessionSignals(
                (session.finding_changed, self._refresh_later),
                (session.findings_added, self._take_findings),
                (session.findings_removed, self._refresh_later),
                (session.selection_changed, self._selection_changed),
                (session.report_changed, self._refresh_later),
            )
        self._say("")
        self._refresh()

    def set_series_provider(self, provider: Callable[[], SeriesRef | None]) -> None:
        """Tell which series is on screen, for findings that the reader adds."""
        self._series_provider = provider

    def set_coverage(self, rows: Sequence[CoverageRow]) -> None:
        """What was analyzed and what was not, with reasons."""
        self._coverage.set_rows(rows)
        self._refresh_header()

    @property
    def session(self) -> StudySession | None:
        """The session shown."""
        return self._session

    def accept_current(self) -> None:
        """Accept the current finding."""
        self._decide(lambda session, uid: review.accept(session, uid))

    def reopen_current(self) -> None:
        """Put the current finding back to undecided."""
        self._decide(lambda session, uid: review.reopen(session, uid))

    def reject_current(self) -> None:
        """Ask for the reason, inline, then reject the current finding."""
        card = self._current_card()
        if card is None or self._is_locked():
            return
        uid = card.uid
        reasons = ReasonList(tr("reject.title"), review.REJECT_REASONS)
        reasons.chosen.connect(lambda reason: self._reject(uid, reason))
        reasons.cancelled.connect(self._leave_inline)
        self._inline.open(reasons, card)
        reasons.setFocus()

    def edit_current(self) -> None:
        """Open the inline editor of the current finding."""
        session, card = self._session, self._current_card()
        if session is None or card is None or self._is_locked():
            return
        uid = card.uid
        number = finding_numbers(session.findings)[uid]
        editor = FindingEditor(session.finding(uid).current, tr("editor.title_edit", number=number))
        editor.saved.connect(lambda content: self._save(uid, content))
        editor.cancelled.connect(self._leave_inline)
        self._inline.open(editor, card)
        editor.focus_first()

    def add_finding(self) -> None:
        """Open the inline editor for a finding of the reader's own."""
        session = self._session
        if session is None or self._is_locked():
            return
        ref = self._series_on_screen(session)
        if ref is None:
            self._say(tr("findings.no_series"))
            return
        editor = FindingEditor(None, tr("editor.title_add"))
        editor.saved.connect(lambda content: self._save_new(content, ref))
        editor.cancelled.connect(self._leave_inline)
        self._inline.open(editor)
        editor.focus_first()

    def next_finding(self) -> None:
        """Go on to the next finding and show it on the image."""
        self._step(1)

    def previous_finding(self) -> None:
        """Go back to the previous finding and show it on the image."""
        self._step(-1)

    def toggle_coverage(self) -> None:
        """Fold or unfold what was analyzed."""
        self._coverage_button.toggle()

    def card(self, uid: str) -> FindingCard | None:
        """The card of a finding."""
        return self._cards.get(uid)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """The verbs, while the panel has the focus and no inline editor is open."""
        verb = self._verb(event)
        if verb is None or self._inline.is_open:
            super().keyPressEvent(event)
            return
        verb()
        event.accept()

    def _verb(self, event: QKeyEvent) -> Callable[[], None] | None:
        key, modifiers = latin_key(event.key()), event.modifiers()
        if modifiers & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier):
            return None
        if key == Qt.Key.Key_N:
            back = bool(modifiers & Qt.KeyboardModifier.ShiftModifier)
            return self.previous_finding if back else self.next_finding
        verbs: dict[int, Callable[[], None]] = {
            Qt.Key.Key_Down: self.next_finding,
            Qt.Key.Key_Up: self.previous_finding,
            Qt.Key.Key_Return: self.accept_current,
            Qt.Key.Key_Enter: self.accept_current,
            Qt.Key.Key_X: self.reject_current,
            Qt.Key.Key_Delete: self.reject_current,
            Qt.Key.Key_E: self.edit_current,
            Qt.Key.Key_F2: self.edit_current,
            Qt.Key.Key_U: self.reopen_current,
            Qt.Key.Key_F: self.add_finding,
        }
        return verbs.get(key)

    def _decide(self, verb: Callable[[StudySession, str], None]) -> bool:
        session = self._session
        if session is None or session.selected_uid is None:
            return False
        return self._write(lambda: verb(session, str(session.selected_uid)))

    def _write(self, work: Callable[[], object]) -> bool:
        try:
            work()
        except AppError as error:
            self._say(error.text(language()))
            return False
        self._say("")
        return True

    def _reject(self, uid: str, reason: str) -> None:
        session = self._session
        if session is not None and self._write(lambda: review.reject(session, uid, reason)):
            self._leave_inline()

    def _save(self, uid: str, content: FindingContent) -> None:
        session = self._session
        if session is not None and self._write(lambda: review.edit(session, uid, content)):
            self._leave_inline()

    def _save_new(self, content: FindingContent, ref: SeriesRef) -> None:
        session = self._session
        if session is None:
            return
        added: list[str] = []
        if self._write(lambda: added.append(review.add(session, content, ref, None))):
            self._leave_inline()
            session.select(added[0])

    def _step(self, step: int) -> None:
        session = self._session
        if session is None or not session.findings:
            return
        if step > 0:
            session.select_next()
        else:
            session.select_previous()
        if session.selected_uid is not None:
            self.finding_activated.emit(session.selected_uid)

    def _activate(self, uid: str) -> None:
        if self._session is not None:
            self._session.select(uid)
            self.finding_activated.emit(uid)
        if not self._inline.is_open:
            self.setFocus()

    def _act(self, action: str, uid: str) -> None:
        if self._session is None:
            return
        self._session.select(uid)
        {
            "accept": self.accept_current,
            "edit": self.edit_current,
            "reject": self.reject_current,
            "reopen": self.reopen_current,
        }[action]()

    def _leave_inline(self) -> None:
        self._inline.leave(self)

    def _is_locked(self) -> bool:
        return self._session is not None and self._session.is_locked

    def _series_on_screen(self, session: StudySession) -> SeriesRef | None:
        ref = self._series_provider()
        if ref is not None:
            return ref
        for series in session.study.series:
            if series.stacks:
                uid = session.study.study_instance_uid
                return SeriesRef(uid, series.series_instance_uid, series.stacks[0].index)
        return None

    def _current_card(self) -> FindingCard | None:
        uid = None if self._session is None else self._session.selected_uid
        return None if uid is None else self._cards.get(uid)

    def _selection_changed(self, _uid: object = None) -> None:
        card = self._current_card()
        if card is None or not self._inline.is_below(card):
            self._inline.close()
        self._refresh()
        card = self._current_card()
        if card is not None:
            self._inline.bring_into_view(card)

    def _take_findings(self, *_: object) -> None:
        self._flag_words.forget()  # a run brings words of its own
        self._refresh()

    def _refresh_later(self, *_: object) -> None:
        self._refresh()

    def _refresh(self) -> None:
        findings: Sequence[Finding] = () if self._session is None else self._session.findings
        numbers = finding_numbers(findings)
        wanted = {finding.uid for finding in findings}
        for uid in [uid for uid in self._cards if uid not in wanted]:
            card = self._cards.pop(uid)
            if self._inline.is_below(card):
                self._inline.close()
            card.hide()
            card.deleteLater()
        selected = None if self._session is None else self._session.selected_uid
        several = len({(f.series_instance_uid, f.stack) for f in findings}) > 1
        for place, finding in enumerate(findings):
            shown = self._cards.get(finding.uid)
            if shown is None:
                shown = self._cards[finding.uid] = FindingCard()
                shown.clicked.connect(self._activate)
                shown.action_requested.connect(self._act)
            shown.show_finding(
                finding,
                CardFacts(
                    numbers[finding.uid],
                    is_current=finding.uid == selected,
                    is_locked=self._is_locked(),
                    flag_texts=self._flag_words.of_pack(finding.provenance.pack, self._session),
                    series_text=self._series_text(finding) if several else "",
                ),
            )
            if self._list.indexOf(shown) != place:
                self._list.insertWidget(place, shown)
                shown.show()
        self._refresh_header()

    def _series_text(self, finding: Finding) -> str:
        """Names the series of a finding, for studies in which more than one has findings."""
        study = None if self._session is None else self._session.study
        series = None if study is None else study.find_series(finding.series_instance_uid)
        if series is None:
            return ""
        name = " ".join(str(part) for part in (series.number, series.description) if part)
        return tr("coverage.series", series=name or series.modality)

    def _refresh_header(self) -> None:
        session = self._session
        findings = () if session is None else session.findings
        undecided = sum(1 for finding in findings if finding.state == "proposed")
        if not findings:
            self._count.setText("")
        elif undecided:
            self._count.setText(tr("findings.open", open=undecided, total=len(findings)))
        else:
            self._count.setText(tr("findings.all_decided", total=len(findings)))
        self._empty.setVisible(not findings)
        if session is None:
            self._empty.setText(tr("findings.no_study"))
        else:
            self._empty.setText(tr("findings.empty") + "\n\n" + tr("findings.empty_hint"))
        self._add.setVisible(session is not None and not self._is_locked())
        self._coverage_button.setVisible(session is not None)
        # An empty list must not look like a normal study: what was not analyzed stands below it.
        unfolded = self._coverage_button.isChecked() or not findings
        self._coverage.setVisible(session is not None and unfolded)

    def _show_coverage(self, _shown: bool) -> None:
        self._refresh_header()

    def _say(self, text: str) -> None:
        self._message.setText(text)
        self._message.setVisible(bool(text))

    def _relabel(self, *_: object) -> None:
        self._title.setText(tr("findings.title").upper())
        self._add.setText(f"+ {tr('findings.add')}  F")
        self._coverage_button.setText(tr("findings.coverage"))
        self._coverage.relabel()
        self._inline.close()
        self._refresh()

    def _place(self) -> None:
        header = QHBoxLayout()
        header.setContentsMargins(12, 6, 10, 2)
        header.addWidget(self._title)
        header.addStretch(1)
        header.addWidget(self._count)
        self._body = QWidget()
        self._body.setObjectName("body")
        column = QVBoxLayout(self._body)
        column.setContentsMargins(6, 2, 6, 6)
        column.setSpacing(4)
        self._list.setSpacing(4)
        column.addWidget(self._empty)
        column.addLayout(self._list)
        column.addLayout(self._inline)
        row = QHBoxLayout()
        row.addWidget(self._add)
        row.addStretch(1)
        row.addWidget(self._coverage_button)
        column.addLayout(row)
        column.addWidget(self._coverage)
        column.addStretch(1)
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setWidget(self._body)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(2)
        outer.addLayout(header)
        message_row = QHBoxLayout()
        message_row.setContentsMargins(12, 0, 10, 0)
        message_row.addWidget(self._message)
        outer.addLayout(message_row)
        outer.addWidget(self._scroll, 1)
        self.setMinimumWidth(330)
