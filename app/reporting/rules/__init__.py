"""The rules of the report check: one small function per rule, and the registry that runs them.

A new rule is a function in a module here and a line in ``RULES``. Rule ids are public
(``overread.check/1``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from app.core.report import Discrepancy
from app.reporting.case import Case
from app.reporting.rules import (
    laterality,
    measurement,
    metadata,
    organs,
    presence,
    technique,
    template,
)

Rule = Callable[[Case], Iterator[Discrepancy]]

RULES: tuple[Rule, ...] = (
    presence.omitted_and_negated,
    presence.rejected_asserted,
    presence.undecided,
    presence.impression_contradicts,
    presence.missing_from_impression,
    laterality.against_findings,
    laterality.between_sections,
    laterality.against_study,
    laterality.location,
    measurement.values,
    measurement.interval_change,
    template.placeholders,
    template.sections,
    template.generated,
    organs.sex,
    metadata.age,
    metadata.identity,
    technique.modality,
    technique.contrast,
    metadata.priors,
    metadata.communication,
    metadata.completeness,
)
