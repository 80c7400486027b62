"""The reports of earlier studies beside the new one; a sentence is carried over by choice only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from app.core.errors import AppError
from app.ui.report_positions import utf16
from app.ui.texts import language, language_changed, tr
from app.ui.theme import COLORS
from app.workflow import prior_reports
from app.workflow.prior_reports import PriorReport

if TYPE_CHECKING:
    from app.workflow.session import StudySession


class PriorPane(QWidget):
    """An earlier report to read. Main thread only.

    The sentence in which its cursor stands is marked; ``Enter`` or the button carries it over.
    ``carried`` tells that one was, ``said`` why one was not, ``left`` that Esc was pressed.
    """

    carried = Signal()
    said = Signal(str)
    left = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session: StudySession | None = None
        self._priors: tuple[PriorReport, ...] = ()
        self._title = QLabel()
        self._title.setProperty("role", "heading")
        self._choice = QComboBox()
        self._choice.currentIndexChanged.connect(self._show)
        self._text = QPlainTextEdit()
        self._text.setReadOnly(True)
        self._text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByKeyboard
            | Qt.TextInteractionFlag.TextSelectableByMouse
        )
        self._text.setTabChangesFocus(True)
        self._text.cursorPositionChanged.connect(self._mark)
        self._text.installEventFilter(self)
        self._carry = QPushButton()
        self._carry.clicked.connect(self.carry)
        top = QHBoxLayout()
        top.addWidget(self._title)
        top.addWidget(self._choice, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 0, 8, 2)
        layout.setSpacing(4)
        layout.addLayout(top)
        layout.addWidget(self._text, 1)
        layout.addWidget(self._carry)
        language_changed.connect(self._relabel)
        self._relabel()
        self.setFocusProxy(self._text)

    def set_session(self, session: StudySession | None) -> None:
        """The patient whose earlier reports are shown."""
        self._session = session
        self._priors = ()
        self._choice.clear()
        self._text.clear()

    def load(self) -> int:
        """Read the earlier reports of the patient; how many there are."""
        session = self._session
        if session is None:
            return 0
        try:
            self._priors = prior_reports.prior_reports(session)
        except AppError as error:
            self.said.emit(error.text(language()))
            return 0
        self._choice.blockSignals(True)
        self._choice.clear()
        for prior in self._priors:
            self._choice.addItem(f"{prior.study_date}  {prior.description}".strip())
        self._choice.blockSignals(False)
        self._show()
        return len(self._priors)

    @property
    def sentence(self) -> str:
        """The sentence of the findings in which the cursor stands; empty elsewhere."""
        span = self._span()
        return "" if span is None else span[2]

    def carry(self) -> None:
        """Carry the marked sentence over, marked as unconfirmed with its date."""
        session, prior, sentence = self._session, self._current(), self.sentence
        if session is None or prior is None:
            return
        if not sentence:
            self.said.emit(tr("prior.no_sentence"))
            return
        try:
            prior_reports.carry_forward(session, prior, sentence)
        except AppError as error:
            self.said.emit(error.text(language()))
            return
        self.carried.emit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Enter carries over, Esc goes back to the text."""
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.modifiers():
                self.carry()
                return True
            if event.key() == Qt.Key.Key_Escape:
                self.left.emit()
                return True
        return super().eventFilter(watched, event)

    def _current(self) -> PriorReport | None:
        number = self._choice.currentIndex()
        return self._priors[number] if 0 <= number < len(self._priors) else None

    def _show(self, _number: int = 0) -> None:
        prior = self._current()
        self._text.setPlainText("" if prior is None else prior.text)
        self._carry.setEnabled(prior is not None)
        if prior is not None and prior.sentences:
            cursor = self._text.textCursor()
            cursor.setPosition(utf16(prior.text, max(0, prior.text.find(prior.sentences[0][:20]))))
            self._text.setTextCursor(cursor)

    def _span(self) -> tuple[int, int, str] | None:
        prior = self._current()
        if prior is None:
            return None
        position = self._text.textCursor().position()
        flat = prior.text.replace("\n", " ")
        at = 0
        for sentence in prior.sentences:
            start = flat.find(sentence, at)
            if start < 0:
                continue
            at = start + len(sentence)
            if utf16(prior.text, start) <= position <= utf16(prior.text, at):
                return start, at, sentence
        return None

    def _mark(self) -> None:
        span, marks = self._span(), []
        prior = self._current()
        if span is not None and prior is not None:
            form = QTextCharFormat()
            form.setBackground(QColor(COLORS["accentdeep"]))
            cursor = QTextCursor(self._text.document())
            cursor.setPosition(utf16(prior.text, span[0]))
            cursor.setPosition(utf16(prior.text, span[1]), QTextCursor.MoveMode.KeepAnchor)
            selection = QTextEdit.ExtraSelection()
            selection.cursor = cursor
            selection.format = form
            marks.append(selection)
        self._text.setExtraSelections(marks)
        self._carry.setEnabled(span is not None)

    def _relabel(self, *_: object) -> None:
        self._title.setText(tr("prior.title").upper())
        self._choice.setAccessibleName(tr("prior.choice"))
        self._text.setAccessibleName(tr("prior.text"))
        self._carry.setText(tr("prior.carry") + "  ⏎")
        self._carry.setToolTip(tr("prior.carry_tip"))
