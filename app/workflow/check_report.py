"""Holding the report against findings and study."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from app.core.finding import Finding
from app.core.report import CheckResult, Language, SentenceLink, StudyFacts
from app.reporting.alert_policy import AlertPolicy, apply_policy
from app.reporting.check import check
from app.workflow.check_memory import note_shown, policy_of
from app.workflow.report_templates import facts_with_requirements
from app.workflow.session import StudySession


@dataclass(frozen=True, slots=True)
class CheckInput:
    """All that a check looks at, taken from a session at one moment; it may go to any thread."""

    text: str
    findings: tuple[Finding, ...]
    facts: StudyFacts
    language: Language | None
    links: tuple[SentenceLink, ...]
    communicated: frozenset[str]
    policy: AlertPolicy


def check_text(
    text: str,
    findings: Sequence[Finding],
    facts: StudyFacts,
    language: Language | None = None,
    *,
    links: Sequence[SentenceLink] = (),
    communicated: Collection[str] = (),
) -> CheckResult:
    """Check a text; pure, any thread. Raises ``UnsupportedLanguage``.

    ``links`` are those of the draft (``session.links``): rules about generated sentences need
    them. ``communicated`` are the findings of which a record says that somebody was told. The
    result is the same for any order of the findings, and knows nothing of the site: see
    ``check_snapshot``.
    """
    return check(text, findings, facts, language, links=links, communicated=communicated)


def snapshot(session: StudySession, text: str | None = None) -> CheckInput:
    """What a check of the session has to look at, or of ``text`` in its place; main thread."""
    return CheckInput(
        text=session.report_text if text is None else text,
        findings=tuple(session.findings),
        facts=facts_with_requirements(session),
        language=session.language,
        links=tuple(session.links),
        communicated=session.communicated,
        policy=policy_of(session.context.store),
    )


def check_snapshot(given: CheckInput) -> CheckResult:
    """Check a snapshot as loud as the site wants it; pure, any thread.

    Raises ``UnsupportedLanguage``.
    """
    result = check_text(
        given.text, given.findings, given.facts, given.language,
        links=given.links, communicated=given.communicated,
    )  # fmt: skip
    return apply_policy(result, given.policy)


def check_now(session: StudySession) -> CheckResult:
    """Check the report of the session as it now is, because somebody asked for it; main thread.

    The alerts count as shown from here on (``check_memory``); a check while typing does not.
    """
    result = check_snapshot(snapshot(session))
    session.set_check(result)
    note_shown(session, result)
    return result
