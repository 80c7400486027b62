"""Stopping a run between two operators of its graph, in the inference process.

The thread that runs models asks at each patch whether it is still wanted (``checkpoint``); the
thread that listens may end the computation of a patch from outside (``interrupt``). A patch that
was interrupted for a more urgent run is computed again when that one is done.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

from app.core.errors import Cancelled


class RunControl:
    """Of one run. ``urgent`` runs what is more urgent than this one, if anything waits."""

    def __init__(self, run_id: int = 0, urgent: Callable[[], None] | None = None) -> None:
        self.run_id = run_id
        self._urgent = urgent
        self._lock = threading.Lock()
        self._cancelled = self._interrupted = False
        self._options: Any = None

    def cancel(self) -> None:
        """Stop at once; any thread."""
        self._cancelled = True
        self.interrupt()

    def interrupt(self) -> None:
        """End what the graph computes now; any thread."""
        with self._lock:
            self._interrupted = True
            if self._options is not None:
                self._options.terminate = True

    def checkpoint(self) -> None:
        """Raise ``Cancelled``, or let more urgent runs go first. The thread that runs."""
        if self._cancelled:
            raise Cancelled("The work was cancelled.", ru="Работа отменена.")
        with self._lock:
            self._interrupted = False
        if self._urgent is not None:
            self._urgent()

    @contextlib.contextmanager
    def computing(self, options: Any) -> Iterator[None]:  # noqa: ANN401 - RunOptions of onnxruntime
        """While the graph computes with these ``RunOptions``."""
        with self._lock:
            self._options = options
            if self._interrupted:
                options.terminate = True
        try:
            yield
        finally:
            with self._lock:
                self._options = None


_runs: list[RunControl] = [RunControl()]


def current() -> RunControl:
    """The control of the run that works now; where there is none, one that never stops."""
    return _runs[-1]


@contextlib.contextmanager
def under(control: RunControl) -> Iterator[None]:
    """Make ``control`` that of the run that works now; runs may nest."""
    _runs.append(control)
    try:
        yield
    finally:
        _runs.pop()
