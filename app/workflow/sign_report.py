"""Signing: check anew, refuse what is stale or blocked, freeze everything under one hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from app.core.errors import (
    AlreadySigned,
    IdentityConflict,
    OpenDiscrepancies,
    ReportError,
    StaleCheck,
)  # fmt: skip
from app.core.finding import Finding
from app.core.findings_json import findings_to_json
from app.core.report import (
    CheckResult,
    Discrepancy,
    Message,
    Override,
    Report,
    Signature,
    findings_sha256,
)  # fmt: skip
from app.reporting.check_json import check_to_json
from app.reporting.extract import detect_language
from app.store.outbox import Promise
from app.workflow.check_memory import note_signed
from app.workflow.check_report import check_snapshot, snapshot
from app.workflow.context import AppContext
from app.workflow.session import StudySession

SIGNED_SCHEMA = "overread.signed/1"


@dataclass(frozen=True, slots=True)
class SignRequest:
    """Who signs, what it means (21 CFR 11.50), and the check that was looked at."""

    signer: str
    meaning: str
    check: CheckResult
    overrides: tuple[Override, ...] = ()


def sign(session: StudySession, request: SignRequest) -> Report:
    """Sign the draft. Main thread; on disk when this returns.

    Raises ``IdentityConflict`` for a blocked study (D08), ``AlreadySigned``, ``StaleCheck`` where
    text or findings changed after ``request.check``, ``OpenDiscrepancies`` where something blocks
    and has no reason, ``UnsupportedLanguage``, ``ReportError`` for an empty text or no name.
    Nothing changes then.
    """
    _require_signable(session, request.signer)
    if session.is_signed:
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
    return _freeze(session, draft, request, fresh)


def addendum(
    session: StudySession,
    text: str,
    signer: str,
    *,
    meaning: str = "addendum",
    overrides: Sequence[Override] = (),
) -> Report:
    """Add to a signed report: a new signed version that names the one before.

    The whole text is checked again; reasons given for the version before still count.
    """
    _require_signable(session, signer)
    version = _with_addendum(session, text)
    fresh = _checked(session, version)
    known = {item.discrepancy_id: item for item in (*version.overrides, *overrides)}
    return _freeze(
        session, version, SignRequest(signer, meaning, fresh, tuple(known.values())), fresh
    )


def addendum_check(session: StudySession, text: str) -> CheckResult:
    """The check of the whole text with this addendum; nothing is stored.

    What was overridden in the version before is still listed: see ``session.overrides``.
    """
    return _checked(session, _with_addendum(session, text))


def verify_signed(context: AppContext, report: Report) -> bool:
    """Whether the stored version is what was signed: hash over text, findings, check, reasons.

    The hash must also stand in the audit trail: whoever changes both report and hash is found.
    """
    document = context.store.reports.document(report.uid)
    trail = context.store.audit.events(subject_uid=report.uid)
    if report.content_sha256 not in {event.details.get("content_sha256") for event in trail}:
        return False
    if hashlib.sha256(document.encode("utf-8")).hexdigest() != report.content_sha256:
        return False
    frozen = json.loads(document)
    return bool(
        frozen["text"] == report.text
        and frozen["report_uid"] == report.uid
        and frozen["version"] == report.version
        and frozen["signature"] == _signature(report.signature)
        and frozen["overrides"] == _overrides(report.overrides)
    )


def signed_document(context: AppContext, report: Report) -> dict[str, Any]:
    """What the signature covers. Raises ``ReportError`` where it no longer matches its hash."""
    if not verify_signed(context, report):
        raise _not_as_signed()
    found: dict[str, Any] = json.loads(context.store.reports.document(report.uid))
    return found


def require_intact(session: StudySession) -> None:
    """Raise ``ReportError`` unless report and findings are those that were signed."""
    report = session.report
    if report is None or report.signature is None:
        return
    frozen = signed_document(session.context, report)
    if frozen["check"]["findings_sha256"] != findings_sha256(session.findings):
        raise _not_as_signed()


def missing_when_read(session: StudySession) -> Message | None:
    """What was missing when the report was signed, else what is missing now (D18); None: nothing.

    The signed check tells it: images that come later do not change what was read.
    """
    report = session.report
    if report is None or report.signature is None:
        return session.facts.incompleteness
    for item in signed_document(session.context, report)["check"]["discrepancies"]:
        if item["rule"] == "incomplete-study":
            return Message(item["message"]["en"].rstrip("."), item["message"]["ru"].rstrip("."))
    return None


def _not_as_signed() -> ReportError:
    return ReportError(
        "The signed report in the library does not match its signature.",
        ru="Подписанное заключение в базе данных не соответствует подписи.",
        hint="Do not use it; restore the library from a backup.",
        hint_ru="Не используйте его; восстановите базу данных из копии.",
    )


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
    if signed is None or signed.state == "draft":
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


def _freeze(
    session: StudySession, draft: Report, request: SignRequest, fresh: CheckResult
) -> Report:
    left = open_blocks(fresh, request.overrides)
    if left:
        raise OpenDiscrepancies(
            f"The check blocks signing: {left[0].message.en}",
            ru=f"Проверка не даёт подписать: {left[0].message.ru}",
            hint=f"Correct it or give a reason ({len(left)} left).",
            hint_ru=f"Исправьте или укажите причину (осталось: {len(left)}).",
        )
    context = session.context
    signature = Signature(request.signer.strip(), context.clock.now_utc(), request.meaning)
    present = {item.id for item in fresh.discrepancies}
    report = replace(
        draft,
        state="amended" if draft.predecessor_uid else "signed",
        signature=signature,
        overrides=tuple(
            o for o in request.overrides if o.reason.strip() and o.discrepancy_id in present
        ),
    )
    document = _document(report, session.findings, fresh)
    report = replace(
        report, content_sha256=hashlib.sha256(document.encode("utf-8")).hexdigest()
    )  # fmt: skip
    store = context.store
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
        note_signed(session, fresh, report.overrides)
        for item in report.overrides:
            store.audit.append(
                request.signer, "report.override", report.uid,
                {
                    "rule": item.rule,
                    "discrepancy": item.discrepancy_id,
                    "reason_sha256": hashlib.sha256(item.reason.encode("utf-8")).hexdigest(),
                },
            )  # fmt: skip
        if context.settings.auto_send_to:
            store.outbox.promise(
                Promise(
                    report.uid, report.study_instance_uid, session.reading,
                    context.settings.auto_send_to,
                ),
                at_utc=context.clock.now_utc(),
            )  # fmt: skip
        store.audit.append(
            context.user, f"report.{report.state}", report.uid,
            {
                "study": report.study_instance_uid,
                "content_sha256": report.content_sha256,
                "report_sha256": fresh.report_sha256,
                "findings_sha256": fresh.findings_sha256,
                "version": str(report.version),
                "predecessor": report.predecessor_uid,
            },
        )  # fmt: skip
    session.take_signed(report)
    return report


def _document(report: Report, findings: Sequence[Finding], check: CheckResult) -> str:
    body = {
        "schema": SIGNED_SCHEMA,
        "report_uid": report.uid,
        "study_instance_uid": report.study_instance_uid,
        "version": report.version,
        "predecessor_uid": report.predecessor_uid,
        "language": report.language,
        "text": report.text,
        "signature": _signature(report.signature),
        "overrides": _overrides(report.overrides),
        "findings": findings_to_json(report.study_instance_uid, findings),
        "check": check_to_json(check),
    }
    return json.dumps(body, ensure_ascii=False, sort_keys=True)


def _signature(signature: Signature | None) -> dict[str, str] | None:
    if signature is None:
        return None
    return {"name": signature.name, "at": signature.at_utc, "meaning": signature.meaning}


def _overrides(overrides: Sequence[Override]) -> list[dict[str, str]]:
    return [
        {"discrepancy_id": o.discrepancy_id, "rule": o.rule, "reason": o.reason} for o in overrides
    ]
