"""A sentence to the reader under the report; of a long one the beginning, the rest when asked."""

from __future__ import annotations

import textwrap
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from app.ui.texts import tr

_MOST: Final = 110  # characters: two lines of the compact panel


class NoticeLine(QWidget):
    """What was said last; takes no room while that is nothing. Main thread."""

    def __init__(self) -> None:
        super().__init__()
        self._words = QLabel()
        self._words.setWordWrap(True)
        self._words.setTextFormat(Qt.TextFormat.PlainText)
        self._words.setProperty("role", "dim")
        self._more = QPushButton()
        self._more.setProperty("role", "link")
        self._more.clicked.connect(self._show_whole)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._words)
        column.addWidget(self._more, 0, Qt.AlignmentFlag.AlignLeft)
        self.text = ""
        self.say("")

    def say(self, text: str) -> None:
        """Show ``text``, or its beginning with a button for the rest; empty hides the line."""
        self.text = text
        beginning = textwrap.shorten(text, _MOST, placeholder=" …")
        self._words.setText(beginning if len(text) > _MOST else text)
        self._more.setText(tr("report.notice_more"))
        self._more.setVisible(len(text) > _MOST)
        self.setVisible(bool(text))

    def _show_whole(self) -> None:
        self._words.setText(self.text)
        self._more.hide()
