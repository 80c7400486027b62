"""Background lanes: a fixed number of threads each, jobs with a state, cancel and repeat.

Threads are daemons and the shutdown waits with a limit, so a library that does not return cannot
keep the program from closing (``concurrent.futures`` would join its threads at exit).
"""

from __future__ import annotations

import itertools
import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, Future
from typing import Any, Final, Generic, Literal, TypeVar

from app.core.errors import AppError, Cancelled
from app.core.events import EmitLoopError, Signal
from app.jobs.cancel import CancelToken
from app.jobs.progress import Progress

T = TypeVar("T")
JobState = Literal["queued", "running", "done", "failed", "cancelled"]
Work = Callable[[CancelToken, Progress], T]

_log = logging.getLogger("overread.jobs")
_ids: Final = itertools.count(1)
_MIN_STEP: Final = 0.005
_MIN_SECONDS: Final = 0.05


class JobHandle(Generic[T]):
    """One piece of background work, seen from outside. Fields are written by its lane only."""

    def __init__(self, runner: JobRunner, lane: str, label: str, work: Work[T]) -> None:
        self._runner = runner
        self._work = work
        self._announced = 0.0
        self.id: Final = next(_ids)
        self.lane: Final = lane
        self.label: Final = label
        self.state: JobState = "queued"
        self.fraction = 0.0
        self.text = ""
        self.error: BaseException | None = None
        self.future: Future[T] = Future()
        self.token = CancelToken()

    @property
    def is_finished(self) -> bool:
        """Whether it is done, failed or cancelled."""
        return self.state in ("done", "failed", "cancelled")

    def result(self, timeout: float | None = None) -> T:
        """The result; waits. Raises what the work raised, ``Cancelled`` where it was cancelled."""
        try:
            return self.future.result(timeout)
        except CancelledError as error:
            raise Cancelled("The work was cancelled.", ru="Работа отменена.") from error

    def cancel(self) -> None:
        """Stop it: at once while it waits, at its next look at the token while it runs."""
        self.token.cancel()
        self._runner.forget_queued(self)

    def repeat(self) -> JobHandle[T]:
        """Submit the same work again as a new job. Raises ``ValueError`` while it is running."""
        if not self.is_finished:
            raise ValueError("only a finished job can be repeated")
        return self._runner.submit(self.lane, self.label, self._work)

    def report(self, fraction: float, text: str) -> None:
        """Progress from the worker thread; announced at most twenty times a second."""
        fraction = min(max(fraction, 0.0), 1.0)
        now = time.monotonic()
        changed = text != self.text or abs(fraction - self.fraction) >= _MIN_STEP
        self.fraction, self.text = fraction, text
        if changed and (now - self._announced >= _MIN_SECONDS or fraction >= 1.0):
            self._announced = now
            self._runner.announce(self)

    def execute(self) -> None:
        """Run the work in the calling thread; called by its lane, once."""
        if self.token.is_cancelled or not self.future.set_running_or_notify_cancel():
            self.settle("cancelled")
            return
        self.state = "running"
        self._runner.announce(self)
        try:
            value = self._work(self.token, self.report)
        except Cancelled as error:
            self.settle("cancelled", error)
        except Exception as error:  # noqa: BLE001 - the one place where work may fail in any way
            if not isinstance(error, AppError):
                _log.exception("job %d failed", self.id)
            self.settle("failed", error)
        else:
            self.fraction, self.state = 1.0, "done"
            self.future.set_result(value)
            self._runner.announce(self)

    def settle(
        self, state: Literal["failed", "cancelled"], error: BaseException | None = None
    ) -> None:
        """End without a result: tell who waits, announce."""
        self.state, self.error = state, error
        if error is not None:
            self.future.set_exception(error)
        else:
            self.error = Cancelled("The work was cancelled.", ru="Работа отменена.")
            if not self.future.cancelled():
                self.future.cancel()
                self.future.set_running_or_notify_cancel()
        self._runner.announce(self)


class JobRunner:
    """Runs jobs in named lanes; ``job_changed`` fires in the thread that works.

    Within a lane the oldest job goes first.
    """

    job_changed = Signal(object)

    def __init__(self, lanes: Mapping[str, int]) -> None:
        self._queues: dict[str, queue.SimpleQueue[JobHandle[Any] | None]] = {}
        self._lock = threading.Lock()
        self._open: dict[int, JobHandle[Any]] = {}
        self._threads: list[threading.Thread] = []
        self._stopping = False
        for lane, count in lanes.items():
            self._queues[lane] = queue.SimpleQueue()
            for number in range(count):
                thread = threading.Thread(
                    target=self._serve, args=(lane,), name=f"{lane}-{number}", daemon=True
                )
                self._threads.append(thread)
                thread.start()

    @property
    def jobs(self) -> tuple[JobHandle[Any], ...]:
        """Jobs that wait or run."""
        with self._lock:
            return tuple(self._open.values())

    def submit(self, lane: str, label: str, work: Work[T]) -> JobHandle[T]:
        """Queue ``work(token, progress)`` in ``lane``; any thread. ``KeyError``: no such lane."""
        waiting = self._queues[lane]
        job = JobHandle(self, lane, label, work)
        with self._lock:
            if self._stopping:
                raise Cancelled("The program is closing.", ru="Программа закрывается.")
            self._open[job.id] = job
        self.announce(job)
        waiting.put(job)
        return job

    def forget_queued(self, job: JobHandle[Any]) -> None:
        """Settle a cancelled job that has not begun; its lane will skip it."""
        with self._lock:
            begun = job.future.running() or job.future.done() or not job.future.cancel()
        if not begun:
            job.settle("cancelled")

    def announce(self, job: JobHandle[Any]) -> None:
        """Emit ``job_changed``; called by jobs in the thread that works."""
        if job.is_finished:
            with self._lock:
                self._open.pop(job.id, None)
        if self._stopping:
            return
        try:
            self.job_changed.emit(job)
        except EmitLoopError:  # a listener's bug must not end the lane
            _log.exception("a listener of job %d failed", job.id)

    def shutdown(self, timeout: float = 5.0) -> bool:
        """Cancel everything and wait up to ``timeout`` seconds; True if every lane has ended.

        No signal fires after this call began. Repeated calls are allowed.
        """
        with self._lock:
            self._stopping = True
            open_jobs = tuple(self._open.values())
        for job in open_jobs:
            job.cancel()
        for thread in self._threads:
            self._queues[thread.name.rsplit("-", 1)[0]].put(None)
        deadline = time.monotonic() + timeout
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _serve(self, lane: str) -> None:
        waiting = self._queues[lane]
        while True:
            job = waiting.get()
            if job is None:
                return
            if not job.is_finished:
                job.execute()
            job = None  # results must not live until the next job comes
