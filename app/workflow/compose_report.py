"""A draft from what was accepted."""

from __future__ import annotations

from dataclasses import replace

from app.core.report import Language, Report
from app.reporting.compose import compose
from app.workflow.session import StudySession


def draft(session: StudySession, language: Language | None = None) -> Report:
    """Compose the draft anew from the accepted findings; replaces the text of the draft.

    Every generated sentence is linked to its finding. Raises ``AlreadySigned``.
    """
    session.require_unsigned()
    language = language or session.language
    made = compose(session.findings, session.facts, language)
    report = replace(
        session.draft_or_new(), language=language, text=made.text, links=tuple(made.links)
    )
    session.write_report(report, "draft", action="report.drafted")
    return report
