"""Widgets above and beside each other, without margins: the frame of the window."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QSplitter, QVBoxLayout, QWidget


def column(*parts: tuple[QWidget, int]) -> QWidget:
    """Widgets above each other, each with its share of the room that is left."""
    holder = QWidget()
    layout = QVBoxLayout(holder)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(0)
    for widget, stretch in parts:
        layout.addWidget(widget, stretch)
    return holder


def splitter(direction: Qt.Orientation, *widgets: QWidget) -> QSplitter:
    """Widgets whose border can be dragged; none vanishes by dragging."""
    made = QSplitter(direction)
    for number, widget in enumerate(widgets):
        made.addWidget(widget)
        made.setStretchFactor(number, 0)
    made.setChildrenCollapsible(False)
    return made
