"""Progress of a verb on standard error: one line, only on a terminal, only when it takes long."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self


class ProgressLine:
    """Shows the fraction and what is being done once two seconds have passed."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._shown_at = 0.0
        self._width = 0

    def __enter__(self) -> Self:
        """Start the clock."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Wipe the line."""
        if self._width:
            sys.stderr.write("\r" + " " * self._width + "\r")
            sys.stderr.flush()

    def show(self, fraction: float, text: str) -> None:
        """A ``Progress``: at most ten times per second."""
        now = time.monotonic()
        if now - self._started < 2.0 or now - self._shown_at < 0.1 or not sys.stderr.isatty():
            return
        self._shown_at = now
        line = f"{fraction:4.0%} {text}"[:78]
        sys.stderr.write("\r" + line.ljust(self._width))
        sys.stderr.flush()
        self._width = max(self._width, len(line))
