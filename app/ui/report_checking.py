"""The check beside the writing: when it runs, what it shows, what is done about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, Signal

from app.core.errors import AppError
from app.core.report import CheckResult, Discrepancy, Override
from app.ui.discrepancy_panel import DiscrepancyPanel
from app.ui.live_check import LiveCheck
from app.ui.report_editor import ReportEditor
from app.ui.report_outline import ReportOutline, SectionPlace, sections_of
from app.ui.report_writing import ReportWriting
from app.ui.texts import language, tr
from app.workflow import check_report, second_opinion

OPINION_LANE: Final = "background"

if TYPE_CHECKING:
    from app.jobs.runner import JobRunner
    from app.workflow.session import StudySession


@dataclass(frozen=True, slots=True)
class Checked:
    """What the worker found in one text."""

    text: str
    result: CheckResult
    sections: tuple[SectionPlace, ...]


class ReportChecking(QObject):
    """Checks after each pause in typing and keeps list and marks in step. Main thread only.

    ``show_finding`` asks the images for a finding, ``said`` carries a sentence for the reader,
    ``refreshed`` tells that list and marks are those of the present state.
    """

    show_finding = Signal(str)
    said = Signal(str)
    refreshed = Signal()

    def __init__(
        self,
        runner: JobRunner,
        editor: ReportEditor,
        writing: ReportWriting,
        outline: ReportOutline,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._session: StudySession | None = None
        self._editor = editor
        self._writing = writing
        self._outline = outline
        self.list = DiscrepancyPanel()
        self.list.hide()
        self.list.show_requested.connect(self.show)
        self.list.fix_requested.connect(self.apply)
        self.list.override_given.connect(self._override)
        self.list.override_removed.connect(self._take_back)
        self.list.left.connect(editor.setFocus)
        self._mend: Callable[[int], bool] = lambda _position: False
        self._live = LiveCheck(runner, self._prepare, parent)
        self._live.finished.connect(self._take)
        self._live.failed.connect(self._failed)
        # beside the check, in a lane of its own: no check waits for it
        self._opinion = LiveCheck(runner, self._prepare_opinion, parent, lane=OPINION_LANE)
        self._opinion.finished.connect(self._take_opinion)

    def set_mender(self, mend: Callable[[int], bool]) -> None:
        """What mends a generated or carried sentence at a character of the text, if it can."""
        self._mend = mend

    def set_session(self, session: StudySession | None) -> None:
        """Check the report of ``session`` from now on."""
        self._live.stop()
        self._opinion.stop()
        self._session = session
        if session is not None:
            self._live.schedule()

    def schedule(self) -> None:
        """Check after the next pause."""
        self._live.schedule()

    def run_now(self) -> None:
        """Check at once, in the background."""
        self._writing.flush()
        self._live.run_now()

    def refresh(self) -> None:
        """Show what the last check of the session found."""
        session = self._session
        if session is None:
            self._editor.show_discrepancies(())
            self.list.show_items((), {}, locked=True)
            self.refreshed.emit()
            return
        overrides = {item.discrepancy_id: item for item in session.overrides}
        check = session.last_check
        items = () if check is None or not session.report_text.strip() else check.discrepancies
        if session.is_check_current and not self._writing.is_ahead:
            self._editor.show_discrepancies(d for d in items if d.id not in overrides)
        # what was open at signing is frozen with the report; there is nothing left to resolve
        shown = () if session.is_locked else items
        if session.is_locked:
            self._editor.show_discrepancies(())
        self.list.show_items(shown, overrides, locked=session.is_locked)
        self.refreshed.emit()

    def apply(self, item: Discrepancy | None = None) -> None:
        """Apply the offered fix of ``item``, else of the discrepancy at the cursor or the current
        one."""
        chosen = item or self._chosen()
        session = self._session
        if chosen is None or session is None or session.is_locked:
            return
        self._writing.flush()
        if not session.is_check_current:
            self._try(lambda: check_report.check_now(session))
        check = session.last_check
        fresh = [] if check is None else [d for d in check.discrepancies if d.id == chosen.id]
        if fresh and fresh[0].spans and self._mend(fresh[0].spans[0].start):
            self._try(lambda: check_report.check_now(session))
            return
        if not fresh or fresh[0].fix is None:
            self.said.emit(tr("discrepancy.no_fix"))
            return
        fix = fresh[0].fix
        self._editor.replace_range(fix.start, fix.end, fix.insert)
        self._writing.store("fix")
        self._try(lambda: check_report.check_now(session))

    def dismiss(self) -> None:
        """Ask why the discrepancy at the cursor, or the current one, may stand."""
        chosen = self._chosen()
        if chosen is not None:
            self.list.ask_reason(chosen)

    def step(self, by: int) -> None:
        """Go to the next (1) or previous (-1) discrepancy and show its place."""
        item = self.list.step(by)
        if item is not None:
            self.show(item)

    def show(self, item: Discrepancy) -> None:
        """Show the place in the text, and the finding on the images."""
        if self._editor.show_place(item):
            self._editor.setFocus()
        if item.finding_uid:
            self.show_finding.emit(item.finding_uid)

    def _chosen(self) -> Discrepancy | None:
        return self._editor.discrepancy_at_cursor() or self.list.current

    def _prepare(self) -> Callable[[], Checked] | None:
        self._writing.flush()
        session = self._session
        if session is None or session.is_locked:
            return None
        given = check_report.snapshot(session)
        if not given.text.strip():
            self._editor.show_discrepancies(())
            self.list.show_items((), {}, locked=False)
            self._outline.show_sections(given.text, ())
            self.refreshed.emit()
            return None
        spoken = session.language
        return lambda: Checked(
            given.text, check_report.check_snapshot(given), sections_of(given.text, spoken)
        )

    def _take(self, checked: Checked) -> None:
        self._outline.show_sections(checked.text, checked.sections)
        # the session drops a result whose text or findings are no longer the present ones
        if self._session is not None and not self._session.set_check(checked.result):
            self._live.schedule()
        else:
            self._opinion.run_now()

    def _prepare_opinion(self) -> Callable[[], CheckResult] | None:
        session = self._session
        if session is None or session.is_locked or session.last_check is None:
            return None
        settings, result = session.context.settings.second_opinion, session.last_check
        if not second_opinion.is_wanted(settings, result):
            return None
        given = check_report.snapshot(session)
        return lambda: second_opinion.with_second_opinion(settings, given, result)

    def _take_opinion(self, result: CheckResult) -> None:
        # dropped where the text has changed since: the next check asks again
        if self._session is not None and self._session.last_check != result:
            self._session.set_check(result)

    def _failed(self, error: AppError) -> None:
        self.said.emit(tr("report.check_failed", reason=error.text(language())))

    def _override(self, item: Discrepancy, reason: str) -> None:
        session = self._session
        if session is not None:
            self._writing.flush()
            self._try(lambda: session.set_override(Override(item.id, item.rule, reason)))

    def _take_back(self, item: Discrepancy) -> None:
        session = self._session
        if session is not None:
            self._writing.flush()
            self._try(lambda: session.remove_override(item.id))

    def _try(self, work: Callable[[], object]) -> None:
        try:
            work()
        except AppError as error:
            self.said.emit(error.text(language()))
