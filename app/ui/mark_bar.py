"""The bar under the images while the reader places what a pack asks for."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.ui.marking_controller import MarkingController
from app.ui.texts import language, language_changed, tr

_WORDS: Final = ("yes", "no")
_COLUMNS: Final = 2  # more beside each other would widen the window


class MarkBar(QFrame):
    """Says what to place, chooses between several things, runs or gives up."""

    def __init__(self, controller: MarkingController, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "message")
        self._controller = controller
        self._what = QLabel()
        self._row = QHBoxLayout()
        self._things = QGridLayout()
        outer = QVBoxLayout(self)
        outer.setContentsMargins(12, 5, 6, 5)
        outer.addLayout(self._row)
        outer.addLayout(self._things)
        self._buttons: list[QPushButton] = []
        self._choices: list[QComboBox] = []
        self._group = QButtonGroup(self)
        self.run = QPushButton()
        self.run.setProperty("primary", True)
        self.clear = QPushButton()
        self.cancel = QPushButton()
        for button in (self.run, self.clear, self.cancel):
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.run.clicked.connect(controller.run)
        self.clear.clicked.connect(controller.clear)
        self.cancel.clicked.connect(controller.end)
        controller.changed.connect(self.refresh)
        language_changed.connect(self._relabel)
        self._relabel()

    def refresh(self) -> None:
        """Show what is asked, which of it is there and which is next."""
        active = self._controller.is_active
        self.setVisible(active)
        if not active:
            return
        asked = self._controller.asked
        if len(self._buttons) != len(asked):
            self._make_buttons(len(asked))
        if [box.objectName() for box in self._choices] != [
            e.name for e in self._controller.choices
        ]:
            self._make_choices()
        marking = self._controller.marking
        self._what.setText(self._controller.pack_name)
        for number, (entry, button) in enumerate(zip(asked, self._buttons, strict=True)):
            there = entry.name in self._controller.given.names(entry.kind)
            mark = "✓" if there else "•" if entry.required else "○"
            button.setText(f"{mark} {entry.short(language())}")
            button.setToolTip(entry.text.text(language()))
            button.setChecked(number == (marking.current if marking is not None else 0))
        self.run.setEnabled(not self._controller.missing)
        self.clear.setVisible(bool(asked))

    def _make_choices(self) -> None:
        for old in self._choices:
            self._row.removeWidget(old)
            old.deleteLater()
        self._choices = []
        for entry in self._controller.choices:
            box = QComboBox()
            box.setObjectName(entry.name)
            text = entry.text.ru if language() == "ru" else entry.text.en
            box.addItem(text, "")
            for option in entry.options:
                box.addItem(tr(f"marking.option.{option}") if option in _WORDS else option, option)
            given = self._controller.given.choice(entry.name)
            box.setCurrentIndex(entry.options.index(given) + 1 if given in entry.options else 0)
            box.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            box.currentIndexChanged.connect(
                lambda _n, box=box: self._controller.set_choice(
                    box.objectName(), str(box.currentData())
                )
            )
            self._row.insertWidget(1 + len(self._choices), box)
            self._choices.append(box)

    def _make_buttons(self, count: int) -> None:
        for button in self._buttons:
            self._group.removeButton(button)
            button.deleteLater()
        self._buttons = []
        for number in range(count):
            button = QPushButton()
            button.setCheckable(True)
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            button.clicked.connect(lambda _checked, n=number: self._controller.choose(n))
            self._group.addButton(button)
            self._things.addWidget(button, number // _COLUMNS, number % _COLUMNS)
            self._buttons.append(button)

    def _relabel(self, *_: object) -> None:
        while self._row.count():
            self._row.takeAt(0)
        self._row.addWidget(self._what)
        for widget in self._choices:
            self._row.addWidget(widget)
        self._row.addStretch(1)
        for button in (self.clear, self.cancel, self.run):
            self._row.addWidget(button)
        if self._controller.is_active:
            self._make_choices()
        self.run.setText(tr("marking.run"))
        self.clear.setText(tr("marking.clear"))
        self.cancel.setText(tr("marking.cancel"))
        self.refresh()
