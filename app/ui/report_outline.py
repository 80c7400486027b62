"""The sections of a report: marked as such, gone to by key or from a list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QTextCursor
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QWidget

from app.core.report import Language
from app.reporting.reading.document import document_of
from app.ui.report_editor import ReportEditor
from app.ui.texts import language_changed, tr


@dataclass(frozen=True, slots=True)
class SectionPlace:
    """A section's header at characters ``start <= n < end``, and what it is."""

    name: str
    header: str
    start: int
    end: int


def sections_of(text: str, language: Language) -> tuple[SectionPlace, ...]:
    """The sections of a text that have a header, in order. Pure, any thread."""
    return tuple(
        SectionPlace(
            section.name,
            text[section.header_start : section.header_start + len(section.header)],
            section.header_start,
            section.header_start + len(section.header),
        )
        for section in document_of(text, language).sections
        if section.header
    )


class ReportOutline(QObject):
    """Marks the section headers of an editor and moves among them. Main thread only.

    Between two checks the marks follow the text.
    """

    changed = Signal()

    def __init__(self, editor: ReportEditor) -> None:
        super().__init__(editor)
        self._editor = editor
        self._sections: tuple[SectionPlace, ...] = ()

    @property
    def sections(self) -> tuple[SectionPlace, ...]:
        """The sections of the text that was read last."""
        return self._sections

    def show_sections(self, text: str, sections: Sequence[SectionPlace]) -> None:
        """Take the sections read from ``text``; an older text than the present one is dropped."""
        if text != self._editor.report_text():
            return
        changed = tuple(s.header for s in sections) != tuple(s.header for s in self._sections)
        self._sections = tuple(sections)
        self._editor.marks.set_spans("headers", text, [(s.start, s.end) for s in sections])
        self._editor.viewport().update()
        if changed:
            self.changed.emit()

    def current(self) -> int:
        """Number of the section in which the cursor stands; -1 before the first."""
        position = self._editor.textCursor().position()
        places = self._editor.marks.places("headers")
        return max((n for n, (start, _end) in enumerate(places) if start <= position), default=-1)

    def step(self, by: int) -> bool:
        """Go to the next (1) or previous (-1) section; False at the end."""
        return self.go_to(self.current() + by)

    def go_to(self, number: int) -> bool:
        """Put the cursor behind the header of a section; False where there is no such section."""
        places = self._editor.marks.places("headers")
        if not 0 <= number < len(places):
            return False
        document = self._editor.document()
        cursor = QTextCursor(document)
        cursor.setPosition(min(places[number][1], document.characterCount() - 1))
        while document.characterAt(cursor.position()) in (":", " ", "\u2029"):
            if not cursor.movePosition(QTextCursor.MoveOperation.NextCharacter):
                break
        self._editor.setTextCursor(cursor)
        self._editor.ensureCursorVisible()
        self._editor.setFocus()
        return True


class SectionList(QListWidget):
    """The sections by name; Enter or a click goes there."""

    def __init__(
        self, outline: ReportOutline, editor: ReportEditor, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._outline = outline
        self.itemClicked.connect(self._go)
        self.itemActivated.connect(self._go)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        outline.changed.connect(self._fill)
        editor.cursorPositionChanged.connect(self._mark)
        language_changed.connect(self._relabel)
        self._relabel()

    def _relabel(self, *_: object) -> None:
        self.setAccessibleName(tr("outline.name"))
        self._fill()

    def _fill(self) -> None:
        self.clear()
        for number, section in enumerate(self._outline.sections):
            item = QListWidgetItem(_title(section.header))
            if number < 9:
                item.setToolTip(f"Alt+{number + 1}")
            self.addItem(item)
        self._mark()

    def _mark(self) -> None:
        if self.isVisible() or self.currentRow() < 0:
            self.setCurrentRow(self._outline.current())

    def _go(self, item: QListWidgetItem) -> None:
        self._outline.go_to(self.row(item))


def _title(header: str) -> str:
    """A header as a title: capitals shout in a list."""
    return header.capitalize() if header.isupper() else header
