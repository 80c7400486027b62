"""A radiologist's session, scripted: keys and mouse on the real window, in a process of its own.

``python -m tests.e2e.reading_session STUDY OUT`` opens STUDY, lets the models run, decides about
findings, drafts, breaks the report's side by typing, mends it with the offered fix, signs and
exports into OUT. Writes ``session.json`` and a picture of each step.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QTextCursor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QPushButton, QWidget

from app.bootstrap import build_context
from app.core.finding import Finding
from app.ui.application import make_application, settle
from app.ui.finding_editor import FindingEditor
from app.ui.main_window import MainWindow
from app.ui.reject_menu import ReasonList
from app.ui.viewport_widget import ViewportWidget
from app.workflow.context import AppContext
from app.workflow.export import export
from app.workflow.session import StudySession
from app.workflow.sign_report import verify_signed
from tests.support.panel_sessions import other_side
from tests.support.typing_keys import type_text

CONTROL = Qt.KeyboardModifier.ControlModifier


class Reading:
    """The window and what a reader does to it, step by step."""

    def __init__(self, context: AppContext, out: Path) -> None:
        self.context = context
        self.out = out
        self.screens = Path(os.environ.get("OVERREAD_SCREENSHOTS") or out / "screens")
        self.screens.mkdir(parents=True, exist_ok=True)
        self.seen: dict[str, Any] = {}
        self.window = MainWindow(context)
        self.window.resize(1920, 1080)
        self.window.show()
        QTest.qWaitForWindowExposed(self.window, 5000)
        self.window.activateWindow()
        self._step = 0

    @property
    def session(self) -> StudySession:
        """The open study."""
        session = self.window.desk.session
        if session is None:
            raise AssertionError("no study is open")
        return session

    def picture(self, name: str, widget: QWidget | None = None) -> None:
        """Keep what is on screen now."""
        settle(150)
        self._step += 1
        shown = widget or self.window
        shown.grab().save(str(self.screens / f"{self._step:02d}-{name}.png"))

    def until(self, condition: Callable[[], object], what: str, seconds: float = 120.0) -> None:
        """Let the program run until ``condition`` holds."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise AssertionError(f"waited in vain: {what}")
            settle(20)

    def open(self, study: Path) -> None:
        """Open the study and wait until its image is on screen."""
        desk = self.window.desk
        self.window.open([study])
        self.until(lambda: desk.session is not None, "the study is open")
        self.until(
            lambda: self.viewport.image is not None and self.viewport.image.is_loaded, "image"
        )
        self.picture("opened")

    def _image_is_loaded(self) -> bool:
        image = self.viewport.image
        return image is not None and image.is_loaded

    @property
    def viewport(self) -> ViewportWidget:
        """The viewport in the foreground."""
        return self.window.grid.active

    def run_models(self) -> None:
        """The suitable models run by themselves; wait for what they propose."""
        self.until(lambda: self.session.findings, "a model proposes something")
        self.until(lambda: not self.window.desk.is_busy, "the models are done")
        self.seen["proposed"] = len(self.session.findings)
        self.window.findings.next_finding()
        self.picture("proposed")

    def proposals(self) -> list[Finding]:
        """Undecided findings of models that have a mask."""
        return [
            finding
            for finding in self.session.findings
            if finding.state == "proposed" and self.session.mask(finding.uid) is not None
        ]

    def accept(self, finding: Finding) -> None:
        """Accept with the Enter key."""
        self.session.select(finding.uid)
        self.window.findings.setFocus()
        QTest.keyClick(self.window.findings, Qt.Key.Key_Return)
        self.picture("accepted")

    def edit_with_brush(self, finding: Finding) -> None:
        """Move the border by the chest wall outwards; the numbers follow."""
        self.session.select(finding.uid)
        self.window.desk.show_finding(finding.uid)
        before = finding.current.measurements
        self.window.set_tool("brush")
        mask = self.session.mask(finding.uid)
        image, camera = self.viewport.image, self.viewport.camera()
        if mask is None or image is None or camera is None:
            raise AssertionError("there is nothing to paint on")
        border = _outer_border(mask.voxels)
        points = [camera.lps_to_display(image.space.ijk_to_lps(index)) for index in border]
        self._drag([QPointF(float(x), float(y)) for x, y in points])
        self.until(lambda: self.session.finding(finding.uid).state == "edited", "the stroke")
        after = self.session.finding(finding.uid).current.measurements
        self.seen["area_before"] = [m.value for m in before if m.kind == "area"]
        self.seen["area_after"] = [m.value for m in after if m.kind == "area"]
        self.window.set_tool("window")
        self.picture("edited-with-the-brush")

    def _drag(self, points: list[QPointF]) -> None:
        viewport, left = self.viewport, Qt.MouseButton.LeftButton
        none = Qt.KeyboardModifier.NoModifier
        QTest.mousePress(viewport, left, none, points[0].toPoint())
        for point in points[1:]:
            QTest.mouseMove(viewport, point.toPoint())
            settle(40)
        QTest.mouseRelease(viewport, left, none, points[-1].toPoint())

    def add(self, label: str, side: str, site: str, *, name: str) -> Finding:
        """Add a finding of one's own with the F key and the inline editor."""
        before = {finding.uid for finding in self.session.findings}
        panel = self.window.findings
        panel.setFocus()
        QTest.keyClick(panel, Qt.Key.Key_F)
        editor = next(e for e in panel.findChildren(FindingEditor) if e.isVisible())
        field = editor.focusProxy()
        type_text(field, label)
        editor.set_side(side)  # type: ignore[arg-type]
        place = next(f for f in editor.findChildren(QLineEdit) if not f.text() and f.completer())
        type_text(place, site)
        self.picture(name)
        QTest.keyClick(field, Qt.Key.Key_Return)
        (uid,) = {finding.uid for finding in self.session.findings} - before
        return self.session.finding(uid)

    def reject(self, finding: Finding, *, pictures: bool = True) -> None:
        """Reject with X and the second reason."""
        panel = self.window.findings
        self.session.select(finding.uid)
        panel.setFocus()
        QTest.keyClick(panel, Qt.Key.Key_X)
        reasons = next(r for r in panel.findChildren(ReasonList) if r.isVisible())
        if pictures:
            self.picture("why-rejected")
        QTest.keyClick(reasons, Qt.Key.Key_2)
        if pictures:
            self.picture("rejected")

    def decide_the_rest(self) -> None:
        """Nothing stays undecided; what a model says of its own quality is no finding."""
        for finding in self.session.findings:
            if finding.state != "proposed":
                continue
            if self.session.mask(finding.uid) is None:
                self.reject(finding, pictures=False)
            else:
                self.session.select(finding.uid)
                self.window.findings.accept_current()

    def draft(self) -> None:
        """Ctrl+D in the report."""
        editor = self.window.report.editor
        editor.setFocus()
        QTest.keyClick(editor, Qt.Key.Key_D, CONTROL)
        self.until(lambda: self.session.report_text, "a draft")
        self._wait_for_check()
        self.seen["draft"] = self.session.report_text
        self.seen["draft_verdict"] = self._verdict()
        self.picture("drafted")

    def break_the_side(self) -> None:
        """Type the wrong side over the right one, letter by letter."""
        editor = self.window.report.editor
        start, end, wrong = other_side(editor.report_text())
        cursor = editor.textCursor()
        cursor.setPosition(start)
        cursor.setPosition(end, QTextCursor.MoveMode.KeepAnchor)
        editor.setTextCursor(cursor)
        type_text(editor, wrong)
        self._wait_for_check()
        self.seen["broken_rules"] = self._rules("block")
        self.picture("side-broken")

    def mend(self) -> None:
        """Alt+Down to the block, Ctrl+. for the offered fix."""
        editor = self.window.report.editor
        QTest.keyClick(editor, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
        current = self.window.report.discrepancies.current
        self.seen["current_rule"] = None if current is None else current.rule
        QTest.keyClick(editor, Qt.Key.Key_Period, CONTROL)
        self._wait_for_check()
        self.seen["mended_rules"] = self._rules("block")
        self.seen["text_is_the_draft"] = self.session.report_text == self.seen["draft"]
        self.picture("mended")

    def sign(self) -> None:
        """Ctrl+Enter, then the dialog's button."""
        QTest.keyClick(self.window.report.editor, Qt.Key.Key_Return, CONTROL)
        self.until(lambda: self.window.report.sign_dialog is not None, "the sign dialog", 5)
        dialog = self.window.report.sign_dialog
        if dialog is None:
            raise AssertionError("no dialog")
        self.picture("sign-dialog", dialog)
        self.seen["can_sign"] = dialog.can_sign
        button = next(b for b in dialog.findChildren(QPushButton) if b.isDefault())
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)
        self.seen["fault"] = dialog.fault
        self.until(lambda: self.session.is_signed, "the signature", 10)
        report = self.session.report
        self.seen["state"] = report.state if report else ""
        self.seen["verified"] = report is not None and verify_signed(self.context, report)
        self.picture("signed")

    def export(self) -> None:
        """All outputs; the DICOM ones are judged by the test."""
        files = export(self.session, self.out / "export")
        self.seen["files"] = [str(file) for file in files]

    def _wait_for_check(self) -> None:
        report = self.window.report
        self.until(
            lambda: (
                self.session.report_text == report.editor.report_text()
                and self.session.is_check_current
            ),
            "the check",
            20,
        )

    def _rules(self, severity: str) -> list[str]:
        check = self.session.last_check
        return [d.rule for d in check.discrepancies if d.severity == severity] if check else []

    def _verdict(self) -> str:
        return self.session.last_check.verdict if self.session.last_check else ""


def _outer_border(voxels: npt.NDArray[np.uint8]) -> list[npt.NDArray[np.float64]]:
    """Indices (i, j, k) down the left lung's outer border, over a third of its height."""
    k = int(np.flatnonzero(voxels.any(axis=(1, 2)))[0])
    rows = np.flatnonzero(voxels[k].any(axis=1))
    third = len(rows) // 3
    chosen = rows[third : 2 * third : max(1, third // 8)]
    return [np.array([np.flatnonzero(voxels[k, j]).max(), j, k], float) for j in chosen]


def main(study: Path, out: Path) -> None:
    """The whole session; leaves ``session.json``."""
    make_application()
    context = build_context(data_folder=out / "library", user="Dr Petrov")
    reading = Reading(context, out)
    try:
        reading.open(study)
        reading.run_models()
        lungs = reading.proposals()
        first = next(f for f in lungs if f.current.laterality == "right")
        second = next(f for f in lungs if f.current.laterality == "left")
        reading.accept(first)
        reading.edit_with_brush(second)
        reading.add("Nodule", "right", "upper lobe", name="own-finding")
        reading.reject(reading.add("Atelectasis", "left", "lung base", name="second-own-finding"))
        reading.decide_the_rest()
        reading.seen["states"] = sorted(f.state for f in reading.session.findings)
        reading.draft()
        reading.break_the_side()
        reading.mend()
        reading.sign()
        reading.export()
    except AssertionError:
        reading.picture("stuck")
        raise
    finally:
        (out / "session.json").write_text(json.dumps(reading.seen, indent=1), "utf-8")
        reading.window.close()
        context.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
