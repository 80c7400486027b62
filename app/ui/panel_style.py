"""What the panels right of the images add to the theme: marks of state, roles of labels."""

from __future__ import annotations

from typing import Final

from PySide6.QtWidgets import QWidget

from app.ui.theme import COLORS

SEVERITY_COLORS: Final = {
    "block": COLORS["block"],
    "warn": COLORS["warn"],
    "note": COLORS["dim"],
}
SEVERITY_MARKS: Final = {"block": "■", "warn": "▲", "note": "●"}
STATE_MARKS: Final = {"proposed": "?", "accepted": "✓", "edited": "✎", "rejected": "✗"}

PANEL_STYLE: Final = f"""
QLabel[role="error"] {{ color: {COLORS["block"]}; }}
QLabel[role="block"] {{ color: {COLORS["block"]}; }}
QLabel[role="warn"] {{ color: {COLORS["warn"]}; }}
QLabel[role="note"] {{ color: {COLORS["dim"]}; }}
QLabel[role="bright"] {{ color: {COLORS["bright"]}; font-weight: bold; }}
QLabel[role="chip"] {{ color: {COLORS["accent"]}; border: 1px solid {COLORS["accentdim"]};
  border-radius: 3px; padding: 0 4px; }}
QWidget#card, QWidget#card QWidget#plain {{ background: transparent; }}
QWidget#body, QScrollArea {{ background: {COLORS["panel"]}; border: none; }}
QPushButton[role="small"] {{ padding: 2px 8px; }}
QPushButton[role="segment"] {{ padding: 3px 7px; }}
QPushButton[role="link"] {{ background: transparent; border: 1px solid transparent;
  color: {COLORS["accent"]}; padding: 2px 4px; text-align: left; }}
QPushButton[role="link"]:hover {{ color: {COLORS["bright"]}; }}
QPushButton[role="link"]:focus {{ border-color: {COLORS["accentdim"]}; }}
QPushButton[role="link"]:disabled {{ color: {COLORS["faint"]}; }}
"""


def set_role(widget: QWidget, role: str) -> None:
    """Give the widget another role of the style sheet, at once."""
    widget.setProperty("role", role)
    widget.style().unpolish(widget)
    widget.style().polish(widget)
