"""Processes that do dangerous things, one at a time: what they are given may crash or hang them.

Spawned (never forked), kept warm, each used by one waiting thread at a time. A request has a limit
of time and of memory. A process that dies or takes too long is killed and replaced by a new one;
only the request that it was working on fails.

Arrays come back through the pipe, straight into a new array of the caller: nothing has a name in
the file system that could stay behind, and no process can write into memory of the program.
"""

from __future__ import annotations

import contextlib
import multiprocessing as mp
import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Work = Callable[[Any], npt.NDArray[Any]]
"""What a process does: a function of a module, of one picklable request."""

_START_SECONDS: Final = 60.0
_SPARE_CPU_SECONDS: Final = 10
_MOST_REQUESTS: Final = 5000
"""After so many a process is replaced: libraries lose a little memory each time."""


class WorkerFailed(Exception):
    """A process was lost over a request."""


class WorkerDied(WorkerFailed):
    """It crashed, or needed more memory than it was allowed and could not say so."""


class WorkerTimedOut(WorkerFailed):
    """It did not answer in time and was killed."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may take; the memory is that above what the process has before it."""

    seconds: float
    memory_bytes: int


class ProcessPool:
    """Up to ``size`` processes that run ``work``; any thread may call.

    ``expected`` are exceptions that ``work`` may raise: they are picklable and are raised here
    again. Any other exception ends the process and is a ``WorkerDied``. Time is limited
    everywhere, memory where the system can limit address space (Linux).
    """

    def __init__(
        self, work: Work, *, size: int, expected: tuple[type[Exception], ...] = ()
    ) -> None:
        self.size: Final = size
        self._work = work
        self._expected = expected
        self._changed = threading.Condition()
        self._idle: list[_Worker] = []
        self._busy: set[_Worker] = set()
        self._is_closed = False

    @property
    def process_ids(self) -> tuple[int, ...]:
        """The processes that run now."""
        with self._changed:
            return tuple(worker.process.pid or 0 for worker in (*self._idle, *self._busy))

    def call(self, request: object, limits: Limits) -> npt.NDArray[Any]:
        """The array that ``work(request)`` returns; waits for a free process and for the answer.

        Raises ``WorkerFailed``, and what ``work`` is expected to raise.
        """
        worker = self._take()
        try:
            return worker.call(request, limits)
        except WorkerFailed:
            worker.kill()
            raise
        finally:
            with self._changed:
                self._busy.discard(worker)
                if worker.requests >= _MOST_REQUESTS:
                    worker.kill()
                if worker.is_alive and not self._is_closed:
                    self._idle.append(worker)
                self._changed.notify()

    def warm_up(self) -> None:
        """Start the processes that do not run yet, without waiting until they are ready."""
        with self._changed:
            while not self._is_closed and len(self._idle) + len(self._busy) < self.size:
                self._idle.insert(0, _Worker(self._work, self._expected))

    def close(self) -> None:
        """End all processes; calls that wait fail. Any thread, more than once."""
        with self._changed:
            self._is_closed = True
            workers, self._idle = [*self._idle, *self._busy], []
            self._changed.notify_all()
        for worker in workers:
            worker.kill()

    def _take(self) -> _Worker:
        with self._changed:
            while True:
                if self._is_closed:
                    raise WorkerDied("the pool is closed")
                while self._idle:
                    worker = self._idle.pop()
                    if worker.is_alive:
                        break
                    worker.kill()
                else:
                    if len(self._busy) >= self.size:
                        self._changed.wait()
                        continue
                    worker = _Worker(self._work, self._expected)
                self._busy.add(worker)
                return worker


class _Worker:
    """One process and the pipe to it; used by one thread at a time."""

    def __init__(self, work: Work, expected: tuple[type[Exception], ...]) -> None:
        context = mp.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self.process = context.Process(
            target=_serve, args=(theirs, work, expected), name="overread-worker", daemon=True
        )
        self.process.start()
        theirs.close()
        self.requests = 0
        self._is_ready = self._is_killed = False

    @property
    def is_alive(self) -> bool:
        """Whether it can take a request."""
        return not self._is_killed and self.process.is_alive()

    def call(self, request: object, limits: Limits) -> npt.NDArray[Any]:
        """Give it one request and wait for the answer."""
        self.requests += 1
        try:
            if not self._is_ready:
                self._receive(_START_SECONDS)
                self._is_ready = True
            self._connection.send((request, limits))
            answer = self._receive(limits.seconds)
            if not isinstance(answer, Exception):
                kind, shape = answer
                array: npt.NDArray[Any] = np.empty(shape, np.dtype(kind))
                if array.nbytes:
                    self._connection.recv_bytes_into(array.reshape(-1).view(np.uint8).data)
                return array
        except (EOFError, OSError) as error:  # it died, or close() was called
            with contextlib.suppress(ValueError, AssertionError):
                self.process.join(1.0)
            raise WorkerDied("the process ended") from error
        raise answer

    def kill(self) -> None:
        """End the process now; more than once does nothing."""
        self._is_killed = True
        with contextlib.suppress(OSError, ValueError):
            self.process.kill()
            self.process.join(5.0)
        with contextlib.suppress(OSError):
            self._connection.close()

    def _receive(self, seconds: float) -> Any:  # noqa: ANN401 - whatever was sent
        if not self._connection.poll(seconds):
            raise WorkerTimedOut(f"no answer after {seconds:.0f} s")
        return self._connection.recv()


def _serve(connection: Connection, work: Work, expected: tuple[type[Exception], ...]) -> None:
    """The life of a process: answer until the other side is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the program, which ends this
    _be_silent()
    threading.Thread(target=_end_with_the_program, daemon=True).start()
    try:
        connection.send(None)
        while True:
            request, limits = connection.recv()
            _limit(limits)
            try:
                array = np.asarray(work(request), order="C")
            except expected as error:
                connection.send(error)
                continue
            connection.send((array.dtype.str, array.shape))
            if array.nbytes:
                connection.send_bytes(array.reshape(-1).view(np.uint8).data)
    except (EOFError, OSError):
        return


def _end_with_the_program() -> None:
    """Whatever this process is stuck in, it does not outlive a program that was killed."""
    program = mp.parent_process()
    if program is not None:
        program.join()
        os._exit(1)


def _be_silent() -> None:
    """What libraries print would land in the output of the program."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        with contextlib.suppress(OSError):  # a program with a window may have none
            os.dup2(nowhere, stream)


def _limit(limits: Limits) -> None:
    """Limit this process by the system: that holds inside libraries that know nothing of us."""
    if sys.platform != "linux":
        return
    import resource

    def most(kind: int, wanted: int) -> None:
        _, hard = resource.getrlimit(kind)
        allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(kind, (allowed, hard))

    most(resource.RLIMIT_CORE, 0)
    most(resource.RLIMIT_AS, _address_space() + limits.memory_bytes)
    # The program kills what is late; this is for a library that holds Python's lock when the
    # program itself is gone.
    used = sum(os.times()[:2])
    most(resource.RLIMIT_CPU, int(used + limits.seconds) + _SPARE_CPU_SECONDS)


def _address_space() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - no file of ours
        return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
