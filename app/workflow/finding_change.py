"""The one undoable change of a finding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from app.core.finding import Finding
from app.core.segmentation import Mask
from app.workflow.session import StudySession

ChangeLabel = Literal["accept", "reject", "reopen", "edit", "add", "stroke"]


@dataclass(slots=True)
class FindingChange:
    """Replaces a finding by another state of it; undo puts the first one back.

    ``label`` is an id that the interface names in its language. Doing it again after an undo is
    audited as such.
    """

    session: StudySession
    label: ChangeLabel
    before: Finding | None
    after: Finding
    details: Mapping[str, str] = field(default_factory=dict)
    masks: Mapping[str, Mask] = field(default_factory=dict)
    size_bytes: int = 1024
    _was_done: bool = False

    def do(self) -> None:
        """Store and show ``after``."""
        action = f"finding.{self.label}"
        self.session.replace_finding(
            self.before,
            self.after,
            action=f"redo.{action}" if self._was_done else action,
            details=self.details,
            masks=self.masks,
        )
        self._was_done = True
        # the masks are in the library from now on
        self.masks = {}

    def undo(self) -> None:
        """Store and show ``before``; appends to the trail."""
        self.session.replace_finding(self.after, self.before, action=f"undo.finding.{self.label}")
