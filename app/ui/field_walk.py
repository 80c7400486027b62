"""Tab through the unfilled fields of a report; a pick list is chosen from by key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QTextCursor

from app.ui.pick_list import PickList
from app.ui.report_editor import ReportEditor
from app.ui.report_positions import utf16

_MARK_MS: Final = 60
_PLAIN: Final = (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier)


class FieldPlace(Protocol):
    """A place to fill in at characters ``start <= n < end`` of the text."""

    @property
    def start(self) -> int:
        """First character."""

    @property
    def end(self) -> int:
        """Behind the last character."""

    @property
    def label(self) -> str:
        """What stands in the brackets."""

    @property
    def options(self) -> tuple[str, ...]:
        """What may be chosen; none: free text."""

    @property
    def hint(self) -> str:
        """What is asked for."""


FieldsOf = Callable[[str], Sequence[FieldPlace]]


class FieldWalk(QObject):
    """Marks the fields of an editor and moves among them. Main thread only.

    ``Tab`` and ``Shift+Tab`` select the next and previous field; what is typed replaces it. With
    no field left, and with ``Ctrl+Tab`` always, the focus moves on. ``entered`` tells which field
    was selected, ``filled`` that one was chosen.
    """

    entered = Signal(object)
    filled = Signal()

    def __init__(self, editor: ReportEditor, fields_of: FieldsOf) -> None:
        super().__init__(editor)
        self._editor = editor
        self._fields_of = fields_of
        self._selected = (-1, -1)
        self._pick = PickList(editor.viewport())
        self._pick.chosen.connect(self._fill)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_MARK_MS)
        self._timer.timeout.connect(self.mark)
        editor.add_key_handler(self._key)
        editor.textChanged.connect(self._text_changed)
        editor.selectionChanged.connect(self._selection_changed)
        editor.verticalScrollBar().valueChanged.connect(self._pick.hide)
        editor.focus_left.connect(self._pick.hide)

    @property
    def pick_list(self) -> PickList:
        """The choices of the field that is selected."""
        return self._pick

    def fields(self) -> Sequence[FieldPlace]:
        """The fields of the present text."""
        return self._fields_of(self._editor.report_text())

    def mark(self) -> None:
        """Mark the unfilled fields as they now are."""
        self._timer.stop()
        text = self._editor.report_text()
        spans = (
            [] if self._editor.isReadOnly() else [(f.start, f.end) for f in self._fields_of(text)]
        )
        self._editor.marks.set_spans("fields", text, spans)

    def step(self, by: int) -> bool:
        """Select the next (1) or previous (-1) field, round the ends; False where there is none."""
        fields = list(self.fields())
        if not fields or self._editor.isReadOnly():
            return False
        start, end = self._editor.selected_range()
        if by > 0:
            later = [f for f in fields if f.start > start or (f.start == start and f.end > end)]
            field = (later or fields)[0]
        else:
            field = ([f for f in fields if f.start < start] or fields)[-1]
        self.enter(field)
        return True

    def enter(self, field: FieldPlace) -> None:
        """Select ``field`` and offer its choices."""
        self._selected = (field.start, field.end)
        self._editor.select_range(field.start, field.end)
        self._offer(field)
        self.entered.emit(field)

    def _offer(self, field: FieldPlace) -> None:
        if not field.options:
            self._pick.hide()
            return
        cursor = QTextCursor(self._editor.document())
        cursor.setPosition(utf16(self._editor.report_text(), field.start))
        self._pick.offer(field.options, field.hint, self._editor.cursorRect(cursor))

    def _fill(self, text: str) -> None:
        self._pick.hide()
        self._editor.textCursor().insertText(text)
        self._editor.ensureCursorVisible()
        self.filled.emit()

    def _key(self, event: QKeyEvent) -> bool:
        key, held = event.key(), event.modifiers()
        if key in (Qt.Key.Key_Tab, Qt.Key.Key_Backtab):
            backwards = key == Qt.Key.Key_Backtab or bool(held & Qt.KeyboardModifier.ShiftModifier)
            if not held & Qt.KeyboardModifier.ControlModifier and self.step(-1 if backwards else 1):
                return True
            self._pick.hide()
            self._editor.leave(forward=not backwards)
            return True
        return bool(self._pick.options) and held in _PLAIN and self._pick_key(event)

    def _pick_key(self, event: QKeyEvent) -> bool:
        key, text = event.key(), event.text()
        if key == Qt.Key.Key_Escape:
            self._pick.hide()
        elif key in (Qt.Key.Key_Down, Qt.Key.Key_Up):
            self._pick.step(1 if key == Qt.Key.Key_Down else -1)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            return self._pick.take()
        else:
            return text.isdigit() and self._pick.take_number(int(text))
        return True

    def _text_changed(self) -> None:
        self._pick.hide()
        if not self._timer.isActive():
            self._timer.start()

    def _selection_changed(self) -> None:
        if self._pick.options and self._editor.selected_range() != self._selected:
            self._pick.hide()
