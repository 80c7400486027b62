"""Signing: check anew, refuse what is stale or blocked, freeze everything under one hash."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from app.core.errors import (
    AlreadySigned,
    IdentityConflict,
    OpenDiscrepancies,
    ReportError,
    StaleCheck,
)  # fmt: skip
from app.core.report import CheckResult, Discrepancy, Override, Report, ReportState, Signature
from app.reporting.extract import detect_language
from app.store.outbox import Promise
from app.workflow.check_memory import note_signed
from app.workflow.check_report import check_snapshot, snapshot
from app.workflow.checked_clock import accept_clock, require_clock
from app.workflow.identify import identify, require_permitted
from app.workflow.revise import predecessor_of
from app.workflow.session import StudySession
from app.workflow.signed_versions import document_sha256, frozen_document
from app.workflow.signed_versions import missing_when_read as missing_when_read
from app.workflow.signed_versions import require_intact as require_intact
from app.workflow.signed_versions import signed_document as signed_document
from app.workflow.signed_versions import verify_signed as verify_signed


@dataclass(frozen=True, slots=True)
class SignRequest:
    """Who signs, what it means (21 CFR 11.50), and the check that was looked at.

    ``signer`` is a name where the library has no accounts, else a login; ``password`` is asked
    then. ``meaning`` is a code of ``signing.meaning_text``. ``clock_reason`` says why a doubtful
    clock is taken.
    """

    signer: str
    meaning: str
    check: CheckResult
    overrides: tuple[Override, ...] = ()
    password: str = field(default="", repr=False)
    clock_reason: str = ""


def sign(session: StudySession, request: SignRequest) -> Report:
    """Sign the draft. Main thread; on disk when this returns.

    Raises ``IdentityConflict`` for a blocked study (D08), ``AlreadySigned``, ``StaleCheck`` where
    text or findings changed after ``request.check``, ``OpenDiscrepancies`` where something blocks
    and has no reason, ``UnsupportedLanguage``, ``NotIdentified`` for a wrong password,
    ``NotPermitted`` for a role that may not, ``DoubtfulClock``, ``ReportError`` for an empty text
    or no name. Nothing changes then.
    """
    _require_signable(session, request.signer)
    if session.is_locked:
        session.require_unsigned()
    draft = session.draft_or_new()
    if not draft.text.strip():
        raise ReportError(
            "There is no report text to sign.",
            ru="Нет текста заключения.",
            hint="Write the report or compose a draft first.",
            hint_ru="Напишите заключение или составьте черновик.",
        )
    fresh = _checked(session, draft)
    _require_current(request.check, fresh)
    return _freeze(session, draft, replace(request, check=fresh))


@dataclass(frozen=True, slots=True)
class AddendumRequest:
    """What is added to a signed report, and by whom (as in ``SignRequest``)."""

    text: str
    signer: str
    overrides: tuple[Override, ...] = ()
    password: str = field(default="", repr=False)
    clock_reason: str = ""


def add_addendum(session: StudySession, request: AddendumRequest) -> Report:
    """Add to a signed report: a new signed version that names the one before.

    The whole text is checked again; reasons given for the version before still count. Raises what
    ``sign`` raises.
    """
    _require_signable(session, request.signer)
    require_intact(session)
    version = _with_addendum(session, request.text)
    fresh = _checked(session, version)
    known = {item.discrepancy_id: item for item in (*version.overrides, *request.overrides)}
    asked = SignRequest(
        request.signer, "addendum", fresh, tuple(known.values()), request.password,
        request.clock_reason,
    )  # fmt: skip
    return _freeze(session, version, asked)


def addendum(
    session: StudySession, text: str, signer: str, *, overrides: Sequence[Override] = ()
) -> Report:
    """``add_addendum`` where the library has no accounts."""
    return add_addendum(session, AddendumRequest(text, signer, tuple(overrides)))


def addendum_check(session: StudySession, text: str) -> CheckResult:
    """The check of the whole text with this addendum; nothing is stored.

    What was overridden in the version before is still listed: see ``session.overrides``.
    """
    return _checked(session, _with_addendum(session, text))


def open_blocks(check: CheckResult, overrides: Sequence[Override]) -> tuple[Discrepancy, ...]:
    """What still blocks: blocking discrepancies for which no reason is given."""
    reasoned = {item.discrepancy_id for item in overrides if item.reason.strip()}
    return tuple(
        item for item in check.discrepancies if item.severity == "block" and item.id not in reasoned
    )


def _require_signable(session: StudySession, signer: str) -> None:
    if session.study.blocked:
        raise IdentityConflict(
            "This study cannot be signed: its images contradict each other about the patient.",
            ru="Исследование нельзя подписать: снимки противоречат друг другу о пациенте.",
            hint="Clear up whose images these are first.",
            hint_ru="Сначала выясните, чьи это снимки.",
        )
    if not signer.strip():
        raise ReportError(
            "A signature needs a name.",
            ru="Для подписи нужно имя.",
            hint="Give the name of the person who signs.",
            hint_ru="Укажите имя подписывающего.",
        )


def _with_addendum(session: StudySession, text: str) -> Report:
    """The next version, not signed yet. Raises ``ReportError``."""
    signed = session.report
    if signed is None or not signed.is_final:
        raise ReportError(
            "Only a signed report takes an addendum.",
            ru="Дополнение возможно только к подписанному заключению.",
            hint="Change the draft itself.",
            hint_ru="Измените сам черновик.",
        )
    if not text.strip():
        raise ReportError(
            "The addendum is empty.",
            ru="Дополнение пусто.",
            hint="Write what is to be added.",
            hint_ru="Напишите, что следует добавить.",
        )
    heading = "ДОПОЛНЕНИЕ" if signed.language == "ru" else "ADDENDUM"
    return replace(
        signed,
        uid=session.context.uids.new_uid(),
        version=signed.version + 1,
        text=f"{signed.text.rstrip()}\n\n{heading}:\n{text.strip()}\n",
        state="draft",
        signature=None,
        predecessor_uid=signed.uid,
        content_sha256="",
        change="addendum",
        change_reason="",
        prior_signatures=signed.signatures,
    )


def _checked(session: StudySession, report: Report) -> CheckResult:
    """The check of a version; a text in a third language cannot be checked, so not be signed."""
    detect_language(report.text)
    return check_snapshot(
        replace(snapshot(session, report.text), language=report.language, links=tuple(report.links))
    )


def _require_current(looked_at: CheckResult, fresh: CheckResult) -> None:
    if (
        looked_at.report_sha256 != fresh.report_sha256
        or looked_at.findings_sha256 != fresh.findings_sha256
    ):
        raise StaleCheck(
            "The report or the findings changed after the check.",
            ru="После проверки изменились заключение или находки.",
            hint="Check again, then sign.",
            hint_ru="Проверьте ещё раз и подпишите.",
        )


def _freeze(session: StudySession, draft: Report, request: SignRequest) -> Report:
    _require_no_block(request)
    context, store = session.context, session.context.store
    before = _predecessor(session, draft)
    clock = require_clock(context, request.clock_reason)
    signer = identify(context, request.signer, request.password)
    require_permitted(context, signer, request.meaning, before)
    report = replace(
        draft,
        state=_state(request.meaning, before),
        change=draft.change if request.meaning != "cosignature" else "cosignature",
        signature=Signature(
            signer.name, context.clock.now_utc(), request.meaning, signer.login,
            signer.signing_role, signer.identity, clock, request.clock_reason.strip(),
        ),
        overrides=_reasons(request),
        communications=session.communications,
        content_sha256="",
    )  # fmt: skip
    document = frozen_document(
        report, session.findings, request.check,
        predecessor_sha256=before.content_sha256 if before else "",
    )  # fmt: skip
    report = replace(report, content_sha256=document_sha256(document))
    with store.transaction():
        newest = store.reports.latest(report.study_instance_uid, session.reading)
        if newest is not None and newest.version >= report.version and newest.state != "draft":
            raise AlreadySigned(
                "This report was signed meanwhile in another window.",
                ru="Заключение тем временем подписано в другом окне.",
                hint="Open the study again.",
                hint_ru="Откройте исследование заново.",
            )
        store.reports.put(session.reading, report, document=document)
        if report.is_final and context.settings.promised_to:
            store.outbox.promise(
                Promise(
                    report.uid, report.study_instance_uid, session.reading,
                    context.settings.promised_to,
                ),
                at_utc=context.clock.now_utc(),
            )  # fmt: skip
        note_signed(session, request.check, report.overrides)
        _note(session, report, request.check)
    session.take_version(report)
    return report


def _note(session: StudySession, report: Report, check: CheckResult) -> None:
    """The events of the trail: each reason given, then the signature."""
    signature, trail = report.signature, session.context.store.audit
    if signature is None:
        raise ValueError("a version without signature is not noted")
    actor = signature.login or signature.name
    for item in report.overrides:
        trail.append(
            actor, "report.override", report.uid,
            {
                "rule": item.rule,
                "discrepancy": item.discrepancy_id,
                "reason_sha256": hashlib.sha256(item.reason.encode("utf-8")).hexdigest(),
            },
        )  # fmt: skip
    if signature.clock == "overridden":
        accept_clock(session.context, actor, report.uid, signature.clock_reason)
    trail.append(
        actor, f"report.{report.state}", report.uid,
        {
            "study": report.study_instance_uid,
            "content_sha256": report.content_sha256,
            "report_sha256": check.report_sha256,
            "findings_sha256": check.findings_sha256,
            "version": str(report.version),
            "predecessor": report.predecessor_uid,
            "change": report.change,
            "meaning": signature.meaning,
            "identity": signature.identity,
            "role": signature.role,
            "clock": signature.clock,
            "communications": str(len(report.communications)),
            "account": session.context.user,
        },
    )  # fmt: skip


def _require_no_block(request: SignRequest) -> None:
    left = open_blocks(request.check, request.overrides)
    if left:
        raise OpenDiscrepancies(
            f"The check blocks signing: {left[0].message.en}",
            ru=f"Проверка не даёт подписать: {left[0].message.ru}",
            hint=f"Correct it or give a reason ({len(left)} left).",
            hint_ru=f"Исправьте или укажите причину (осталось: {len(left)}).",
        )


def _reasons(request: SignRequest) -> tuple[Override, ...]:
    """The reasons that are given and concern something that the check still finds."""
    present = {item.id for item in request.check.discrepancies}
    return tuple(
        o for o in request.overrides if o.reason.strip() and o.discrepancy_id in present
    )  # fmt: skip


def _predecessor(session: StudySession, draft: Report) -> Report | None:
    """The version that this one takes the place of; it must be as it was signed."""
    if not draft.predecessor_uid:
        return None
    before = predecessor_of(session, draft)
    signed_document(session.context, before)
    return before


def _state(meaning: str, before: Report | None) -> ReportState:
    if meaning == "preliminary":
        return "preliminary"
    return "amended" if before is not None and before.is_final else "signed"
