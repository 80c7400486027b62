"""A question for a reason in one line, inline: Enter gives it, Escape leaves."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QPushButton, QWidget

from app.ui.texts import tr


class ReasonLine(QWidget):
    """``given`` carries the reason, never an empty one."""

    given = Signal(str)
    cancelled = Signal()

    def __init__(self, question: str, verb: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text = QLineEdit()
        self.text.setPlaceholderText(question)
        self.text.setAccessibleName(question)
        self.text.textChanged.connect(self._refresh)
        self.text.returnPressed.connect(self._give)
        back = QPushButton(tr("editor.cancel") + "  Esc")
        back.clicked.connect(self.cancelled)
        self._go = QPushButton(verb)
        self._go.setProperty("primary", True)
        self._go.clicked.connect(self._give)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 4, 0, 4)
        row.addWidget(self.text, 1)
        row.addWidget(back)
        row.addWidget(self._go)
        self.setFocusProxy(self.text)
        self._refresh()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape leaves."""
        if event.key() == Qt.Key.Key_Escape:
            self.cancelled.emit()
        else:
            super().keyPressEvent(event)

    def _refresh(self) -> None:
        self._go.setEnabled(bool(self.text.text().strip()))

    def _give(self) -> None:
        reason = self.text.text().strip()
        if reason:
            self.given.emit(reason)
