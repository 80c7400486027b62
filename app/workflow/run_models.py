"""Which packs fit, running one, and taking its proposals into the open study."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.core.errors import IdentityConflict, PackRefused
from app.core.geometry import Geometry
from app.core.reader_input import NamedBox, ReaderInput
from app.core.study import SeriesRef, Study
from app.inference.compare import Side
from app.inference.gate import Suitability, judge, judge_content
from app.inference.manifest import ModelPack
from app.inference.pack_store import InstalledPack
from app.inference.run_context import RunContext, acquisition_of
from app.inference.run_report import run_json, suitability_row
from app.inference.to_findings import ProposedFindings, to_findings
from app.jobs.cancel import CancelToken
from app.jobs.progress import Progress, no_progress, part_of
from app.store.model_runs import ModelRun
from app.workflow.cached_run import AS_USUAL, Ask, run_cached
from app.workflow.context import AppContext
from app.workflow.finding_change import FindingChange
from app.workflow.open_study import load_volume
from app.workflow.quality_gates import GatedImage, QualityGates
from app.workflow.routing import Routing, route_by_headers
from app.workflow.session import StudySession
from app.workflow.settle_proposals import settle
from app.workflow.shadow_runs import run_shadows
from app.workflow.volume_cache import find_stack

if TYPE_CHECKING:
    from app.inference.result import InferenceResult


@dataclass(frozen=True, slots=True)
class ModelOutcome:
    """What one run brought: the raw result, the proposals made from it, its run report.

    ``is_shadow``: it is kept with the run and nothing of it is shown.
    ``suitability`` is the verdict of headers and voxels together; a forced run may have gone
    against it.
    """

    installed: InstalledPack
    result: InferenceResult
    proposed: ProposedFindings
    report: dict[str, Any]
    suitability: Suitability
    is_shadow: bool = False


def route_study(context: AppContext, study: Study) -> Routing:
    """For every stack the verdict of every pack in use, with reasons. Any thread.

    A pack that has no version in use, but one in the shadow, is judged and run with that one.
    """
    packs = {installed.pack.id: installed.pack for installed in context.packs.installed()}
    for installed in context.packs.shadows():
        packs.setdefault(installed.pack.id, installed.pack)
    return route_by_headers([packs[pack_id] for pack_id in sorted(packs)], study)


def run_pack(
    context: AppContext,
    session_or_study: StudySession | Study,
    pack_id: str,
    ref: SeriesRef,
    ask: Ask = AS_USUAL,
    *,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> ModelOutcome:
    """Run a pack on a stack, then its versions in the shadow; in the inference lane, nothing is
    stored in the library.

    Raises ``IdentityConflict`` for a blocked study (D08), ``PackRefused`` with the reasons where
    the gate refuses and the run is not ``forced``, ``HashMismatch``, ``InferenceError``,
    ``Cancelled``.
    """
    study = (
        session_or_study.study if isinstance(session_or_study, StudySession) else session_or_study
    )
    if study.blocked:
        raise IdentityConflict(
            "No model is run on this study: its images contradict each other about the patient.",
            ru="Модели не запускаются: снимки исследования противоречат друг другу о пациенте.",
            hint="Clear up whose images these are first.",
            hint_ru="Сначала выясните, чьи это снимки.",
        )
    installed = context.packs.get(pack_id)
    series, stack = find_stack(study, ref)
    verdict = judge(installed.pack, study, series, stack)
    if verdict.verdict == "refused" and not ask.forced:
        raise refused(verdict)
    token = cancel or CancelToken()
    started = time.monotonic()
    volume = load_volume(
        context, study, ref, progress=part_of(progress, 0.0, 0.2), cancel=token
    )  # fmt: skip
    if volume.unreadable and not ask.forced:
        raise undecodable(len(volume.unreadable))
    verdict = judge_content(verdict, installed.pack, volume)
    if verdict.verdict != "refused" or ask.forced:
        image = GatedImage(study, series, stack, volume)
        verdict = _gates(context, ask.urgent, token).judge(verdict, installed.pack, image)
    if verdict.verdict == "refused" and not ask.forced:
        raise refused(verdict)
    read_seconds = time.monotonic() - started
    given = RunContext(ask.given, acquisition_of(study, series, stack))
    result = run_cached(
        context,
        installed,
        volume,
        given,
        ask,
        progress=part_of(progress, 0.2, 0.95),
        cancel=token,
    )
    token.raise_if_cancelled()
    is_shadow = context.packs.mode(installed) == "shadow"
    proposed = to_findings(
        result, installed.pack, study, volume, clock=context.clock, uids=context.uids
    )
    report = run_json(
        result, pack=installed.pack, geometry=volume.geometry,
        completeness=study.completeness, read_seconds=read_seconds,
    )  # fmt: skip
    report["suitability"] = suitability_row(verdict)
    used = _used_input(installed.pack, result, volume.geometry, ask.given)
    if not used.is_empty:
        report["reader_input"] = used.to_json()
    if is_shadow:  # what it would have proposed is in the report, and nowhere else
        report["shadow"] = True
        report["proposals"] = len(proposed.findings)
        proposed = ProposedFindings((), {})
    else:
        shown = Side(installed.pack, result)
        rows = (
            run_shadows(context, study, shown, volume, run_context=given, cancel=token)
            if ask.urgent
            else []
        )
        if rows:
            report["shadows"] = rows
    progress(1.0, "done")
    return ModelOutcome(installed, result, proposed, report, verdict, is_shadow)


def _gates(context: AppContext, urgent: bool, token: CancelToken) -> QualityGates:
    """The packs of image quality in use; what they said of an image before is kept."""
    ask = Ask(urgent=urgent)
    return QualityGates(
        context.packs.installed(),
        lambda one, image, given: run_cached(context, one, image, given, ask, cancel=token),
    )


def _used_input(
    pack: ModelPack, result: InferenceResult, geometry: Geometry | None, given: ReaderInput
) -> ReaderInput:
    """What the run worked with, for the reader to move: what was given, else the boxes found."""
    asked = {entry.name for entry in pack.reader_inputs if entry.kind == "box"}
    if not given.is_empty or geometry is None or not asked:
        return given
    found = []
    for box, mark in zip(result.boxes, result.landmarks, strict=False):
        if mark.name in asked:
            low, high = geometry.ijk_to_lps([box.lower_ijk, box.upper_ijk]).tolist()
            found.append(NamedBox(mark.name, (tuple(low), tuple(high))))
    return ReaderInput(boxes=tuple(found))


def undecodable(count: int) -> PackRefused:
    """The refusal of a stack of which so many images cannot be decoded."""
    return PackRefused(
        f"The model is not run: {count} images of the series cannot be decoded.",
        ru=f"Модель не запускается: не читаются снимки серии ({count}).",
        hint="Ask the source for them again, or run it anyway.",
        hint_ru="Запросите их у источника ещё раз или запустите всё равно.",
    )


def apply_result(session: StudySession, outcome: ModelOutcome) -> tuple[str, ...]:
    """Add the proposals of a run to the open study; uids of the findings that are new or changed.
    Main thread.

    A proposal that means the same lesion as one of another pack joins it (``same_lesion``). A
    result of another study, or for a closed or signed one, is dropped (D09). Undecided
    proposals of the same pack on the same stack are superseded; decided findings stay.
    """
    source = outcome.result.source
    store, context = session.context.store, session.context
    pack = outcome.installed.pack
    if (
        not session.is_open
        or session.is_locked
        or source.study_instance_uid != session.study.study_instance_uid
        or any(f.study_instance_uid != source.study_instance_uid for f in outcome.proposed.findings)
    ):
        store.audit.append(
            context.user, "result.dropped", source.study_instance_uid, {"pack": pack.id}
        )
        return ()
    now = context.clock.now_utc()
    run = ModelRun(source, pack.id, outcome.result.version, now, outcome.report)
    if outcome.is_shadow:
        store.runs.add(session.reading, run)
        return ()
    settled = settle(session, pack.id, source, outcome.proposed.findings, outcome.proposed.masks)
    old, new = settled.gone, (*settled.split, *settled.added)
    with store.transaction():
        for sha256, mask in outcome.proposed.masks.items():
            store.blobs.put(sha256, mask.voxels)
        for finding in old:
            store.findings.put(
                session.reading, finding, action="finding.superseded", actor=context.user,
                at_utc=now, status="superseded",
            )  # fmt: skip
            store.audit.append(context.user, "finding.superseded", finding.uid, {"pack": pack.id})
        for finding in settled.changed:
            store.findings.put(
                session.reading, finding, action="finding.merged", actor=f"pack:{pack.id}",
                at_utc=now,
            )  # fmt: skip
            store.audit.append(
                context.user, "finding.merged", finding.uid,
                {"pack": pack.id, "models": str(finding.model_count)},
            )  # fmt: skip
        store.findings.put_all(
            session.reading, new, action="finding.proposed", actor=f"pack:{pack.id}", at_utc=now
        )
        for finding in settled.added:
            store.audit.append(
                context.user, "finding.proposed", finding.uid,
                {
                    "study": source.study_instance_uid,
                    "pack": pack.id,
                    "version": outcome.result.version,
                    "weights_sha256": outcome.result.weights_sha256,
                    "device": outcome.result.device,
                    "forced": str(outcome.result.forced).lower(),
                },
            )  # fmt: skip
        if outcome.result.forced:
            store.audit.append(
                context.user, "gate.overridden", source.series_instance_uid,
                {
                    "study": source.study_instance_uid,
                    "pack": pack.id,
                    "reasons": " ".join(
                        reason.text.en for reason in outcome.suitability.reasons if not reason.ok
                    ),
                },
            )  # fmt: skip
        store.runs.add(session.reading, run)
    replaced = [finding.uid for finding in (*old, *settled.changed)]
    _forget_in_history(session, set(replaced))
    session.forget_findings(replaced)
    shown = (*settled.changed, *new)
    session.take_findings(shown, outcome.proposed.masks)
    return tuple(finding.uid for finding in shown)


def refused(verdict: Suitability) -> PackRefused:
    """The error that says why the gate refuses."""
    reasons = [reason.text for reason in verdict.reasons if reason.refuses]
    return PackRefused(
        f'The pack "{verdict.pack_id}" is not meant for this series: '
        + "; ".join(text.en.rstrip(".") for text in reasons)
        + ".",
        ru=f"Пакет «{verdict.pack_id}» не предназначен для этой серии: "
        + "; ".join(text.ru.rstrip(".") for text in reasons)
        + ".",
        hint="overread packs route shows which pack fits which series.",
        hint_ru="Какой пакет подходит, покажет overread packs route.",
    )


def _forget_in_history(session: StudySession, uids: set[str]) -> None:
    """Forget the changes that touch these findings, and whatever rests on them."""
    changes = [c for c in session.history.commands if isinstance(c, FindingChange)]
    gone = set(uids)
    while touched := {uid for c in changes if c.uids & gone for uid in c.uids} - gone:
        gone |= touched
    session.history.forget(lambda c: isinstance(c, FindingChange) and bool(c.uids & gone))
