"""Messages as a quiet bar: one sentence and what to do, the technical part folded; never modal."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.core.errors import AppError, Cancelled
from app.ui.texts import language, tr
from app.ui.theme import icon

_NOTE_MS = 6000


class MessageBar(QFrame):
    """Shows the latest message under the images until it is closed; notes go by themselves."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "message")
        self._text = QLabel()
        self._text.setWordWrap(True)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._detail = QLabel()
        self._detail.setProperty("role", "dim")
        self._detail.setWordWrap(True)
        self._more = QPushButton(tr("message.details"))
        self._more.setCheckable(True)
        self._more.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._more.toggled.connect(self._detail.setVisible)
        close = QPushButton()
        close.setIcon(icon("close"))
        close.setFlat(True)
        close.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        close.setToolTip(tr("message.close"))
        close.clicked.connect(self.hide)
        row = QHBoxLayout()
        row.addWidget(self._text, 1)
        row.addWidget(self._more)
        row.addWidget(close)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 5, 6, 5)
        column.addLayout(row)
        column.addWidget(self._detail)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.hide)
        self.hide()

    @property
    def text(self) -> str:
        """What the bar says; empty while it is hidden."""
        return "" if self.isHidden() else self._text.text()

    def show_error(self, error: BaseException) -> None:
        """An expected error in its own words; anything else is raised on as the bug it is."""
        if isinstance(error, Cancelled):
            return
        if not isinstance(error, AppError):
            raise error
        self._show(error.text(language()), error.technical_detail, "message-warn")

    def show_warning(self, text: str) -> None:
        """Something the reader must know; stays until closed."""
        self._show(text, "", "message-warn")

    def show_note(self, text: str) -> None:
        """Something that may be missed; goes after a few seconds."""
        self._show(text, "", "message")
        self._timer.start(_NOTE_MS)

    def _show(self, text: str, detail: str, role: str) -> None:
        self._timer.stop()
        self._text.setText(text)
        self._detail.setText(detail)
        self._more.setChecked(False)
        self._more.setVisible(bool(detail))
        self._detail.hide()
        self.setProperty("role", role)
        self.style().unpolish(self)
        self.style().polish(self)
        self.show()
