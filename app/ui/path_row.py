"""A line for a path with a button that lets the reader choose it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QPushButton, QWidget


def path_row(
    line: QLineEdit, title: str, chosen: Callable[[], object], *, folder: bool = False
) -> QWidget:
    """``line`` with its button; ``title`` heads the dialog, ``chosen`` is called after a choice."""
    holder = QWidget()
    holder.setFocusProxy(line)
    row = QHBoxLayout(holder)
    row.setContentsMargins(0, 0, 0, 0)
    row.addWidget(line, 1)
    button = QPushButton("…")
    button.setAutoDefault(False)
    row.addWidget(button)

    def choose() -> None:
        if folder:
            path = QFileDialog.getExistingDirectory(holder, title)
        else:
            path, _ = QFileDialog.getOpenFileName(holder, title)
        if path:
            line.setText(path)
            chosen()

    button.clicked.connect(choose)
    return holder
