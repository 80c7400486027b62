"""The windows beside the main one: none of them blocks it, and each is there once."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from PySide6.QtWidgets import QDialog, QMessageBox, QWidget

from app import __version__
from app.ui.left_out_window import LeftOutWindow
from app.ui.shortcuts import KeyHelp
from app.ui.texts import tr

if TYPE_CHECKING:
    from app.dicom.scan import ScanResult

Window = TypeVar("Window", bound=QDialog)


class SideWindows:
    """Makes the windows when they are asked for, in the language then in force."""

    def __init__(self, owner: QWidget) -> None:
        self._owner = owner
        self._open: dict[str, QDialog] = {}
        self._scan: ScanResult | None = None

    def set_scan(self, scan: ScanResult) -> None:
        """What the latest opening found and left out."""
        self._scan = scan

    def show_keys(self) -> None:
        """The help on keys and mouse."""
        self._show("keys", KeyHelp(self._owner))

    def show_about(self) -> None:
        """Version and licence."""
        QMessageBox.about(self._owner, tr("about.title"), tr("about.text", version=__version__))

    def show_left_out(self) -> None:
        """The files that were not read, with reasons."""
        if self._scan is not None:
            self._show("left out", LeftOutWindow(self._scan, self._owner))

    def _show(self, name: str, window: Window) -> Window:
        old = self._open.pop(name, None)
        if old is not None:
            old.close()
            old.deleteLater()
        self._open[name] = window
        window.show()
        return window
