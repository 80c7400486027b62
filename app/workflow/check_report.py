"""Holding the report against findings and study."""

from __future__ import annotations

from collections.abc import Sequence

from app.core.finding import Finding
from app.core.report import CheckResult, Language, SentenceLink, StudyFacts
from app.reporting.check import check
from app.workflow.session import StudySession


def check_text(
    text: str,
    findings: Sequence[Finding],
    facts: StudyFacts,
    language: Language | None = None,
    *,
    links: Sequence[SentenceLink] = (),
) -> CheckResult:
    """Check a text; pure, any thread. Raises ``UnsupportedLanguage``.

    ``links`` are those of the draft (``session.links``): rules about generated sentences need
    them. The result is the same for any order of the findings.
    """
    return check(text, findings, facts, language, links=links)


def check_now(session: StudySession) -> CheckResult:
    """Check the report of the session as it now is; main thread."""
    result = check_text(
        session.report_text, session.findings, session.facts, session.language,
        links=session.links,
    )  # fmt: skip
    session.set_check(result)
    return result
