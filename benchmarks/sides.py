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
    """One contender: its times in seconds."""

    name: str
    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The median time."""
        return statistics.median(self.seconds)


def compare(ways: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, Side]:
    """Times of each way; they take turns, and who begins changes from round to round.

    The first round warms caches up and does not count.
    """
    names = list(ways)
    times: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(repeats + 1):
        order = names[turn % len(names) :] + names[: turn % len(names)]
        for name in order:
            gc.collect()
            start = time.perf_counter()
            result = ways[name]()
            took = time.perf_counter() - start
            del result
            if turn:
                times[name].append(took)
    return {name: Side(name, tuple(found)) for name, found in times.items()}


def table(title: str, sides: Mapping[str, Side], ours: str, most: Mapping[str, float]) -> str:
    """Lines of Markdown: median, fastest, and our time as a part of each peer's."""
    lines = [
        f"{title}",
        "",
        "| | median | fastest | ours / this | wanted |",
        "|---|---|---|---|---|",
    ]
    for name, side in sides.items():
        ratio = "" if name == ours else f"{sides[ours].median / side.median:.2f}"
        wanted = f"at most {most[name]:.2f}" if name in most else ""
        lines.append(
            f"| {name} | {side.median:.3f} s | {min(side.seconds):.3f} s | {ratio} | {wanted} |"
        )
    return "\n".join([*lines, ""])


def say(text: str) -> None:
    """Print at once, also into a pipe."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
