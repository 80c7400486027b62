"""The pick list of a field, shown under it while it is selected; it never takes the focus."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QRect, Qt, Signal
from PySide6.QtWidgets import QFrame, QLabel, QPushButton, QVBoxLayout, QWidget

from app.ui.texts import tr
from app.ui.theme import COLORS

_STYLE: Final = f"""
QFrame#picklist {{ background: {COLORS["raised"]}; border: 1px solid {COLORS["accentdim"]}; }}
QFrame#picklist QPushButton {{ text-align: left; border: none; padding: 2px 10px 2px 6px; }}
"""
_DIGITS: Final = 9


class PickList(QFrame):
    """Numbered choices: a digit takes one at once, arrows and Enter or a click take one too.

    The editor that keeps the focus passes the keys on by ``step``, ``take`` and ``take_number``.
    """

    chosen = Signal(str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._around = parent
        self.setObjectName("picklist")
        self.setStyleSheet(_STYLE)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._options: tuple[str, ...] = ()
        self._row = -1
        self._buttons: list[QPushButton] = []
        self._hint = QLabel()
        self._hint.setProperty("role", "dim")
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(4, 4, 4, 4)
        self._layout.setSpacing(0)
        self._layout.addWidget(self._hint)
        self.hide()

    @property
    def options(self) -> tuple[str, ...]:
        """What can be chosen now; empty while it is hidden."""
        return () if self.isHidden() else self._options

    def offer(self, options: Sequence[str], hint: str, under: QRect) -> None:
        """Show ``options`` under (or over) the rectangle ``under`` of the parent."""
        for button in self._buttons:
            self._layout.removeWidget(button)
            button.deleteLater()
        self._options, self._row = tuple(options), -1
        self._buttons = [self._button(number, text) for number, text in enumerate(options)]
        self._hint.setText(hint or tr("fields.keys"))
        self.setAccessibleName(tr("fields.list_name", text=self._hint.text()))
        self.adjustSize()
        room = self._around.rect()
        left = max(0, min(under.left(), room.width() - self.width()))
        top = under.bottom() + 2
        if top + self.height() > room.height() and under.top() - self.height() > 0:
            top = under.top() - self.height() - 2
        self.move(left, top)
        self.show()
        self.raise_()

    def step(self, by: int) -> None:
        """Highlight the next (1) or previous (-1) choice."""
        self._row = (self._row + by) % len(self._options) if self._row >= 0 or by > 0 else -1
        self._row = self._row if self._row >= 0 else len(self._options) - 1
        for number, button in enumerate(self._buttons):
            button.setStyleSheet("background: palette(highlight);" if number == self._row else "")

    def take(self) -> bool:
        """Choose the highlighted one; False where none is."""
        return self._row >= 0 and self.take_number(self._row + 1)

    def take_number(self, number: int) -> bool:
        """Choose by number, counted from 1; False where there is no such choice."""
        if not 1 <= number <= len(self._options):
            return False
        self.chosen.emit(self._options[number - 1])
        return True

    def _button(self, number: int, text: str) -> QPushButton:
        mark = f"{number + 1}" if number < _DIGITS else " "
        button = QPushButton(f"{mark}   {text}")
        button.setAccessibleName(text)
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        button.clicked.connect(lambda: self.chosen.emit(text))
        self._layout.addWidget(button)
        return button
