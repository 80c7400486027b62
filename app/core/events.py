"""The signal type of the rooms below Qt: named in the past tense, payload ids or frozen values."""

from __future__ import annotations

from psygnal import EmitLoopError, Signal, SignalInstance

__all__ = ["EmitLoopError", "Signal", "SignalInstance"]
