"""A walk through the main job that leaves a picture of each step; needs no display."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtWidgets import QWidget

from app.core import codes
from app.core.finding import FindingContent, Label
from app.ui.application import make_application, settle
from app.ui.main_window import MainWindow
from app.ui.texts import language, set_language
from app.workflow import review

if TYPE_CHECKING:
    from app.workflow.context import AppContext
    from app.workflow.session import StudySession

_SIZE = (1920, 1080)
_LIMIT_S = 120.0
_CHECK_MS = 900
_OWN = FindingContent(
    codes.PLEURAL_EFFUSION,
    Label("pleural effusion", "плевральный выпот"),
    laterality="left",
    significance="significant",
)
"""What the reader adds: the demonstration film shows it, no model looks for it."""
_OWN_WORDS = re.compile("effusion|выпот", re.IGNORECASE)
_SIDES = (
    ("Left", "Right"), ("left", "right"),
    ("слева", "справа"), ("Лев", "Прав"), ("лев", "прав"),
)  # fmt: skip


def render_tour(
    context: AppContext, paths: Sequence[Path], out: Path, *, language_code: str = "en"
) -> list[Path]:
    """Open ``paths``, go through the steps of reading, grab the window at each; the pictures.

    Decides, edits and signs as a reader would, so give it a library of its own; what is signed
    there already is only shown.
    """
    application = make_application()
    set_language(language_code)
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
        """Every study that the paths hold, newest first."""
        window, desk = self._window, self._window.desk
        window.open(paths)
        self._until(lambda: desk.session is not None)
        self._until(lambda: not desk.is_busy)
        for uid in [row.study_instance_uid for row in window.opener.rows()]:
            window.opener.open_study(uid)
            self._until(lambda: not desk.is_busy)
            self._grab("study")
            session = desk.session
            if session is not None and session.findings and not session.is_signed:
                self._review(session)
                self._report(session)
            if window.grid.active.image is not None and window.grid.active.image.has_planes:
                self._planes()

    def _review(self, session: StudySession) -> None:
        panel = self._window.findings
        panel.next_finding()
        self._grab("finding")
        panel.accept_current()
        self._grab("accepted")
        painted = next(
            (f.uid for f in session.findings if f.state == "proposed" and session.mask(f.uid)), None
        )
        if painted is not None:
            self._window.desk.show_finding(painted)
            self._paint(session, painted)
        ref = self._window.desk.series_on_screen()
        if ref is not None:
            session.select(review.add(session, _OWN, ref, None))
            self._grab("added")
        for finding in session.findings:
            if finding.state == "proposed" and finding.current.concept is not None:
                session.select(finding.uid)
                panel.accept_current()

    def _paint(self, session: StudySession, uid: str) -> None:
        """A stroke along the lower outer border of the finding."""
        window, mask = self._window, session.mask(uid)
        viewport = window.grid.active
        if mask is None or viewport.image is None or viewport.image.ref != mask.source:
            return
        k, rows, columns = np.nonzero(mask.voxels)
        low = rows >= np.quantile(rows, 0.9)
        middle = mask.voxels.shape[2] / 2
        outer = columns[low].max() if columns.mean() > middle else columns[low].min()
        window.set_tool("brush")
        brush, space = window.desk.brush, viewport.image.space
        for step in range(12):
            row = np.quantile(rows, 0.82) + step * (rows.max() - np.quantile(rows, 0.82)) / 12
            point = space.ijk_to_lps((float(outer), float(row), float(k[0])))
            if step == 0:
                brush.press(viewport, point, erase=False)
            else:
                brush.move(viewport, point)
        brush.release()
        window.set_tool("window")
        self._grab("edited")

    def _report(self, session: StudySession) -> None:
        panel = self._window.report
        session.set_language(language())
        panel.draft()
        settle(_CHECK_MS)
        self._grab("draft")
        drafted = session.report_text
        wrong = _on_the_other_side(drafted)
        if wrong != drafted:
            panel.editor.setPlainText(wrong)
            settle(_CHECK_MS)
            self._grab("side-wrong")
            panel.apply_fix()
            settle(_CHECK_MS)
            self._grab("side-fixed")
        panel.sign()
        dialog = panel.sign_dialog
        if dialog is not None:
            settle(_CHECK_MS)
            self._grab("sign", dialog)
            dialog.set_signer(self._window.banner.reader)
            dialog.sign()
            settle(_CHECK_MS)
            if panel.sign_dialog is not None:
                dialog.reject()
            self._grab("signed")

    def _planes(self) -> None:
        window = self._window
        if len({viewport.state.plane for viewport in window.grid.shown}) == 1:
            window.toggle_mpr()
        if window.grid.active.image is not None:
            window.actions_.by_id["preset.ct-lung"].trigger()
        self._until(lambda: not window.desk.is_busy)
        self._grab("planes")

    def _grab(self, name: str, widget: QWidget | None = None) -> None:
        settle(250)
        path = self._out / f"{len(self.pictures) + 1:02d}-{name}.png"
        (widget or self._window).grab().save(str(path))
        self.pictures.append(path)

    def _until(self, is_done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _LIMIT_S
        settle(50)
        while not is_done() and time.monotonic() < deadline:
            settle(50)


def _on_the_other_side(text: str) -> str:
    """The text with the side of the reader's own finding exchanged, as a slip would."""
    lines = text.split("\n")
    for number, line in enumerate(lines):
        if _OWN_WORDS.search(line):
            for here, there in _SIDES:
                if here in line:
                    lines[number] = line.replace(here, there, 1)
                    return "\n".join(lines)
    return text
