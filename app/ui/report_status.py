"""How a check stands, in one line: counts of blocks, warnings, notes and what was dismissed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from app.core.report import Discrepancy, Override, Report
from app.ui.finding_words import counted_all
from app.ui.panel_style import SEVERITY_MARKS
from app.ui.texts import tr

if TYPE_CHECKING:
    from app.workflow.session import StudySession


def counts_line(items: Iterable[Discrepancy], overrides: Sequence[Override]) -> tuple[str, str]:
    """The counts in words and the worst severity that stands (empty: neither block nor warning)."""
    reasoned = {item.discrepancy_id for item in overrides}
    counts = {"block": 0, "warn": 0, "note": 0, "dismissed": 0}
    for item in items:
        counts["dismissed" if item.id in reasoned else item.severity] += 1
    text = counted_all(tuple(counts.items()))
    worst = next((name for name in ("block", "warn") if counts[name]), "")
    return (f"{SEVERITY_MARKS[worst]} {text}" if worst else text), worst


def state_text(report: Report) -> str:
    """The state of a version in words; what was corrected is not called extended."""
    is_corrected = report.state == "amended" and report.change == "correction"
    return tr("report.state.corrected" if is_corrected else f"report.state.{report.state}")


def status_line(session: StudySession | None) -> tuple[str, str]:
    """The line under the report and its role: not checked, clean, or the counts."""
    if session is None:
        return "", "dim"
    if session.last_check is None or not session.report_text.strip():
        return ("" if session.is_locked else tr("report.not_checked")), "dim"
    text, worst = counts_line(session.last_check.discrepancies, session.overrides)
    if session.is_locked:
        return (tr("report.at_signing", text=text) if text else ""), "dim"
    if worst:
        return text, worst
    clean = tr("report.clean" if session.findings else "report.clean_nothing")
    return (f"{SEVERITY_MARKS['note']} {text}" if text else f"✓ {clean}"), "dim"
