"""A pick list at the text cursor, worked by the keys of the editor that keeps the focus."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QKeyEvent, QTextCursor

from app.ui.pick_list import PickList
from app.ui.report_editor import ReportEditor

_PLAIN: Final = (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier)


class EditorPick(QObject):
    """Offers choices for the selected range of an editor. Main thread only.

    Any other key, a change of the text or of the selection puts the list away unchosen.
    """

    def __init__(self, editor: ReportEditor) -> None:
        super().__init__(editor)
        self._editor = editor
        self._range = (-1, -1)
        self._chosen: Callable[[str], None] = lambda _text: None
        self._list = PickList(editor.viewport())
        self._list.chosen.connect(self._take)
        editor.add_key_handler(self._key)
        editor.textChanged.connect(self._list.hide)
        editor.cursorPositionChanged.connect(self._moved)
        editor.selectionChanged.connect(self._moved)
        editor.verticalScrollBar().valueChanged.connect(self._list.hide)
        editor.focus_left.connect(self._list.hide)

    @property
    def options(self) -> tuple[str, ...]:
        """What can be chosen now."""
        return self._list.options

    def offer(self, options: Sequence[str], hint: str, chosen: Callable[[str], None]) -> None:
        """Show ``options`` under the selection; ``chosen`` is called with the one taken."""
        self._range = self._editor.selected_range()
        self._chosen = chosen
        cursor = QTextCursor(self._editor.textCursor())
        cursor.setPosition(cursor.selectionStart())
        self._list.offer(options, hint, self._editor.cursorRect(cursor))

    def hide(self) -> None:
        """Put the list away."""
        self._list.hide()

    def _take(self, text: str) -> None:
        self._list.hide()
        self._chosen(text)

    def _moved(self) -> None:
        if self._list.options and self._editor.selected_range() != self._range:
            self._list.hide()

    def _key(self, event: QKeyEvent) -> bool:
        if not self._list.options or event.modifiers() not in _PLAIN:
            return False
        key, text = event.key(), event.text()
        if key == Qt.Key.Key_Escape:
            self._list.hide()
        elif key in (Qt.Key.Key_Down, Qt.Key.Key_Up):
            self._list.step(1 if key == Qt.Key.Key_Down else -1)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            return self._list.take()
        else:
            return len(text) == 1 and text.isdigit() and self._list.take_number(int(text))
        return True
