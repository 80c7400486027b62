"""The versions of a report: what each is, whether it is intact, what changed between two."""

from __future__ import annotations

from dataclasses import dataclass

from app.core.errors import InputError
from app.core.finding import Finding
from app.core.report import Report
from app.core.text_diff import TextPiece, word_diff
from app.reporting.finding_diff import FindingChange, finding_changes
from app.workflow.context import AppContext
from app.workflow.session import StudySession
from app.workflow.signed_versions import frozen_findings, verify_signed


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A version in the list. ``is_intact`` None: a draft, on which no signature stands."""

    report: Report
    is_intact: bool | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """From ``before`` to ``after``: the text word by word, and the findings."""

    before: Report
    after: Report
    text: tuple[TextPiece, ...]
    findings: tuple[FindingChange, ...]

    @property
    def is_same(self) -> bool:
        """Whether nothing changed."""
        return not self.findings and all(piece.kind == "same" for piece in self.text)


def versions(context: AppContext, study_instance_uid: str, reading: str) -> tuple[VersionRow, ...]:
    """All versions of one reading, oldest first, each held against its signature."""
    return tuple(
        VersionRow(report, None if report.state == "draft" else verify_signed(context, report))
        for report in context.store.reports.versions(study_instance_uid, reading)
    )


def compare(session: StudySession, before: Report, after: Report) -> Comparison:
    """What changed; a draft stands with the findings of the session as they now are."""
    return Comparison(
        before,
        after,
        word_diff(before.text, after.text),
        finding_changes(_findings(session, before), _findings(session, after)),
    )


def compare_stored(context: AppContext, before: Report, after: Report, reading: str) -> Comparison:
    """The same without an open session: a draft stands with the findings of the library."""
    found = []
    for report in (before, after):
        if report.state == "draft":
            live = context.store.findings.live(report.study_instance_uid, reading)
            found.append(tuple(live))
        else:
            found.append(frozen_findings(context, report))
    return Comparison(before, after, word_diff(before.text, after.text), finding_changes(*found))


def version_of(rows: tuple[VersionRow, ...], number: int) -> Report:
    """The version with this number. Raises ``InputError``."""
    for row in rows:
        if row.report.version == number:
            return row.report
    raise InputError(
        f"The report has no version {number}.",
        ru=f"Версии {number} у заключения нет.",
        hint="overread reports versions STUDY lists them.",
        hint_ru="Список версий: overread reports versions STUDY.",
    )


def _findings(session: StudySession, report: Report) -> tuple[Finding, ...]:
    if report.state == "draft":
        return session.findings
    return frozen_findings(session.context, report)
