"""Are these images all that was acquired, in the right place, with the right values?

One line that is always in sight under the series, the facts behind it on a click or ``Shift+H``.
"""

from __future__ import annotations

from html import escape
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from app.ui.health_words import Degree, Health, health_of
from app.ui.panel_style import set_role
from app.ui.series_image import SeriesImage
from app.ui.texts import language_changed, tr
from app.ui.theme import COLORS

_MARKS: Final[dict[Degree, str]] = {"good": "✓", "note": "○", "doubt": "⚠", "stop": "■"}
_SHADES: Final[dict[Degree, str]] = {
    "good": "text",
    "note": "text",
    "doubt": "warn",
    "stop": "block",
}
_BODY_PX = 320


class HealthPanel(QFrame):
    """The health of the stack in the active viewport. Main thread only."""

    left_out_wanted = Signal()
    """The reader wants the list of the files that were not read."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._image: SeriesImage | None = None
        self._health: Health | None = None
        self._left_out = 0
        self._head = QPushButton()
        self._head.setProperty("role", "health")
        self._head.setCheckable(True)
        self._head.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        # The panel is as wide as the list of series above it, whatever the words.
        self._head.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._head.toggled.connect(self._unfold)
        self._facts = QLabel()
        self._facts.setWordWrap(True)
        self._facts.setTextFormat(Qt.TextFormat.RichText)
        self._facts.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._facts.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._facts.setContentsMargins(8, 4, 8, 6)
        self._body = QScrollArea()
        self._body.setWidget(self._facts)
        self._body.setWidgetResizable(True)
        self._body.setFrameShape(QFrame.Shape.NoFrame)
        self._body.setFixedHeight(_BODY_PX)
        self._body.hide()
        self._files = QPushButton()
        self._files.setProperty("role", "link")
        self._files.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._files.clicked.connect(self.left_out_wanted)
        column = QVBoxLayout(self)
        column.setContentsMargins(6, 0, 2, 4)
        column.setSpacing(0)
        for widget in (self._head, self._body, self._files):
            column.addWidget(widget)
        language_changed.connect(self.refresh)
        self.refresh()

    @property
    def health(self) -> Health | None:
        """What is shown now; None where no image is."""
        return self._health

    def set_image(self, image: SeriesImage | None) -> None:
        """Show the health of this stack; None: nothing is on screen."""
        self._image = image
        self.refresh()

    def set_left_out(self, count: int) -> None:
        """How many files were not read when the study was opened."""
        self._left_out = count
        self.refresh()

    def toggle(self) -> None:
        """Fold the facts out, or away."""
        self._head.toggle()

    def refresh(self, *_: object) -> None:
        """Everything anew, in the language in force."""
        health = health_of(self._image) if self._image is not None else None
        self._health = health
        self.setVisible(health is not None or self._left_out > 0)
        self._head.setVisible(health is not None)
        self._files.setVisible(self._left_out > 0)
        self._files.setText(tr("health.left_out", n=self._left_out))
        if health is None:
            self._body.hide()
            return
        self._body.setVisible(self._head.isChecked())
        title = tr("health.title")
        self._head.setText(f"{_MARKS[health.degree]}  {title}: {health.verdict}")
        self._head.setToolTip(tr("health.tip"))
        set_role(self._head, f"health-{health.degree}")
        self._facts.setText(_html(health))

    def _unfold(self, is_open: bool) -> None:
        self._body.setVisible(is_open and self._health is not None)


def _html(health: Health) -> str:
    rows = []
    for line in health.lines:
        shade = COLORS[_SHADES[line.degree]]
        about = f'<span style="color:{COLORS["dim"]}">{escape(line.about)}</span><br>'
        text = f'<span style="color:{shade}">{escape(line.text).replace(chr(10), "<br>")}</span>'
        rows.append(f'<p style="margin:0 0 5px 0">{about if line.about else ""}{text}</p>')
    return "".join(rows)
