"""The inline editor of a finding: label, side, site, significance, presence and numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, get_args

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QCompleter,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.core.codes import Laterality
from app.core.finding import FindingContent, Label, Presence
from app.core.measurement import Measurement
from app.ui import finding_words as words
from app.ui.finding_choices import FINDINGS, SITES, label_for, site_for
from app.ui.texts import language, tr

_SIDES: Final[tuple[Laterality | None, ...]] = ("right", "left", "bilateral", "midline", None)
_PRESENCES: Final = get_args(Presence)
EMPTY: Final = FindingContent(concept=None, label=Label("", ""), significance="significant")


class FindingEditor(QWidget):
    """Edits a copy of a finding's content. Enter or Ctrl+Enter saves, Escape leaves.

    ``saved`` carries the new ``FindingContent``; a number that was changed has the status
    ``edited``. The outline is not edited here but with the brush on the image.
    """

    saved = Signal(object)
    cancelled = Signal()

    def __init__(
        self, content: FindingContent | None, title: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("plain")
        self._is_new = content is None
        self._content = content or EMPTY
        self._label = QComboBox()
        self._label.setEditable(True)
        self._label.addItems([label.text(language()) for _, label in FINDINGS])
        self._label.setCurrentText(self._content.label.text(language()))
        self._site = QLineEdit(self._site_name())
        self._site.setCompleter(QCompleter([ru if language() == "ru" else en for en, ru in SITES]))
        self._segment = QLineEdit(self._content.site.segment if self._content.site else "")
        self._segment.setPlaceholderText(tr("editor.segment"))
        self._significance = self._choice("significance", words.SIGNIFICANCE_ORDER)
        self._significance.setCurrentIndex(
            words.SIGNIFICANCE_ORDER.index(self._content.significance)
        )
        self._presence = self._choice("presence", _PRESENCES)
        self._presence.setCurrentIndex(_PRESENCES.index(self._content.presence))
        self._sides = QButtonGroup(self)
        self._shown = words.shown_measurements(self._content)
        self._numbers: list[QLineEdit] = []
        self._fault = QLabel()
        self._fault.setProperty("role", "error")
        self._fault.setWordWrap(True)
        self._fault.hide()
        self._place(title)
        for field in self.findChildren(QWidget):
            field.installEventFilter(self)
        self.setFocusProxy(self._label)

    def focus_first(self) -> None:
        """Put the cursor into the first field, its text selected."""
        self._label.setFocus()
        line = self._label.lineEdit()
        if line is not None:
            line.selectAll()

    def set_side(self, side: Laterality | None) -> None:
        """Choose a side."""
        self._sides.button(_SIDES.index(side)).setChecked(True)

    def save(self) -> None:
        """Emit ``saved`` with the edited content, or say what is wrong in a line."""
        text = self._label.currentText().strip()
        if not text:
            self._say(tr("editor.label_missing"))
            return
        try:
            typed = {
                item.kind: _edited(item, field.text())
                for item, field in zip(self._shown, self._numbers, strict=True)
            }
        except ValueError as error:
            self._say(tr("editor.number_bad", text=str(error)))
            return
        concept, label = self._content.concept, self._content.label
        if text != label.text(language()):
            concept, label = label_for(text, language())
        site = self._content.site
        if (self._site.text().strip(), self._segment.text().strip()) != (
            self._site_name(),
            site.segment if site else "",
        ):
            site = site_for(self._site.text(), self._segment.text(), language())
        edited = replace(
            self._content,
            concept=concept,
            label=label,
            laterality=_SIDES[self._sides.checkedId()],
            site=site,
            significance=words.SIGNIFICANCE_ORDER[self._significance.currentIndex()],
            presence=_PRESENCES[self._presence.currentIndex()],
            measurements=tuple(typed.get(m.kind, m) for m in self._content.measurements),
        )
        if edited == self._content:
            self._say(tr("editor.unchanged"))
            return
        self.saved.emit(edited)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Enter saves and Escape leaves, whatever field has the focus."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if event.key() == Qt.Key.Key_Escape:
                self.cancelled.emit()
                return True
            is_button = isinstance(watched, QPushButton)
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not is_button:
                self.save()
                return True
        return super().eventFilter(watched, event)

    def _site_name(self) -> str:
        return self._content.site.text(language()) if self._content.site else ""

    def _choice(self, prefix: str, values: tuple[str, ...]) -> QComboBox:
        box = QComboBox()
        box.addItems([tr(f"{prefix}.{value}") for value in values])
        return box

    def _say(self, text: str) -> None:
        self._fault.setText(text)
        self._fault.show()

    def _place(self, title: str) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 2, 0, 2)
        layout.setSpacing(5)
        heading = QLabel(title)
        heading.setProperty("role", "bright")
        layout.addWidget(heading)
        grid = QGridLayout()
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(1, 1)
        rows: list[tuple[str, QWidget]] = [
            (tr("editor.label"), self._label),
            ("", self._side_row()),
            (tr("editor.site"), _row(self._site, self._segment)),
            (tr("editor.significance"), self._significance),
            (tr("editor.presence"), self._presence),
        ]
        rows += [(words.kind_text(m.kind), self._number_row(m)) for m in self._shown]
        for line, (name, widget) in enumerate(rows):
            if not name:
                grid.addWidget(widget, line, 0, 1, 2)
                continue
            caption = QLabel(name)
            caption.setProperty("role", "dim")
            caption.setWordWrap(True)
            caption.setMaximumWidth(96)
            grid.addWidget(caption, line, 0)
            grid.addWidget(widget, line, 1)
        layout.addLayout(grid)
        hints = [tr("editor.number_hint")] if self._content.measurements else []
        if self._content.region is not None and self._content.region.mask_sha256:
            hints.append(tr("editor.mask_hint"))
        if hints:
            hint = QLabel(" ".join(hints))
            hint.setProperty("role", "faint")
            hint.setWordWrap(True)
            layout.addWidget(hint)
        layout.addWidget(self._fault)
        save = QPushButton(tr("editor.save") + "  ⏎")
        save.setProperty("primary", True)
        save.clicked.connect(self.save)
        cancel = QPushButton(tr("editor.cancel") + "  Esc")
        cancel.clicked.connect(self.cancelled)
        buttons = QHBoxLayout()
        buttons.addWidget(save)
        buttons.addWidget(cancel)
        buttons.addStretch(1)
        layout.addLayout(buttons)

    def _side_row(self) -> QWidget:
        row = QWidget()
        row.setObjectName("plain")
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        row.setAccessibleName(tr("editor.side"))
        for number, side in enumerate(_SIDES):
            button = QPushButton(tr(f"side.short.{side or 'none'}"))
            button.setCheckable(True)
            button.setProperty("role", "segment")
            self._sides.addButton(button, number)
            layout.addWidget(button)
        layout.addStretch(1)
        self._sides.button(_SIDES.index(self._content.laterality)).setChecked(True)
        return row

    def _number_row(self, measurement: Measurement) -> QWidget:
        field = QLineEdit()
        if measurement.value is not None:
            field.setText(words.number_text(measurement.value, measurement.unit))
        else:
            field.setPlaceholderText(words.status_text(measurement))
        field.setMaximumWidth(110)
        self._numbers.append(field)
        unit = QLabel(words.unit_text(measurement.unit))
        unit.setProperty("role", "dim")
        row = _row(field, unit)
        layout = row.layout()
        if isinstance(layout, QHBoxLayout):
            layout.addStretch(1)
        return row


def _row(*widgets: QWidget) -> QWidget:
    row = QWidget()
    row.setObjectName("plain")
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(4)
    for number, widget in enumerate(widgets):
        layout.addWidget(widget, 2 if number == 0 else 1)
    return row


def _edited(measurement: Measurement, text: str) -> Measurement:
    """The measurement with the number typed; unchanged where the text was not touched."""
    text = text.strip()
    shown = "" if measurement.value is None else words.number_text(
        measurement.value, measurement.unit
    )  # fmt: skip
    if text == shown or not text:
        return measurement
    try:
        value = float(text.replace(",", ".").replace("−", "-"))
    except ValueError:
        raise ValueError(text) from None
    return replace(measurement, value=value, status="edited")
