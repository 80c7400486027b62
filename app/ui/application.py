"""The desktop program: hooks, theme, one context, one window."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEventLoop, Qt, QTimer, qVersion
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QLabel

from app.bootstrap import build_context
from app.config import folders
from app.config.settings import load_settings
from app.core.errors import EnvironmentFault
from app.ui.crash_dialog import CrashNet, show_crash
from app.ui.main_window import MainWindow
from app.ui.texts import set_language
from app.ui.theme import apply_theme

if TYPE_CHECKING:
    from app.workflow.context import AppContext


def run(paths: Sequence[Path], *, language: str | None, data_folder: Path | None) -> int:
    """Open the workstation on ``paths`` and stay until it is closed; the exit code.

    ``language`` None: the one of the settings. Raises ``EnvironmentFault`` without a display.
    """
    scale = load_settings(data_folder or folders.data_folder()).ui_scale_percent
    if scale != 100:
        os.environ.setdefault("QT_SCALE_FACTOR", f"{scale / 100:.2f}")
    application = make_application()
    net = CrashNet(folders.log_folder())
    net.install()
    context = build_context(data_folder=data_folder)
    try:
        set_language(language or context.settings.language)
        window = MainWindow(context)
        net.refused.connect(window.messages.show_error)
        net.crashed.connect(lambda path: show_crash(path, window))
        window.showMaximized()
        QTimer.singleShot(0, window, lambda: window.begin(paths))
        code = application.exec()
    finally:
        context.close()
        net.remove()
    return int(code)


def render_tour(
    context: AppContext, paths: Sequence[Path], out: Path, *, language: str = "en"
) -> list[Path]:
    """Pictures of the main job on ``paths``, without a display; see ``app.ui.tour``."""
    from app.ui import tour

    return tour.render_tour(context, paths, out, language_code=language)


def make_application() -> QApplication:
    """The one ``QApplication``, with the theme; the present one if there is one."""
    present = QApplication.instance()
    if isinstance(present, QApplication):
        return present
    require_display()
    # a worker in Python (a check of forty pages) gives way to a key after 1 ms instead of 5
    sys.setswitchinterval(0.001)
    QApplication.setHighDpiScaleFactorRoundingPolicy(
        Qt.HighDpiScaleFactorRoundingPolicy.PassThrough
    )
    application = QApplication(["overread"])
    application.setApplicationName("overread")
    application.setApplicationDisplayName("Overread")
    application.setEffectEnabled(Qt.UIEffect.UI_AnimateMenu, False)
    application.setEffectEnabled(Qt.UIEffect.UI_AnimateCombo, False)
    apply_theme(application)
    return application


def require_display() -> None:
    """Qt ends the process when there is no display; say it in words instead."""
    if not sys.platform.startswith("linux") or os.environ.get("QT_QPA_PLATFORM"):
        return
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise EnvironmentFault(
            "There is no display to open a window on.",
            ru="Нет дисплея, на котором можно открыть окно.",
            hint="Start Overread on a desktop, or use a verb: overread --help.",
            hint_ru="Запустите Overread на рабочем столе или выберите команду: overread --help.",
        )


def probe_window() -> str:
    """Show and read back a small widget with text; what Qt runs on. For the self-test."""
    if QApplication.instance() is None and not os.environ.get("QT_QPA_PLATFORM"):
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    make_application()
    label = QLabel("Overread 0123")
    label.resize(160, 40)
    label.show()
    image = label.grab().toImage().convertToFormat(QImage.Format.Format_Grayscale8)
    label.close()
    shades = {image.pixelColor(x, y).value() for x in range(0, 160, 2) for y in range(40)}
    if len(shades) < 3:
        raise EnvironmentFault(
            "Qt draws no text on this machine.",
            ru="Qt не рисует текст на этом компьютере.",
            hint="Install a font package such as fonts-dejavu-core.",
            hint_ru="Установите пакет шрифтов, например fonts-dejavu-core.",
        )
    return f"Qt {qVersion()}, {QApplication.platformName()}"


def settle(milliseconds: int = 30) -> None:
    """Let the event loop run for a while."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()
