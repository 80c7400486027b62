"""One finding as a compact card: what, where, how large, how sure, decided by whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Final

from PySide6.QtCore import QMimeData, QPoint, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QDrag, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QApplication,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.core.finding import Finding
from app.core.measurement import Measurement
from app.core.report import Message
from app.ui import finding_words as words
from app.ui.panel_style import STATE_MARKS
from app.ui.report_editor import FINDING_MIME
from app.ui.texts import language, tr
from app.ui.theme import COLORS

_EDGE_PX: Final = 4.0
_ACTIONS: Final = (("accept", "⏎"), ("edit", "E"), ("reject", "X"), ("reopen", "U"))


@dataclass(frozen=True, slots=True)
class CardFacts:
    """What a card needs to know beside its finding.

    ``is_locked`` (signed) hides the verbs; ``flag_texts`` are the pack's words for its quality
    flags; ``series_text`` names the series where findings lie on more than one.
    """

    number: int
    is_current: bool
    is_locked: bool
    flag_texts: Mapping[str, Message]
    series_text: str = ""


class FindingCard(QWidget):
    """Shows one finding; the edge is dashed (proposed), solid (accepted), solid with a corner
    mark (edited) or dotted (rejected), the state also stands as a sign and in words."""

    clicked = Signal(str)
    action_requested = Signal(str, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self.uid = ""
        self._pressed = QPoint()
        self._state = "proposed"
        self._shown: object = None
        self._is_current = False
        self._mark = _label()
        self._number = _label()
        self._headline = _label(wrap=True)
        self._origin = _label()
        self._origin.setProperty("role", "chip")
        self._lines = {name: _label(wrap=True) for name in ("numbers", "quality", "score", "who")}
        self._lines["quality"].setProperty("role", "warn")
        for name in ("score", "who"):
            self._lines[name].setProperty("role", "dim")
        self._buttons = {name: self._make_button(name) for name, _ in _ACTIONS}
        self._button_row = QWidget()
        self._button_row.setObjectName("plain")
        self._tail: QWidget | None = None
        self._place()

    def show_finding(self, finding: Finding, facts: CardFacts) -> None:
        """Fill the card; does nothing where nothing changed."""
        shown = (finding, facts, language())
        if shown == self._shown:
            return
        self._shown = shown
        current, locked = facts.is_current, facts.is_locked
        self.uid, self._state, self._is_current = finding.uid, finding.state, current
        undecided = finding.state == "proposed"
        content = finding.current
        self._mark.setText(STATE_MARKS[finding.state])
        self._mark.setToolTip(tr(f"state.{finding.state}"))
        self._number.setText(str(facts.number))
        title = escape(words.headline(content))
        strong = undecided or current
        shade = COLORS["bright"] if strong else COLORS["dim"]
        if finding.state == "rejected":
            title = f"<s>{title}</s>"
        self._headline.setText(
            f'<span style="color:{shade}{"; font-weight:600" if strong else ""}">{title}</span>'
        )
        self._headline.setToolTip(tr(f"significance.{content.significance}"))
        self._show_origin(finding)
        self._show_lines(finding, facts)
        self._mark.setStyleSheet(f"color: {COLORS['accent' if undecided else 'dim']};")
        self._number.setStyleSheet(f"color: {shade};")
        for name, button in self._buttons.items():
            button.setText(f"{tr(f'findings.action.{name}')}  {dict(_ACTIONS)[name]}")
            button.setVisible(not locked and _offers(finding, name))
        self._button_row.setVisible(current and not locked and self._tail is None)
        self.setAccessibleName(
            tr(
                "findings.card_accessible",
                number=facts.number,
                text=words.headline(content),
                state=tr(f"state.{finding.state}"),
            )
        )
        self.update()

    def set_tail(self, widget: QWidget | None) -> None:
        """Put an inline editor or list of reasons under the card (None: take it away)."""
        if self._tail is not None:
            self._outer.removeWidget(self._tail)
            self._tail.hide()
            self._tail.deleteLater()
        self._shown = None
        self._tail = widget
        if widget is not None:
            self._outer.addWidget(widget)
            widget.show()
        self._button_row.setVisible(widget is None and self._is_current)

    def text_lines(self) -> tuple[str, ...]:
        """What the card says, line by line, as plain text (for tests and screen readers)."""
        shown = [label.text() for label in self._lines.values() if not label.isHidden()]
        return (self._headline.text(), *shown)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Card ground and the edge that shows the state by its style."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ground = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.setPen(QPen(QColor(COLORS["accentdim" if self._is_current else "panel"]), 1))
        painter.setBrush(QColor(COLORS["raised" if self._is_current else "field"]))
        painter.drawRoundedRect(ground, 4, 4)
        styles = {"proposed": Qt.PenStyle.CustomDashLine, "rejected": Qt.PenStyle.CustomDashLine}
        shade = COLORS["faint" if self._state == "rejected" else "accent"]
        pen = QPen(QColor(shade), _EDGE_PX - 1, styles.get(self._state, Qt.PenStyle.SolidLine))
        if self._state == "proposed":
            pen.setDashPattern([2.2, 1.6])
        elif self._state == "rejected":
            pen.setDashPattern([0.7, 1.6])
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        painter.setPen(pen)
        x = _EDGE_PX / 2 + 0.5
        painter.drawLine(int(x), 3, int(x), self.height() - 3)
        if self._state == "edited":
            corner = QPainterPath()
            right = float(self.width()) - 1
            corner.moveTo(right - 9, 1)
            corner.lineTo(right, 1)
            corner.lineTo(right, 10)
            corner.closeSubpath()
            painter.fillPath(corner, QColor(COLORS["accent"]))
        painter.end()
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click makes the finding the current one."""
        self._pressed = event.position().toPoint()
        if event.button() == Qt.MouseButton.LeftButton:
            self.clicked.emit(self.uid)
        super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """The card can be dragged into the report: its measurements go there."""
        held = bool(event.buttons() & Qt.MouseButton.LeftButton)
        far = (event.position().toPoint() - self._pressed).manhattanLength()
        if not held or far < QApplication.startDragDistance():
            return
        drag, data = QDrag(self), QMimeData()
        data.setData(FINDING_MIME, self.uid.encode())
        drag.setMimeData(data)
        drag.exec(Qt.DropAction.CopyAction)

    def _place(self) -> None:
        row = QHBoxLayout(self._button_row)
        row.setContentsMargins(0, 4, 0, 0)
        row.setSpacing(4)
        for button in self._buttons.values():
            row.addWidget(button)
        row.addStretch(1)
        grid = QGridLayout()
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(2)
        top = Qt.AlignmentFlag.AlignTop
        grid.addWidget(self._mark, 0, 0, top)
        grid.addWidget(self._number, 0, 1, top)
        grid.addWidget(self._headline, 0, 2, top)
        grid.addWidget(self._origin, 0, 3, top)
        for line, label in enumerate(self._lines.values(), 1):
            grid.addWidget(label, line, 2, 1, 2)
        grid.addWidget(self._button_row, len(self._lines) + 1, 2, 1, 2)
        grid.setColumnMinimumWidth(0, 12)
        grid.setColumnMinimumWidth(1, 14)
        grid.setColumnStretch(2, 1)
        self._outer = QVBoxLayout(self)
        self._outer.setContentsMargins(12, 6, 10, 7)
        self._outer.setSpacing(6)
        self._outer.addLayout(grid)

    def _make_button(self, name: str) -> QPushButton:
        button = QPushButton()
        button.setProperty("role", "small")
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        button.clicked.connect(lambda: self.action_requested.emit(name, self.uid))
        return button

    def _show_origin(self, finding: Finding) -> None:
        undecided = finding.state == "proposed"
        if finding.is_from_model:
            text = tr("findings.ai_unverified" if undecided else "findings.ai")
            if finding.model_count > 1:
                text = f"{text} · {tr('findings.models', n=finding.model_count)}"
            self._origin.setText(text)
        else:
            self._origin.setText(tr("findings.own"))
        self._origin.setStyleSheet("" if undecided else _quiet_chip())
        self._origin.setToolTip(words.origin_hover(finding))

    def _show_lines(self, finding: Finding, facts: CardFacts) -> None:
        content = finding.current
        measurements = words.shown_measurements(content)
        numbers = " · ".join(_measurement_html(item) for item in measurements)
        self._set("numbers", numbers)
        hovers = [words.measurement_hover(item) for item in measurements]
        self._lines["numbers"].setToolTip("\n".join(hovers))
        said = words.headline(content)
        flags = " ".join(
            t for t in words.quality_texts(content, facts.flag_texts) if t.rstrip(".") not in said
        )
        if finding.provenance.forced:
            flags = f"{tr('findings.ai_forced')} {flags}".strip()
        self._set("quality", f"▲ {escape(flags)}" if flags else "")
        score = " · ".join(p for p in (words.score_text(finding), facts.series_text) if p)
        self._set("score", escape(score))
        who = words.decision_text(finding)
        proposed = words.headline(finding.proposal.content)
        if finding.state == "edited" and proposed != words.headline(content):
            who += "\n" + tr("findings.proposed_was", text=proposed)
        self._set("who", escape(who).replace("\n", "<br>"))
        for name in ("numbers", "quality"):
            self._lines[name].setEnabled(finding.state != "rejected")

    def _set(self, name: str, text: str) -> None:
        self._lines[name].setText(text)
        self._lines[name].setVisible(bool(text))


def _offers(finding: Finding, action: str) -> bool:
    if action == "accept":
        return finding.state in ("proposed", "rejected")
    if action == "reject":
        return finding.state != "rejected"
    if action == "reopen":
        return finding.state != "proposed" and finding.is_from_model
    return True


def _measurement_html(measurement: Measurement) -> str:
    """Value in front, its kind dim; what is not valid in amber, with the reason in words."""
    dim, warn = COLORS["dim"], COLORS["warn"]
    kind = escape(words.kind_text(measurement.kind))
    text = f'<span style="color:{dim}">{kind}</span>'
    reason = escape(words.status_text(measurement))
    if measurement.value is None:
        return f'{text} <span style="color:{warn}">{reason}</span>'
    value = escape(words.value_text(measurement.value, measurement.unit))
    doubtful = reason and measurement.status != "edited"
    shade = warn if doubtful else COLORS["text"]
    text += f'&nbsp;<span style="color:{shade}">{value}</span>'
    if reason:
        text += f' <span style="color:{warn if doubtful else dim}">({reason})</span>'
    if measurement.previous is not None:
        previous = escape(words.previous_text(measurement.previous))
        text += f' <span style="color:{dim}">{previous}</span>'
    return text


def _quiet_chip() -> str:
    return f"color: {COLORS['dim']}; border-color: {COLORS['line']};"


def _label(*, wrap: bool = False) -> QLabel:
    label = QLabel()
    label.setWordWrap(wrap)
    label.setTextFormat(Qt.TextFormat.RichText if wrap else Qt.TextFormat.PlainText)
    return label
