"""Playing images against the clock: which one is due now (D13)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

DEFAULT_FPS = 10.0
"""For images that are no cine: scrolling through a stack at a steady pace."""


@dataclass(frozen=True, slots=True)
class CineClock:
    """Images in a circle, each shown for its own time, from image ``start`` on.

    The clock is real: what comes too late is dropped, so the rate is never slower than stated.
    """

    times_s: tuple[float, ...]
    start: int = 0

    def at(self, elapsed_s: float) -> tuple[int, float]:
        """The image due after ``elapsed_s``, and the seconds until the next one."""
        count = len(self.times_s)
        ends = list(accumulate(self.times_s[(self.start + n) % count] for n in range(count)))
        within = elapsed_s % ends[-1]
        place = next((n for n, end in enumerate(ends) if within < end), count - 1)
        return (self.start + place) % count, max(ends[place] - within, 0.0)


def clock_for(times_s: tuple[float, ...], count: int, start: int) -> CineClock:
    """The clock of ``count`` images: by their own times where there are as many, else steady."""
    own = times_s if len(times_s) == count else (1.0 / DEFAULT_FPS,) * count
    return CineClock(own, start)
