"""Work for the processes of a fleet."""

from __future__ import annotations

import os
import signal


def work(task: tuple[str, int]) -> int:
    """Twice the number; or a bug, or the death of the process."""
    kind, number = task
    if kind == "bug":
        raise KeyError("Phantom^Synthetic")
    if kind == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    return 2 * number


def main() -> None:
    """Run as a program: a bug and a death among other tasks."""
    from app.jobs.dask_fleet import Fleet, FleetPlan

    tasks = [("add", 1), ("die", 0), ("bug", 0), *(("add", n) for n in range(2, 8))]
    with Fleet(FleetPlan(1, 2**31)) as fleet:
        for task, result in fleet.run(work, iter(tasks)):
            print(task, result, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
