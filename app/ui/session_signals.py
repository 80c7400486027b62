"""Connections of one widget to one session, made and undone together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app.core.events import SignalInstance


class SessionSignals:
    """Holds connections to psygnal signals; ``disconnect_all`` undoes them in one go."""

    def __init__(self, *pairs: tuple[SignalInstance, Callable[..., Any]]) -> None:
        self._pairs = pairs
        for signal, slot in pairs:
            signal.connect(slot)

    def disconnect_all(self) -> None:
        """Undo every connection."""
        for signal, slot in self._pairs:
            signal.disconnect(slot, missing_ok=True)
