"""A senior's signature on a preliminary report, as it stands or as the senior writes it."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.core.errors import AppError, ReportError
from app.core.report import CheckResult, Report
from app.workflow.check_report import check_now
from app.workflow.revise import begin_revision, discard_revision
from app.workflow.session import StudySession
from app.workflow.sign_report import SignRequest, open_blocks, sign


@dataclass(frozen=True, slots=True)
class CosignRequest:
    """Who signs (a login, with its password); ``text`` None: the text stays as it is."""

    signer: str
    text: str | None = None
    password: str = field(default="", repr=False)
    clock_reason: str = ""


@dataclass(frozen=True, slots=True)
class Cosigned:
    """The preliminary version, the check of what was to be signed, and what was signed.

    ``report`` None: the check blocks; the preliminary version counts as before.
    """

    before: Report
    check: CheckResult
    report: Report | None


def cosign(session: StudySession, request: CosignRequest) -> Cosigned:
    """Review and sign the preliminary version of ``session``; on disk when this returns.

    Reasons that were given for the preliminary version still count. Raises ``ReportError`` where
    nothing waits for a co-signature, and what ``sign`` raises; then the preliminary version is
    left as it was. Main thread.
    """
    before = session.report
    if before is None or before.state != "preliminary":
        raise ReportError(
            "This report does not wait for a co-signature.",
            ru="Это заключение не ожидает подписи старшего врача.",
            hint="See what waits: overread reports list --waiting.",
            hint_ru="Что её ожидает, покажет overread reports list --waiting.",
        )
    begin_revision(session)
    try:
        if request.text is not None:
            session.set_report_text(request.text)
        check = check_now(session)
        if open_blocks(check, session.overrides):
            discard_revision(session)
            return Cosigned(before, check, None)
        asked = SignRequest(
            request.signer, "cosignature", check, session.overrides, request.password,
            request.clock_reason,
        )  # fmt: skip
        return Cosigned(before, check, sign(session, asked))
    except AppError:
        discard_revision(session)
        raise
