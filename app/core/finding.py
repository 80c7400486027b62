"""Findings: what a model proposed, what a person decided, both kept side by side.

``decide`` is the only transition between states. The proposal is immutable: edits live in
``Finding.current`` and never replace it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from app.core.codes import Code, Laterality
from app.core.errors import InvalidTransition
from app.core.measurement import Measurement
from app.core.provenance import Provenance

FindingState = Literal["proposed", "accepted", "edited", "rejected"]
Presence = Literal["present", "absent", "uncertain"]
Significance = Literal["critical", "significant", "incidental", "descriptive"]
DecisionKind = Literal["accept", "edit", "reject", "reopen"]

DECIDED: frozenset[FindingState] = frozenset({"accepted", "edited", "rejected"})
IN_REPORT: frozenset[FindingState] = frozenset({"accepted", "edited"})


@dataclass(frozen=True, slots=True)
class Label:
    """A name in both languages of the program."""

    en: str
    ru: str

    def text(self, language: str) -> str:
        """The name in ``language`` (``en`` or ``ru``)."""
        return self.ru if language == "ru" else self.en


@dataclass(frozen=True, slots=True)
class Site:
    """An anatomic site; ``segment`` is a lung or liver segment such as ``S3``."""

    code: Code | None = None
    meaning_en: str = ""
    meaning_ru: str = ""
    segment: str = ""

    def text(self, language: str) -> str:
        """The site's name in ``language``."""
        name = self.meaning_ru if language == "ru" else self.meaning_en
        return name or (self.code.meaning if self.code else "")


@dataclass(frozen=True, slots=True)
class SliceRef:
    """An image; ``frame`` counts from 1."""

    sop_instance_uid: str
    frame: int = 1


@dataclass(frozen=True, slots=True)
class Region:
    """Where the finding is: a mask (blob hash), a box or point, or the whole image.

    ``mask_sha256`` names the stored mask (content address); ``box_lps`` two opposite corners in
    LPS, or for projection images in image millimetres/pixels (column, row, 0) of the slice.
    ``attention_sha256`` names the stored area where a classifier looked: never an outline.
    """

    kind: Literal["segment", "box", "point", "image"]
    mask_sha256: str = ""
    box_lps: tuple[tuple[float, float, float], ...] = ()
    slice: SliceRef | None = None
    box_is_pixels: bool = False
    attention_sha256: str = ""


@dataclass(frozen=True, slots=True)
class FindingContent:
    """The clinical content of a finding: what, where, how large, how certain."""

    concept: Code | None
    label: Label
    presence: Presence = "present"
    laterality: Laterality | None = None
    site: Site | None = None
    significance: Significance = "descriptive"
    region: Region | None = None
    measurements: tuple[Measurement, ...] = ()
    quality_flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """A named threshold on the score of one pack version."""

    name: str
    threshold: float


@dataclass(frozen=True, slots=True)
class Proposal:
    """What was proposed, exactly as it was; never changed."""

    content: FindingContent
    score: float | None = None
    operating_point: OperatingPoint | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided about a finding; ``at_utc`` is ISO 8601, ``reason`` may be empty."""

    kind: DecisionKind
    by: str
    at_utc: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding of one study: proposal, current content, state and the decision behind it.

    ``tracking_uid`` is the same for one lesion in SEG, SR and every later study. ``others`` are the
    proposals of other models for the same lesion, each as it was made and still ``proposed``.
    """

    uid: str
    tracking_uid: str
    study_instance_uid: str
    series_instance_uid: str
    stack: int
    proposal: Proposal
    current: FindingContent
    state: FindingState
    provenance: Provenance
    decision: Decision | None = None
    history: tuple[Decision, ...] = field(default=())
    others: tuple[Finding, ...] = field(default=())

    def __post_init__(self) -> None:
        if (self.state == "proposed") != (self.decision is None):
            raise ValueError("a decided finding has a decision, a proposed one has none")
        if any(other.state != "proposed" or other.others for other in self.others):
            raise ValueError("what other models say of a lesion is a plain proposal")

    @property
    def is_from_model(self) -> bool:
        """Whether a model proposed it."""
        return self.provenance.kind == "model"

    @property
    def model_count(self) -> int:
        """How many models proposed this lesion; 0 for what a person found."""
        return (1 if self.is_from_model else 0) + len(self.others)

    @property
    def is_in_report(self) -> bool:
        """Whether the finding belongs in the report."""
        return self.state in IN_REPORT

    @property
    def is_above_threshold(self) -> bool:
        """Whether the score reaches its operating point (no score counts as reaching it)."""
        point = self.proposal.operating_point
        score = self.proposal.score
        return point is None or score is None or score >= point.threshold


_NEXT_STATE: dict[DecisionKind, FindingState] = {
    "accept": "accepted",
    "edit": "edited",
    "reject": "rejected",
    "reopen": "proposed",
}


def decide(finding: Finding, decision: Decision, content: FindingContent | None = None) -> Finding:
    """The finding after ``decision``; the only way from one state to another.

    ``content`` is required for ``edit`` and forbidden otherwise. Accepting a finding that was
    edited keeps it ``edited``; reopening restores the proposal's content. Raises
    ``InvalidTransition`` when the decision changes nothing or the content does not fit.
    """
    if (content is not None) != (decision.kind == "edit"):
        raise InvalidTransition(
            "Only an edit carries new content.", ru="Новое содержание бывает только у правки."
        )
    if decision.kind == "reopen" and finding.state == "proposed":
        raise InvalidTransition(
            "This finding is already undecided.", ru="Решения по этой находке и так нет."
        )
    if decision.kind in ("accept", "reject") and finding.state == _NEXT_STATE[decision.kind]:
        raise InvalidTransition(
            f"This finding is already {finding.state}.",
            ru="Эта находка уже принята."
            if finding.state == "accepted"
            else "Эта находка уже отклонена.",
        )
    if decision.kind == "accept" and finding.state == "edited":
        raise InvalidTransition(
            "This finding is already accepted with edits.", ru="Эта находка уже принята с правками."
        )
    state = _NEXT_STATE[decision.kind]
    current = finding.current
    if decision.kind == "edit" and content is not None:
        current = content
    elif decision.kind == "reopen":
        current = finding.proposal.content
    elif decision.kind == "accept" and current != finding.proposal.content:
        state = "edited"  # a rejected edit that is taken back in stays an edit
    return replace(
        finding,
        state=state,
        current=current,
        decision=None if state == "proposed" else decision,
        history=(*finding.history, decision),
    )
