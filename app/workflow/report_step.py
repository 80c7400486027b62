"""The one undoable change of the report's text."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Final, Literal

from app.core.report import Report

if TYPE_CHECKING:
    from app.workflow.session import StudySession

ReportLabel = Literal["typing", "draft", "fix", "insert", "replace", "refresh", "template", "carry"]

_KEPT: Final = ("uid", "overrides")


@dataclass(frozen=True, slots=True)
class ReportStep:
    """Replaces the draft by another state of it; undo puts the first one back.

    Reasons given for discrepancies are no text: they stay. ``label`` is an id that the interface
    names in its language. ``action`` names it in the trail.
    """

    session: StudySession
    label: ReportLabel
    before: Report
    after: Report
    action: str = "report.edited"

    @property
    def size_bytes(self) -> int:
        """What the two texts hold, at most."""
        return 1024 + len(self.before.text) + len(self.after.text)

    def do(self) -> None:
        """Store and show the text after the change."""
        self._put(self.after, self.before)

    def undo(self) -> None:
        """Store and show the text before the change."""
        self._put(self.before, self.after)

    def after_which(self, following: ReportStep) -> ReportStep:
        """This step and the one that followed, as one."""
        return replace(self, after=following.after)

    def _put(self, wanted: Report, other: Report) -> None:
        """Only what the step changed is put: the rest may have changed since."""
        session, now = self.session, self.session.report
        if now is not None:
            changed = {
                field.name: getattr(wanted, field.name)
                for field in fields(Report)
                if field.name not in _KEPT
                and getattr(wanted, field.name) != getattr(other, field.name)
            }
            wanted = replace(now, **changed)
        session.put_draft(wanted, action=self.action)
        session.report_changed.emit()
