"""The list under the report: one sentence per discrepancy, with show, fix and dismiss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app.core.report import Discrepancy, Message, Override
from app.ui.panel_style import SEVERITY_MARKS
from app.ui.reject_menu import ReasonList
from app.ui.texts import entries, language, tr

OVERRIDE_REASONS: Final = ("already_told", "chronic", "not_significant", "ai_wrong", "check_wrong")
_ORDER: Final = ("block", "warn", "note")


def override_reasons() -> tuple[tuple[str, Message], ...]:
    """The short list of reasons for letting a discrepancy stand."""
    return tuple((reason, Message(**entries()[f"reason.{reason}"])) for reason in OVERRIDE_REASONS)


def reason_text(reason: str) -> str:
    """A stored reason in words; a free one as it was written."""
    return tr(f"reason.{reason}") if reason in OVERRIDE_REASONS else reason


def in_reading_order(items: Sequence[Discrepancy]) -> tuple[Discrepancy, ...]:
    """Blocks first, then warnings, then notes; within each by place in the text."""
    return tuple(
        sorted(
            items,
            key=lambda item: (
                _ORDER.index(item.severity),
                item.spans[0].start if item.spans else -1,
            ),
        )
    )


class DiscrepancyPanel(QWidget):
    """Lists discrepancies; remembers which is the current one while the list changes."""

    show_requested = Signal(object)
    fix_requested = Signal(object)
    override_given = Signal(object, str)
    override_removed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._items: tuple[Discrepancy, ...] = ()
        self._overrides: Mapping[str, Override] = {}
        self._current_id = ""
        self._locked = False
        self._asking: ReasonList | None = None
        self._shown: list[_Row] = []
        body = QWidget()
        body.setObjectName("body")
        self._rows = QVBoxLayout(body)
        self._rows.setContentsMargins(6, 2, 6, 4)
        self._rows.setSpacing(2)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setWidget(body)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._scroll)

    @property
    def items(self) -> tuple[Discrepancy, ...]:
        """What is listed, in reading order."""
        return self._items

    @property
    def current(self) -> Discrepancy | None:
        """The highlighted discrepancy; the first open one when none was chosen."""
        for item in self._items:
            if item.id == self._current_id:
                return item
        return next((item for item in self._items if item.id not in self._overrides), None)

    def show_items(
        self, items: Sequence[Discrepancy], overrides: Mapping[str, Override], *, locked: bool
    ) -> None:
        """List ``items``; those with an override stand at the end, quieter."""
        ordered = in_reading_order(items)
        standing = [item for item in ordered if item.id not in overrides]
        dismissed = [item for item in ordered if item.id in overrides]
        listed = (*standing, *dismissed)
        unchanged = (listed, dict(overrides), locked) == (
            self._items, dict(self._overrides), self._locked,
        )  # fmt: skip
        if unchanged and self._rows.count():
            return
        self._items, self._overrides, self._locked = listed, dict(overrides), locked
        self.relabel()

    def relabel(self) -> None:
        """Build the list anew, in the language in force."""
        self._asking = None
        self._shown.clear()
        while (entry := self._rows.takeAt(0)) is not None:
            widget = entry.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        current = self.current
        for item in self._items:
            row = _Row(item, self._overrides.get(item.id), locked=self._locked)
            row.mark_current(current is not None and item.id == current.id)
            row.clicked.connect(self._show)
            row.action_requested.connect(self._act)
            self._rows.addWidget(row)
            self._shown.append(row)
        self._rows.addStretch(1)

    def step(self, step: int) -> Discrepancy | None:
        """Make the next (1) or previous (-1) discrepancy the current one."""
        if not self._items:
            return None
        ids = [item.id for item in self._items]
        if self._current_id in ids:
            place = (ids.index(self._current_id) + step) % len(ids)
        else:
            place = 0 if step > 0 else len(ids) - 1
        self._make_current(self._items[place])
        return self._items[place]

    def ask_reason(self, item: Discrepancy) -> None:
        """Ask, inline, why ``item`` may stand."""
        self._make_current(item)
        row = self._row(item)
        if row is None or self._locked:
            return
        if self._asking is not None:
            self._asking.hide()
            self._asking.deleteLater()
        asking = ReasonList(tr("discrepancy.reason_title"), override_reasons())
        asking.chosen.connect(lambda reason: self._reason_chosen(item, reason))
        asking.cancelled.connect(self.relabel)
        row.add_below(asking)
        asking.setFocus()
        self._asking = asking
        self._scroll.ensureWidgetVisible(row)

    def _reason_chosen(self, item: Discrepancy, reason: str) -> None:
        self._asking = None
        self.override_given.emit(item, reason)

    def _row(self, item: Discrepancy) -> _Row | None:
        return next((row for row in self._shown if row.item.id == item.id), None)

    def _make_current(self, item: Discrepancy) -> None:
        self._current_id = item.id
        for row in self._shown:
            row.mark_current(row.item.id == item.id)
        found = self._row(item)
        if found is not None:
            self._scroll.ensureWidgetVisible(found)

    def _show(self, item: Discrepancy) -> None:
        self._make_current(item)
        self.show_requested.emit(item)

    def _act(self, action: str, item: Discrepancy) -> None:
        self._make_current(item)
        if action == "show":
            self.show_requested.emit(item)
        elif action == "fix":
            self.fix_requested.emit(item)
        elif action == "override":
            self.ask_reason(item)
        else:
            self.override_removed.emit(item)


class _Row(QWidget):
    """One discrepancy: sign and word of its severity, one sentence, buttons."""

    clicked = Signal(object)
    action_requested = Signal(str, object)

    def __init__(self, item: Discrepancy, override: Override | None, *, locked: bool) -> None:
        super().__init__()
        self.item = item
        self.setObjectName("row")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        severity = QLabel(f"{SEVERITY_MARKS[item.severity]} {tr(f'discrepancy.{item.severity}')}")
        severity.setProperty("role", "dim" if override else item.severity)
        sentence = QLabel(item.message.text(language()))
        sentence.setWordWrap(True)
        if override is not None:
            sentence.setProperty("role", "dim")
        buttons = QHBoxLayout()
        buttons.setSpacing(4)
        buttons.addWidget(severity)
        if override is not None:
            reason = reason_text(override.reason)
            given = QLabel("· " + tr("discrepancy.dismissed", reason=reason))
            given.setProperty("role", "dim")
            given.setWordWrap(True)
            buttons.addWidget(given, 1)
        else:
            buttons.addStretch(1)
        for action, key, tip in self._actions(override, locked=locked):
            button = QPushButton(tr(key))
            button.setProperty("role", "link")
            button.setToolTip(tip)
            button.clicked.connect(
                lambda _=False, action=action: self.action_requested.emit(action, self.item)
            )
            buttons.addWidget(button)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(8, 4, 4, 2)
        self._layout.setSpacing(1)
        self._layout.addWidget(sentence)
        self._layout.addLayout(buttons)

    def add_below(self, widget: QWidget) -> None:
        """Put the list of reasons under the sentence."""
        self._layout.addWidget(widget)

    def mark_current(self, current: bool) -> None:
        """Highlight the current discrepancy."""
        self.setStyleSheet(
            "QWidget#row { background: palette(button); border-radius: 4px; }" if current else ""
        )

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click shows its place."""
        self.clicked.emit(self.item)
        event.accept()

    def _actions(self, override: Override | None, *, locked: bool) -> list[tuple[str, str, str]]:
        actions = [("show", "discrepancy.show", "Alt+↓ Alt+↑")]
        if locked:
            return actions
        if override is not None:
            return [*actions, ("take_back", "discrepancy.take_back", "")]
        if self.item.fix is not None:
            actions.append(("fix", "discrepancy.fix", fix_tip(self.item)))
        word = "override" if self.item.severity == "block" else "dismiss"
        return [*actions, ("override", f"discrepancy.{word}", "")]


def fix_tip(item: Discrepancy) -> str:
    """What the offered fix would write."""
    if item.fix is None:
        return tr("discrepancy.no_fix")
    if item.fix.insert.strip():
        return tr("discrepancy.fix_tip", text=item.fix.insert.strip())
    removed = item.spans[0].text if item.spans else ""
    return tr("discrepancy.delete_tip", text=removed)
