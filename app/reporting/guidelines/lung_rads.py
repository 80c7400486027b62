"""Lung-RADS v2022 in words; the table is ``app.measure.lung_rads``.

Not here, since no input of ours decides it: category 0, airway and juxtapleural nodules, cysts,
the suspicious features of 4X, the modifier S, stable nodules.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from app.core.finding import Finding
from app.core.report import Message, StudyFacts
from app.measure import lung_rads
from app.measure.lung_rads import CATEGORIES, has_grown, mean_diameter_mm
from app.reporting.guidelines.advice import Advice, not_applied, not_meant
from app.reporting.guidelines.lung_nodules import (
    LungNodule,
    age_of,
    axes_of,
    lung_nodules,
    solid_parts,
)

NAME: Final = "Lung-RADS v2022"
_YOUNGEST: Final = 18
_YEAR = Message("low-dose CT in 12 months", "НДКТ через 12 месяцев")
_NEXT: Final = {
    "1": _YEAR,
    "2": _YEAR,
    "3": Message("low-dose CT in 6 months", "НДКТ через 6 месяцев"),
    "4A": Message(
        "low-dose CT in 3 months; PET/CT may be considered if there is a solid nodule or solid "
        "component of 8 mm or more",
        "НДКТ через 3 месяца; при солидном очаге или компоненте от 8 мм возможна ПЭТ/КТ",
    ),
    "4B": Message(
        "referral for further clinical evaluation, with PET/CT or tissue sampling as appropriate",
        "консультация онколога, дообследование (ПЭТ/КТ, биопсия)",
    ),
}
_KIND = Message(
    "kind of the nodule (solid, part-solid, ground-glass)",
    "тип очага (солидный, субсолидный, «матовое стекло»)",
)
_AXES = Message("long and short axis", "длинная и короткая оси")
_SOLID = Message("axes of the solid component", "оси солидного компонента")
_COURSE = Message(
    "whether the nodule is new, stable or growing, or this is the baseline",
    "новый, стабильный или растущий это очаг либо исследование первичное",
)


def advice(findings: Sequence[Finding], facts: StudyFacts) -> Advice | None:
    """Category and next step; None where there is no nodule or the study is no CT."""
    nodules = lung_nodules(findings, facts)
    if not nodules or facts.modality.upper() != "CT":
        return None
    about = tuple(nodule.finding for nodule in nodules)
    age = age_of(facts)
    if age is not None and age < _YOUNGEST:
        why = Message("the patient is no adult", "пациент — не взрослый")
        return Advice(missing=not_meant(NAME, why), findings=about)
    if facts.clinical.screening is False:
        why = Message("this is no screening examination", "исследование — не скрининг")
        return Advice(missing=not_meant(NAME, why), findings=about)
    parts = solid_parts(findings)
    rows = [_row(nodule, facts, parts) for nodule in nodules]
    categories = [lung_rads.category(row) for row in rows]
    if not all(categories):
        needed = [m for row in rows for m in _needed(row)]
        return Advice(missing=not_applied(NAME, needed), findings=about)
    worst = max(categories, key=CATEGORIES.index)
    following = _NEXT[worst]
    return Advice(
        Message(
            f"Lung cancer screening: {following.en} ({NAME}).",
            f"По программе скрининга: {following.ru} ({NAME}).",
        ),
        Message(f"Lung-RADS {worst} (v2022).", f"Lung-RADS {worst} (v2022)."),
        findings=about,
    )


def _row(nodule: LungNodule, facts: StudyFacts, parts: Sequence[Finding]) -> lung_rads.Nodule:
    solid = _mean(*axes_of(parts[0])) if len(parts) == 1 else None
    return lung_rads.Nodule(
        nodule.kind, _mean(nodule.long_mm, nodule.short_mm), solid, _course(nodule, facts)
    )


def _course(nodule: LungNodule, facts: StudyFacts) -> lung_rads.Course:
    now, before = _mean(nodule.long_mm, nodule.short_mm), _mean(*nodule.earlier_mm)
    if before is not None and now is not None and nodule.days is not None:
        return "growing" if has_grown(before, now, nodule.days) else ""
    return "baseline" if facts.priors == () and not nodule.has_prior else ""


def _mean(long_mm: float | None, short_mm: float | None) -> float | None:
    return None if long_mm is None or short_mm is None else mean_diameter_mm(long_mm, short_mm)


def _needed(row: lung_rads.Nodule) -> list[Message]:
    if lung_rads.category(row):
        return []
    asked = (
        (not row.kind, _KIND),
        (row.mean_mm is None, _AXES),
        (not row.course, _COURSE),
        (row.kind == "part-solid" and row.solid_mm is None, _SOLID),
    )
    return [message for is_missing, message in asked if is_missing] or [_COURSE]
