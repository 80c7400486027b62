"""Many independent pieces of work over processes or machines, by Dask distributed.

One machine by default: processes under a nanny that ends one that takes too much memory and starts
another. All ports are on loopback, and callers need the certificates of this very run: who can
reach a Dask scheduler can run code in it. A scheduler that already runs can be used instead; then
the same holds for its network, which its administrator guards.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from app.core.errors import EnvironmentFault

Task = TypeVar("Task")
Result = TypeVar("Result")

# a busy machine shakes hands slowly; who is not there is told of sooner
_PATIENCE: Final = "60s"
_CONNECT: Final = "10s"
_CONFIGURATION: Final[dict[str, object]] = {
    # the workers start processes of their own: for decoding and for models
    "distributed.worker.daemon": False,
    # one piece of work at a time; who brings his process down is tried once more, not three times
    "distributed.scheduler.worker-saturation": 1.0,
    "distributed.scheduler.allowed-failures": 1,
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    # volumes are held as long as they are needed: neither spilled to disk nor waited for
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.comm.timeouts.connect": _PATIENCE,
    "distributed.admin.system-monitor.disk": False,
}


@dataclass(frozen=True, slots=True)
class FleetPlan:
    """How many processes with how much memory each; or the scheduler that is there already."""

    workers: int
    memory_bytes: int
    scheduler: str = ""


@dataclass(frozen=True, slots=True)
class Lost:
    """Work without a result: its process died (``kind`` empty), or a bug of this kind."""

    kind: str


class Fleet:
    """Processes that work; use it in a ``with`` block. Main thread.

    Raises ``EnvironmentFault`` on entry where the processes cannot be started or the scheduler does
    not answer.
    """

    def __init__(self, plan: FleetPlan) -> None:
        self._plan = plan
        self._ends = contextlib.ExitStack()
        self._client: Any = None

    def __enter__(self) -> Self:
        """Start or connect."""
        import dask
        from distributed import Client, LocalCluster

        self._ends.enter_context(dask.config.set(_CONFIGURATION))
        for name in ("distributed", "tornado.application", "asyncio"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        try:
            if self._plan.scheduler:
                where: Any = f"tcp://{self._plan.scheduler.removeprefix('tcp://')}"
            else:
                where = LocalCluster(
                    n_workers=self._plan.workers,
                    threads_per_worker=1,
                    processes=True,
                    host="127.0.0.1",
                    dashboard_address="127.0.0.1:0",
                    worker_dashboard_address=None,
                    memory_limit=self._plan.memory_bytes,
                    security=True,
                    silence_logs=logging.CRITICAL,
                    scheduler_kwargs={"dashboard": False},
                )
                self._ends.callback(where.close, timeout=10)
            self._client = Client(
                where, set_as_default=False, timeout=_CONNECT if self._plan.scheduler else _PATIENCE
            )
            self._ends.callback(self._client.close, timeout=10)
        except (OSError, ValueError, RuntimeError) as error:  # a TimeoutError is an OSError
            self._ends.close()
            raise self._unreachable(error) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop what still works; a scheduler that was there already stays."""
        self._ends.close()

    def ask_all(self, work: Callable[[Task], Result], task: Task) -> dict[str, Result]:
        """The same asked of every process, by its address; for what must be equal everywhere."""
        return dict(self._client.run(work, task))

    def run(
        self, work: Callable[[Task], Result], tasks: Iterator[Task]
    ) -> Iterator[tuple[Task, Result | Lost]]:
        """Results as they come. ``work`` is a function of a module; tasks are taken as needed.

        Tasks that are under way when the caller stops are given up.
        """
        from distributed import as_completed

        at_once = 2 * max(self._plan.workers, len(self._client.scheduler_info()["workers"]), 1)
        waiting: dict[str, Task] = {}
        under_way = as_completed([], loop=self._client.loop)

        def give() -> None:
            for task in tasks:
                future = self._client.submit(work, task, pure=False)
                waiting[future.key] = task
                under_way.add(future)
                if len(waiting) >= at_once:
                    return

        give()
        for future in under_way:
            task = waiting.pop(future.key)
            yield task, _result(future)
            future.release()
            give()

    def _unreachable(self, error: Exception) -> EnvironmentFault:
        if self._plan.scheduler:
            return EnvironmentFault(
                f"The Dask scheduler does not answer at {self._plan.scheduler}.",
                ru=f"Планировщик Dask не отвечает по адресу {self._plan.scheduler}.",
                hint="Start it with: dask scheduler; and workers with: dask worker.",
                hint_ru="Запустите его: dask scheduler; и рабочие процессы: dask worker.",
                technical_detail=f"{type(error).__name__}: {error}",
            )
        return EnvironmentFault(
            "The worker processes cannot be started.",
            ru="Рабочие процессы не запускаются.",
            hint="Give fewer with --workers, or free some memory.",
            hint_ru="Уменьшите их число (--workers) или освободите память.",
            technical_detail=f"{type(error).__name__}: {error}",
        )


def _result(future: Any) -> Any:  # noqa: ANN401 - whatever the work gives
    from distributed import CancelledError
    from distributed.scheduler import KilledWorker

    error = future.exception()
    if error is None:
        return future.result()
    if isinstance(error, KilledWorker | CancelledError):
        return Lost("")
    return Lost(type(error).__name__)  # its words may hold anything: they are not kept
