"""Tab through the unfilled fields of a report; a pick list is chosen from by key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent

from app.ui.editor_pick import EditorPick
from app.ui.report_editor import ReportEditor

_MARK_MS: Final = 60


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

    def __init__(self, editor: ReportEditor, pick: EditorPick, fields_of: FieldsOf) -> None:
        super().__init__(editor)
        self._editor = editor
        self._fields_of = fields_of
        self._pick = pick
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_MARK_MS)
        self._timer.timeout.connect(self.mark)
        editor.add_key_handler(self._key)
        editor.textChanged.connect(self._text_changed)

    def fields(self) -> Sequence[FieldPlace]:
        """The fields of the present text."""
        return self._fields_of(self._editor.report_text())

    def mark(self) -> None:
        """Mark the unfilled fields as they now are."""
        self._timer.stop()
        text = self._editor.report_text()
        fields = () if self._editor.isReadOnly() else self._fields_of(text)
        self._editor.marks.set_spans("fields", text, [(f.start, f.end) for f in fields])

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
        self._editor.select_range(field.start, field.end)
        if field.options:
            self._pick.offer(field.options, field.hint, self._fill)
        else:
            self._pick.hide()
        self.entered.emit(field)

    def _fill(self, text: str) -> None:
        self._editor.replace_range(*self._editor.selected_range(), text)
        self.filled.emit()

    def _key(self, event: QKeyEvent) -> bool:
        if event.key() not in (Qt.Key.Key_Tab, Qt.Key.Key_Backtab):
            return False
        held = event.modifiers()
        backwards = event.key() == Qt.Key.Key_Backtab or bool(
            held & Qt.KeyboardModifier.ShiftModifier
        )
        leaves = bool(held & Qt.KeyboardModifier.ControlModifier)
        if leaves or not self.step(-1 if backwards else 1):
            self._pick.hide()
            self._editor.leave(forward=not backwards)
        return True

    def _text_changed(self) -> None:
        if not self._timer.isActive():
            self._timer.start()
