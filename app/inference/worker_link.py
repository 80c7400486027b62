"""The inference process seen from outside: start, send, hear what each run has to say, kill."""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing as mp
import multiprocessing.connection as mp_connection
import os
import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.context import SpawnProcess

from app.core.errors import InferenceError


@dataclass(frozen=True, slots=True)
class Died:
    """The process ended; ``on_purpose``: we killed it for another run."""

    exit_code: int | None
    on_purpose: bool


class WorkerLink:
    """One process, started when it is needed; messages of several runs go through its pipe.

    Any thread. Linear algebra in the process has one thread: it runs beside the model, whose
    threads have the cores already.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._ids = itertools.count(1)
        self._process: SpawnProcess | None = None
        self._connection: mp_connection.Connection | None = None
        self._heard: dict[int, queue.SimpleQueue[object]] = {}
        self._killing = False
        self._closed = False

    @property
    def process_id(self) -> int | None:
        """The process id, or None while there is none."""
        process = self._process
        return process.pid if process is not None and process.is_alive() else None

    def open_run(self) -> tuple[int, queue.SimpleQueue[object]]:
        """A number for a run, and where what it says arrives. Starts the process."""
        with self._lock:
            self.start()
            run_id = next(self._ids)
            self._heard[run_id] = queue.SimpleQueue()
            return run_id, self._heard[run_id]

    def close_run(self, run_id: int) -> None:
        """Hear no more of a run."""
        with self._lock:
            self._heard.pop(run_id, None)

    def send(self, message: object) -> None:
        """Send; what a dead process misses is told to its runs by ``Died``."""
        with self._lock, contextlib.suppress(OSError, ValueError):
            if self._connection is not None:
                self._connection.send(message)

    def start(self) -> None:
        """Start the process if there is none. Raises ``InferenceError`` while closing."""
        with self._lock:
            if self._closed:
                raise InferenceError("The program is closing.", ru="Программа закрывается.")
            if self._process is not None and self._process.is_alive():
                return
            self._clear()
            context = mp.get_context("spawn")
            ours, theirs = context.Pipe()
            process = context.Process(
                target=_serve, args=(theirs,), name="overread-inference", daemon=True
            )
            with _environment("OPENBLAS_NUM_THREADS", "1"):
                process.start()
            theirs.close()
            self._process, self._connection = process, ours
            threading.Thread(
                target=self._listen, args=(process, ours), name="inference-answers", daemon=True
            ).start()

    def kill(self) -> None:
        """End the process now; its runs hear ``Died``."""
        with self._lock:
            self._killing = True
            try:
                self._clear()
            finally:
                self._killing = False

    def close(self) -> None:
        """End the process for good."""
        self._closed = True
        self.kill()

    def _clear(self) -> None:
        process, connection = self._process, self._connection
        self._process = self._connection = None
        if process is not None:
            with contextlib.suppress(OSError, ValueError):
                process.kill()
                process.join(5.0)
            self._tell_dead(process.exitcode, on_purpose=self._killing)
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.close()

    def _listen(self, process: SpawnProcess, connection: mp_connection.Connection) -> None:
        while True:
            try:
                run_id, message = connection.recv()
            except (EOFError, OSError, ValueError, TypeError):
                break
            with self._lock:
                heard = self._heard.get(run_id)
            if heard is not None:
                heard.put(message)
        with self._lock:
            if self._process is process:  # it died by itself
                self._process = self._connection = None
                with contextlib.suppress(OSError, ValueError):
                    process.join(5.0)
                self._tell_dead(process.exitcode, on_purpose=False)
                connection.close()

    def _tell_dead(self, exit_code: int | None, *, on_purpose: bool) -> None:
        for heard in self._heard.values():
            heard.put(Died(exit_code, on_purpose))
        self._heard.clear()


@contextlib.contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    """A variable for a child process; a wish of the user's own counts more."""
    before = os.environ.get(name)
    os.environ.setdefault(name, value)
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(name, None)


def _serve(connection: mp_connection.Connection) -> None:
    """First thing in the new process; only there are onnxruntime and SimpleITK imported."""
    from app.inference.worker_main import serve

    serve(connection)
