"""How work says how far it is."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[float, str], None]
"""Called with the fraction done (0..1) and an English sentence, from the thread that works."""


def no_progress(fraction: float, text: str) -> None:
    """Progress that nobody wants."""


def part_of(progress: Progress, start: float, end: float) -> Progress:
    """Progress of one step of a larger work: 0..1 becomes ``start``..``end``."""

    def report(fraction: float, text: str) -> None:
        progress(start + (end - start) * min(max(fraction, 0.0), 1.0), text)

    return report
