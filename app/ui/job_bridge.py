"""The one way from background work to widgets: results arrive on the main thread.

The bridge lives on the main thread, so its signals deliver there, whoever emits them
(architecture 2.6; emitting from a worker's own QObject would run the slots in the worker).
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from PySide6.QtCore import QObject, Qt, Signal

from app.core.errors import Cancelled
from app.jobs.runner import JobHandle, JobRunner, Work

T = TypeVar("T")


class JobBridge(QObject):
    """Submits work and hands its outcome to callbacks on the main thread. Made there."""

    job_changed = Signal(object)
    """A ``JobHandle`` whose state or progress changed."""
    failed = Signal(object)
    """The exception of a job that nobody else takes care of."""
    _posted = Signal(object)

    def __init__(self, runner: JobRunner, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._runner = runner
        self._is_open = True
        # Queued always: a post from the main thread must not run inside the call that posts.
        self._posted.connect(self._deliver, Qt.ConnectionType.QueuedConnection)
        runner.job_changed.connect(self._announce)

    def submit(
        self,
        lane: str,
        label: str,
        work: Work[T],
        *,
        done: Callable[[T], None],
        failed: Callable[[BaseException], None] | None = None,
    ) -> JobHandle[T]:
        """Run ``work`` in ``lane``; ``done`` or ``failed`` follows on the main thread.

        A cancelled job calls neither. Without ``failed`` the signal of that name is emitted.
        """
        job = self._runner.submit(lane, label, work)

        def settle(future: Future[T]) -> None:
            if future.cancelled():
                return
            error = future.exception()
            if error is None:
                self.post(lambda: done(future.result()))
            elif not isinstance(error, Cancelled):
                self.post(lambda: (failed or self.failed.emit)(error))

        job.future.add_done_callback(settle)
        return job

    def post(self, call: Callable[[], Any]) -> None:
        """Have ``call`` run on the main thread soon; from any thread."""
        if self._is_open:
            self._posted.emit(call)

    def close(self) -> None:
        """Deliver nothing more."""
        self._is_open = False
        self._runner.job_changed.disconnect(self._announce, missing_ok=True)

    def _announce(self, job: JobHandle[Any]) -> None:
        if self._is_open:
            self.job_changed.emit(job)

    def _deliver(self, call: Callable[[], Any]) -> None:
        if self._is_open:
            call()
