"""The inline editor of an addendum: the only way in which a signed report changes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.core.errors import AppError
from app.core.report import Discrepancy, Override
from app.ui.discrepancy_panel import DiscrepancyPanel
from app.ui.report_editor import ReportEditor
from app.ui.report_spelling import ReportSpelling
from app.ui.signer_fields import SignerFields
from app.ui.texts import language, tr
from app.workflow import sign_report

if TYPE_CHECKING:
    from app.workflow.session import StudySession


class AddendumEditor(QWidget):
    """Text and signer of an addendum; ``signed`` carries the new version of the report."""

    signed = Signal(object)
    cancelled = Signal()
    show_requested = Signal(object)

    def __init__(self, session: StudySession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        title = QLabel(tr("report.addendum_title"))
        title.setProperty("role", "bright")
        title.setWordWrap(True)
        self.text = ReportEditor()
        self.text.setPlaceholderText(tr("report.addendum_placeholder"))
        self.text.setTabChangesFocus(True)
        self.text.setMinimumHeight(80)
        self.text.setUndoRedoEnabled(True)  # the session's undo ends before what is signed
        self.text.undo_wanted.connect(self.text.undo)
        self.text.redo_wanted.connect(self.text.redo)
        self.spelling = ReportSpelling(session.context, self.text, lambda: None, self)
        self.spelling.said.connect(self._say)
        self.spelling.set_session(session)
        self.text.textChanged.connect(self.spelling.schedule)
        self._signer = SignerFields(session.context)
        self._overrides = {item.discrepancy_id: item for item in session.overrides}
        self._list = DiscrepancyPanel()
        self._list.setMinimumHeight(130)
        self._list.show_requested.connect(self.show_requested)
        self._list.override_given.connect(self._override)
        self._list.override_removed.connect(self._take_back)
        self._list.hide()
        self._fault = QLabel()
        self._fault.setProperty("role", "error")
        self._fault.setWordWrap(True)
        self._fault.hide()
        back = QPushButton(tr("editor.cancel") + "  Esc")
        back.clicked.connect(self.cancelled)
        sign = QPushButton(tr("report.addendum_sign") + "  ^⏎")
        sign.setProperty("primary", True)
        sign.clicked.connect(self.sign)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(back)
        row.addWidget(sign)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 4)
        layout.addWidget(title)
        layout.addWidget(self.text, 1)
        layout.addWidget(self._list, 2)
        layout.addWidget(self._signer)
        layout.addWidget(self._fault)
        layout.addLayout(row)
        self.setFocusProxy(self.text)

    def set_text(self, text: str) -> None:
        """Put in a text."""
        self.text.setPlainText(text)

    @property
    def signer(self) -> SignerFields:
        """Who signs: name or login, password, clock."""
        return self._signer

    def add_sentence(self, sentence: str) -> None:
        """Put a sentence at the end of the text."""
        text = self.text.toPlainText().rstrip()
        self.text.setPlainText(f"{text}\n{sentence}".lstrip())

    def sign(self) -> None:
        """Sign the addendum, or say in a line why not."""
        text = self.text.toPlainText().strip()
        if not text:
            self._say(tr("report.addendum_empty"))
            return
        if self._signer.missing:
            self._say(self._signer.missing)
            self._signer.focus_first_empty()
            return
        try:
            if self._blocks(text):
                self._say(tr("sign.blocks_open"))
                return
            request = sign_report.AddendumRequest(
                text,
                self._signer.who.text().strip(),
                tuple(self._overrides.values()),
                self._signer.take_password(),
                self._signer.clock_reason.text(),
            )
            report = sign_report.add_addendum(self._session, request)
        except AppError as error:
            self._signer.refresh_clock()
            self._say(error.text(language()))
            return
        self.signed.emit(report)

    @property
    def discrepancies(self) -> DiscrepancyPanel:
        """What the check of report and addendum together blocks."""
        return self._list

    def _blocks(self, text: str) -> bool:
        """Check the whole text; list what blocks. Whether something still has no reason."""
        check = sign_report.addendum_check(self._session, text)
        before = {item.discrepancy_id for item in self._session.overrides}
        # the text above is signed, so no fix can be offered, only a reason
        listed = [
            replace(item, fix=None)
            for item in check.discrepancies
            if item.severity == "block" and item.id not in before
        ]
        self._list.show_items(listed, self._overrides, locked=False)
        self._list.setVisible(bool(listed))
        return bool(sign_report.open_blocks(check, tuple(self._overrides.values())))

    def _override(self, item: Discrepancy, reason: str) -> None:
        self._overrides[item.id] = Override(item.id, item.rule, reason)
        self._list.show_items(self._list.items, self._overrides, locked=False)

    def _take_back(self, item: Discrepancy) -> None:
        self._overrides.pop(item.id, None)
        self._list.show_items(self._list.items, self._overrides, locked=False)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape leaves, Ctrl+Enter signs."""
        if event.key() == Qt.Key.Key_Escape:
            self.cancelled.emit()
        elif (
            event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
            and event.modifiers() & Qt.KeyboardModifier.ControlModifier
        ):
            self.sign()
        else:
            super().keyPressEvent(event)

    def _say(self, text: str) -> None:
        self._fault.setText(text)
        self._fault.show()
