"""Runs the report check beside the typing: debounced, in a lane of its own, newest result only."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, QTimer, Signal

from app.core.errors import AppError, Cancelled
from app.ui.job_bridge import JobBridge

if TYPE_CHECKING:
    from app.jobs.runner import JobHandle, JobRunner

DEBOUNCE_MS: Final = 150
"""With the check itself the answer stands 300 ms after the last key."""
LANE: Final = "writing"
"""What a hand waits for does not queue behind volumes that are measured."""
LABEL: Final = "report check"

CheckWork = Callable[[], object]


class LiveCheck(QObject):
    """Turns "the text changed" into at most one check per pause. Main thread only.

    ``prepare`` is called on the main thread when the pause has come and returns the work (a pure
    function over a snapshot), or None for nothing to check. ``finished`` and ``failed`` fire on
    the main thread, for the newest request only.
    """

    finished = Signal(object)
    failed = Signal(object)

    def __init__(
        self,
        runner: JobRunner,
        prepare: Callable[[], CheckWork | None],
        parent: QObject,
        *,
        lane: str = LANE,
    ) -> None:
        super().__init__(parent)
        self._bridge = JobBridge(runner, self)
        parent.destroyed.connect(self._bridge.close)
        self._prepare = prepare
        self._lane = lane
        self._newest = 0
        self._handle: JobHandle[object] | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(DEBOUNCE_MS)
        self._timer.timeout.connect(self.run_now)

    def schedule(self) -> None:
        """Check after the next pause of 150 ms."""
        self._timer.start()

    def stop(self) -> None:
        """Forget what is scheduled or running."""
        self._timer.stop()
        self._newest += 1
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def run_now(self) -> None:
        """Check at once, in the background."""
        self.stop()
        try:
            work = self._prepare()
        except AppError as error:  # the library cannot be read
            self.failed.emit(error)
            return
        if work is None:
            return
        number = self._newest
        try:
            self._handle = self._bridge.submit(
                self._lane,
                LABEL,
                lambda _token, _progress: work(),
                done=lambda result: self._deliver(number, result),
                failed=lambda error: self._deliver_error(number, error),
            )
        except Cancelled:
            self.stop()  # the program is closing: the text is journaled, nobody waits for a check

    def _deliver(self, number: int, result: object) -> None:
        if number == self._newest:
            self._handle = None
            self.finished.emit(result)

    def _deliver_error(self, number: int, error: BaseException) -> None:
        if number != self._newest:
            return
        self._handle = None
        if not isinstance(error, AppError):
            raise error
        self.failed.emit(error)
