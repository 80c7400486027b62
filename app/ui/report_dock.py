"""The report's place beside the images, and its own window (for a second monitor)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from PySide6.QtCore import QRect, Qt, Signal
from PySide6.QtGui import QAction, QCloseEvent, QGuiApplication
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from app.ui.report_panel import ReportPanel
from app.ui.texts import language_changed, tr

_SIZE: Final = (1280, 860)


class ReportDock(QWidget):
    """Holds the report panel, or says that it is in its own window. Main thread only.

    It is the same panel, so the same text with the same cursor. ``changed`` tells of the move.
    """

    changed = Signal(bool)

    def __init__(self, panel: ReportPanel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._panel = panel
        self._window: _ReportWindow | None = None
        self._title = ""
        self._actions: tuple[QAction, ...] = ()
        self._away = QLabel()
        self._away.setProperty("role", "empty")
        self._away.setWordWrap(True)
        self._back = QPushButton()
        self._back.clicked.connect(self.toggle)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.addWidget(panel, 1)
        self._layout.addWidget(self._away)
        self._layout.addWidget(self._back, 0, Qt.AlignmentFlag.AlignHCenter)
        language_changed.connect(self._relabel)
        self._show_place()

    @property
    def window_(self) -> QWidget | None:
        """The report's own window while it has one."""
        return self._window

    def set_actions(self, actions: Iterable[QAction]) -> None:
        """The commands whose keys act in the report's own window too."""
        self._actions = tuple(actions)

    def toggle(self) -> None:
        """Move the report to its own window, or back."""
        if self._window is None:
            self._go_out()
        else:
            self.bring_back()

    def bring_back(self) -> None:
        """Put the report beside the images again."""
        window, self._window = self._window, None
        if window is None:
            return
        self._panel.set_full(False)
        self._layout.insertWidget(0, self._panel, 1)
        window.hide()
        window.deleteLater()
        self._show_place()
        self._panel.editor.setFocus()
        self.changed.emit(False)

    def set_title(self, title: str) -> None:
        """Name the patient in the title of the window."""
        self._title = title
        if self._window is not None:
            self._window.setWindowTitle(self._named())

    def _go_out(self) -> None:
        window = _ReportWindow(self)
        for action in self._actions:
            window.addAction(action)
        window.place(self._panel, _free_room(self))
        self._window = window
        self._panel.set_full(True)
        self._show_place()
        window.setWindowTitle(self._named())
        window.show()
        window.activateWindow()
        self._panel.editor.setFocus()
        self.changed.emit(True)

    def _named(self) -> str:
        return " - ".join(part for part in (self._title, tr("report.title"), "Overread") if part)

    def _show_place(self) -> None:
        away = self._window is not None
        self._away.setVisible(away)
        self._back.setVisible(away)
        self._relabel()

    def _relabel(self, *_: object) -> None:
        self._away.setText(tr("report.away"))
        self._back.setText(tr("report.bring_back"))


class _ReportWindow(QWidget):
    """A plain window; closing it brings the report back."""

    def __init__(self, dock: ReportDock) -> None:
        super().__init__(dock.window(), Qt.WindowType.Window)
        self._dock = dock
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)

    def place(self, panel: QWidget, room: QRect) -> None:
        """Take the panel in, and stand in ``room``."""
        self._layout.addWidget(panel)
        self.setGeometry(room)

    def closeEvent(self, event: QCloseEvent) -> None:
        """The report goes back to its place."""
        self._dock.bring_back()
        event.accept()


def _free_room(widget: QWidget) -> QRect:
    """The whole of another screen, else the middle of this one."""
    own = widget.screen()
    for screen in QGuiApplication.screens():
        if screen is not own:
            return screen.availableGeometry()
    room = own.availableGeometry()
    width, height = min(_SIZE[0], room.width() - 40), min(_SIZE[1], room.height() - 60)
    made = QRect(0, 0, width, height)
    made.moveCenter(room.center())
    return made
