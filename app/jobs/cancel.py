"""Cancelling work that runs elsewhere."""

from __future__ import annotations

import threading

from app.core.errors import Cancelled


class CancelToken:
    """Shared between the one who waits and the one who works; safe from any thread."""

    __slots__ = ("_event",)

    def __init__(self) -> None:
        self._event = threading.Event()

    def cancel(self) -> None:
        """Ask the work to stop at its next look."""
        self._event.set()

    @property
    def is_cancelled(self) -> bool:
        """Whether somebody asked to stop."""
        return self._event.is_set()

    def raise_if_cancelled(self) -> None:
        """Raise ``Cancelled`` if somebody asked to stop; call it between slices or patches."""
        if self._event.is_set():
            raise Cancelled("The work was cancelled.", ru="Работа отменена.")
