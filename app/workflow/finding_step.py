"""One step of one finding, from one state to another."""

from __future__ import annotations

from dataclasses import dataclass

from app.core.finding import Finding


@dataclass(frozen=True, slots=True)
class FindingStep:
    """``before`` None: it comes; ``after`` None: it goes. ``action`` names it in the trail."""

    before: Finding | None
    after: Finding | None
    action: str

    def __post_init__(self) -> None:
        if self.before is None and self.after is None:
            raise ValueError("a step needs a finding")

    @property
    def finding(self) -> Finding:
        """The finding as it is after the step, or as it was where it goes."""
        found = self.after or self.before
        assert found is not None  # noqa: S101 - the constructor took care
        return found

    def back(self) -> FindingStep:
        """The step that leads back."""
        return FindingStep(self.after, self.before, f"undo.{self.action}")
