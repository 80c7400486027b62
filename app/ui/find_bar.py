"""Find and replace in the report: a bar under the text, no window."""

from __future__ import annotations

import re
from typing import Final

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QCheckBox,
    QGridLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QWidget,
)

from app.ui.report_editor import ReportEditor
from app.ui.texts import language_changed, tr

_MOST: Final = 2000


class FindBar(QWidget):
    """Finds as one types; Enter goes on, Shift+Enter back, Esc leaves. Main thread only.

    Case is not regarded unless asked for. ``replaced`` tells that the text was changed here.
    """

    replaced = Signal()

    def __init__(self, editor: ReportEditor, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._editor = editor
        self._find = QLineEdit()
        self._replace = QLineEdit()
        self._count = QLabel()
        self._count.setProperty("role", "dim")
        self._case = QCheckBox()
        self._words = QCheckBox()
        self._one = QPushButton()
        self._all = QPushButton()
        self._close = QPushButton("✕")
        self._close.setProperty("role", "link")
        self._place()
        self._find.textChanged.connect(lambda: self._search(from_here=True))
        for box in (self._case, self._words):
            box.toggled.connect(lambda: self._search(from_here=True))
        self._one.clicked.connect(self.replace_one)
        self._all.clicked.connect(self.replace_all)
        self._close.clicked.connect(self.leave)
        for line in (self._find, self._replace):
            line.installEventFilter(self)
        editor.textChanged.connect(self._text_changed)
        language_changed.connect(self.relabel)
        self.relabel()
        self.hide()

    @property
    def whole_words(self) -> QCheckBox:
        """Whether parts of words are left out."""
        return self._words

    def open(self, *, replacing: bool) -> None:
        """Show the bar, with what is selected as the words to find."""
        replacing = replacing and not self._editor.isReadOnly()
        chosen = self._editor.textCursor().selectedText()
        if chosen and "\u2029" not in chosen:
            self._find.setText(chosen)
        for widget in (self._replace, self._one, self._all):
            widget.setVisible(replacing)
        self.show()
        (self._replace if replacing and chosen else self._find).setFocus()
        self._find.selectAll()
        self._search(from_here=True)

    def leave(self) -> None:
        """Hide the bar; the text keeps what was found last as its selection."""
        self.hide()
        self._editor.marks.set_spans("found", "", ())
        self._editor.setFocus()

    def step(self, by: int) -> bool:
        """Go to the next (1) or previous (-1) place, round the ends; False where there is none."""
        places = self._places()
        if not places:
            return False
        start, end = self._editor.selected_range()
        if by > 0:
            at = next((n for n, place in enumerate(places) if place[0] >= max(end, start + 1)), 0)
        else:
            before = [n for n, place in enumerate(places) if place[0] < start]
            at = before[-1] if before else len(places) - 1
        self._go(places, at)
        return True

    def replace_one(self) -> None:
        """Replace the place that is selected, then go to the next one."""
        if self._editor.isReadOnly():
            return
        start, end = self._editor.selected_range()
        if (start, end) in self._places():
            self._editor.replace_range(start, end, self._replace.text())
            self.replaced.emit()
        self.step(1)

    def replace_all(self) -> None:
        """Replace every place, as one step of undo."""
        places = self._places()
        if self._editor.isReadOnly() or not places:
            return
        text, pieces, at = self._editor.report_text(), [], 0
        for start, end in places:
            pieces += [text[at:start], self._replace.text()]
            at = end
        self._editor.replace_all("".join([*pieces, text[at:]]))
        self.replaced.emit()
        self._search(from_here=False)
        self._count.setText(tr("find.replaced", n=len(places)))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keys of the two lines."""
        if event.type() != QEvent.Type.KeyPress or not isinstance(event, QKeyEvent):
            return super().eventFilter(watched, event)
        key, held = event.key(), event.modifiers()
        if key == Qt.Key.Key_Escape:
            self.leave()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if held & Qt.KeyboardModifier.ControlModifier:
                return super().eventFilter(watched, event)
            backwards = bool(held & Qt.KeyboardModifier.ShiftModifier)
            if watched is self._replace and held & Qt.KeyboardModifier.AltModifier:
                self.replace_all()
            elif watched is self._replace and not backwards:
                self.replace_one()
            else:
                self.step(-1 if backwards else 1)
        elif key in (Qt.Key.Key_Down, Qt.Key.Key_Up):
            self.step(1 if key == Qt.Key.Key_Down else -1)
        else:
            return super().eventFilter(watched, event)
        return True

    def relabel(self, *_: object) -> None:
        """Texts in the language in force."""
        names: dict[QWidget, str] = {
            self._find: "find.find", self._replace: "find.replace", self._case: "find.case",
            self._words: "find.words", self._one: "find.one", self._all: "find.all",
            self._close: "find.close",
        }  # fmt: skip
        for widget, key in names.items():
            widget.setAccessibleName(tr(key))
            if isinstance(widget, QLineEdit):
                widget.setPlaceholderText(tr(key))
            elif isinstance(widget, QAbstractButton) and widget is not self._close:
                widget.setText(tr(key))
            widget.setToolTip(tr(f"{key}_tip"))

    def _places(self) -> list[tuple[int, int]]:
        wanted = self._find.text()
        if not wanted:
            return []
        pattern = re.escape(wanted)
        if self._words.isChecked():
            pattern = rf"(?<!\w){pattern}(?!\w)"
        flags = re.NOFLAG if self._case.isChecked() else re.IGNORECASE
        found = re.finditer(pattern, self._editor.report_text(), flags)
        return [match.span() for match in found]

    def _search(self, *, from_here: bool) -> None:
        places = self._places()
        self._editor.marks.set_spans("found", self._editor.report_text(), places[:_MOST])
        if not places:
            self._count.setText(tr("find.none") if self._find.text() else "")
            return
        self._count.setText(tr("find.count", n=len(places)))
        if from_here:
            start, _end = self._editor.selected_range()
            at = next((n for n, place in enumerate(places) if place[0] >= start), 0)
            self._go(places, at)

    def _go(self, places: list[tuple[int, int]], at: int) -> None:
        self._editor.select_range(*places[at])
        self._count.setText(tr("find.place", at=at + 1, n=len(places)))

    def _text_changed(self) -> None:
        if self.isVisible():
            self._search(from_here=False)

    def _place(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 2, 0, 2)
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(3)
        grid.addWidget(self._find, 0, 0)
        grid.addWidget(self._count, 0, 1, 1, 2)
        grid.addWidget(self._close, 0, 3)
        grid.addWidget(self._replace, 1, 0)
        grid.addWidget(self._one, 1, 1)
        grid.addWidget(self._all, 1, 2, 1, 2)
        grid.addWidget(self._case, 2, 0)
        grid.addWidget(self._words, 2, 1, 1, 3)
        grid.setColumnStretch(0, 1)
