"""Choose one of many by typing a part of its name: a bar in the panel, no window."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLabel, QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from app.ui.texts import tr

_HEIGHT_PX: Final = 170


class ChoiceBar(QWidget):
    """A line that filters and a list under it: arrows and Enter, or a click; Esc leaves."""

    left = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._chosen: Callable[[int], None] = lambda _number: None
        self._title = QLabel()
        self._title.setProperty("role", "bright")
        self._line = QLineEdit()
        self._line.textChanged.connect(self._filter)
        self._line.installEventFilter(self)
        self._list = QListWidget()
        self._list.setMaximumHeight(_HEIGHT_PX)
        self._list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._list.itemClicked.connect(self._take)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 2, 8, 2)
        layout.setSpacing(3)
        for widget in (self._title, self._line, self._list):
            layout.addWidget(widget)
        self.hide()

    def offer(self, title: str, names: Sequence[str], chosen: Callable[[int], None]) -> None:
        """Show ``names``; ``chosen`` is called with the number of the one taken."""
        self._chosen = chosen
        self._title.setText(title)
        self._line.setPlaceholderText(tr("choice.filter"))
        self._line.setAccessibleName(title)
        self._list.setAccessibleName(title)
        self._list.clear()
        for number, name in enumerate(names):
            item = QListWidgetItem(name)
            item.setData(Qt.ItemDataRole.UserRole, number)
            self._list.addItem(item)
        self._line.clear()
        self._filter("")
        self.show()
        self._line.setFocus()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keys of the line."""
        if event.type() != QEvent.Type.KeyPress or not isinstance(event, QKeyEvent):
            return super().eventFilter(watched, event)
        key = event.key()
        if key == Qt.Key.Key_Escape:
            self._leave()
        elif key in (Qt.Key.Key_Down, Qt.Key.Key_Up):
            self._step(1 if key == Qt.Key.Key_Down else -1)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            item = self._list.currentItem()
            if item is not None and not item.isHidden():
                self._take(item)
        else:
            return super().eventFilter(watched, event)
        return True

    def _rows(self) -> list[int]:
        return [row for row in range(self._list.count()) if not self._list.item(row).isHidden()]

    def _step(self, by: int) -> None:
        rows = self._rows()
        if rows:
            now = self._list.currentRow()
            place = rows.index(now) if now in rows else -by
            self._list.setCurrentRow(rows[(place + by) % len(rows)])

    def _filter(self, text: str) -> None:
        wanted = text.lower().split()
        for row in range(self._list.count()):
            item = self._list.item(row)
            item.setHidden(not all(part in item.text().lower() for part in wanted))
        rows = self._rows()
        self._list.setCurrentRow(rows[0] if rows else -1)

    def _take(self, item: QListWidgetItem) -> None:
        self._leave()
        self._chosen(int(item.data(Qt.ItemDataRole.UserRole)))

    def _leave(self) -> None:
        self.hide()
        self.left.emit()
