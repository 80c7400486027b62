"""Runs the packs that fit the open study, and keeps the list of what was analyzed and what not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from app.core.errors import AppError, PackRefused
from app.core.reader_input import ReaderInput
from app.core.report import Message
from app.core.study import SeriesRef
from app.inference.gate import Suitability
from app.jobs.runner import JobHandle
from app.ui.coverage_view import CoverageRow, CoverageState
from app.ui.job_bridge import JobBridge
from app.ui.texts import tr
from app.workflow.cached_run import Ask
from app.workflow.routing import Routing
from app.workflow.run_models import ModelOutcome, apply_result, route_study, run_pack

if TYPE_CHECKING:
    from app.workflow.context import AppContext
    from app.workflow.session import StudySession

_Key = tuple[str, SeriesRef]


class ModelRuns(QObject):
    """Routes and runs; every run is a job of the inference lane. Main thread only."""

    coverage_changed = Signal(object)
    """A tuple of ``CoverageRow``."""
    state_changed = Signal(str)
    """One line for the banner."""
    failed = Signal(object)
    marking_wanted = Signal(object)
    """A ``CoverageRow`` whose pack asks the reader for something."""

    def __init__(
        self, context: AppContext, bridge: JobBridge, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._context = context
        self._bridge = bridge
        self._session: StudySession | None = None
        self._routing: Routing = ()
        self._states: dict[_Key, CoverageState] = {}
        self._jobs: dict[_Key, JobHandle[Any]] = {}
        self._refusals: dict[_Key, Message] = {}
        self._judged: dict[_Key, Suitability] = {}

    def set_session(self, session: StudySession | None) -> None:
        """Cancel the runs of the study before; route this one and run what suits it."""
        for job in self._jobs.values():
            job.cancel()
        self._jobs.clear()
        self._states.clear()
        self._refusals.clear()
        self._judged.clear()
        self._routing = ()
        self._session = session
        self._announce()
        if session is None:
            return
        study = session.study
        done = self._context.store.runs.of_study(study.study_instance_uid, session.reading)
        for run in done:
            self._states[run.pack, run.source] = "analyzed"
        self._route(session)

    def _route(self, session: StudySession) -> None:
        study = session.study
        self._bridge.submit(
            "compute",
            tr("job.route"),
            lambda _token, _progress: route_study(self._context, study),
            done=lambda routing: self._take_routing(session, routing),
            failed=self._tell,
        )

    def route_again(self) -> None:
        """Packs were added or removed: judge them anew; runs under way go on."""
        if self._session is not None:
            self._route(self._session)

    @property
    def is_running(self) -> bool:
        """Whether a run waits or works."""
        return any(state == "running" for state in self._states.values())

    def run_suitable(self, *, again: bool) -> int:
        """Start every pack that suits; with ``again`` also those that ran. How many were begun."""
        begun = 0
        for ref, verdicts in self._routing:
            for verdict in verdicts:
                if verdict.verdict == "suitable" and not self._needs_reader(verdict.pack_id):
                    state = self._states.get((verdict.pack_id, ref))
                    if state != "running" and (again or state is None):
                        self.run(verdict.pack_id, ref, fresh=again)
                        begun += 1
        return begun

    def run(
        self,
        pack_id: str,
        ref: SeriesRef,
        *,
        forced: bool = False,
        given: ReaderInput | None = None,
        fresh: bool = False,
    ) -> None:
        """Run one pack on one stack with what the reader gave.

        ``forced`` also against its gate, which is recorded; ``fresh`` also where the result of an
        earlier run is kept.
        """
        session = self._session
        if session is None or session.is_locked:
            return
        key = pack_id, ref
        self._states[key] = "running"
        self._announce()
        self._jobs[key] = self._bridge.submit(
            "inference",
            self._name(pack_id).text("en"),
            lambda token, progress: run_pack(
                self._context,
                session,
                pack_id,
                ref,
                Ask(forced=forced, fresh=fresh, given=given or ReaderInput()),
                progress=progress,
                cancel=token,
            ),
            done=lambda outcome: self._take_outcome(session, key, outcome),
            failed=lambda error: self._fail(session, key, error),
        )
        self._jobs[key].future.add_done_callback(
            lambda future: (
                self._bridge.post(lambda: self._cancelled(session, key))
                if future.cancelled()
                else None
            )
        )

    def run_row(self, row: CoverageRow) -> None:
        """Run what a row of the coverage list names; a refused one is the reader's own choice.

        A pack that asks the reader for something is marked first (``marking_wanted``).
        """
        if row.asks:
            self.marking_wanted.emit(row)
        else:
            self.run(row.pack_id, row.ref, forced=row.is_refused)

    def run_marked(self, row: CoverageRow, given: ReaderInput) -> None:
        """Run a row with what the reader placed."""
        self.run(row.pack_id, row.ref, forced=row.is_refused, given=given)

    def _take_routing(self, session: StudySession, routing: Routing) -> None:
        if session is not self._session:
            return
        self._routing = routing
        if not session.study.blocked and not session.is_locked:
            self.run_suitable(again=False)
        self._announce()

    def _take_outcome(self, session: StudySession, key: _Key, outcome: ModelOutcome) -> None:
        apply_result(session, outcome)
        if session is self._session:
            self._states[key] = "analyzed"
            self._refusals.pop(key, None)
            self._judged[key] = outcome.suitability  # of headers and image together
            self._announce()

    def _fail(self, session: StudySession, key: _Key, error: BaseException) -> None:
        if session is self._session:
            self._states[key] = "failed"
            if isinstance(error, PackRefused):  # the voxels said what the headers could not
                self._refusals[key] = Message(error.message, error.ru)
            self._announce()
        self._tell(error)

    def _cancelled(self, session: StudySession, key: _Key) -> None:
        if session is self._session and self._states.get(key) == "running":
            del self._states[key]
            self._announce()

    def _tell(self, error: BaseException) -> None:
        if not isinstance(error, AppError):
            raise error
        self.failed.emit(error)

    def _announce(self) -> None:
        rows = tuple(
            self._row(ref, verdict) for ref, verdicts in self._routing for verdict in verdicts
        )
        self.coverage_changed.emit(rows)
        fitting = [row for row in rows if row.state != "refused"]
        ready = sum(row.state == "analyzed" for row in fitting)
        if not rows:
            text = ""
        elif not fitting:
            text = tr("models.none")
        elif self.is_running:
            text = tr("models.running", ready=ready, all=len(fitting))
        else:
            text = tr("models.ready", ready=ready, all=len(fitting))
        self.state_changed.emit(text)

    def _row(self, ref: SeriesRef, verdict: Suitability) -> CoverageRow:
        key = (verdict.pack_id, ref)
        verdict = self._judged.get(key, verdict)
        state = self._states.get(key)
        refusal = self._refusals.get(key)
        if state == "failed" and refusal is not None:
            state = "refused"
        if state is None:
            state = "refused" if verdict.verdict == "refused" else "not_run"
        reasons = tuple(reason.text for reason in verdict.reasons if not reason.ok)
        return CoverageRow(
            verdict.pack_id,
            self._name(verdict.pack_id),
            verdict.version,
            ref,
            self._series_text(ref),
            state,
            reasons if refusal is None else (refusal,),
            limited=verdict.verdict == "limited",
            is_refused=verdict.verdict == "refused" or refusal is not None,
            asks=self._asks(verdict.pack_id),
            is_for_others=state == "refused"
            and any(r.rule == "modality" and r.refuses for r in verdict.reasons),
        )

    def _needs_reader(self, pack_id: str) -> bool:
        return self._context.packs.get(pack_id).pack.needs_reader

    def _asks(self, pack_id: str) -> bool:
        return bool(self._context.packs.get(pack_id).pack.reader_inputs)

    def _name(self, pack_id: str) -> Message:
        name = self._context.packs.get(pack_id).pack.name
        return Message(name.en, name.ru)

    def _series_text(self, ref: SeriesRef) -> str:
        series = self._session.study.find_series(ref.series_instance_uid) if self._session else None
        if series is None:
            return ""
        number = "" if series.number is None else f"{series.number} "
        return f"{series.modality} {number}{series.description}".strip()
