"""Accepted lung nodules as guideline tables ask for them; what is not known stays empty."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from app.measure import fleischner, lung_rads
from app.reporting.subjects import Subject

if TYPE_CHECKING:
    from app.reporting.case import Case

NoduleKind = Literal["solid", "part-solid", "ground-glass", ""]
_KINDS: Final[tuple[tuple[NoduleKind, re.Pattern[str]], ...]] = (
    ("part-solid", re.compile(r"part(?:ially)?-?\s?solid|semi-?solid|mixed (?:density|attenuation)|"
                              r"субсолидн|полусолидн|частично солидн", re.IGNORECASE)),
    ("ground-glass", re.compile(r"ground-?\s?glass|non-?\s?solid|pure GGN|\bGGN\b|"
                                r"матов\w+ стекл|несолидн", re.IGNORECASE)),
    ("solid", re.compile(r"(?<!-)(?<!sub)\bsolid\b|(?<!\w)солидн", re.IGNORECASE)),
)  # fmt: skip
_SOLID_PART: Final = frozenset({"solid_long_axis", "solid_component", "solid_diameter"})
_MEAN: Final = frozenset({"diameter", "mean_diameter"})


@dataclass(frozen=True, slots=True)
class LungNodule:
    """One accepted nodule: kind, mean diameter by each guideline, solid part, volume."""

    subject: Subject
    kind: NoduleKind
    fleischner_mm: int | None
    lung_rads_mm: float | None
    solid_mm: float | None
    volume_mm3: float | None


def nodules_of(case: Case) -> tuple[LungNodule, ...]:
    """The accepted lung nodules of a case, the largest first."""
    found = [
        _nodule(case, subject) for subject in case.accepted if subject.concept == "pulmonary_nodule"
    ]
    return tuple(sorted(found, key=lambda n: (-(n.lung_rads_mm or 0.0), n.subject.uid)))


def _nodule(case: Case, subject: Subject) -> LungNodule:
    measures = subject.finding.current.measurements
    values = {m.kind: m.value for m in measures if m.value is not None}
    # The mean of both axes; a long axis alone is none, a plain diameter is taken as it is.
    axes = subject.lengths_mm[:2]
    if len(axes) == 1 and not values.keys() & _MEAN:
        axes = ()
    fleischner_mm = fleischner.mean_diameter_mm(axes[0], axes[-1]) if axes else None
    lung_rads_mm = lung_rads.mean_diameter_mm(axes[0], axes[-1]) if axes else None
    solid = next((value for kind, value in values.items() if kind in _SOLID_PART), None)
    volume = next(
        (
            m.value * (1000.0 if m.unit == "mL" else 1.0)
            for m in measures
            if m.kind == "volume" and m.value is not None and m.unit in ("mL", "mm3")
        ),
        None,
    )
    return LungNodule(subject, _kind(case, subject), fleischner_mm, lung_rads_mm, solid, volume)


def _kind(case: Case, subject: Subject) -> NoduleKind:
    """From the finding's name, else from the sentences on it; empty where these differ."""
    label = subject.finding.current.label
    texts = [f"{label.en} {label.ru}"]
    spoken = {m.sentence for m in case.matches[subject.uid].all}
    texts += [
        case.flat[sentence.start : sentence.end]
        for number, sentence in enumerate(case.document.sentences)
        if number in spoken
    ]
    for group in (texts[:1], texts[1:]):
        kinds = {kind for text in group if (kind := _kind_in(text))}
        if len(kinds) == 1:
            return kinds.pop()
    return ""


def _kind_in(text: str) -> NoduleKind:
    return next((kind for kind, pattern in _KINDS if pattern.search(text)), "")
