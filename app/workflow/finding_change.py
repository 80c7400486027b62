"""The one undoable change of findings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from app.core.finding import Finding
from app.core.segmentation import Mask
from app.workflow.finding_step import FindingStep
from app.workflow.session import StudySession

ChangeLabel = Literal["accept", "reject", "reopen", "edit", "add", "stroke"]


@dataclass(slots=True)
class FindingChange:
    """Replaces a finding by another state of it; undo puts the first one back.

    ``label`` is an id that the interface names in its language. ``also`` are findings whose
    numbers follow from this one. Doing it again after an undo is audited as such.
    """

    session: StudySession
    label: ChangeLabel
    before: Finding | None
    after: Finding
    also: tuple[FindingStep, ...] = ()
    details: Mapping[str, str] = field(default_factory=dict)
    masks: Mapping[str, Mask] = field(default_factory=dict)
    size_bytes: int = 1024
    _was_done: bool = False

    @property
    def steps(self) -> tuple[FindingStep, ...]:
        """What it does, finding by finding."""
        return (FindingStep(self.before, self.after, f"finding.{self.label}"), *self.also)

    @property
    def uids(self) -> frozenset[str]:
        """The findings that it touches."""
        return frozenset(step.finding.uid for step in self.steps)

    def do(self) -> None:
        """Store and show the findings after the change."""
        steps = self.steps
        if self._was_done:
            steps = tuple(replace(step, action=f"redo.{step.action}") for step in steps)
        self.session.replace_findings(steps, details=self.details, masks=self.masks)
        self._was_done = True
        # the masks are in the library from now on
        self.masks = {}

    def undo(self) -> None:
        """Store and show the findings before the change; appends to the trail."""
        self.session.replace_findings([step.back() for step in self.steps])
