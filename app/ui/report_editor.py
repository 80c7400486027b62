"""The report's text: faults underlined at their place, generated sentences linked to findings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFontMetrics,
    QHelpEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QTextCharFormat,
    QTextCursor,
)
from PySide6.QtWidgets import QPlainTextEdit, QTextEdit, QToolTip, QWidget

from app.core.report import Discrepancy, SentenceLink
from app.ui.panel_style import SEVERITY_COLORS, SEVERITY_MARKS
from app.ui.texts import language, tr
from app.ui.theme import COLORS

_GUTTER_PX: Final = 50
_UNDERLINES: Final = {
    "block": QTextCharFormat.UnderlineStyle.WaveUnderline,
    "warn": QTextCharFormat.UnderlineStyle.DashUnderline,
    "note": QTextCharFormat.UnderlineStyle.DotLine,
}
# a longer span is underlined only; its ground would drown the word that is wrong
_WORDS: Final = 30
_ID_PROPERTY: Final = int(QTextCharFormat.Property.UserProperty) + 1
_SEVERITY_ORDER: Final = ("note", "warn", "block")


@dataclass(frozen=True, slots=True)
class _Place:
    """A piece of text in Qt positions (UTF-16 units) with what it stands for."""

    start: int
    end: int
    discrepancy: Discrepancy | None = None
    finding_uid: str = ""


class ReportEditor(QPlainTextEdit):
    """A plain text editor that never blocks a key; marks are laid over the text, not in it.

    ``finding_clicked`` fires on Ctrl+click on a generated sentence.
    """

    finding_clicked = Signal(str)
    focus_left = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._faults: list[_Place] = []
        self._wrong_words: list[_Place] = []
        self._by_id: dict[str, Discrepancy] = {}
        self._links: tuple[SentenceLink, ...] = ()
        self._numbers: Mapping[str, int] = {}
        self._gutter = _Gutter(self)
        self.setViewportMargins(_GUTTER_PX, 0, 0, 0)
        self.setTabChangesFocus(True)
        self.setMouseTracking(True)
        self.updateRequest.connect(self._gutter.follow)
        self.textChanged.connect(self._gutter.update)

    def report_text(self) -> str:
        """The text as typed; unlike ``toPlainText`` it keeps spaces that do not break."""
        return self.document().toRawText().replace("\u2029", "\n").replace("\u2028", "\n")

    def replace_all(self, text: str, *, undoable: bool) -> None:
        """Put ``text`` in place of all; with ``undoable`` Ctrl+Z brings the old text back."""
        if text == self.report_text():
            return
        if not undoable:
            self.setPlainText(text)
            return
        cursor = QTextCursor(self.document())
        cursor.select(QTextCursor.SelectionType.Document)
        cursor.insertText(text)

    def replace_range(self, start: int, end: int, insert: str) -> None:
        """Replace characters ``start <= n < end`` as one step that Ctrl+Z takes back."""
        text = self.report_text()
        cursor = QTextCursor(self.document())
        cursor.beginEditBlock()
        cursor.setPosition(_utf16(text, start))
        cursor.setPosition(_utf16(text, end), QTextCursor.MoveMode.KeepAnchor)
        cursor.insertText(insert)
        cursor.endEditBlock()
        self.setTextCursor(cursor)
        self.ensureCursorVisible()

    def show_discrepancies(self, items: Iterable[Discrepancy]) -> None:
        """Underline ``items`` at their spans; spans count in characters of the present text."""
        text = self.report_text()
        ordered = sorted(items, key=lambda item: _SEVERITY_ORDER.index(item.severity))
        self._faults = [
            _Place(_utf16(text, span.start), _utf16(text, span.end), item)
            for item in ordered
            for span in item.spans
            if 0 <= span.start < span.end <= len(text)
        ]
        self._wrong_words = [
            _Place(_utf16(text, item.fix.start), _utf16(text, item.fix.end), item)
            for item in ordered
            if item.severity == "block"
            and item.fix is not None
            and any(s.start <= item.fix.start < item.fix.end <= s.end for s in item.spans)
        ]
        self._by_id = {item.id: item for item in ordered}
        self._repaint_marks()

    def show_links(self, links: Iterable[SentenceLink], numbers: Mapping[str, int]) -> None:
        """Mark generated sentences with the number of their finding in the margin."""
        self._links = tuple(links)
        self._numbers = numbers
        self._gutter.update()

    def link_places(self) -> list[_Place]:
        """Where the generated sentences stand now; a rewritten sentence has no place."""
        text = self.report_text()
        places: list[_Place] = []
        taken: set[int] = set()
        for link in self._links:
            start = text.find(link.text)
            while start in taken:
                start = text.find(link.text, start + 1)
            if start < 0:
                continue
            taken.add(start)
            end = start + len(link.text)
            places.append(
                _Place(_utf16(text, start), _utf16(text, end), finding_uid=link.finding_uid)
            )
        return places

    def show_place(self, discrepancy: Discrepancy) -> bool:
        """Select the discrepancy's first span and scroll to it; False if it has none."""
        for selection in self.extraSelections():
            form, cursor = selection.format, selection.cursor
            if form.property(_ID_PROPERTY) == discrepancy.id:
                self.setTextCursor(QTextCursor(cursor))
                self.ensureCursorVisible()
                return True
        return False

    def discrepancy_at_cursor(self) -> Discrepancy | None:
        """The most severe discrepancy under the text cursor."""
        return self._discrepancy_at(self.textCursor().position())

    def underlined_words(self) -> list[tuple[str, str]]:
        """Severity and text of what is underlined now."""
        found = []
        for selection in self.extraSelections():
            if not selection.format.hasProperty(_ID_PROPERTY):
                continue
            severity = selection.format.property(QTextCharFormat.Property.UserProperty)
            found.append((str(severity), selection.cursor.selectedText()))
        return found

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

    def focusOutEvent(self, event: object) -> None:
        """Tell that the text should be stored now."""
        super().focusOutEvent(event)  # type: ignore[arg-type]
        self.focus_left.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the margin at the left of the text."""
        super().resizeEvent(event)
        inner = self.contentsRect()
        self._gutter.setGeometry(QRect(inner.left(), inner.top(), _GUTTER_PX, inner.height()))

    def paint_gutter(self, event: QPaintEvent) -> None:
        """Paint number of the finding and sign of the fault beside their lines."""
        painter = QPainter(self._gutter)
        painter.fillRect(event.rect(), QColor(COLORS["panel"]))
        painter.setFont(self.font())
        height = QFontMetrics(self.font()).height()
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        painter.setPen(QColor(COLORS["dim"]))
        for top, numbers in self._numbers_by_line().items():
            box = QRect(0, top, _GUTTER_PX - 5, height)
            painter.drawText(box, right, numbers)
        for top, severity in self._severity_by_line().items():
            painter.setPen(QColor(SEVERITY_COLORS[severity]))
            painter.drawText(QRect(3, top, 14, height), left, SEVERITY_MARKS[severity])
        painter.end()

    def _numbers_by_line(self) -> dict[int, str]:
        """Top of each line on which generated sentences begin, and the numbers of their findings,
        as many as there is room for."""
        lines: dict[int, list[int]] = {}
        for place in self.link_places():
            number = self._numbers.get(place.finding_uid)
            if number is not None:
                lines.setdefault(self._line_top(place.start), []).append(number)
        return {
            top: ",".join(map(str, numbers[:3])) + ("…" if len(numbers) > 3 else "")
            for top, numbers in lines.items()
        }

    def _severity_by_line(self) -> dict[int, str]:
        """Top of each line on which a fault begins, and the worst of its faults."""
        lines: dict[int, str] = {}
        for selection in self.extraSelections():
            if selection.format.hasProperty(_ID_PROPERTY):
                # the selections are in order of severity: the worst comes last
                severity = selection.format.property(QTextCharFormat.Property.UserProperty)
                lines[self._line_top(selection.cursor.selectionStart())] = str(severity)
        return lines

    def _line_top(self, position: int) -> int:
        cursor = QTextCursor(self.document())
        cursor.setPosition(min(position, self.document().characterCount() - 1))
        return self.cursorRect(cursor).top()

    def _repaint_marks(self) -> None:
        selections = []
        for place in self._faults:
            if place.discrepancy is None:
                continue
            severity = place.discrepancy.severity
            form = QTextCharFormat()
            form.setUnderlineStyle(_UNDERLINES[severity])
            form.setUnderlineColor(QColor(SEVERITY_COLORS[severity]))
            form.setProperty(QTextCharFormat.Property.UserProperty, severity)
            form.setProperty(_ID_PROPERTY, place.discrepancy.id)
            if severity == "block" and place.end - place.start <= _WORDS:
                form.setBackground(QColor(COLORS["blockdeep"]))
            selection = QTextEdit.ExtraSelection()
            cursor = QTextCursor(self.document())
            cursor.setPosition(place.start)
            cursor.setPosition(place.end, QTextCursor.MoveMode.KeepAnchor)
            selection.cursor = cursor
            selection.format = form
            selections.append(selection)
        selections += [self._wrong_word(place) for place in self._wrong_words]
        self.setExtraSelections(selections)
        self._gutter.update()

    def _wrong_word(self, place: _Place) -> QTextEdit.ExtraSelection:
        """The very word that the offered fix would replace, on a ground of its own."""
        form = QTextCharFormat()
        form.setBackground(QColor(COLORS["blockdeep"]))
        form.setForeground(QColor(COLORS["block"]))
        cursor = QTextCursor(self.document())
        cursor.setPosition(place.start)
        cursor.setPosition(place.end, QTextCursor.MoveMode.KeepAnchor)
        selection = QTextEdit.ExtraSelection()
        selection.cursor = cursor
        selection.format = form
        return selection

    def _hover_text(self, point: QPoint) -> str:
        found = self._discrepancy_at(self.cursorForPosition(point).position())
        if found is not None:
            return found.message.text(language())
        uid = self._link_at(point)
        number = self._numbers.get(uid)
        return tr("report.link_tip", number=number) if number is not None else ""

    def _discrepancy_at(self, position: int) -> Discrepancy | None:
        # the selections follow the text while it is edited; the offsets of the check do not
        for selection in reversed(self.extraSelections()):
            form, cursor = selection.format, selection.cursor
            if not form.hasProperty(_ID_PROPERTY):
                continue
            if cursor.selectionStart() <= position <= cursor.selectionEnd():
                return self._by_id.get(str(form.property(_ID_PROPERTY)))
        return None

    def _link_at(self, point: QPoint) -> str:
        position = self.cursorForPosition(point).position()
        for place in self.link_places():
            if place.start <= position <= place.end:
                return place.finding_uid
        return ""


class _Gutter(QWidget):
    """The margin left of the text."""

    def __init__(self, editor: ReportEditor) -> None:
        super().__init__(editor)
        self._editor = editor

    def follow(self, _rect: QRect, _dy: int) -> None:
        """Repaint when the text scrolls or changes."""
        self.update()

    def sizeHint(self) -> QSize:
        """As wide as the margin."""
        return QSize(_GUTTER_PX, 0)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Painted by the editor, which knows the lines."""
        self._editor.paint_gutter(event)


def _utf16(text: str, index: int) -> int:
    """The Qt position (UTF-16 units) of a character index."""
    return len(text[:index].encode("utf-16-le")) // 2
