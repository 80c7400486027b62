"""One discrepancy of the list: sign and word of its severity, one sentence, buttons."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.core.report import Discrepancy, Override
from app.reporting.carried import is_mark
from app.ui.panel_style import SEVERITY_MARKS
from app.ui.texts import language, tr


class DiscrepancyRow(QWidget):
    """Shows one discrepancy; ``override`` says why it may stand, ``words`` the reason in words."""

    clicked = Signal(object)
    action_requested = Signal(str, object)

    def __init__(
        self, item: Discrepancy, override: Override | None, words: str, *, locked: bool
    ) -> None:
        super().__init__()
        self.item = item
        self.setObjectName("row")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        said = item.message.text(language())
        if item.softened is not None:
            said += f" ({item.softened.why.text(language())})"
        kind = tr(f"discrepancy.{item.severity}")
        self.setAccessibleName(f"{kind}: {said}")
        severity = QLabel(f"{SEVERITY_MARKS[item.severity]} {kind}")
        severity.setProperty("role", "dim" if override else item.severity)
        sentence = QLabel(said)
        sentence.setWordWrap(True)
        if override is not None:
            sentence.setProperty("role", "dim")
        top = QHBoxLayout()
        top.setSpacing(4)
        top.addWidget(severity)
        if override is not None:
            given = QLabel("· " + tr("discrepancy.dismissed", reason=words))
            given.setProperty("role", "dim")
            given.setWordWrap(True)
            top.addWidget(given, 1)
        else:
            top.addStretch(1)
        self.buttons: dict[str, QPushButton] = {}
        for action, key, tip in self._actions(override, locked=locked):
            button = QPushButton(tr(key))
            button.setProperty("role", "link")
            button.setToolTip(tip)
            button.setAccessibleName(f"{tr(key).rstrip('…')}: {said}")
            button.clicked.connect(
                lambda _=False, action=action: self.action_requested.emit(action, self.item)
            )
            self.buttons[action] = button
            top.addWidget(button)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(8, 4, 4, 2)
        self._layout.setSpacing(1)
        self._layout.addWidget(sentence)
        self._layout.addLayout(top)

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
        actions = [("show", "discrepancy.show", tr("discrepancy.show_tip"))]
        if locked:
            return actions
        if override is not None:
            return [*actions, ("take_back", "discrepancy.take_back", "")]
        if self.item.fix is not None:
            actions.append(("fix", _verb_of_fix(self.item), fix_tip(self.item)))
        word = "override" if self.item.severity == "block" else "dismiss"
        return [*actions, ("override", f"discrepancy.{word}", tr("discrepancy.dismiss_tip"))]


def _verb_of_fix(item: Discrepancy) -> str:
    if item.rule == "stale-sentence":
        return "discrepancy.refresh"
    if item.spans and is_mark(item.spans[0].text):
        return "discrepancy.confirm"
    return "discrepancy.fix"


def fix_tip(item: Discrepancy) -> str:
    """What the offered fix would write."""
    if item.fix is None:
        return tr("discrepancy.no_fix")
    if item.fix.insert.strip():
        return tr("discrepancy.fix_tip", text=item.fix.insert.strip())
    removed = item.spans[0].text if item.spans else ""
    return tr("discrepancy.delete_tip", text=removed)
