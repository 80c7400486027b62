"""The list under the report: one sentence per discrepancy, with show, fix and dismiss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QPushButton, QScrollArea, QVBoxLayout, QWidget

from app.core.report import Discrepancy, Message, Override
from app.reporting.alert_policy import HARD_SHOWN, REASONS, SOFT_SHOWN
from app.ui.discrepancy_row import DiscrepancyRow
from app.ui.finding_words import counted
from app.ui.reject_menu import ReasonList
from app.ui.texts import entries, tr

OVERRIDE_REASONS: Final = tuple(reason for reason in REASONS if reason != "other")
"""Another reason is given in words."""
_ORDER: Final = ("block", "warn", "note")
_MOST: Final = {"block": HARD_SHOWN, "warn": SOFT_SHOWN}


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


@dataclass(frozen=True, slots=True)
class _Listed:
    """What is to be listed."""

    items: tuple[Discrepancy, ...] = ()
    overrides: tuple[tuple[str, Override], ...] = ()
    locked: bool = False


class DiscrepancyPanel(QWidget):
    """Lists discrepancies; remembers which is the current one while the list changes.

    At most three blocks and seven warnings stand open, notes and what was dismissed are folded;
    a line opens each. The list is never rebuilt under a question that is being answered, and a
    button that has the focus keeps it. ``left`` tells that a question was answered or given up,
    ``rebuilt`` that other rows stand in it.
    """

    show_requested = Signal(object)
    fix_requested = Signal(object)
    override_given = Signal(object, str)
    override_removed = Signal(object)
    left = Signal()
    rebuilt = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._listed = _Listed()
        self._pending: _Listed | None = None
        self._current_id = ""
        self._unfolded: set[str] = set()
        self._asking: ReasonList | None = None
        self._shown: list[DiscrepancyRow] = []
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
        """What is listed, folded or not, in reading order."""
        return self._listed.items

    @property
    def unfolded(self) -> tuple[Discrepancy, ...]:
        """What stands open."""
        return tuple(row.item for row in self._shown)

    @property
    def current(self) -> Discrepancy | None:
        """The highlighted discrepancy; the first open one when none was chosen."""
        for item in self.items:
            if item.id == self._current_id:
                return item
        dismissed = dict(self._listed.overrides)
        return next((item for item in self.items if item.id not in dismissed), None)

    def show_items(
        self, items: Sequence[Discrepancy], overrides: Mapping[str, Override], *, locked: bool
    ) -> None:
        """List ``items``; those with an override stand at the end, quieter."""
        ordered = in_reading_order(items)
        standing = [item for item in ordered if item.id not in overrides]
        dismissed = [item for item in ordered if item.id in overrides]
        listed = _Listed((*standing, *dismissed), tuple(overrides.items()), locked)
        if listed == (self._pending or self._listed) and self._rows.count():
            return
        if self._asking is not None:
            self._pending = listed
            return
        self._listed = listed
        self.relabel()

    def relabel(self) -> None:
        """Build the list anew, in the language in force."""
        focused = self._focused()
        self._asking = None
        if self._pending is not None:
            self._listed, self._pending = self._pending, None
        self._shown.clear()
        while (entry := self._rows.takeAt(0)) is not None:
            widget = entry.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        overrides = dict(self._listed.overrides)
        for name, group in self._groups(overrides):
            self._add_group(name, group, overrides)
        self._rows.addStretch(1)
        self._focus_again(focused)
        self.rebuilt.emit()

    def step(self, step: int) -> Discrepancy | None:
        """Make the next (1) or previous (-1) discrepancy the current one."""
        if not self.items:
            return None
        ids = [item.id for item in self.items]
        if self._current_id in ids:
            place = (ids.index(self._current_id) + step) % len(ids)
        else:
            place = 0 if step > 0 else len(ids) - 1
        self._make_current(self.items[place])
        return self.items[place]

    def ask_reason(self, item: Discrepancy) -> None:
        """Ask, inline, why ``item`` may stand."""
        self._make_current(item)
        row = self._row(item)
        if row is None or self._listed.locked or item.id in dict(self._listed.overrides):
            return
        if self._asking is not None:
            self._asking.hide()
            self._asking.deleteLater()
        asking = ReasonList(tr("discrepancy.reason_title"), override_reasons())
        asking.chosen.connect(lambda reason: self._reason_chosen(item, reason))
        asking.cancelled.connect(self._give_up)
        row.add_below(asking)
        asking.setFocus()
        self._asking = asking
        self._scroll.ensureWidgetVisible(row)

    def unfold(self, name: str) -> None:
        """Open the folded ``block``, ``note`` or ``dismissed`` ones, until the list is empty."""
        self._unfolded.add(name)
        self.relabel()

    def _groups(self, overrides: Mapping[str, Override]) -> list[tuple[str, list[Discrepancy]]]:
        groups: dict[str, list[Discrepancy]] = {name: [] for name in (*_ORDER, "dismissed")}
        for item in self.items:
            groups["dismissed" if item.id in overrides else item.severity].append(item)
        if not self.items:
            self._unfolded.clear()
        return list(groups.items())

    def _add_group(
        self, name: str, group: Sequence[Discrepancy], overrides: Mapping[str, Override]
    ) -> None:
        current = self.current
        most = _MOST.get(name, 0)
        if name in self._unfolded or any(item.id == self._current_id for item in group[most:]):
            most = len(group)
        for item in group[:most]:
            override = overrides.get(item.id)
            words = reason_text(override.reason) if override is not None else ""
            row = DiscrepancyRow(item, override, words, locked=self._listed.locked)
            row.mark_current(current is not None and item.id == current.id)
            row.clicked.connect(self._show)
            row.action_requested.connect(self._act)
            self._rows.addWidget(row)
            self._shown.append(row)
        folded = len(group) - most
        if folded > 0:
            more = QPushButton(tr("discrepancy.more", what=counted(name, folded)))
            more.setProperty("role", "link")
            more.clicked.connect(lambda: self.unfold(name))
            self._rows.addWidget(more)

    def _focused(self) -> tuple[str, str] | None:
        """Row and action of the button that has the focus."""
        for row in self._shown:
            for action, button in row.buttons.items():
                if button.hasFocus():
                    return row.item.id, action
        return None

    def _focus_again(self, focused: tuple[str, str] | None) -> None:
        for row in self._shown:
            if focused is not None and row.item.id == focused[0]:
                button = row.buttons.get(focused[1]) or row.buttons["show"]
                button.setFocus()
                return
        if focused is not None:
            self.left.emit()

    def _reason_chosen(self, item: Discrepancy, reason: str) -> None:
        self._asking = None
        self.override_given.emit(item, reason)
        self.relabel()
        self.left.emit()

    def _give_up(self) -> None:
        self.relabel()
        self.left.emit()

    def _row(self, item: Discrepancy) -> DiscrepancyRow | None:
        return next((row for row in self._shown if row.item.id == item.id), None)

    def _make_current(self, item: Discrepancy) -> None:
        self._current_id = item.id
        if self._row(item) is None and self._asking is None:
            self.relabel()
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
