"""Fleischner Society 2017 in words; the table is ``app.measure.fleischner``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from app.core.finding import Finding
from app.core.report import Message, StudyFacts
from app.measure.fleischner import FollowUp, Months, Nodule, follow_up, mean_diameter_mm
from app.reporting.guidelines.advice import Advice, not_applied, not_meant
from app.reporting.guidelines.lung_nodules import LungNodule, age_of, lung_nodules

NAME: Final = "Fleischner 2017"
_KNOWN = Message(
    "a nodule is known from an earlier study", "очаг известен по предыдущему исследованию"
)


def advice(findings: Sequence[Finding], facts: StudyFacts) -> Advice | None:
    """The recommendation; None where there is no nodule or the study is no CT."""
    nodules = lung_nodules(findings, facts)
    if not nodules or facts.modality.upper() != "CT":
        return None
    about = tuple(nodule.finding for nodule in nodules)
    if any(nodule.has_prior for nodule in nodules):
        return Advice(missing=not_meant(NAME, _KNOWN), findings=about)
    clinical = facts.clinical
    if clinical.age_years is None:
        clinical = replace(clinical, age_years=age_of(facts))
    found = follow_up([_row(nodule) for nodule in nodules], clinical)
    if found.excluded is not None:
        return Advice(missing=not_meant(NAME, found.excluded), findings=about)
    if found.row is None:
        return Advice(missing=not_applied(NAME, found.missing), findings=about)
    said = _in_words(found.row)
    several = len(nodules) > 1
    return Advice(
        Message(
            f"Pulmonary nodule{'s' if several else ''}: {said.en} ({NAME}).",
            f"По {'очагам' if several else 'очагу'} в лёгком: {said.ru} ({NAME}).",
        ),
        findings=about,
    )


def _row(nodule: LungNodule) -> Nodule:
    long_mm, short_mm = nodule.long_mm, nodule.short_mm
    mean = None if long_mm is None or short_mm is None else mean_diameter_mm(long_mm, short_mm)
    return Nodule(nodule.kind, mean, nodule.volume_mm3)


def _in_words(row: FollowUp) -> Message:
    if row.first is None:
        return Message("no routine follow-up", "динамическое наблюдение не требуется")
    en, ru = f"CT at {_months(row.first)} months", f"КТ через {_months(row.first)} мес."
    if row.optional:
        return Message(f"optional {en}", f"возможна {ru}")
    if row.alternatives:
        return Message(
            f"consider {en}, PET/CT or tissue sampling", f"{ru}, ПЭТ/КТ или биопсия (на выбор)"
        )
    for later in row.later[:1]:
        en += f", then {_later_en(later, more=len(row.later) > 1)}"
        ru += f", затем {_later_ru(later, more=len(row.later) > 1)}"
    return Message(en, ru)


def _later_en(months: Months, *, more: bool) -> str:
    return f"CT at {_months(months)} months" + (" and on to 5 years" if more else "")


def _later_ru(months: Months, *, more: bool) -> str:
    return f"через {_months(months)} мес." + (" и далее до 5 лет" if more else "")


def _months(months: Months) -> str:
    low, high = months
    return f"{low}" if low == high else f"{low}–{high}"
