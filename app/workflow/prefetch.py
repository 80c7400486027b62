"""Results before they are asked for: of studies that arrive, and of the one that is read next.

Runs go to the lane ``background`` and give way to the study that is being read at the next patch.
What they make is kept (``inference.result_cache``), so that it is there when the study is opened.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from app.core.errors import AppError, Cancelled
from app.core.study import Study
from app.jobs.cancel import CancelToken
from app.jobs.progress import Progress, part_of
from app.jobs.runner import JobHandle

if TYPE_CHECKING:
    from app.workflow.context import AppContext

_log = logging.getLogger("overread.jobs")
_QUIET_SECONDS: Final = 5.0  # without another image: the study has probably come whole
_LISTED: Final = 200
LANE: Final = "background"


class Prefetch:
    """Does nothing until ``start``. Any thread."""

    def __init__(self, context: AppContext, *, quiet_seconds: float = _QUIET_SECONDS) -> None:
        self._context = context
        self._quiet = quiet_seconds
        self._lock = threading.Lock()
        self._timers: dict[str, threading.Timer] = {}
        self._jobs: dict[str, JobHandle[int]] = {}
        self._is_on = False

    def start(self) -> None:
        """From now on compute ahead, if the settings want it."""
        self._is_on = self._context.settings.inference.prefetch

    def stop(self) -> None:
        """Forget what waits and cancel what runs."""
        self._is_on = False
        with self._lock:
            timers, jobs = list(self._timers.values()), list(self._jobs.values())
            self._timers.clear()
            self._jobs.clear()
        for timer in timers:
            timer.cancel()
        for job in jobs:
            job.cancel()

    def arrived(self, study_instance_uids: Iterable[str]) -> None:
        """Objects of these studies came in; they are computed when no more come for a while."""
        if not self._is_on:
            return
        with self._lock:
            for uid in study_instance_uids:
                if (before := self._timers.pop(uid, None)) is not None:
                    before.cancel()
                timer = threading.Timer(self._quiet, self._submit, [uid])
                timer.daemon = True
                self._timers[uid] = timer
                timer.start()

    def opened(self, study: Study) -> None:
        """A study is read now (its models run by themselves): the next of the list is computed."""
        uid = study.study_instance_uid
        with self._lock:
            timer, job = self._timers.pop(uid, None), self._jobs.get(uid)
        if timer is not None:
            timer.cancel()
        if not self._is_on or (job is not None and not job.is_finished):
            return
        listed = [row.study_instance_uid for row in self._context.store.studies.search(
            limit=_LISTED)]  # fmt: skip
        place = listed.index(uid) + 1 if uid in listed else 0
        if place < len(listed):
            self._submit(listed[place])

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits or runs."""
        with self._lock:
            return not self._timers and all(job.is_finished for job in self._jobs.values())

    def _submit(self, uid: str) -> None:
        with self._lock:
            self._timers.pop(uid, None)
            self._jobs = {key: job for key, job in self._jobs.items() if not job.is_finished}
            if not self._is_on or uid in self._jobs:
                return
            try:
                self._jobs[uid] = self._context.runner.submit(
                    LANE,
                    "Computing ahead",
                    lambda token, progress: self._compute(uid, token, progress),
                )
            except Cancelled:  # the program is closing
                return

    def _compute(self, uid: str, token: CancelToken, progress: Progress) -> int:
        """Run what fits and runs by itself; how many results are there. Faults go to the log."""
        from app.workflow.cached_run import Ask
        from app.workflow.open_study import open_stored
        from app.workflow.run_models import route_study, run_pack

        count = 0
        try:
            study = open_stored(self._context, uid, cancel=token)
            if study.blocked:
                return 0
            wanted = [
                (ref, verdict.pack_id)
                for ref, verdicts in route_study(self._context, study)
                for verdict in verdicts
                if verdict.verdict == "suitable"
            ]
        except Cancelled:
            raise
        except AppError as error:
            _log.info("a study is not computed ahead: %s", error.code)
            return 0
        for n, (ref, pack_id) in enumerate(wanted):
            token.raise_if_cancelled()
            if self._context.packs.get(pack_id).pack.needs_reader:
                continue
            step = part_of(progress, n / len(wanted), (n + 1) / len(wanted))
            try:
                run_pack(self._context, study, pack_id, ref, Ask(urgent=False), progress=step,
                         cancel=token)  # fmt: skip
                count += 1
            except Cancelled:
                raise
            except AppError as error:  # the reader gets the sentence when the study is opened
                _log.info("%s is not computed ahead: %s", pack_id, error.code)
        return count
