"""Accepted pulmonary nodules as guidelines see them: kind, diameters, volume, change."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from app.core.finding import Finding
from app.core.measurement import Measurement
from app.core.report import StudyFacts
from app.reporting.dates import iso_date, years_between
from app.reporting.subjects import concept_of

Kind = Literal["solid", "part-solid", "ground-glass", ""]
_PART = re.compile(r"part[- ]?solid|sub-?solid|субсолид|частично солид|полусолид", re.IGNORECASE)
_GLASS = re.compile(r"ground[- ]?glass|non-?solid|\bggn\b|матов|несолид", re.IGNORECASE)
_SOLID = re.compile(r"(?<![\w-])solid\b|(?<!\w)солидн", re.IGNORECASE)
_SOLID_PART = re.compile(r"solid (?:part|component)|солидн\w* (?:част|компонент)", re.IGNORECASE)
_CALCIFIED = re.compile(r"calcif|кальцин|обызвествл|петрифик", re.IGNORECASE)
_LONG = ("nodule_long_axis", "long_axis")
_SHORT = ("nodule_short_axis", "short_axis")
_VALID = frozenset({"valid", "edited"})


@dataclass(frozen=True, slots=True)
class LungNodule:
    """One nodule. Diameters in mm, None where not measured; ``earlier_mm`` of the prior's axes.

    ``kind`` empty: no name says whether it is solid. ``days`` between the two measurements.
    """

    finding: Finding
    kind: Kind
    long_mm: float | None
    short_mm: float | None
    earlier_mm: tuple[float | None, float | None]
    days: int | None
    volume_mm3: float | None = None

    @property
    def has_prior(self) -> bool:
        """Whether an earlier size is known."""
        return self.earlier_mm[0] is not None


def lung_nodules(findings: Sequence[Finding], facts: StudyFacts) -> tuple[LungNodule, ...]:
    """The nodules among accepted, present findings that a guideline speaks of.

    A calcified nodule is none; nor is the solid part that was measured beside its nodule.
    """
    return tuple(
        _nodule(finding, facts)
        for finding in findings
        if concept_of(finding) == "pulmonary_nodule"
        and finding.current.presence == "present"
        and not _CALCIFIED.search(_names(finding))
        and not _SOLID_PART.search(_names(finding))
    )


def solid_parts(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Solid parts that were measured as findings of their own."""
    return tuple(f for f in findings if _SOLID_PART.search(_names(f)))


def axes_of(finding: Finding) -> tuple[float | None, float | None]:
    """Long and short axis in mm; only values that may be trusted."""
    return _axis(finding, _LONG), _axis(finding, _SHORT)


def age_of(facts: StudyFacts) -> int | None:
    """The patient's age in whole years at the study."""
    birth, day = iso_date(facts.patient_birth_date), iso_date(facts.study_date)
    return None if birth is None or day is None else years_between(birth, day)


def _nodule(finding: Finding, facts: StudyFacts) -> LungNodule:
    names = _names(finding)
    kind: Kind = ""
    if _PART.search(names):
        kind = "part-solid"
    elif _GLASS.search(names):
        kind = "ground-glass"
    elif _SOLID.search(names):
        kind = "solid"
    long_mm, short_mm = axes_of(finding)
    before_long, before_short = _measure(finding, _LONG), _measure(finding, _SHORT)
    earlier = (_earlier(before_long), _earlier(before_short))
    days = None
    if before_long is not None and before_long.previous is not None:
        first, second = iso_date(before_long.previous.date), iso_date(facts.study_date)
        days = (second - first).days if first and second else None
    return LungNodule(finding, kind, long_mm, short_mm, earlier, days, _volume_mm3(finding))


def _names(finding: Finding) -> str:
    content = finding.current
    meaning = content.concept.meaning if content.concept else ""
    return f"{content.label.en} | {content.label.ru} | {meaning}".replace(
        "Solitary nodule of lung", ""
    )


def _measure(finding: Finding, kinds: Sequence[str]) -> Measurement | None:
    for kind in kinds:
        for m in finding.current.measurements:
            if m.kind == kind and m.status in _VALID and m.unit == "mm":
                return m
    return None


def _volume_mm3(finding: Finding) -> float | None:
    for m in finding.current.measurements:
        if m.kind in ("volume", "nodule_volume") and m.status in _VALID and m.value is not None:
            scale = {"mL": 1000.0, "mm3": 1.0}.get(m.unit)
            if scale is not None:
                return m.value * scale
    return None


def _axis(finding: Finding, kinds: Sequence[str]) -> float | None:
    found = _measure(finding, kinds)
    return found.value if found is not None else None


def _earlier(m: Measurement | None) -> float | None:
    if m is None or m.previous is None or m.previous.unit != "mm":
        return None
    return m.previous.value
