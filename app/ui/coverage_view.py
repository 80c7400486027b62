"""What was analyzed, what was not, and why: an empty list of findings must not look normal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final, Literal

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from app.core.report import Message
from app.core.study import SeriesRef
from app.ui.texts import language, language_changed, tr
from app.ui.theme import COLORS

CoverageState = Literal["analyzed", "running", "failed", "not_run", "refused"]

_ORDER: Final[tuple[CoverageState, ...]] = ("analyzed", "running", "failed", "not_run", "refused")
_MARKS: Final = {"analyzed": "✓", "running": "…", "failed": "!", "not_run": "○", "refused": "–"}
_SHADES: Final = {"analyzed": "text", "running": "accent", "failed": "block"}


@dataclass(frozen=True, slots=True)
class CoverageRow:
    """One pack for one series: what became of it and the reasons of the gate.

    ``series_text`` names the series on screen; ``limited`` marks a series that fits only partly,
    ``is_refused`` one that the gate refuses, also where it was run all the same. ``asks``: the
    reader may place something for this pack before it runs. ``is_for_others``: it reads images of
    another modality, and is only named.
    """

    pack_id: str
    pack_name: Message
    version: str
    ref: SeriesRef
    series_text: str
    state: CoverageState
    reasons: tuple[Message, ...] = ()
    limited: bool = False
    is_refused: bool = False
    asks: bool = False
    is_for_others: bool = False


class CoverageView(QWidget):
    """A list of packs and series with verdict and reasons; a suitable one can be run."""

    run_requested = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("plain")
        self._rows: tuple[CoverageRow, ...] = ()
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(8, 2, 6, 6)
        self._layout.setSpacing(6)
        language_changed.connect(self.relabel)
        self.relabel()

    def set_rows(self, rows: Sequence[CoverageRow]) -> None:
        """Show ``rows``; analyzed first, refused last."""
        self._rows = tuple(sorted(rows, key=lambda row: _ORDER.index(row.state)))
        self.relabel()

    def relabel(self, *_: object) -> None:
        """Build the list anew in the language in force."""
        while (item := self._layout.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        heading = QLabel(tr("coverage.title").upper())
        heading.setProperty("role", "heading")
        self._layout.addWidget(heading)
        if not any(row.state in ("analyzed", "running") for row in self._rows):
            self._layout.addWidget(_line(tr("coverage.none"), "text"))
        for row in self._rows:
            if not row.is_for_others:
                self._layout.addWidget(self._row_widget(row))
        others = dict.fromkeys(
            row.pack_name.text(language()) for row in self._rows if row.is_for_others
        )
        if others:
            text = tr("coverage.others", names=", ".join(others))
            self._layout.addWidget(_line(text, "dim"))
        self._layout.addWidget(_line(tr("coverage.note"), "dim"))

    def _row_widget(self, row: CoverageRow) -> QWidget:
        holder = QWidget()
        holder.setObjectName("plain")
        layout = QHBoxLayout(holder)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        mark = _line(_MARKS[row.state], _SHADES.get(row.state, "dim"), wrap=False)
        mark.setFixedWidth(14)
        layout.addWidget(mark, 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout()
        column.setSpacing(2)
        column.addWidget(_line(_row_html(row), "text"))
        if row.state in ("not_run", "refused", "failed") or (row.asks and row.state != "running"):
            forced = row.state == "refused" or row.limited
            text = "coverage.run_anyway" if forced else "coverage.run"
            button = QPushButton(tr("coverage.mark" if row.asks else text))
            button.setProperty("role", "link" if forced else "small")
            button.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
            button.clicked.connect(lambda: self.run_requested.emit(row))
            column.addWidget(button, 0, Qt.AlignmentFlag.AlignLeft)
        layout.addLayout(column, 1)
        return holder


def _row_html(row: CoverageRow) -> str:
    name = escape(row.pack_name.text(language()))
    state = tr(f"coverage.{row.state}")
    if row.limited and row.state != "refused":
        state += f", {tr('coverage.limited')}"
    dim = COLORS["dim"]
    head = f"{name} {escape(row.version)} · {escape(row.series_text)}: <b>{escape(state)}</b>"
    why = " ".join(escape(reason.text(language())) for reason in row.reasons)
    return f'{head}<br><span style="color:{dim}">{why}</span>' if why else head


def _line(text: str, shade: str, *, wrap: bool = True) -> QLabel:
    label = QLabel(text)
    label.setWordWrap(wrap)
    label.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
    label.setStyleSheet(f"color: {COLORS[shade]};")
    return label
