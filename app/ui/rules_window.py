"""What the report check has learnt on this site: how the alerts of each rule ended, and words.

A rule that is nearly always overridden makes itself a note; here it is told, and taken back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.core.errors import AppError
from app.reporting.rule_catalogue import rule_texts
from app.ui.texts import language, tr
from app.ui.theme import COLORS
from app.workflow.check_memory import RuleStanding, lift, restore_rule, standings

if TYPE_CHECKING:
    from app.store.check_memory import Suppression
    from app.workflow.context import AppContext

_RULES: Final = ("rule", "what", "firings", "share", "reason", "state")
_WORDS: Final = ("rule", "words", "by", "at")


class RulesWindow(QDialog):
    """Rules that have fired here, words that are remembered. Does not block the main window."""

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("rules.title"))
        self.setModal(False)
        self.resize(1080, 620)
        self._context = context
        self._standings: tuple[RuleStanding, ...] = ()
        self._remembered: tuple[Suppression, ...] = ()
        self.rules = _table(_RULES)
        self.words = _table(_WORDS)
        self._status = QLabel()
        self._status.setProperty("role", "dim")
        self._status.setWordWrap(True)
        self.restore_button = QPushButton(tr("rules.restore"))
        self.restore_button.clicked.connect(self.restore)
        self.forget_button = QPushButton(tr("rules.forget"))
        self.forget_button.clicked.connect(self.forget)
        self.rules.itemSelectionChanged.connect(self._offer)
        self.words.itemSelectionChanged.connect(self._offer)
        column = QVBoxLayout(self)
        column.addWidget(_heading(tr("rules.of_rules")))
        column.addWidget(self.rules, 3)
        column.addLayout(_at_the_right(self.restore_button))
        column.addWidget(_heading(tr("rules.of_words")))
        column.addWidget(self.words, 2)
        column.addLayout(_at_the_right(self.forget_button))
        column.addWidget(self._status)
        self.refresh()

    def refresh(self) -> None:
        """Read anew what the site has learnt; rules that demoted themselves stand first."""
        self._standings = tuple(
            sorted(standings(self._context.store), key=lambda item: not _is_demoted(item))
        )
        self._remembered = tuple(self._context.store.check_memory.suppressions())
        known = {text.rule: text.what.text(language()) for text in rule_texts()}
        _fill(self.rules, [_cells(item, known) for item in self._standings])
        for row, item in enumerate(self._standings):
            if _is_demoted(item):
                cell = self.rules.item(row, _RULES.index("state"))
                if cell is not None:
                    cell.setForeground(QColor(COLORS["warn"]))
        _fill(
            self.words,
            [(one.rule, one.words, _by(one), one.at_utc[:10]) for one in self._remembered],
        )
        nothing = not self._standings and not self._remembered
        self._status.setText(tr("rules.none") if nothing else "")
        self._offer()

    def restore(self) -> None:
        """Give the chosen rule its weight back."""
        chosen = self._chosen_rule()
        if chosen is not None and _is_demoted(chosen):
            context = self._context
            self._try(lambda: restore_rule(context.store, chosen.record.rule, actor=context.user))

    def forget(self) -> None:
        """Forget the chosen words: such an alert counts again."""
        row = self.words.currentRow()
        if self.words.selectedItems() and 0 <= row < len(self._remembered):
            context, pattern = self._context, self._remembered[row].pattern
            self._try(lambda: lift(context.store, pattern, actor=context.user))

    def _try(self, work: Callable[[], None]) -> None:
        try:
            work()
        except AppError as error:
            self._status.setText(error.text(language()))
            return
        self.refresh()

    def _chosen_rule(self) -> RuleStanding | None:
        row = self.rules.currentRow()
        is_chosen = bool(self.rules.selectedItems()) and 0 <= row < len(self._standings)
        return self._standings[row] if is_chosen else None

    def _offer(self) -> None:
        chosen = self._chosen_rule()
        self.restore_button.setEnabled(chosen is not None and _is_demoted(chosen))
        self.forget_button.setEnabled(bool(self.words.selectedItems()))


def _is_demoted(item: RuleStanding) -> bool:
    return item.demotion is not None and item.demotion.is_in_force


def _cells(item: RuleStanding, known: dict[str, str]) -> tuple[str, ...]:
    record, share = item.record, item.accepted_share
    most = max(item.reasons, key=lambda code: item.reasons[code], default="")
    state = ""
    if item.demotion is not None and item.demotion.is_in_force:
        state = tr("rules.demoted", day=item.demotion.at_utc[:10])
    return (
        record.rule,
        known.get(record.rule, ""),
        str(record.firings),
        "" if share is None else f"{100 * share:.0f} %",
        tr(f"reason.{most}") if most else "",
        state,
    )


def _by(one: Suppression) -> str:
    return one.by if one.origin == "person" else tr("rules.by_itself")


def _table(columns: Sequence[str]) -> QTableWidget:
    table = QTableWidget(0, len(columns))
    table.setHorizontalHeaderLabels([tr(f"rules.column.{name}") for name in columns])
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    table.setTabKeyNavigation(False)
    table.setShowGrid(False)
    table.verticalHeader().hide()
    header = table.horizontalHeader()
    header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
    return table


def _fill(table: QTableWidget, rows: Sequence[Sequence[str]]) -> None:
    table.clearSelection()
    table.setRowCount(len(rows))
    for row, cells in enumerate(rows):
        for place, text in enumerate(cells):
            cell = QTableWidgetItem(text)
            cell.setToolTip(text)
            table.setItem(row, place, cell)


def _heading(text: str) -> QLabel:
    label = QLabel(text)
    label.setProperty("role", "bright")
    label.setWordWrap(True)
    return label


def _at_the_right(button: QPushButton) -> QHBoxLayout:
    button.setAutoDefault(False)
    row = QHBoxLayout()
    row.addStretch(1)
    row.addWidget(button)
    return row
