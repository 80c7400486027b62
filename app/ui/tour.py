"""A walk through the main job that leaves a picture of each step; needs no display."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from app.ui.application import make_application, settle
from app.ui.main_window import MainWindow
from app.ui.texts import set_language

if TYPE_CHECKING:
    from app.workflow.context import AppContext

_SIZE = (1920, 1080)
_LIMIT_S = 120.0


def render_tour(
    context: AppContext, paths: Sequence[Path], out: Path, *, language: str = "en"
) -> list[Path]:
    """Open ``paths``, go through the steps of reading, grab the window at each; the pictures.

    Decides about findings of the first study as a reader would, so give it a library of its own.
    """
    application = make_application()
    set_language(language)
    out.mkdir(parents=True, exist_ok=True)
    window = MainWindow(context)
    window.resize(*_SIZE)
    window.show()
    tour = _Tour(window, out)
    try:
        tour.walk(paths)
    finally:
        window.close()
        window.deleteLater()
        application.processEvents()
    return tour.pictures


class _Tour:
    def __init__(self, window: MainWindow, out: Path) -> None:
        self._window = window
        self._out = out
        self.pictures: list[Path] = []

    def walk(self, paths: Sequence[Path]) -> None:
        window, desk = self._window, self._window.desk
        window.open(paths)
        self._until(lambda: desk.session is not None)
        self._until(lambda: not desk.is_busy)
        uids = [row.study_instance_uid for row in window.opener.rows()]
        for number, uid in enumerate(uids):
            window.opener.open_study(uid)
            self._until(lambda: not desk.is_busy)
            self._grab(f"study-{number + 1}")
            if desk.session is not None and desk.session.findings:
                self._decide()
                self._report()
            if window.grid.active.image is not None and window.grid.active.image.has_planes:
                self._planes()

    def _decide(self) -> None:
        panel, session = self._window.findings, self._window.desk.session
        panel.next_finding()
        self._grab("finding")
        if session is not None and not session.is_signed:
            panel.accept_current()
            panel.next_finding()
            self._grab("accepted")

    def _report(self) -> None:
        session = self._window.desk.session
        if session is None or session.is_signed:
            return
        self._window.report.draft()
        settle(700)
        self._grab("draft")

    def _planes(self) -> None:
        window = self._window
        if len({viewport.state.plane for viewport in window.grid.shown}) == 1:
            window.toggle_mpr()
        if window.grid.active.image is not None:
            window.actions_.by_id["preset.ct-lung"].trigger()
        self._until(lambda: not window.desk.is_busy)
        self._grab("planes")

    def _grab(self, name: str) -> None:
        settle(250)
        path = self._out / f"{len(self.pictures) + 1:02d}-{name}.png"
        self._window.grab().save(str(path))
        self.pictures.append(path)

    def _until(self, is_done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _LIMIT_S
        settle(50)
        while not is_done() and time.monotonic() < deadline:
            settle(50)
