"""The main window on a real context, and a reader's hands: mouse, keys, waiting."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from app.ui.main_window import MainWindow
from app.workflow.context import AppContext

SIZE = (1500, 900)


@contextmanager
def window_on(context: AppContext) -> Iterator[MainWindow]:
    """A shown window; closed and deleted afterwards."""
    window = MainWindow(context)
    window.resize(*SIZE)
    window.show()
    window.activateWindow()
    try:
        yield window
    finally:
        window.close()
        window.deleteLater()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        QApplication.processEvents()


def wait_for(is_true: Callable[[], bool], what: str, seconds: float = 20.0) -> None:
    """Run the event loop until ``is_true``; an assertion names what never came."""
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        QTest.qWait(10)


def open_and_wait(window: MainWindow, *paths: Path) -> None:
    """Open paths and wait until all images of the viewports are there."""
    before = window.desk.session
    window.open(list(paths))
    wait_for(lambda: window.desk.session not in (None, before), "the study")
    wait_for(lambda: not window.desk.is_busy, "images and models")
    QTest.qWait(50)


def drag(
    widget: QWidget,
    start: tuple[float, float],
    end: tuple[float, float],
    *,
    button: Qt.MouseButton = Qt.MouseButton.LeftButton,
    modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier,
    steps: int = 6,
) -> None:
    """Press, move in steps, release; positions in the widget's own pixels."""
    _mouse(widget, QEvent.Type.MouseButtonPress, start, button, modifiers)
    for step in range(1, steps + 1):
        at = tuple(a + (b - a) * step / steps for a, b in zip(start, end, strict=True))
        _mouse(widget, QEvent.Type.MouseMove, at, button, modifiers)
    _mouse(widget, QEvent.Type.MouseButtonRelease, end, button, modifiers)


def click(widget: QWidget, at: tuple[float, float]) -> None:
    """A left click without moving."""
    drag(widget, at, at, steps=1)


def press(widget: QWidget, *keys: Qt.Key | str) -> None:
    """Type keys at ``widget``, which gets the focus first."""
    widget.window().activateWindow()
    widget.setFocus()
    for key in keys:
        if isinstance(key, str):
            QTest.keyClicks(widget, key)
        else:
            QTest.keyClick(widget, key)


def threads_named(*lanes: str) -> list[threading.Thread]:
    """Threads of these lanes that are still alive."""
    return [t for t in threading.enumerate() if t.name.rsplit("-", 1)[0] in lanes and t.is_alive()]


def _mouse(
    widget: QWidget,
    kind: QEvent.Type,
    at: tuple[float, ...],
    button: Qt.MouseButton,
    modifiers: Qt.KeyboardModifier,
) -> None:
    place = QPointF(at[0], at[1])
    is_move = kind == QEvent.Type.MouseMove
    held = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseButtonRelease else button
    event = QMouseEvent(
        kind,
        place,
        QPointF(widget.mapToGlobal(QPoint(int(at[0]), int(at[1])))),
        Qt.MouseButton.NoButton if is_move else button,
        held,
        modifiers,
    )
    QApplication.sendEvent(widget, event)
