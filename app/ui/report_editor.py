"""The report's text: faults underlined at their place, generated sentences linked to findings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QEvent, QMimeData, QPoint, QRect, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QHelpEvent,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QTextCursor,
    QTextDocumentFragment,
)
from PySide6.QtWidgets import QPlainTextEdit, QToolTip, QWidget

from app.core.report import Discrepancy, SentenceLink
from app.ui.report_gutter import GUTTER_PX, ReportGutter
from app.ui.report_marks import ReportMarks
from app.ui.report_positions import changed_part, character, utf16
from app.ui.texts import language, tr
from app.ui.theme import COLORS

FINDING_MIME: Final = "application/x-overread-finding"
"""What is dragged from a finding's card: its uid."""
KeyHandler = Callable[[QKeyEvent], bool]


@dataclass(frozen=True, slots=True)
class LinkPlace:
    """A generated sentence where it now stands, in Qt positions."""

    start: int
    end: int
    link: SentenceLink


class ReportEditor(QPlainTextEdit):
    """A plain text editor that never blocks a key; marks are laid over the text, not in it.

    Undo is the session's: the keys ask for it by signal. ``finding_clicked`` fires on Ctrl+click
    on a generated sentence.
    """

    finding_clicked = Signal(str)
    finding_dropped = Signal(str)
    focus_left = Signal()
    undo_wanted = Signal()
    redo_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.marks = ReportMarks(self)
        self._by_id: dict[str, Discrepancy] = {}
        self._links: tuple[SentenceLink, ...] = ()
        self._places: tuple[object, list[LinkPlace]] | None = None
        self._numbers: Mapping[str, int] = {}
        self._key_handlers: list[KeyHandler] = []
        self._gutter = ReportGutter(self)
        self.setUndoRedoEnabled(False)
        self.setViewportMargins(GUTTER_PX, 0, 0, 0)
        self.setTabChangesFocus(False)
        self.setMouseTracking(True)
        self.updateRequest.connect(self._gutter.follow)
        self.textChanged.connect(self._gutter.update)

    def report_text(self) -> str:
        """The text as typed; unlike ``toPlainText`` it keeps spaces that do not break."""
        return self.document().toRawText().replace("\u2029", "\n").replace("\u2028", "\n")

    def add_key_handler(self, handler: KeyHandler) -> None:
        """Have ``handler`` see each key first; True from it: the key is used up."""
        self._key_handlers.append(handler)

    def replace_all(self, text: str) -> None:
        """Put ``text`` in place of all; only what differs is touched, and comes into view."""
        now = self.report_text()
        if text == now:
            return
        start, end, new_end = changed_part(now, text)
        self.replace_range(start, end, text[start:new_end])

    def replace_range(self, start: int, end: int, insert: str) -> None:
        """Replace characters ``start <= n < end``; the cursor stands behind what is new."""
        text = self.report_text()
        cursor = QTextCursor(self.document())
        cursor.setPosition(utf16(text, start))
        cursor.setPosition(utf16(text, end), QTextCursor.MoveMode.KeepAnchor)
        cursor.insertText(insert)
        self.setTextCursor(cursor)
        self.ensureCursorVisible()

    def leave(self, *, forward: bool) -> None:
        """Give the focus to the next widget, or the one before."""
        self.setTabChangesFocus(True)
        self.focusNextPrevChild(forward)
        self.setTabChangesFocus(False)

    def selected_range(self) -> tuple[int, int]:
        """Characters ``start``, ``end`` of the selection; equal: the cursor."""
        text, cursor = self.report_text(), self.textCursor()
        start = character(text, cursor.selectionStart())
        return start, character(text, cursor.selectionEnd())

    def select_range(self, start: int, end: int) -> None:
        """Select characters ``start <= n < end`` and bring them into view."""
        text = self.report_text()
        cursor = QTextCursor(self.document())
        cursor.setPosition(utf16(text, start))
        cursor.setPosition(utf16(text, end), QTextCursor.MoveMode.KeepAnchor)
        self.setTextCursor(cursor)
        self.ensureCursorVisible()

    def show_discrepancies(self, items: Iterable[Discrepancy]) -> None:
        """Underline ``items`` at their spans; spans count in characters of the present text."""
        shown = tuple(items)
        self._by_id = {item.id: item for item in shown}
        self.marks.set_discrepancies(self.report_text(), shown)
        self._gutter.update()

    def show_links(self, links: Iterable[SentenceLink], numbers: Mapping[str, int]) -> None:
        """Mark generated sentences with the number of their finding in the margin."""
        self._links = tuple(links)
        self._numbers = numbers
        self._gutter.update()

    def visible_range(self) -> tuple[int, int]:
        """First and last Qt position of the lines in view."""
        bottom = self.viewport().rect().bottomRight()
        block = self.firstVisibleBlock()
        last = self.cursorForPosition(bottom).block()
        return block.position(), last.position() + last.length()

    def link_places(self) -> list[LinkPlace]:
        """Where the generated sentences stand now; a rewritten sentence has no place."""
        key = (self.document().revision(), self._links)
        if self._places is None or self._places[0] != key:
            self._places = (key, self._found_links())
        return self._places[1]

    def _found_links(self) -> list[LinkPlace]:
        text = self.report_text()
        places: list[LinkPlace] = []
        taken: set[int] = set()
        for link in self._links:
            start = text.find(link.text)
            while start in taken:
                start = text.find(link.text, start + 1)
            if start < 0:
                continue
            taken.add(start)
            end = start + len(link.text)
            places.append(LinkPlace(utf16(text, start), utf16(text, end), link))
        return places

    def numbered_places(self) -> list[tuple[int, str]]:
        """Qt position of each generated sentence, and the number of its finding."""
        found = []
        for place in self.link_places():
            number = self._numbers.get(place.link.finding_uid)
            if number is not None:
                found.append((place.start, str(number)))
        return found

    def show_place(self, discrepancy: Discrepancy) -> bool:
        """Select the discrepancy's first span and scroll to it; False if it has none."""
        for mark in self.marks.discrepancies():
            if mark.id == discrepancy.id:
                self.setTextCursor(QTextCursor(mark.cursor))
                self.ensureCursorVisible()
                return True
        return False

    def discrepancy_at_cursor(self) -> Discrepancy | None:
        """The most severe discrepancy under the text cursor."""
        return self._discrepancy_at(self.textCursor().position())

    def underlined_words(self) -> list[tuple[str, str]]:
        """Severity and text of what is underlined now."""
        marks = self.marks.discrepancies()
        return [(mark.severity, mark.cursor.selectedText()) for mark in marks]

    def line_top(self, position: int) -> int:
        """Top of the line of a Qt position, in pixels of the viewport."""
        cursor = QTextCursor(self.document())
        cursor.setPosition(min(position, self.document().characterCount() - 1))
        return self.cursorRect(cursor).top()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Undo and redo go to the session; the rest first to who asked for it, then to the text."""
        if event.matches(QKeySequence.StandardKey.Undo):
            self.undo_wanted.emit()
        elif event.matches(QKeySequence.StandardKey.Redo):
            self.redo_wanted.emit()
        elif not any(handler(event) for handler in self._key_handlers):
            super().keyPressEvent(event)
            return
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Ctrl+click on a generated sentence shows its finding."""
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            uid = self._link_at(event.position().toPoint())
            if uid:
                self.finding_clicked.emit(uid)
                event.accept()
                return
        super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """The hand appears over a generated sentence while Ctrl is held."""
        held = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        over = held and bool(self._link_at(event.position().toPoint()))
        shape = Qt.CursorShape.PointingHandCursor if over else Qt.CursorShape.IBeamCursor
        self.viewport().setCursor(shape)
        super().mouseMoveEvent(event)

    def canInsertFromMimeData(self, source: QMimeData) -> bool:
        """Text, also that of a web page, and findings."""
        return source.hasFormat(FINDING_MIME) or super().canInsertFromMimeData(source)

    def insertFromMimeData(self, source: QMimeData) -> None:
        """A finding dropped here gives its measurements; of a web page the words alone come."""
        if source.hasFormat(FINDING_MIME):
            self.finding_dropped.emit(bytes(source.data(FINDING_MIME).data()).decode())
        elif source.hasHtml() and not source.hasText():
            plain = QTextDocumentFragment.fromHtml(source.html()).toPlainText()
            self.textCursor().insertText(plain)
        else:
            super().insertFromMimeData(source)

    def viewportEvent(self, event: QEvent) -> bool:
        """Tooltip: the discrepancy under the pointer, else the finding of the sentence."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            text = self._hover_text(event.pos())
            if text:
                QToolTip.showText(event.globalPos(), text, self)
            else:
                QToolTip.hideText()
            return True
        return super().viewportEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Tell that the text should be stored now."""
        super().focusOutEvent(event)
        self.focus_left.emit()

    def paintEvent(self, event: QPaintEvent) -> None:
        """A line above each section, under the text."""
        painter = QPainter(self.viewport())
        painter.setPen(QColor(COLORS["line"]))
        first, last = self.visible_range()
        for start, _end in self.marks.places("headers"):
            if start and first <= start <= last:
                top = self.line_top(start) - 3
                painter.drawLine(0, top, self.viewport().width(), top)
        painter.end()
        super().paintEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the margin at the left of the text."""
        super().resizeEvent(event)
        inner = self.contentsRect()
        self._gutter.setGeometry(QRect(inner.left(), inner.top(), GUTTER_PX, inner.height()))

    def _hover_text(self, point: QPoint) -> str:
        found = self._discrepancy_at(self.cursorForPosition(point).position())
        if found is not None:
            return found.message.text(language())
        number = self._numbers.get(self._link_at(point))
        return tr("report.link_tip", number=number) if number is not None else ""

    def _discrepancy_at(self, position: int) -> Discrepancy | None:
        for mark in reversed(self.marks.discrepancies()):
            if mark.start <= position <= mark.end:
                return self._by_id.get(mark.id)
        return None

    def _link_at(self, point: QPoint) -> str:
        position = self.cursorForPosition(point).position()
        for place in self.link_places():
            if place.start <= position <= place.end:
                return place.link.finding_uid
        return ""
