"""A new version of a signed report: the correction, and a senior's review of a preliminary one.

The version before stays as it was signed. What is written meanwhile is a draft like any other; it
can be discarded, and findings and text are then as they were signed.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

from app.core.errors import ReportError
from app.core.finding import Finding
from app.core.report import Report
from app.workflow.finding_step import FindingStep
from app.workflow.session import StudySession
from app.workflow.signed_versions import frozen_findings, require_intact


def begin_revision(session: StudySession, reason: str = "") -> Report:
    """Open the newest version for change as the draft of the next; on disk when this returns.

    A preliminary report is reviewed (a senior co-signs, its author signs again); a signed one is
    corrected, and ``reason`` says why. Raises ``ReportError``.
    """
    signed = session.report
    if signed is None or signed.signature is None or not session.is_locked:
        raise ReportError(
            "Only a signed report is opened for correction.",
            ru="Исправляется только подписанное заключение.",
            hint="Change the draft itself.",
            hint_ru="Измените сам черновик.",
        )
    if signed.is_final and not reason.strip():
        raise ReportError(
            "A correction needs a reason.",
            ru="Для исправления нужна причина.",
            hint="Say what was wrong; the reason stays with the report.",
            hint_ru="Укажите, что было неверно; причина сохранится в заключении.",
        )
    require_intact(session)
    draft = replace(
        signed,
        uid=session.context.uids.new_uid(),
        version=signed.version + 1,
        state="draft",
        signature=None,
        predecessor_uid=signed.uid,
        content_sha256="",
        change="correction" if signed.is_final else "original",
        change_reason=reason.strip(),
        prior_signatures=signed.signatures,
        communications=(),
    )
    store, context = session.context.store, session.context
    with store.transaction():
        store.reports.put(session.reading, draft)
        store.audit.append(
            context.user, "report.revision-begun", draft.uid,
            {
                "study": draft.study_instance_uid,
                "predecessor": signed.uid,
                "reason_sha256": hashlib.sha256(reason.strip().encode("utf-8")).hexdigest(),
            },
        )  # fmt: skip
    session.take_version(draft)
    return draft


def discard_revision(session: StudySession) -> Report:
    """Throw the draft of the next version away; the signed version counts as before.

    Findings go back to what was signed, each step in the trail. Raises ``ReportError``.
    """
    draft = session.report
    if draft is None or not session.is_revision:
        raise ReportError(
            "There is no correction to discard.",
            ru="Нет исправления, которое можно отменить.",
        )
    signed = predecessor_of(session, draft)
    steps = _steps_back(session.findings, frozen_findings(session.context, signed))
    if steps:
        session.replace_findings(steps, details={"report": signed.uid})
    store, context = session.context.store, session.context
    with store.transaction():
        store.reports.discard(draft.uid)
        store.audit.append(
            context.user, "report.revision-discarded", draft.uid,
            {"study": draft.study_instance_uid, "predecessor": signed.uid},
        )  # fmt: skip
    session.take_version(signed)
    return signed


def predecessor_of(session: StudySession, report: Report) -> Report:
    """The version that ``report`` takes the place of. Raises ``ReportError``."""
    versions = session.context.store.reports.versions(
        report.study_instance_uid, session.reading
    )  # fmt: skip
    for version in versions:
        if version.uid == report.predecessor_uid:
            return version
    raise ReportError(
        "The version that this one follows is not in the library.",
        ru="В базе данных нет версии, за которой следует эта.",
        hint="Restore the library from a backup.",
        hint_ru="Восстановите базу данных из копии.",
    )


def _steps_back(now: tuple[Finding, ...], signed: tuple[Finding, ...]) -> list[FindingStep]:
    was = {finding.uid: finding for finding in signed}
    steps = [
        FindingStep(finding, was.get(finding.uid), "finding.restored")
        for finding in now
        if was.get(finding.uid) != finding
    ]
    present = {finding.uid for finding in now}
    steps += [
        FindingStep(None, finding, "finding.restored")
        for finding in signed
        if finding.uid not in present
    ]
    return steps
