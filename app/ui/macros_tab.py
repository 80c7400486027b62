"""Macros of the site: what a short word behind a full stop becomes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.core.errors import AppError
from app.core.report import Language
from app.reporting.macros import Macro, fault_of
from app.ui.panel_style import set_role
from app.ui.texts import language, tr
from app.workflow import report_macros

if TYPE_CHECKING:
    from app.workflow.context import AppContext

_LANGUAGES: Final[tuple[Language, ...]] = ("en", "ru")


class MacrosTab(QWidget):
    """The macros of one language; a shipped one is changed by one of the site in its place."""

    changed = Signal()

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self._context = context
        self._macros: tuple[Macro, ...] = ()
        self._own: frozenset[str] = frozenset()
        self.language_choice = QComboBox()
        self.language_choice.setAccessibleName(tr("report.language_tip"))
        for code in _LANGUAGES:
            self.language_choice.addItem(code.upper(), code)
        self.language_choice.setCurrentIndex(_LANGUAGES.index(language()))
        self.language_choice.currentIndexChanged.connect(lambda: self.load())
        self._list = QListWidget()
        self._list.setAccessibleName(tr("macros.list"))
        self._list.currentRowChanged.connect(self._show)
        self.trigger, self.name, self.text = QLineEdit(), QLineEdit(), QPlainTextEdit()
        self.text.setTabChangesFocus(True)
        self._verdict = QLabel()
        self._verdict.setWordWrap(True)
        self._new = QPushButton(tr("macros.new"))
        self._remove = QPushButton(tr("templates.remove"))
        self._save = QPushButton(tr("templates.save"))
        self._save.setProperty("primary", True)
        for button in (self._new, self._remove, self._save):
            button.setAutoDefault(False)
        self._new.clicked.connect(self.begin_new)
        self._remove.clicked.connect(self.remove)
        self._save.clicked.connect(self.save)
        self.trigger.textChanged.connect(self._check)
        self.text.textChanged.connect(self._check)
        self._place()
        self.load()

    @property
    def verdict(self) -> str:
        """What is said of the macro."""
        return self._verdict.text()

    def load(self, trigger: str = "") -> None:
        """List the macros of the language anew; select ``trigger``."""
        code = self._language()
        try:
            self._macros = report_macros.macros(self._context, code)
            own = report_macros.site_macros(self._context, code)
        except AppError as error:
            self._say(error.text(language()), "error")
            return
        self._own = frozenset(one.trigger.lower() for one in own)
        self._list.blockSignals(True)
        self._list.clear()
        for one in self._macros:
            mark = f"  · {tr('templates.own')}" if one.trigger.lower() in self._own else ""
            self._list.addItem(QListWidgetItem(f".{one.trigger}   {one.name}{mark}"))
        self._list.blockSignals(False)
        triggers = [one.trigger.lower() for one in self._macros]
        wanted = trigger.lower()
        self._list.setCurrentRow(triggers.index(wanted) if wanted in triggers else 0)
        self._show()

    def begin_new(self) -> None:
        """Empty the form."""
        self._list.setCurrentRow(-1)
        for field in (self.trigger, self.name, self.text):
            field.clear()
        self.trigger.setFocus()

    def save(self) -> None:
        """Store the macro for this site."""
        macro = self._macro()
        try:
            report_macros.save_macro(self._context, self._language(), macro)
        except AppError as error:
            self._say(error.text(language()), "error")
            return
        self.load(macro.trigger)
        self.changed.emit()

    def remove(self) -> None:
        """Take the site's macro away."""
        try:
            report_macros.remove_macro(self._context, self._language(), self.trigger.text())
        except AppError as error:
            self._say(error.text(language()), "error")
            return
        self.load()
        self.changed.emit()

    def _language(self) -> Language:
        return _LANGUAGES[self.language_choice.currentIndex()]

    def _macro(self) -> Macro:
        return Macro(self.trigger.text().strip(), self.text.toPlainText(), self.name.text().strip())

    def _show(self, _row: int = 0) -> None:
        row = self._list.currentRow()
        if not 0 <= row < len(self._macros):
            return
        one = self._macros[row]
        self.trigger.setText(one.trigger)
        self.name.setText(one.name)
        self.text.setPlainText(one.text)
        self._check()

    def _check(self, *_: object) -> None:
        fault = fault_of(self._macro())
        self._save.setEnabled(fault is None)
        self._remove.setEnabled(self.trigger.text().strip().lower() in self._own)
        if fault is None:
            self._say(tr("macros.use", trigger=self.trigger.text().strip()), "dim")
        else:
            self._say(f"■ {fault.text(language())}", "error")

    def _say(self, text: str, role: str) -> None:
        self._verdict.setText(text)
        set_role(self._verdict, role)

    def _place(self) -> None:
        left = QVBoxLayout()
        left.addWidget(self.language_choice)
        left.addWidget(self._list, 1)
        right = QVBoxLayout()
        for key, field in (
            ("macros.trigger", self.trigger),
            ("macros.name", self.name),
            ("macros.text", self.text),
        ):
            caption = QLabel(tr(key))
            caption.setProperty("role", "dim")
            field.setAccessibleName(tr(key))
            right.addWidget(caption)
            right.addWidget(field)
        right.addWidget(self._verdict)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        for button in (self._new, self._remove, self._save):
            buttons.addWidget(button)
        right.addLayout(buttons)
        layout = QHBoxLayout(self)
        layout.addLayout(left, 2)
        layout.addLayout(right, 3)
