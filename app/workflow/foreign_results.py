"""Results of other makers taken into the open study: proposed, shown and edited like our own.

``read_results`` does the reading (any thread, nothing is stored), ``apply_results`` adds what came
out (main thread). An object opened twice adds nothing: every finding has its uid from the object
and the segment (or report item) it came from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from app.core.errors import IdentityConflict
from app.core.finding import Finding
from app.core.report import Message
from app.core.study import Study
from app.jobs.cancel import CancelToken
from app.jobs.progress import Progress, no_progress
from app.store.blobs import PackedMask
from app.workflow.context import AppContext
from app.workflow.foreign_reading import ForeignReading
from app.workflow.other_objects import OtherObject, list_objects
from app.workflow.session import StudySession

_WITH_FINDINGS: Final = ("segmentation", "report", "structure-set")


@dataclass(frozen=True, slots=True)
class ForeignResults:
    """Findings read from objects of other makers, their masks by hash, and what was left out.

    Masks are packed: a segmentation may hold a hundred of them, each as large as its images.
    """

    study_instance_uid: str
    findings: tuple[Finding, ...]
    masks: Mapping[str, PackedMask]
    notes: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class ImportedResults:
    """What an import added: uids of the new findings, and what was left out and why."""

    added: tuple[str, ...]
    notes: tuple[Message, ...]


def import_results(
    context: AppContext, session: StudySession, objects: Sequence[OtherObject]
) -> ImportedResults:
    """Read and add in one go, for scripts; main thread."""
    results = read_results(context, session.study, objects)
    return ImportedResults(apply_results(session, results), results.notes)


def read_results(
    context: AppContext,
    study: Study,
    objects: Sequence[OtherObject],
    *,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> ForeignResults:
    """The findings in segmentations, reports and structure sets among ``objects``. Any thread.

    A report's segmentations, and the reports on a segmentation, are read with it, so that masks
    and numbers come together. What cannot be read is noted in words, the rest is taken. Raises
    ``IdentityConflict`` for a blocked study (D08), ``Cancelled``.
    """
    if study.blocked:
        raise IdentityConflict(
            "No results are taken in: the objects of the study contradict each other about the"
            " patient.",
            ru="Результаты не принимаются: объекты исследования противоречат друг другу"
            " о пациенте.",
            hint="Clear up whose images these are first.",
            hint_ru="Сначала выясните, чьи это снимки.",
        )
    token = cancel or CancelToken()
    run = ForeignReading(study, context.clock.now_utc(), token)
    wanted = _with_partners(study, objects)
    # Reports first: their numbers belong to the segments.
    ordered = sorted(wanted, key=lambda one: one.family != "report")
    for done, one in enumerate(ordered):
        token.raise_if_cancelled()
        progress(done / len(ordered), "reading results")
        run.read(one)
    run.add_groups()
    return ForeignResults(
        study.study_instance_uid, tuple(run.findings), dict(run.masks), tuple(run.notes)
    )


def apply_results(session: StudySession, results: ForeignResults) -> tuple[str, ...]:
    """Add what is new as proposals; uids of the new findings. Main thread.

    Results of another study, or for a closed or signed one, are dropped (D09). What the reading
    has or had already is left as it is, whatever was decided about it.
    """
    study, store, context = session.study.study_instance_uid, session.context.store, session.context
    if not session.is_open or session.is_locked or results.study_instance_uid != study:
        store.audit.append(context.user, "result.dropped", results.study_instance_uid, {})
        return ()
    known = store.findings.known(study, session.reading)
    tracked = {finding.tracking_uid for finding in session.findings}
    new = [
        finding
        for finding in results.findings
        if finding.uid not in known and finding.tracking_uid not in tracked
    ]
    wanted = {f.current.region.mask_sha256 for f in new if f.current.region is not None}
    masks = {sha256: mask for sha256, mask in results.masks.items() if sha256 in wanted}
    now = context.clock.now_utc()
    with store.transaction():
        for sha256, mask in masks.items():
            store.blobs.put_packed(sha256, mask)
        for finding in new:
            origin = finding.provenance
            store.findings.put(
                session.reading, finding, action="finding.proposed",
                actor=f"maker:{origin.manufacturer} {origin.pack}".strip(), at_utc=now,
            )  # fmt: skip
            store.audit.append(
                context.user, "finding.proposed", finding.uid,
                {
                    "study": study,
                    "manufacturer": origin.manufacturer,
                    "pack": origin.pack,
                    "version": origin.version,
                    "imported": "true",
                },
            )  # fmt: skip
    session.take_findings(new, {})
    return tuple(finding.uid for finding in new)


def _with_partners(study: Study, objects: Sequence[OtherObject]) -> tuple[OtherObject, ...]:
    """The objects with the segmentations they name, and the reports that name them."""
    wanted = {one.sop_instance_uid: one for one in objects}
    others = [
        one
        for one in list_objects(study)
        if one.family in ("segmentation", "report") and one.sop_instance_uid not in wanted
    ]
    named = {uid for one in objects for uid in one.references}
    for one in others:
        is_named = one.family == "segmentation" and one.sop_instance_uid in named
        if is_named or (one.family == "report" and not wanted.keys().isdisjoint(one.references)):
            wanted[one.sop_instance_uid] = one
    return tuple(one for one in wanted.values() if one.family in _WITH_FINDINGS)
