"""The rules of the report check: one small function per rule, and the registry that runs them.

A new rule is a function in a module here and a line in ``RULES``. Rule ids are public
(``overread.check/1``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from app.core.report import Discrepancy
from app.reporting.case import Case
from app.reporting.rules import (
    absent_organs,
    categories,
    chronology,
    completeness,
    dictation,
    guidelines,
    identity,
    laterality,
    measurement,
    metadata,
    organs,
    place,
    plausibility,
    presence,
    protocol,
    references,
    support,
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
    place.location,
    measurement.values,
    measurement.interval_change,
    template.placeholders,
    template.sections,
    template.generated,
    organs.sex,
    metadata.age,
    identity.identity,
    technique.modality,
    technique.contrast,
    metadata.priors,
    metadata.communication,
    metadata.completeness,
    plausibility.implausible_size,
    plausibility.missing_unit,
    plausibility.between_sections,
    support.impression_unsupported,
    support.hedged,
    support.not_in_the_list,
    references.slice_reference,
    references.prior_not_mentioned,
    protocol.body_part,
    protocol.actual_technique,
    chronology.impossible_dates,
    chronology.terms_for_age,
    dictation.duplicated_sentences,
    dictation.spoken_words,
    dictation.slips_of_the_keys,
    dictation.lost_negations,
    absent_organs.absent_organ,
    completeness.required_items,
    completeness.incidental,
    completeness.safety_net,
    guidelines.intervals,
    guidelines.fleischner_follow_up,
    categories.category_faults,
)
