"""Two or more ways to do one thing, beside each other in one run on one machine."""

from __future__ import annotations

import gc
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Side:
    """One contender: its times in seconds, by the clock and of the processor (this process)."""

    name: str
    seconds: tuple[float, ...]
    processor: tuple[float, ...] = ()

    @property
    def median(self) -> float:
        """The median time."""
        return statistics.median(self.seconds)


def compare(ways: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, Side]:
    """Times of each way; they take turns, and who begins changes from round to round.

    The first round warms caches up and does not count.
    """
    names = list(ways)
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    for turn in range(repeats + 1):
        order = names[turn % len(names) :] + names[: turn % len(names)]
        for name in order:
            gc.collect()
            start, busy = time.perf_counter(), time.process_time()
            result = ways[name]()
            took = time.perf_counter() - start, time.process_time() - busy
            del result
            if turn:
                times[name].append(took)
    return {
        name: Side(name, tuple(wall for wall, _ in found), tuple(cpu for _, cpu in found))
        for name, found in times.items()
    }


def table(title: str, sides: Mapping[str, Side], ours: str, most: Mapping[str, float]) -> str:
    """Lines of Markdown: median, fastest, and our time as a part of each peer's."""
    lines = [
        title,
        "",
        "| | median | fastest | processor | ours / this | wanted |",
        "|---|---|---|---|---|---|",
    ]
    for name, side in sides.items():
        ratio = "" if name == ours else f"{sides[ours].median / side.median:.2f}"
        wanted = f"at most {most[name]:.2f}" if name in most else ""
        busy = statistics.median(side.processor)
        lines.append(
            f"| {name} | {side.median:.3f} s | {min(side.seconds):.3f} s | {busy:.3f} s "
            f"| {ratio} | {wanted} |"
        )
    return "\n".join([*lines, ""])


def say(text: str) -> None:
    """Print at once, also into a pipe."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
