"""The main job without a window: route, infer, decide, draft, check, sign, write."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.core.errors import InputError, PackRefused, ResultRefused
from app.core.finding import Finding
from app.core.findings_json import findings_to_json
from app.core.report import CheckResult, Language, Message, Report, ReportState
from app.core.study import SeriesRef, Study
from app.inference.gate_rules import READER_RULE
from app.inference.run_report import SCHEMA as RUN_SCHEMA
from app.inference.run_report import routing_row
from app.jobs.cancel import CancelToken
from app.jobs.progress import Progress, no_progress, part_of
from app.reporting.check_json import check_to_json
from app.reporting.extract import detect_language
from app.reporting.templates.model import ReportTemplate
from app.workflow.check_report import check_now
from app.workflow.compose_report import draft
from app.workflow.context import AppContext
from app.workflow.export import export
from app.workflow.facts import PROJECTION
from app.workflow.given_decisions import (
    AcceptRule,
    decide_by_findings,
    decide_by_rule,
    read_decisions,
)  # fmt: skip
from app.workflow.identify import identify, permitted_meanings, require_permitted
from app.workflow.mask_files import write_masks
from app.workflow.output_files import remove_outputs, write_json, write_text
from app.workflow.report_templates import shelf
from app.workflow.routing import Routing
from app.workflow.run_models import (
    ModelOutcome,
    apply_result,
    route_study,
    run_pack,
)  # fmt: skip
from app.workflow.session import StudySession
from app.workflow.sign_report import SignRequest, sign

READ_SCHEMA = "overread.read/1"


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """What to do: ``accept`` a rule or a findings file; ``signer`` empty: do not sign.

    ``signer`` is a name, or a login with ``password`` where the library has accounts.

    ``packs`` None: every installed pack that fits. ``language`` None: that of the report given,
    else of the settings. ``template`` names one whose statements of what is normal the draft takes;
    empty: nothing is called normal, since nobody has looked.
    """

    out: Path
    packs: tuple[str, ...] | None = None
    accept: AcceptRule | Path = "none"
    report: Path | None = None
    signer: str = ""
    password: str = field(default="", repr=False)
    clock_reason: str = ""
    language: Language | None = None
    template: str = ""


@dataclass(slots=True)
class ReadOutcome:
    """What came of it. ``statement`` says why no model ran, where none did."""

    study_instance_uid: str
    check: CheckResult
    is_signed: bool
    statement: Message | None
    findings: tuple[Finding, ...]
    files: list[Path] = field(default_factory=list)
    packs: list[str] = field(default_factory=list)
    report_state: ReportState = "draft"

    @property
    def is_blocked(self) -> bool:
        """Whether the check blocks and the report was not signed for that reason."""
        return self.check.verdict == "blocked" and not self.is_signed


def read_study(
    context: AppContext,
    study: Study,
    request: ReadRequest,
    *,
    priors: Sequence[Study] = (),
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> ReadOutcome:
    """Read one study into ``request.out``; one thread. Each call is a reading of its own.

    A check that blocks signs nothing; everything up to the check is written. Raises what the
    steps raise (``InputError``, ``InferenceError``, ``DiskFull``...); ``IdentityConflict`` where a
    blocked study was to be signed, after writing what there is.
    """
    started = time.monotonic()
    given = _given_report(request)
    decided = (
        read_decisions(request.accept, study.study_instance_uid)
        if isinstance(request.accept, Path)
        else ()
    )
    for pack_id in request.packs or ():
        context.packs.get(pack_id)
    meaning = _meaning(context, request)
    reading = f"read-{context.uids.new_uid().rsplit('.', 1)[-1]}"
    out = request.out
    remove_outputs(out)
    session = StudySession(context, study, priors, reading=reading)
    routing = route_study(context, study)
    outcomes, refusals = _run_models(
        session, routing, request, part_of(progress, 0.0, 0.7), cancel
    )  # fmt: skip
    progress(0.7, "decisions")
    if isinstance(request.accept, Path):
        decide_by_findings(session, decided)
    else:
        decide_by_rule(session, request.accept)
    if given is None:
        draft(session, request.language, _template(session, request))
    else:
        text, language = given
        session.set_language(language)
        session.set_report_text(text)
    progress(0.75, "check")
    check = check_now(session)
    statement = None if outcomes else _why_no_model(session.study, routing, request, refusals)
    outcome = ReadOutcome(
        study.study_instance_uid, check, False, statement, session.findings,
        packs=[f"{run.result.pack_id} {run.result.version}" for run in outcomes],
    )  # fmt: skip
    masks = write_masks(session, outcomes, out)
    outcome.files += [out / name for name in dict.fromkeys(masks.values())]
    outcome.files += [
        write_json(out / "findings.json", _findings_json(session, masks)),
        write_json(out / "check.json", check_to_json(check)),
        write_text(out / "report.txt", session.report_text),
    ]
    run_json = {
        "schema": RUN_SCHEMA,
        "study_instance_uid": study.study_instance_uid,
        "packs": [run.report for run in outcomes],
        "refused_results": refusals,
        "statement": None if statement is None else {"en": statement.en, "ru": statement.ru},
        "routing": [routing_row(ref, fits) for ref, fits in routing],
        "seconds": {"total": round(time.monotonic() - started, 3)},
    }
    outcome.files.append(_write_run(outcome, out, run_json))
    if request.signer and check.verdict != "blocked":
        progress(0.8, "signing")
        report = _sign(session, request, meaning, check)
        outcome.is_signed, outcome.report_state = report.is_final, report.state
    progress(0.85, "outputs")
    if not study.blocked:
        outcome.files += export(session, out)
        _write_run(outcome, out, run_json)
    if outcome.is_signed and context.settings.promised_to:
        from app.workflow.outbox import queue_signed  # the network, only where it is wanted

        queue_signed(session)
    outcome.findings = session.findings
    session.close()
    progress(1.0, "done")
    return outcome


def _meaning(context: AppContext, request: ReadRequest) -> str:
    """What the signature will mean; who may not sign is told before the models run."""
    if not request.signer.strip():
        return ""
    signer = identify(context, request.signer, request.password)
    allowed = permitted_meanings(context, signer, None)
    meaning = allowed[0] if allowed else "author"
    require_permitted(context, signer, meaning, None)
    return meaning


def _sign(session: StudySession, request: ReadRequest, meaning: str, check: CheckResult) -> Report:
    """Sign it; a resident's report is preliminary."""
    asked = SignRequest(
        request.signer, meaning, check,
        password=request.password, clock_reason=request.clock_reason,
    )  # fmt: skip
    return sign(session, asked)


def _write_run(outcome: ReadOutcome, out: Path, run_json: dict[str, Any]) -> Path:
    """``run.json`` with the list of all files written so far."""
    names = [path.relative_to(out).as_posix() for path in outcome.files]
    return write_json(out / "run.json", run_json | {"files": names})


def outcome_json(outcome: ReadOutcome, out: Path) -> dict[str, Any]:
    """The outcome as the command line prints it (``overread.read/1``)."""
    states = [finding.state for finding in outcome.findings]
    return {
        "schema": READ_SCHEMA,
        "study_instance_uid": outcome.study_instance_uid,
        "out": str(out),
        "verdict": outcome.check.verdict,
        "signed": outcome.is_signed,
        "report_state": outcome.report_state,
        "packs": outcome.packs,
        "statement": None
        if outcome.statement is None
        else {"en": outcome.statement.en, "ru": outcome.statement.ru},
        "findings": {state: states.count(state) for state in sorted(set(states))},
        "files": [path.relative_to(out).as_posix() for path in outcome.files],
    }


def chosen_runs(study: Study, routing: Routing) -> tuple[tuple[str, SeriesRef], ...]:
    """Which pack runs on which stack: every fitting projection image, else the best stack."""
    modality = {s.series_instance_uid: s.modality for s in study.series}
    projections: list[tuple[str, SeriesRef]] = []
    best: dict[str, tuple[float, SeriesRef]] = {}
    for ref, fits in routing:
        for fit in fits:
            if fit.verdict == "refused" or any(r.rule == READER_RULE for r in fit.reasons):
                continue
            if modality.get(ref.series_instance_uid) in PROJECTION:
                projections.append((fit.pack_id, ref))
            elif fit.pack_id not in best or fit.score > best[fit.pack_id][0]:
                best[fit.pack_id] = (fit.score, ref)
    return (*projections, *((pack, ref) for pack, (_score, ref) in best.items()))


def _run_models(
    session: StudySession,
    routing: Routing,
    request: ReadRequest,
    progress: Progress,
    cancel: CancelToken | None,
) -> tuple[list[ModelOutcome], list[dict[str, Any]]]:
    """Run what fits; the outcomes, and what was refused: a result by its pack's own checks, or an
    image by the gate once its voxels were known.
    """
    context, study = session.context, session.study
    if study.blocked:
        return [], []
    wanted = [
        (pack_id, ref)
        for pack_id, ref in chosen_runs(study, routing)
        if request.packs is None or pack_id in request.packs
    ]
    outcomes: list[ModelOutcome] = []
    refusals: list[dict[str, Any]] = []
    for n, (pack_id, ref) in enumerate(wanted):
        step = part_of(progress, n / len(wanted), (n + 1) / len(wanted))
        try:
            outcome = run_pack(context, study, pack_id, ref, progress=step, cancel=cancel)
        except (ResultRefused, PackRefused) as fault:
            refusals.append(
                {
                    "pack": pack_id,
                    "refused": "image" if isinstance(fault, PackRefused) else "result",
                    "series_instance_uid": ref.series_instance_uid,
                    "stack": ref.stack,
                    "text": {"en": fault.message, "ru": fault.ru},
                }
            )
            continue
        apply_result(session, outcome)
        outcomes.append(outcome)
    return outcomes, refusals


def _template(session: StudySession, request: ReadRequest) -> ReportTemplate | None:
    if not request.template:
        return None
    return shelf(session.context).get(request.template, request.language or session.language)


def _given_report(request: ReadRequest) -> tuple[str, Language] | None:
    if request.report is None:
        return None
    text = read_report(request.report)
    detected = detect_language(text)
    return text, request.language or detected


def read_report(path: Path) -> str:
    """A report text from a file, UTF-8. Raises ``InputError``."""
    try:
        return path.read_text("utf-8-sig")
    except OSError as fault:
        raise InputError(
            f"The report file {path} cannot be read.",
            ru=f"Файл заключения {path} не читается.",
            hint="Check the path.",
            hint_ru="Проверьте путь.",
        ) from fault
    except UnicodeDecodeError as fault:
        raise InputError(
            f"The report file {path} is not UTF-8 text.",
            ru=f"Файл заключения {path} не является текстом UTF-8.",
            hint="Save it as plain text in UTF-8.",
            hint_ru="Сохраните его как простой текст в UTF-8.",
        ) from fault


def _why_no_model(
    study: Study, routing: Routing, request: ReadRequest, refusals: list[dict[str, Any]]
) -> Message:
    """One sentence."""
    if study.blocked:
        return Message(
            "No model was run: the images contradict each other about the patient.",
            "Модели не запускались: снимки противоречат друг другу о пациенте.",
        )
    if refusals:
        text = refusals[0]["text"]
        if refusals[0]["refused"] == "image":
            return Message(
                f"No model was run: {text['en']}", f"Модели не запускались: {text['ru']}"
            )
        return Message(
            f"The result of {refusals[0]['pack']} was refused: {text['en']}",
            f"Результат {refusals[0]['pack']} отклонён: {text['ru']}",
        )
    reasons: dict[str, Message] = {}
    for _ref, fits in routing:
        for fit in fits:
            if request.packs is not None and fit.pack_id not in request.packs:
                continue
            for reason in fit.reasons:
                if reason.refuses:
                    reasons.setdefault(fit.pack_id, reason.text)
    if not routing:
        return Message(
            "No model pack applies: the study holds no images.",
            "Ни один пакет моделей не подходит: в исследовании нет снимков.",
        )
    if not reasons:
        return Message("No model pack is installed.", "Не установлено ни одного пакета моделей.")
    en = "; ".join(f"{pack}: {text.en.rstrip('.')}" for pack, text in reasons.items())
    ru = "; ".join(f"{pack}: {text.ru.rstrip('.')}" for pack, text in reasons.items())
    return Message(
        f"No model pack applies to this study ({en}).",
        f"Ни один пакет моделей не подходит к этому исследованию ({ru}).",
    )


def _findings_json(session: StudySession, masks: dict[str, str]) -> dict[str, Any]:
    """The findings, each with the file of its mask."""
    data = findings_to_json(session.study.study_instance_uid, session.findings)
    for row in data["findings"]:
        for region in (row["region"], row["proposal"]["region"]):
            if region is not None and region["mask_sha256"] in masks:
                region["mask"] = masks[region["mask_sha256"]]
    return data
