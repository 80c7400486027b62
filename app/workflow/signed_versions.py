"""What a signature covers, and whether a stored version still is what was signed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from app.core.errors import ReportError
from app.core.finding import Finding
from app.core.findings_json import findings_from_json, findings_to_json
from app.core.report import CheckResult, Message, Report, findings_sha256
from app.core.report_json import (
    communications_to_json,
    overrides_to_json,
    signature_to_json,
)  # fmt: skip
from app.reporting.check_json import check_to_json
from app.workflow.context import AppContext
from app.workflow.session import StudySession

SIGNED_SCHEMA: Final = "overread.signed/2"
_FIRST_SCHEMA: Final = "overread.signed/1"


def frozen_document(
    report: Report, findings: Sequence[Finding], check: CheckResult, *, predecessor_sha256: str
) -> str:
    """The JSON text that the signature of ``report`` covers; its SHA-256 is the content hash."""
    body = _said_by(report) | {
        "schema": SIGNED_SCHEMA,
        "predecessor_sha256": predecessor_sha256,
        "findings": findings_to_json(report.study_instance_uid, findings),
        "check": check_to_json(check),
    }
    return json.dumps(body, ensure_ascii=False, sort_keys=True)


def document_sha256(document: str) -> str:
    """The content hash of a frozen document."""
    return hashlib.sha256(document.encode("utf-8")).hexdigest()


def verify_signed(context: AppContext, report: Report) -> bool:
    """Whether the stored version is what was signed: hash over text, findings, check, reasons.

    The hash must also stand in the audit trail: whoever changes both report and hash is found.
    The version before is held against the hash that this one names.
    """
    document = context.store.reports.document(report.uid)
    trail = context.store.audit.events(subject_uid=report.uid)
    signed = {
        event.details.get("content_sha256")
        for event in trail
        if event.action == f"report.{report.state}"
    }
    if report.content_sha256 not in signed or document_sha256(document) != report.content_sha256:
        return False
    frozen = json.loads(document)
    if frozen["schema"] == _FIRST_SCHEMA:
        return _is_as_signed_first(frozen, report)
    before = frozen["predecessor_sha256"]
    if before and document_sha256(context.store.reports.document(report.predecessor_uid)) != before:
        return False
    return all(frozen[key] == value for key, value in _said_by(report).items())


def signed_document(context: AppContext, report: Report) -> dict[str, Any]:
    """What the signature covers. Raises ``ReportError`` where it no longer matches its hash."""
    if not verify_signed(context, report):
        raise _not_as_signed()
    found: dict[str, Any] = json.loads(context.store.reports.document(report.uid))
    return found


def frozen_findings(context: AppContext, report: Report) -> tuple[Finding, ...]:
    """The findings as they were signed. Raises ``ReportError`` where the version was changed."""
    return findings_from_json(signed_document(context, report)["findings"])


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


def _said_by(report: Report) -> dict[str, Any]:
    """Everything that the version itself says, in the form of the document."""
    return {
        "report_uid": report.uid,
        "study_instance_uid": report.study_instance_uid,
        "version": report.version,
        "state": report.state,
        "predecessor_uid": report.predecessor_uid,
        "change": report.change,
        "change_reason": report.change_reason,
        "language": report.language,
        "text": report.text,
        "links": [asdict(link) for link in report.links],
        "signature": signature_to_json(report.signature),
        "prior_signatures": [signature_to_json(item) for item in report.prior_signatures],
        "overrides": overrides_to_json(report.overrides),
        "communications": communications_to_json(report.communications),
    }


def _is_as_signed_first(frozen: dict[str, Any], report: Report) -> bool:
    """The same for a version signed in the first form."""
    signature = report.signature
    return signature is not None and bool(
        frozen["text"] == report.text
        and frozen["report_uid"] == report.uid
        and frozen["version"] == report.version
        and frozen["signature"]
        == {"name": signature.name, "at": signature.at_utc, "meaning": signature.meaning}
        and frozen["overrides"] == overrides_to_json(report.overrides)
    )


def _not_as_signed() -> ReportError:
    return ReportError(
        "The signed report in the library does not match its signature.",
        ru="Подписанное заключение в базе данных не соответствует подписи.",
        hint="Do not use it; restore the library from a backup.",
        hint_ru="Не используйте его; восстановите базу данных из копии.",
    )
