"""The reasons for rejecting a finding, inline under its card: number keys, arrows or free text."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from app.core.report import Message
from app.ui.texts import language, tr


class ReasonList(QWidget):
    """A numbered list of reasons and a line for another one.

    A number key takes that reason at once; arrows and Enter, or a click, do the same. Anything
    else typed goes to the free line. ``chosen`` carries the reason (id of the list, or free text).
    """

    chosen = Signal(str)
    cancelled = Signal()

    def __init__(
        self, title: str, reasons: Sequence[tuple[str, Message]], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("plain")
        self._reasons = tuple(reasons)
        self._row = 0
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 2, 0, 2)
        layout.setSpacing(1)
        heading = QLabel(title)
        heading.setProperty("role", "bright")
        layout.addWidget(heading)
        self._buttons: list[QPushButton] = []
        for number, (reason, message) in enumerate(self._reasons, 1):
            button = QPushButton(f"{number}   {message.text(language())}")
            button.setProperty("role", "link")
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            button.clicked.connect(lambda _=False, reason=reason: self.chosen.emit(reason))
            layout.addWidget(button)
            self._buttons.append(button)
        self._free = QLineEdit()
        self._free.setPlaceholderText(tr("reject.free"))
        self._free.returnPressed.connect(self._take_free)
        self._free.installEventFilter(self)
        layout.addWidget(self._free)
        keys = QLabel(tr("reject.keys", count=len(self._reasons)))
        keys.setProperty("role", "faint")
        keys.setWordWrap(True)
        layout.addWidget(keys)
        self._mark_row()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Number keys, arrows, Enter, Escape; other text goes to the free line."""
        key, text = event.key(), event.text()
        if key == Qt.Key.Key_Escape:
            self.cancelled.emit()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.chosen.emit(self._reasons[self._row][0])
        elif key in (Qt.Key.Key_Down, Qt.Key.Key_Up):
            step = 1 if key == Qt.Key.Key_Down else -1
            self._row = (self._row + step) % len(self._reasons)
            self._mark_row()
        elif text.isdigit() and 1 <= int(text) <= len(self._reasons):
            self.chosen.emit(self._reasons[int(text) - 1][0])
        elif text.isprintable() and text.strip() and not text.isdigit():
            self._free.setFocus()
            self._free.insert(text)
        else:
            super().keyPressEvent(event)
            return
        event.accept()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Escape and Up leave the free line."""
        if watched is self._free and isinstance(event, QKeyEvent):
            if event.type() == QEvent.Type.KeyPress and event.key() == Qt.Key.Key_Escape:
                self.cancelled.emit()
                return True
            if event.type() == QEvent.Type.KeyPress and event.key() == Qt.Key.Key_Up:
                self.setFocus()
                return True
        return super().eventFilter(watched, event)

    def _take_free(self) -> None:
        text = self._free.text().strip()
        if text:
            self.chosen.emit(text)

    def _mark_row(self) -> None:
        for row, button in enumerate(self._buttons):
            button.setDown(row == self._row)
            button.setStyleSheet("background: palette(highlight);" if row == self._row else "")
