"""Lanes, states, cancel, repeat, and a shutdown that never hangs."""

from __future__ import annotations

import threading
import time

import pytest

from app.core.errors import Cancelled, InputError
from app.jobs.progress import part_of
from app.jobs.runner import JobRunner


@pytest.fixture
def runner():
    runner = JobRunner({"io": 1, "compute": 2})
    yield runner
    runner.shutdown(2.0)


def test_result_state_and_progress(runner):
    seen = []
    runner.job_changed.connect(lambda job: seen.append((job.state, job.fraction)))

    def work(token, progress):
        progress(0.5, "half")
        return 42

    job = runner.submit("io", "answer", work)
    assert job.result(5) == 42
    _until(lambda: job.state == "done")
    assert job.fraction == 1.0
    _until(lambda: seen and seen[-1][0] == "done")
    assert seen[0][0] == "queued"
    assert any(state == "running" for state, _ in seen)


def test_a_failure_keeps_the_error_and_can_be_repeated(runner):
    attempts = []

    def work(token, progress):
        attempts.append(1)
        if len(attempts) == 1:
            raise InputError("No.")
        return "second"

    job = runner.submit("io", "flaky", work)
    with pytest.raises(InputError):
        job.result(5)
    _until(lambda: job.state == "failed")
    assert isinstance(job.error, InputError)
    again = job.repeat()
    assert again.id != job.id
    assert again.result(5) == "second"


def test_a_bug_in_one_job_does_not_end_the_lane(runner):
    job = runner.submit("io", "bug", lambda token, progress: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        job.result(5)
    assert runner.submit("io", "next", lambda token, progress: 1).result(5) == 1


def test_a_bug_in_a_listener_does_not_end_the_lane(runner):
    def listener(job):
        raise RuntimeError("listener")

    runner.job_changed.connect(listener)
    assert runner.submit("io", "one", lambda token, progress: 1).result(5) == 1
    assert runner.submit("io", "two", lambda token, progress: 2).result(5) == 2


def test_cancel_while_queued_and_while_running(runner):
    started, release = threading.Event(), threading.Event()

    def block(token, progress):
        started.set()
        while not release.wait(0.01):
            token.raise_if_cancelled()

    running = runner.submit("io", "blocks", block)
    started.wait(5)
    queued = runner.submit("io", "waits", lambda token, progress: 1)
    queued.cancel()
    assert queued.state == "cancelled"
    with pytest.raises(Cancelled):
        queued.result(1)
    running.cancel()
    with pytest.raises(Cancelled):
        running.result(5)
    _until(lambda: running.state == "cancelled")
    assert runner.submit("io", "after", lambda token, progress: 3).result(5) == 3
    assert runner.jobs == ()


def test_running_jobs_cannot_be_repeated(runner):
    release = threading.Event()
    job = runner.submit("io", "waits", lambda token, progress: release.wait(5))
    with pytest.raises(ValueError, match="finished"):
        job.repeat()
    release.set()
    job.result(5)


def test_shutdown_does_not_hang_on_work_that_ignores_it():
    runner = JobRunner({"io": 1})
    release = threading.Event()
    stuck = runner.submit("io", "stuck", lambda token, progress: release.wait(30))
    waiting = runner.submit("io", "waits", lambda token, progress: 1)
    _until(lambda: stuck.state == "running")
    begin = time.monotonic()
    assert runner.shutdown(0.2) is False
    assert time.monotonic() - begin < 2.0
    assert waiting.state == "cancelled"
    with pytest.raises(Cancelled):
        runner.submit("io", "late", lambda token, progress: 1)
    release.set()
    assert runner.shutdown(2.0) is True


def test_part_of_maps_fractions():
    seen = []
    part_of(lambda fraction, text: seen.append((fraction, text)), 0.2, 0.6)(0.5, "x")
    assert seen == [(pytest.approx(0.4), "x")]


def _until(condition, seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)
