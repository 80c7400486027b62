"""Processes that may crash, hang and eat: one request is lost, the pool goes on."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from app.jobs import process_pool
from app.jobs.process_pool import Limits, ProcessPool, WorkerDied, WorkerFailed, WorkerTimedOut
from tests.support.dangerous_work import Refused, work

LIMITS = Limits(seconds=30.0, memory_bytes=256 * 2**20)


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPool]:
    made = ProcessPool(work, size=2, expected=(Refused,))
    yield made
    made.close()


def test_arrays_come_back_as_they_are(pool: ProcessPool) -> None:
    for array in (
        np.arange(6, dtype=np.int16).reshape(2, 3),
        np.zeros((0, 3), np.float32),
        np.arange(3_000_000, dtype=">u2"),
        np.array(5, np.uint8),
    ):
        found = pool.call(("add", array), LIMITS)
        assert found.shape == np.shape(array)
        assert np.array_equal(found, array + 1)
    assert pool.call(("print", None), LIMITS).size == 0


def test_two_requests_run_at_once_and_processes_are_kept(pool: ProcessPool) -> None:
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: pool.call(("who", 0.1), LIMITS)[0], range(12)))
    assert len(set(found)) == 2
    assert os.getpid() not in found
    assert set(found) <= set(pool.process_ids)


def test_an_expected_refusal_keeps_the_process(pool: ProcessPool) -> None:
    before = pool.call(("who", 0), LIMITS)[0]
    with pytest.raises(Refused, match="why not"):
        pool.call(("refuse", "why not"), LIMITS)
    assert pool.call(("who", 0), LIMITS)[0] == before


@pytest.mark.parametrize("kind", ["crash", "bug"])
def test_a_crash_costs_one_request(pool: ProcessPool, kind: str) -> None:
    with pytest.raises(WorkerDied):
        pool.call((kind, 0), LIMITS)
    assert pool.call(("add", np.array([1])), LIMITS)[0] == 2


def test_a_hang_is_ended(pool: ProcessPool) -> None:
    start = time.monotonic()
    with pytest.raises(WorkerTimedOut):
        pool.call(("hang", 0), Limits(seconds=0.3, memory_bytes=2**28))
    assert time.monotonic() - start < 30
    assert pool.call(("add", np.array([1])), LIMITS)[0] == 2


@pytest.mark.skipif(sys.platform != "linux", reason="address space is limited on Linux only")
def test_memory_beyond_the_limit_is_not_given(pool: ProcessPool) -> None:
    with pytest.raises(Refused, match="no memory"):
        pool.call(("eat", 2**30), LIMITS)
    assert pool.call(("eat", 2**20), LIMITS).nbytes == 2**20


def test_a_process_is_replaced_after_many_requests(
    pool: ProcessPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_pool, "_MOST_REQUESTS", 2)
    seen = {int(pool.call(("who", 0), LIMITS)[0]) for _ in range(6)}
    assert len(seen) >= 3


def test_a_closed_pool_fails_those_who_wait() -> None:
    made = ProcessPool(work, size=1)
    made.warm_up()
    with ThreadPoolExecutor(2) as threads:
        waiting = [threads.submit(made.call, ("hang", 0), Limits(60.0, 2**28)) for _ in range(2)]
        while not made.process_ids:
            time.sleep(0.01)
        time.sleep(0.3)
        made.close()
        for one in waiting:
            with pytest.raises(WorkerFailed):
                one.result(timeout=30)
    with pytest.raises(WorkerFailed):
        made.call(("add", np.array([1])), LIMITS)
    made.close()


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_no_process_outlives_a_program_that_was_killed() -> None:
    code = (
        "import os, signal, sys, threading, time;"
        "from app.jobs.process_pool import Limits, ProcessPool;"
        "from tests.support.dangerous_work import work;"
        "pool = ProcessPool(work, size=2);"
        "pool.call(('who', 0), Limits(60.0, 2**28));"
        "hang = lambda: pool.call(('hang', 0), Limits(600.0, 2**28));"
        "[threading.Thread(target=hang, daemon=True).start() for _ in range(2)];"
        "time.sleep(1.0);"
        "print(*pool.process_ids, flush=True);"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == -9, done.stderr
    left = [int(word) for word in done.stdout.split()]
    assert len(left) == 2
    deadline = time.monotonic() + 20
    while any(_is_running(pid) for pid in left):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
