"""The last net: whatever is not an expected error is logged, kept in a report, and told.

Reports hold code places and types only: no values, so no patient data.
"""

from __future__ import annotations

import datetime as dt
import faulthandler
import logging
import sys
import threading
import traceback
from pathlib import Path
from types import TracebackType
from typing import IO

from PySide6.QtCore import QMessageLogContext, QObject, QtMsgType, Signal, qInstallMessageHandler
from PySide6.QtWidgets import QMessageBox, QWidget

from app import __version__
from app.core.errors import AppError
from app.ui.texts import tr

_log = logging.getLogger("overread.crash")


class CrashNet(QObject):
    """Installs the hooks; ``crashed`` gives the report's path, ``refused`` an expected error.

    Made on the main thread before the first window; both signals arrive there.
    """

    crashed = Signal(object)
    refused = Signal(object)

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self._faults: IO[str] | None = None

    def install(self) -> None:
        """Take over Python's and Qt's hooks for what nobody caught."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._faults = (self._folder / "faults.txt").open("a", encoding="utf-8")
        faulthandler.enable(self._faults)
        sys.excepthook = self._uncaught
        threading.excepthook = self._uncaught_in_thread
        sys.unraisablehook = self._unraisable
        qInstallMessageHandler(_log_qt)

    def remove(self) -> None:
        """Give the hooks back."""
        sys.excepthook = sys.__excepthook__
        threading.excepthook = threading.__excepthook__
        sys.unraisablehook = sys.__unraisablehook__
        qInstallMessageHandler(None)
        if self._faults is not None:
            faulthandler.disable()
            self._faults.close()
            self._faults = None

    def take(self, error: BaseException) -> None:
        """Deal with an exception: an expected one is told, a bug reported."""
        if isinstance(error, AppError):
            self.refused.emit(error)
            return
        if isinstance(error, KeyboardInterrupt):
            raise SystemExit(130)
        path = write_report(self._folder, error)
        _log.error("unexpected %s, report %s", type(error).__name__, path.name)
        self.crashed.emit(path)

    def _uncaught(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        self.take(error.with_traceback(trace))

    def _uncaught_in_thread(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            self.take(args.exc_value)

    def _unraisable(self, args: sys.UnraisableHookArgs) -> None:
        if args.exc_value is not None:
            self.take(args.exc_value)


def write_report(folder: Path, error: BaseException) -> Path:
    """Write where ``error`` arose; the file's path."""
    stamp = dt.datetime.now(dt.UTC).strftime("%Y%m%d-%H%M%S-%f")
    path = folder / f"crash-{stamp}.txt"
    lines = [f"overread {__version__}", f"python {sys.version}", type(error).__name__, ""]
    lines += [
        f"{Path(frame.filename).name}:{frame.lineno} in {frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def show_crash(path: Path, parent: QWidget | None) -> QMessageBox:
    """Tell the user, without stopping the program: the reading goes on."""
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.Warning)
    box.setWindowTitle(tr("crash.title"))
    box.setText(tr("crash.text"))
    box.setInformativeText(tr("crash.report", path=path))
    box.setModal(False)
    box.show()
    return box


def _log_qt(kind: QtMsgType, _context: QMessageLogContext, message: str) -> None:
    levels = {
        QtMsgType.QtDebugMsg: logging.DEBUG,
        QtMsgType.QtInfoMsg: logging.INFO,
        QtMsgType.QtWarningMsg: logging.WARNING,
    }
    logging.getLogger("overread.qt").log(levels.get(kind, logging.ERROR), "%s", message)
