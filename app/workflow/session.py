"""The study that is open now: findings, report, selection, undo. Main thread only.

Everything that is decided goes to the library first, in one transaction with its audit event,
then into memory, then to the screen by a signal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from app.core.communication import Communication
from app.core.errors import AlreadySigned, InvalidTransition
from app.core.events import Signal
from app.core.finding import Finding, Significance
from app.core.findings_json import finding_sha256
from app.core.history import Command, History
from app.core.report import (
    CheckResult,
    Language,
    Override,
    Report,
    SentenceLink,
    StudyFacts,
    findings_sha256,
    text_sha256,
)  # fmt: skip
from app.core.segmentation import Mask
from app.core.study import SeriesRef, Study
from app.core.volume import Volume
from app.store.findings import FindingStatus
from app.workflow.context import AppContext
from app.workflow.earlier_studies import earlier_studies
from app.workflow.facts import study_facts
from app.workflow.finding_step import FindingStep
from app.workflow.mask_memory import MaskMemory
from app.workflow.report_step import ReportLabel, ReportStep
from app.workflow.volume_cache import find_stack, volume_key

_WEIGHT: Final[dict[Significance, int]] = {
    "critical": 0,
    "significant": 1,
    "incidental": 2,
    "descriptive": 3,
}


class StudySession:
    """One open study. Opening restores findings, report and position from the library.

    ``reading`` names a reading of the study; None: the workstation's own, or the newest of the
    command line where the workstation has none.
    """

    finding_changed = Signal(str)
    findings_added = Signal(object)
    findings_removed = Signal(object)
    selection_changed = Signal(object)
    report_changed = Signal()
    check_finished = Signal(object)
    history_changed = Signal()
    volume_loaded = Signal(object)

    def __init__(
        self,
        context: AppContext,
        study: Study,
        priors: Sequence[Study] = (),
        *,
        reading: str | None = None,
    ) -> None:
        self.context = context
        self.study = study
        self.priors = tuple(priors)
        self.earlier = earlier_studies(study, context.store, self.priors)
        self.facts: StudyFacts = study_facts(study, self.earlier)
        self.is_open = True
        for shown in (study, *self.priors):
            context.patient_data.protect(shown.patient)
        self.history = History(context.settings.history_mb * 1024 * 1024)
        self.history.changed.connect(self.history_changed.emit)
        self.last_check: CheckResult | None = None
        store, uid = context.store, study.study_instance_uid
        now = context.clock.now_utc()
        with store.transaction():
            store.studies.put(study, at_utc=now, unpacked_below=context.workspace)
            store.studies.mark_opened(uid, now)
            self.reading = reading or store.sessions.reading_of(uid)
            store.sessions.begin_reading(uid, self.reading, now)
            store.audit.append(context.user, "study.opened", uid, {"reading": self.reading})
        self._findings = {f.uid: f for f in store.findings.live(uid, self.reading)}
        self._masks = MaskMemory(store.blobs)
        self._report = store.reports.latest(uid, self.reading)
        self._communications = store.communications.live(uid, self.reading)
        self._is_text_audited = False
        self._position = store.sessions.get(uid, self.reading)
        selected = self._position.get("selected_uid")
        self._selected_uid: str | None = selected if selected in self._findings else None
        self._language: Language = (
            self._report.language if self._report else context.settings.report_language
        )

    # findings

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Reading order: by significance, then the undecided first, then as they came."""
        return tuple(
            sorted(
                self._findings.values(),
                key=lambda f: (_WEIGHT[f.current.significance], f.state != "proposed"),
            )
        )

    def finding(self, uid: str) -> Finding:
        """The finding with this uid; ``KeyError`` where the session has none."""
        return self._findings[uid]

    def has_finding(self, uid: str) -> bool:
        """Whether the session holds a finding with this uid."""
        return uid in self._findings

    def ref_of(self, finding: Finding) -> SeriesRef:
        """The stack on which the finding lies."""
        return SeriesRef(finding.study_instance_uid, finding.series_instance_uid, finding.stack)

    def mask(self, uid: str) -> Mask | None:
        """The mask of the finding as it now is, or None where it has none."""
        finding = self._findings[uid]
        region = finding.current.region
        if region is None or not region.mask_sha256:
            return None
        return self.stored_mask(region.mask_sha256, self.ref_of(finding))

    def attention(self, uid: str) -> Mask | None:
        """Where a classifier looked for this finding, or None; no outline of anything."""
        finding = self._findings[uid]
        region = finding.current.region
        if region is None or not region.attention_sha256:
            return None
        return self.stored_mask(region.attention_sha256, self.ref_of(finding))

    def stored_mask(self, sha256: str, ref: SeriesRef) -> Mask:
        """A mask by its content hash; raises ``StoreError`` where it is not stored."""
        return self._masks.get(sha256, ref)

    def volume(self, ref: SeriesRef) -> Volume | None:
        """The volume if it was loaded (``open_study.load_volume``) and is still in memory."""
        _series, stack = find_stack(self.study, ref)
        return self.context.volumes.get(volume_key(ref, stack))

    def announce_volume(self, ref: SeriesRef) -> None:
        """Tell the views that a volume of this study was loaded; of another study: dropped."""
        if self.is_open and ref.study_instance_uid == self.study.study_instance_uid:
            self.volume_loaded.emit(ref)

    # selection and position

    @property
    def selected_uid(self) -> str | None:
        """The finding that is current in all views."""
        return self._selected_uid

    def select(self, uid: str | None) -> None:
        """Make a finding the current one; unknown uids select nothing."""
        uid = uid if uid in self._findings else None
        if uid == self._selected_uid:
            return
        self._selected_uid = uid
        self.set_position({**self._position, "selected_uid": uid})
        self.selection_changed.emit(uid)

    def select_next(self) -> None:
        """The next finding in reading order; after the last the first."""
        self._select_by(1)

    def select_previous(self) -> None:
        """The finding before; before the first the last."""
        self._select_by(-1)

    @property
    def position(self) -> dict[str, Any]:
        """What was on screen, as the views gave it."""
        return dict(self._position)

    def set_position(self, position: Mapping[str, Any]) -> None:
        """Journal what is on screen (JSON values only). Callers debounce while scrolling."""
        kept = {**position, "selected_uid": self._selected_uid}
        if kept == self._position:
            return
        self.context.store.sessions.put(
            self.study.study_instance_uid, self.reading, kept, self.context.clock.now_utc()
        )
        self._position = kept

    # undo

    def undo(self) -> bool:
        """Take the latest change back; appends to the audit trail."""
        self.require_unsigned()
        return self.history.undo()

    def redo(self) -> bool:
        """Do the latest undone change again."""
        self.require_unsigned()
        return self.history.redo()

    def run(self, command: Command) -> None:
        """Run a change of findings through the history."""
        self.require_unsigned()
        self.history.run(command)

    # report

    @property
    def report(self) -> Report | None:
        """The newest version: a draft, or a signed one."""
        return self._report

    @property
    def report_text(self) -> str:
        """Text of the newest version, or empty."""
        return self._report.text if self._report else ""

    @property
    def links(self) -> tuple[SentenceLink, ...]:
        """The generated sentences of the draft, each with its finding."""
        return self._report.links if self._report else ()

    @property
    def language(self) -> Language:
        """Language of the report."""
        return self._language

    def set_language(self, language: Language) -> None:
        """Change the language in which the report is written; the text stays."""
        if language == self._language:
            return
        if self._report is not None:
            self.require_unsigned()
            self.put_draft(replace(self._report, language=language))
        self._language = language
        self.report_changed.emit()

    @property
    def is_signed(self) -> bool:
        """Whether the newest version is signed for good; a preliminary one is not."""
        return self._report is not None and self._report.is_final

    @property
    def is_locked(self) -> bool:
        """Whether findings and text are closed: the newest version is signed or preliminary."""
        return self._report is not None and self._report.state != "draft"

    @property
    def is_revision(self) -> bool:
        """Whether the draft takes the place of a version that is signed or preliminary."""
        return self._report is not None and not self.is_locked and self._report.version > 1

    @property
    def final_report(self) -> Report | None:
        """The newest version that is signed for good, also while a correction is written."""
        store, uid = self.context.store, self.study.study_instance_uid
        if self._report is None or self.is_signed:
            return self._report
        final = [v for v in store.reports.versions(uid, self.reading) if v.is_final]
        return final[-1] if final else None

    @property
    def is_being_corrected(self) -> bool:
        """Whether a correction of a signed report is being written: nothing goes out meanwhile."""
        return self.is_revision and self.final_report is not None

    @property
    def communications(self) -> tuple[Communication, ...]:
        """Who was told of critical results of this study."""
        return self._communications

    def read_communications(self) -> None:
        """Take what the library now holds about who was told."""
        uid = self.study.study_instance_uid
        self._communications = self.context.store.communications.live(uid, self.reading)
        self.report_changed.emit()

    @property
    def communicated(self) -> frozenset[str]:
        """The findings of which a record says that somebody was told."""
        return frozenset(uid for record in self.communications for uid in record.finding_uids)

    def require_unsigned(self) -> None:
        """Raise ``AlreadySigned`` where the report is signed or awaits co-signature."""
        if self._report is not None and self._report.state == "preliminary":
            raise AlreadySigned(
                "This report is signed as preliminary and awaits co-signature.",
                ru="Заключение подписано предварительно и ожидает подписи старшего врача.",
                hint="Begin a revision to change it.",
                hint_ru="Чтобы изменить его, начните правку.",
            )
        if self.is_locked:
            raise AlreadySigned(
                "This report is signed; findings and text do not change.",
                ru="Заключение подписано: находки и текст не изменяются.",
                hint="Write an addendum instead.",
                hint_ru="Добавьте дополнение к заключению.",
            )

    def set_report_text(
        self,
        text: str,
        *,
        label: ReportLabel = "typing",
        links: Sequence[SentenceLink] | None = None,
        joins: bool = False,
    ) -> None:
        """Journal the text of the draft; on disk when this returns.

        ``links`` None: they stay. ``joins``: undo takes it back together with the typing before.
        """
        if self._report is not None and text == self._report.text and links is None:
            return
        self.require_unsigned()
        draft = self.draft_or_new()
        kept = draft.links if links is None else tuple(links)
        self.write_report(replace(draft, text=text, links=kept), label, joins=joins)

    def write_report(
        self,
        report: Report,
        label: ReportLabel,
        *,
        action: str = "report.edited",
        joins: bool = False,
    ) -> None:
        """Replace the draft as one step that undo takes back. Raises ``AlreadySigned``."""
        self.require_unsigned()
        step = ReportStep(self, label, self.draft_or_new(), report, action)
        newest = self.history.newest
        together = None
        if joins and isinstance(newest, ReportStep) and newest.label == label == "typing":
            together = newest.after_which(step)
        self.history.run(step, together=together)

    @property
    def overrides(self) -> tuple[Override, ...]:
        """Reasons given so far for letting a discrepancy stand."""
        return self._report.overrides if self._report else ()

    def set_override(self, override: Override) -> None:
        """Journal the reason for a discrepancy, in place of an earlier one."""
        self.require_unsigned()
        others = [o for o in self.overrides if o.discrepancy_id != override.discrepancy_id]
        self.put_draft(replace(self.draft_or_new(), overrides=(*others, override)))
        self.report_changed.emit()

    def remove_override(self, discrepancy_id: str) -> None:
        """Take the reason back."""
        kept = tuple(o for o in self.overrides if o.discrepancy_id != discrepancy_id)
        if kept != self.overrides:
            self.require_unsigned()
            self.put_draft(replace(self.draft_or_new(), overrides=kept))
            self.report_changed.emit()

    def draft_or_new(self) -> Report:
        """The draft that is being written, or a new empty one (not stored yet)."""
        if self._report is not None and self._report.state == "draft":
            return self._report
        return Report(
            uid=self.context.uids.new_uid(),
            study_instance_uid=self.study.study_instance_uid,
            version=1,
            language=self._language,
            text="",
            state="draft",
        )

    def put_draft(self, report: Report, *, action: str = "report.edited") -> None:
        """Store the draft; the trail gets one event per run of typing, not one per key."""
        store = self.context.store
        is_audited = self._is_text_audited and action == "report.edited"
        with store.transaction():
            store.reports.put(self.reading, report)
            if not is_audited:
                store.audit.append(
                    self.context.user, action, report.uid,
                    {"study": report.study_instance_uid, "text_sha256": text_sha256(report.text)},
                )  # fmt: skip
        self._is_text_audited = action == "report.edited"
        self._report = report
        self._language = report.language

    def take_version(self, report: Report) -> None:
        """Show the version that was just stored; undo ends before it."""
        self._report = report
        self.history.barrier()
        self.report_changed.emit()

    # check

    @property
    def is_check_current(self) -> bool:
        """Whether the last check is of the text and the findings as they now are."""
        return self.last_check is not None and self._is_current(self.last_check)

    def set_check(self, result: CheckResult) -> bool:
        """Take the result of a check done elsewhere; a stale one is dropped (False)."""
        if not self.is_open or not self._is_current(result):
            return False
        self.last_check = result
        self.check_finished.emit(result)
        return True

    def _is_current(self, result: CheckResult) -> bool:
        return result.report_sha256 == text_sha256(
            self.report_text
        ) and result.findings_sha256 == findings_sha256(self._findings.values())

    # changes; called by the use cases

    def replace_findings(
        self,
        changes: Sequence[FindingStep],
        *,
        details: Mapping[str, str] | None = None,
        masks: Mapping[str, Mask] | None = None,
    ) -> None:
        """Put each ``after`` in the place of its ``before``, on disk and in memory, all or none.

        ``details`` go to the trail with each step. Raises ``InvalidTransition`` where the session
        no longer holds a ``before``.
        """
        if any(self._findings.get(step.finding.uid) != step.before for step in changes):
            raise InvalidTransition(
                "The finding has changed meanwhile.",
                ru="Находка тем временем изменилась.",
                hint="Look at it again and repeat the step.",
                hint_ru="Посмотрите на неё ещё раз и повторите действие.",
            )
        store = self.context.store
        with store.transaction():
            for sha256, mask in (masks or {}).items():
                store.blobs.put(sha256, mask.voxels)
            for step in changes:
                self._store_step(step, details or {})
        for sha256, mask in (masks or {}).items():
            self._masks.keep(sha256, mask)
        for step in changes:
            if step.after is None:
                self.forget_findings((step.finding.uid,))
                continue
            self._findings[step.after.uid] = step.after
            if step.before is None:
                self.findings_added.emit((step.after.uid,))
            else:
                self.finding_changed.emit(step.after.uid)

    def _store_step(self, step: FindingStep, details: Mapping[str, str]) -> None:
        store, user, finding = self.context.store, self.context.user, step.finding
        status: FindingStatus = "live" if step.after is not None else "withdrawn"
        store.findings.put(
            self.reading, finding, action=step.action, actor=user,
            at_utc=self.context.clock.now_utc(), status=status,
        )  # fmt: skip
        store.audit.append(
            user, step.action, finding.uid,
            {
                "study": self.study.study_instance_uid,
                "state": finding.state if step.after is not None else status,
                "finding_sha256": finding_sha256(finding),
                **details,
            },
        )  # fmt: skip

    def take_findings(self, findings: Sequence[Finding], masks: Mapping[str, Mask]) -> None:
        """Show findings that were just stored."""
        for sha256, mask in masks.items():
            self._masks.keep(sha256, mask)
        for finding in findings:
            self._findings[finding.uid] = finding
        if findings:
            self.findings_added.emit(tuple(f.uid for f in findings))

    def forget_findings(self, uids: Sequence[str]) -> None:
        """Stop showing findings that were withdrawn or superseded in the library."""
        for uid in uids:
            del self._findings[uid]
        if self._selected_uid in uids:
            self.select(None)
        if uids:
            self.findings_removed.emit(tuple(uids))

    def close(self) -> None:
        """Stop taking results; what is on disk stays."""
        self.is_open = False
        self._masks.clear()

    def _select_by(self, step: int) -> None:
        order = [finding.uid for finding in self.findings]
        if not order:
            return
        if self._selected_uid in order:
            self.select(order[(order.index(self._selected_uid) + step) % len(order)])
        else:
            self.select(order[0 if step > 0 else -1])
