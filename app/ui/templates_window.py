"""Templates and macros of the site: list, edit, add; faults in words and a preview beside."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPlainTextEdit,
    QPushButton,
    QSplitter,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from app.core.errors import AppError
from app.core.report import Language
from app.reporting.templates.reading import template_text
from app.reporting.templates.shelf import ShelvedTemplate
from app.ui.macros_tab import MacrosTab
from app.ui.panel_style import PANEL_STYLE, set_role
from app.ui.texts import language, tr
from app.workflow import report_templates

if TYPE_CHECKING:
    from app.workflow.context import AppContext

_LANGUAGES: Final[tuple[Language, ...]] = ("en", "ru")
_VERBS: Final = ("copy", "remove", "save")
_CHECK_MS: Final = 250
_SHOWN_FAULTS: Final = 12


class TemplatesWindow(QDialog):
    """Does not block the main window. ``changed`` tells that a template or a macro was stored."""

    changed = Signal()

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("templates.title"))
        self.setModal(False)
        self.setStyleSheet(PANEL_STYLE)
        self.resize(1180, 720)
        self.templates = TemplatesTab(context)
        self.macros = MacrosTab(context)
        self.templates.changed.connect(self.changed)
        self.macros.changed.connect(self.changed)
        tabs = QTabWidget()
        tabs.addTab(self.templates, tr("templates.tab"))
        tabs.addTab(self.macros, tr("macros.tab"))
        layout = QVBoxLayout(self)
        layout.addWidget(tabs)


class TemplatesTab(QWidget):
    """A shipped template is changed by storing a template of the site in its place."""

    changed = Signal()

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self._context = context
        self._shelved: list[ShelvedTemplate] = []
        self._filter = QLineEdit()
        self._filter.setPlaceholderText(tr("choice.filter"))
        self._filter.setAccessibleName(tr("templates.filter"))
        self._filter.textChanged.connect(self._filter_list)
        self._list = QListWidget()
        self._list.setAccessibleName(tr("templates.list"))
        self._list.currentRowChanged.connect(self._show)
        self.source = QPlainTextEdit()
        self.source.setAccessibleName(tr("templates.source"))
        self.source.setTabChangesFocus(True)
        self.source.setLineWrapMode(QPlainTextEdit.LineWrapMode.WidgetWidth)
        self.preview = QPlainTextEdit()
        self.preview.setReadOnly(True)
        self.preview.setAccessibleName(tr("templates.preview"))
        self._verdict = QLabel()
        self._verdict.setWordWrap(True)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_CHECK_MS)
        self._timer.timeout.connect(self.check)
        self.source.textChanged.connect(self._timer.start)
        self._buttons = {name: QPushButton(tr(f"templates.{name}")) for name in _VERBS}
        for name, button in self._buttons.items():
            button.setToolTip(tr(f"templates.{name}_tip"))
            button.setAutoDefault(False)
        self._buttons["copy"].clicked.connect(self.copy)
        self._buttons["save"].clicked.connect(self.save)
        self._buttons["remove"].clicked.connect(self.remove)
        self._buttons["save"].setProperty("primary", True)
        self._place()
        self.load()

    def load(self, key: str = "") -> None:
        """List all templates anew; select the one with ``key`` (``id.language``)."""
        try:
            shelf = report_templates.shelf(self._context)
            codes = sorted(_LANGUAGES, key=lambda code: code != language())
            self._shelved = [one for code in codes for one in shelf.all(code)]
        except AppError as error:
            self._say(error.text(language()), "error")
            return
        self._list.blockSignals(True)
        self._list.clear()
        for one in self._shelved:
            own = "" if one.is_built_in else f"  · {tr('templates.own')}"
            item = QListWidgetItem(f"{one.template.language.upper()}  {one.template.name}{own}")
            item.setToolTip(one.template.key)
            self._list.addItem(item)
        self._list.blockSignals(False)
        keys = [one.template.key for one in self._shelved]
        self._list.setCurrentRow(keys.index(key) if key in keys else 0)
        self._filter_list(self._filter.text())

    def check(self) -> bool:
        """Say every fault of the text in words, or show what the template gives; whether valid."""
        self._timer.stop()
        text = self.source.toPlainText()
        problems = report_templates.validate(text)
        self._buttons["save"].setEnabled(not problems)
        if problems:
            lines = [
                f"■ {problem.place}: {problem.text.text(language())}".replace("■ : ", "■ ")
                for problem in problems[:_SHOWN_FAULTS]
            ]
            if len(problems) > _SHOWN_FAULTS:
                lines.append(tr("templates.more", n=len(problems) - _SHOWN_FAULTS))
            self._say("\n".join(lines), "error")
            return False
        try:
            self.preview.setPlainText(report_templates.preview(text))
        except AppError as error:
            self._say(error.text(language()), "error")
            return False
        self._say(tr("templates.valid"), "dim")
        return True

    def copy(self) -> None:
        """Begin a new template from the one shown, under another id."""
        try:
            data = json.loads(self.source.toPlainText())
        except ValueError:
            self.check()
            return
        taken = {one.template.key for one in self._shelved}
        base, number = re.sub(r"-\d+$", "", str(data.get("id", "template"))), 2
        while f"{base}-{number}.{data.get('language')}" in taken:
            number += 1
        data["id"] = f"{base}-{number}"
        data["name"] = f"{data.get('name', '')} {number}".strip()
        self.source.setPlainText(json.dumps(data, ensure_ascii=False, indent=1) + "\n")
        self.source.setFocus()
        self.check()

    def save(self) -> None:
        """Store the template for this site."""
        if not self.check():
            return
        try:
            saved = report_templates.save_template(self._context, self.source.toPlainText())
        except AppError as error:
            self._say(error.text(language()), "error")
            return
        self.load(saved.template.key)
        self._say(tr("templates.saved", name=saved.template.name), "dim")
        self.changed.emit()

    def remove(self) -> None:
        """Take the site's template away; a shipped one of the same id stands again."""
        one = self._current()
        if one is None:
            return
        try:
            report_templates.remove_template(self._context, one.template.id, one.template.language)
        except AppError as error:
            self._say(error.text(language()), "error")
            return
        self.load(one.template.key)
        self.changed.emit()

    def select(self, key: str) -> None:
        """Show the template with this key (``id.language``)."""
        keys = [one.template.key for one in self._shelved]
        self._list.setCurrentRow(keys.index(key))

    @property
    def verdict(self) -> str:
        """What is said of the text."""
        return self._verdict.text()

    @property
    def can_save(self) -> bool:
        """Whether the text is a valid template."""
        return self._buttons["save"].isEnabled()

    def _current(self) -> ShelvedTemplate | None:
        row = self._list.currentRow()
        return self._shelved[row] if 0 <= row < len(self._shelved) else None

    def _show(self, _row: int = 0) -> None:
        one = self._current()
        self._buttons["remove"].setEnabled(one is not None and not one.is_built_in)
        if one is not None:
            self.source.setPlainText(template_text(one.template))
            self.check()

    def _filter_list(self, text: str) -> None:
        wanted = text.lower().split()
        for row in range(self._list.count()):
            item = self._list.item(row)
            item.setHidden(not all(part in item.text().lower() for part in wanted))

    def _say(self, text: str, role: str) -> None:
        self._verdict.setText(text)
        set_role(self._verdict, role)

    def _place(self) -> None:
        left, middle, right = QWidget(), QWidget(), QWidget()
        for holder, caption, widgets in (
            (left, "", (self._filter, self._list)),
            (middle, "templates.source", (self.source, self._verdict)),
            (right, "templates.preview", (self.preview,)),
        ):
            column = QVBoxLayout(holder)
            column.setContentsMargins(4, 4, 4, 4)
            if caption:
                title = QLabel(tr(caption).upper())
                title.setProperty("role", "heading")
                column.addWidget(title)
            for widget in widgets:
                column.addWidget(widget, 0 if isinstance(widget, QLabel | QLineEdit) else 1)
        splitter = QSplitter(Qt.Orientation.Horizontal)
        for holder in (left, middle, right):
            splitter.addWidget(holder)
        splitter.setSizes([260, 480, 420])
        splitter.setChildrenCollapsible(False)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        for button in self._buttons.values():
            buttons.addWidget(button)
        layout = QVBoxLayout(self)
        layout.addWidget(splitter, 1)
        layout.addLayout(buttons)
