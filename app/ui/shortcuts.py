"""The help on keys and mouse: built from the list of commands, shown beside the work."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QLabel, QScrollArea, QWidget

from app.ui.actions import ACTIONS, MenuName, action_text, key_text
from app.ui.texts import tr

_MOUSE = ("left", "left_click", "shift_left", "middle", "right", "wheel", "ctrl_wheel",
          "shift_wheel", "double")  # fmt: skip
_COLUMNS: tuple[tuple[MenuName, ...], ...] = (
    ("file", "view", "tools"),
    ("image",),
    ("findings", "report", "help"),
)


class KeyHelp(QDialog):
    """All keys by menu, and what the mouse does. Does not block the window."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("keys.title"))
        self.setModal(False)
        self.resize(1040, 760)
        body = QWidget()
        row = QHBoxLayout(body)
        row.setSpacing(28)
        for number, names in enumerate(_COLUMNS):
            grid = QGridLayout()
            grid.setVerticalSpacing(3)
            grid.setHorizontalSpacing(14)
            for name in names:
                self._add_menu(grid, name)
            if number == len(_COLUMNS) - 1:
                self._add_mouse(grid)
            grid.setRowStretch(grid.rowCount(), 1)
            row.addLayout(grid)
        area = QScrollArea(self)
        area.setWidget(body)
        area.setWidgetResizable(True)
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        outer = QHBoxLayout(self)
        outer.addWidget(area)

    def _add_menu(self, grid: QGridLayout, name: MenuName) -> None:
        _add_heading(grid, tr(f"menu.{name}"))
        for spec in ACTIONS:
            if spec.menu == name and spec.keys:
                keys = "  ".join(key_text(key) for key in spec.keys)
                _add_row(grid, keys, action_text(spec))

    def _add_mouse(self, grid: QGridLayout) -> None:
        _add_heading(grid, tr("keys.mouse"))
        for name in _MOUSE:
            _add_row(grid, tr(f"mouse.{name}"), tr(f"mouse.{name}.does"))


def _add_heading(grid: QGridLayout, text: str) -> None:
    label = QLabel(text.upper())
    label.setProperty("role", "heading")
    grid.addWidget(label, grid.rowCount(), 0, 1, 2)


def _add_row(grid: QGridLayout, keys: str, text: str) -> None:
    row = grid.rowCount()
    shown = QLabel(keys)
    shown.setProperty("role", "badge")
    grid.addWidget(shown, row, 0, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    grid.addWidget(QLabel(text), row, 1)
