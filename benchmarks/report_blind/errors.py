"""One error put into a report: each kind yields the ways in which it fits a report.

An error that would make nonsense of the report, or that would be a second error as well, is not
offered.
"""

from __future__ import annotations

from benchmarks.report_blind.errors_of_attributes import (
    interval,
    location,
    measurement,
    side_against_finding,
    side_against_impression,
    side_against_study,
    unit,
)
from benchmarks.report_blind.errors_of_statements import (
    impression_denies,
    missing_from_impression,
    negated,
    not_told,
    omitted,
    rejected,
    undecided,
)
from benchmarks.report_blind.errors_of_study import (
    age,
    contrast,
    identity,
    modality,
    no_prior,
    placeholder,
    sex,
    wrong_prior,
)
from benchmarks.report_blind.slips import Kind, Slip

__all__ = ["CLASSES", "Kind", "Slip"]

CLASSES: tuple[Kind, ...] = (
    omitted, negated, rejected, side_against_finding, side_against_impression, side_against_study,
    location, measurement, unit, impression_denies, missing_from_impression, sex, age, modality,
    contrast, placeholder, not_told, no_prior, wrong_prior, undecided, identity, interval,
)  # fmt: skip
