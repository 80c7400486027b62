"""Marks laid over the report's text, in layers: none of them changes the text.

The marks follow the text while it is edited; the offsets of a check do not.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from PySide6.QtGui import QColor, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QPlainTextEdit, QTextEdit

from app.core.report import Discrepancy
from app.ui.panel_style import SEVERITY_COLORS
from app.ui.report_positions import utf16
from app.ui.theme import COLORS

Layer = Literal["headers", "carried", "fields", "spelling", "discrepancies", "words", "found"]
_LAYERS: Final[tuple[Layer, ...]] = (
    "headers", "carried", "spelling", "discrepancies", "words", "fields", "found",
)  # fmt: skip
_UNDERLINES: Final = {
    "block": QTextCharFormat.UnderlineStyle.WaveUnderline,
    "warn": QTextCharFormat.UnderlineStyle.DashUnderline,
    "note": QTextCharFormat.UnderlineStyle.DotLine,
}
# a longer span is underlined only; its ground would drown the word that is wrong
_WORDS: Final = 30
_SEVERITY: Final = int(QTextCharFormat.Property.UserProperty)
_ID: Final = _SEVERITY + 1
# a broken text of forty pages has thousands: the gravest are marked, others as these are settled
_MOST: Final = 300
_SEVERITY_ORDER: Final = ("note", "warn", "block")


@dataclass(frozen=True, slots=True)
class Marked:
    """A discrepancy's mark as it now stands: its id, severity, words and cursor."""

    id: str
    severity: str
    cursor: QTextCursor

    @property
    def start(self) -> int:
        """Where it begins, as a Qt position."""
        return self.cursor.selectionStart()

    @property
    def end(self) -> int:
        """Where it ends, as a Qt position."""
        return self.cursor.selectionEnd()


class ReportMarks:
    """The layers of one editor. Main thread only; spans are characters of the present text."""

    def __init__(self, editor: QPlainTextEdit) -> None:
        self._editor = editor
        self._layers: dict[Layer, list[QTextEdit.ExtraSelection]] = {name: [] for name in _LAYERS}

    def set_spans(self, layer: Layer, text: str, spans: Iterable[tuple[int, int]]) -> None:
        """Mark ``spans`` of ``text`` in the manner of ``layer``."""
        form = _form(layer)
        made = [self._selection(text, start, end, form) for start, end in spans]
        if made or self._layers[layer]:
            self._layers[layer] = made
            self._show()

    def set_discrepancies(self, text: str, items: Iterable[Discrepancy]) -> None:
        """Underline each of ``items`` in colour and line of its severity; the worst lies on top."""
        ordered = sorted(items, key=lambda item: _SEVERITY_ORDER.index(item.severity))[-_MOST:]
        self._layers["discrepancies"] = [
            self._selection(text, span.start, span.end, _fault(item, span.end - span.start))
            for item in ordered
            for span in item.spans
            if 0 <= span.start < span.end <= len(text)
        ]
        self._layers["words"] = [
            self._selection(text, item.fix.start, item.fix.end, _wrong_word())
            for item in ordered
            if item.severity == "block"
            and item.fix is not None
            and any(s.start <= item.fix.start < item.fix.end <= s.end for s in item.spans)
        ]
        self._show()

    def discrepancies(self) -> list[Marked]:
        """The marks of discrepancies where they now are, the worst last."""
        return [
            Marked(
                str(item.format.property(_ID)), str(item.format.property(_SEVERITY)), item.cursor
            )
            for item in self._layers["discrepancies"]
        ]

    def places(self, layer: Layer) -> list[tuple[int, int]]:
        """Qt positions of the marks of ``layer`` as they now are."""
        return [
            (item.cursor.selectionStart(), item.cursor.selectionEnd())
            for item in self._layers[layer]
        ]

    def _selection(
        self, text: str, start: int, end: int, form: QTextCharFormat
    ) -> QTextEdit.ExtraSelection:
        cursor = QTextCursor(self._editor.document())
        cursor.setPosition(utf16(text, start))
        cursor.setPosition(utf16(text, end), QTextCursor.MoveMode.KeepAnchor)
        made = QTextEdit.ExtraSelection()
        made.cursor = cursor
        made.format = form
        return made

    def _show(self) -> None:
        self._editor.setExtraSelections([item for name in _LAYERS for item in self._layers[name]])


def _fault(item: Discrepancy, length: int) -> QTextCharFormat:
    form = QTextCharFormat()
    form.setUnderlineStyle(_UNDERLINES[item.severity])
    form.setUnderlineColor(QColor(SEVERITY_COLORS[item.severity]))
    form.setProperty(_SEVERITY, item.severity)
    form.setProperty(_ID, item.id)
    if item.severity == "block" and length <= _WORDS:
        form.setBackground(QColor(COLORS["blockdeep"]))
    return form


def _wrong_word() -> QTextCharFormat:
    """The very word that the offered fix would replace, on a ground of its own."""
    form = QTextCharFormat()
    form.setBackground(QColor(COLORS["blockdeep"]))
    form.setForeground(QColor(COLORS["block"]))
    return form


def _form(layer: Layer) -> QTextCharFormat:
    form = QTextCharFormat()
    if layer == "headers":
        form.setForeground(QColor(COLORS["accent"]))
    elif layer == "carried":
        form.setForeground(QColor(COLORS["dim"]))
        form.setUnderlineStyle(QTextCharFormat.UnderlineStyle.DashDotLine)
        form.setUnderlineColor(QColor(COLORS["faint"]))
    elif layer == "fields":
        form.setBackground(QColor(COLORS["accentdeep"]))
        form.setForeground(QColor(COLORS["bright"]))
    elif layer == "spelling":
        form.setUnderlineStyle(QTextCharFormat.UnderlineStyle.SpellCheckUnderline)
        form.setUnderlineColor(QColor(COLORS["accent"]))
    elif layer == "found":
        form.setBackground(QColor(COLORS["warndeep"]))
        form.setForeground(QColor(COLORS["warn"]))
    return form
