"""The margin left of the report's text: sign of a fault, numbers of findings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from app.ui.panel_style import SEVERITY_COLORS, SEVERITY_MARKS
from app.ui.theme import COLORS

if TYPE_CHECKING:
    from app.ui.report_editor import ReportEditor

GUTTER_PX: Final = 50
_MOST: Final = 3


class ReportGutter(QWidget):
    """Beside each line the worst fault and the findings of the sentences that begin there."""

    def __init__(self, editor: ReportEditor) -> None:
        super().__init__(editor)
        self._editor = editor

    def follow(self, _rect: QRect, _dy: int) -> None:
        """Repaint when the text scrolls or changes."""
        self.update()

    def sizeHint(self) -> QSize:
        """As wide as the margin."""
        return QSize(GUTTER_PX, 0)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint number of the finding and sign of the fault beside their lines."""
        painter = QPainter(self)
        painter.fillRect(event.rect(), QColor(COLORS["panel"]))
        font = self._editor.font()
        painter.setFont(font)
        height = QFontMetrics(font).height()
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        painter.setPen(QColor(COLORS["dim"]))
        for top, numbers in self._numbers_by_line().items():
            painter.drawText(QRect(0, top, GUTTER_PX - 5, height), right, numbers)
        for top, severity in self._severity_by_line().items():
            painter.setPen(QColor(SEVERITY_COLORS[severity]))
            painter.drawText(QRect(3, top, 14, height), left, SEVERITY_MARKS[severity])
        painter.end()

    def _numbers_by_line(self) -> dict[int, str]:
        """Top of each line on which generated sentences begin, and the numbers of their findings,
        as many as there is room for."""
        lines: dict[int, list[str]] = {}
        first, last = self._editor.visible_range()
        for position, number in self._editor.numbered_places():
            if not first <= position <= last:
                continue
            shown = lines.setdefault(self._editor.line_top(position), [])
            if number not in shown:
                shown.append(number)
        return {
            top: ",".join(numbers[:_MOST]) + ("…" if len(numbers) > _MOST else "")
            for top, numbers in lines.items()
        }

    def _severity_by_line(self) -> dict[int, str]:
        """Top of each line on which a fault begins, and the worst of its faults."""
        first, last = self._editor.visible_range()
        return {
            self._editor.line_top(mark.start): mark.severity
            for mark in self._editor.marks.discrepancies()
            if first <= mark.start <= last
        }
