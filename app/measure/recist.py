"""RECIST 1.1 (Eisenhauer 2009) as pure functions: ``recist-sum@1``.

A course is a baseline and later visits; each holds diameters by tracking UID of the targets and
what became of the rest. The response is against the smallest sum so far (the nadir, baseline
included) for progression and against the baseline for remission, never against the visit before.
Nothing is recomputed silently: ``differences`` shows what an edit of an earlier visit changes.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from app.core.measurement import Measurement
from app.measure.methods import METHODS

Response = Literal["CR", "PR", "SD", "PD", "NE"]
MOST_TARGETS: Final = 5
MOST_PER_ORGAN: Final = 2
LEAST_MM: Final = 10.0
LEAST_NODE_MM: Final = 15.0
NORMAL_NODE_MM: Final = 10.0
PARTIAL_SHARE: Final = 0.30
PROGRESS_SHARE: Final = 0.20
PROGRESS_MM: Final = 5.0
_THICK_SLICE_MM: Final = 5.0
_SLACK: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Target:
    """A target lesion at baseline. Nodes are measured by their short axis, others by their
    longest diameter; ``slice_mm`` of the image it was measured on.
    """

    tracking_uid: str
    organ: str
    is_node: bool
    baseline_mm: float
    slice_mm: float


@dataclass(frozen=True, slots=True)
class Visit:
    """One later examination. ``diameters_mm`` by tracking UID: 0 for a lesion that has gone, None
    for one that could not be assessed. ``non_targets``: what became of all of them together.
    """

    date: dt.date
    diameters_mm: Mapping[str, float | None]
    non_targets: Literal["none", "absent", "present", "progression", "not assessed"] = "none"
    new_lesions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Assessment:
    """A visit judged. ``sum_mm`` None: a target could not be assessed. Percentages are of the
    baseline and of the nadir that counted.
    """

    date: dt.date
    sum_mm: float | None
    nadir_mm: float
    nadir_date: dt.date
    from_baseline_percent: float | None
    from_nadir_percent: float | None
    targets: Response
    overall: Response
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Course:
    """A baseline with its targets, and the visits after it in order of date."""

    baseline_date: dt.date
    targets: tuple[Target, ...]
    visits: tuple[Visit, ...] = ()

    @property
    def baseline_mm(self) -> float:
        """The sum of diameters at baseline."""
        return sum(target.baseline_mm for target in self.targets)


def faults_of(targets: Sequence[Target]) -> tuple[str, ...]:
    """What is wrong with a choice of targets, in words; empty: nothing."""
    found = []
    if not targets:
        found.append("There is no target lesion.")
    if len(targets) > MOST_TARGETS:
        found.append(f"{len(targets)} targets; at most {MOST_TARGETS}.")
    for organ, count in Counter(target.organ for target in targets).items():
        if count > MOST_PER_ORGAN:
            found.append(f"{count} targets in {organ}; at most {MOST_PER_ORGAN}.")
    uids = Counter(target.tracking_uid for target in targets)
    found += [f"{uid} is a target twice." for uid, count in uids.items() if count > 1]
    for target in targets:
        least = LEAST_NODE_MM if target.is_node else LEAST_MM
        if target.slice_mm > _THICK_SLICE_MM:
            least = max(least, 2.0 * target.slice_mm)
        if target.baseline_mm < least - _SLACK:
            axis = "short axis" if target.is_node else "diameter"
            found.append(
                f"{target.tracking_uid}: {axis} {target.baseline_mm:g} mm; at least {least:g} mm."
            )
    return tuple(found)


def assess(course: Course) -> tuple[Assessment, ...]:
    """Every visit judged, in order. Raises ``ValueError`` for targets or dates that do not fit."""
    faults = faults_of(course.targets)
    dates = [course.baseline_date, *(visit.date for visit in course.visits)]
    if faults or any(a >= b for a, b in itertools.pairwise(dates)):
        raise ValueError(" ".join(faults) or "the visits are not in order of date")
    nadir, nadir_date = course.baseline_mm, course.baseline_date
    judged = []
    for visit in course.visits:
        one = _assess(course, visit, nadir, nadir_date)
        judged.append(one)
        if one.sum_mm is not None and one.sum_mm < nadir:
            nadir, nadir_date = one.sum_mm, visit.date
    return tuple(judged)


def _assess(course: Course, visit: Visit, nadir: float, nadir_date: dt.date) -> Assessment:
    values = {t.tracking_uid: visit.diameters_mm.get(t.tracking_uid) for t in course.targets}
    known = [value for value in values.values() if value is not None]
    total = sum(known) if len(known) == len(values) else None
    reasons: list[str] = []
    targets = _target_response(course, values, nadir, reasons)
    overall = _overall(targets, visit, reasons)
    return Assessment(
        visit.date, total, nadir, nadir_date,
        _percent(total, course.baseline_mm), _percent(total, nadir),
        targets, overall, tuple(reasons),
    )  # fmt: skip


def _target_response(
    course: Course, values: Mapping[str, float | None], nadir: float, reasons: list[str]
) -> Response:
    known = sum(value for value in values.values() if value is not None)
    growth = known - nadir
    # what was measured may show progression even where a target could not be assessed
    if growth >= PROGRESS_MM - _SLACK and (
        nadir == 0.0 or growth >= PROGRESS_SHARE * nadir - _SLACK
    ):
        reasons.append(f"Sum {known:g} mm: {growth:+g} mm from the nadir of {nadir:g} mm.")
        return "PD"
    missing = [uid for uid, value in values.items() if value is None]
    if missing:
        reasons.append(f"Not assessed: {', '.join(missing)}.")
        return "NE"
    if all(_has_gone(target, values[target.tracking_uid] or 0.0) for target in course.targets):
        return "CR"
    if known <= (1.0 - PARTIAL_SHARE) * course.baseline_mm + _SLACK:
        return "PR"
    return "SD"


def _has_gone(target: Target, value: float) -> bool:
    """A node is normal under 10 mm of short axis; anything else has to be gone."""
    return value < NORMAL_NODE_MM if target.is_node else value == 0.0


def _overall(targets: Response, visit: Visit, reasons: list[str]) -> Response:
    """The table of RECIST 1.1 for patients with target lesions."""
    if visit.new_lesions:
        reasons.append(f"New lesions: {', '.join(visit.new_lesions)}.")
        return "PD"
    if visit.non_targets == "progression":
        reasons.append("Unequivocal progression of non-target lesions.")
        return "PD"
    if targets in ("PD", "NE"):
        return targets
    if targets == "CR" and visit.non_targets in ("present", "not assessed"):
        reasons.append("Targets gone, non-target lesions not.")
        return "PR"
    return targets


def _percent(value: float | None, base: float) -> float | None:
    return None if value is None or base == 0.0 else 100.0 * (value / base - 1.0)


def sum_measurement(assessment: Assessment) -> Measurement:
    """The sum of diameters of a visit as a measurement; ``failed`` where a target is missing."""
    kind = "recist_sum"
    if assessment.sum_mm is None:
        return Measurement(
            kind, None, "mm", METHODS[kind], "failed", "A target could not be assessed.",
            note_ru="Один из таргетных очагов не оценён.",
        )  # fmt: skip
    return Measurement(kind, assessment.sum_mm, "mm", METHODS[kind])


@dataclass(frozen=True, slots=True)
class Difference:
    """What an edit of the course changes at one visit."""

    date: dt.date
    what: str
    before: str
    after: str


def differences(before: Course, after: Course) -> tuple[Difference, ...]:
    """Every sum, nadir and response that differs between two versions of a course.

    To be shown before an edited course replaces the old one.
    """
    old = {one.date: one for one in assess(before)}
    new = {one.date: one for one in assess(after)}
    found = []
    if before.baseline_mm != after.baseline_mm:
        found.append(
            Difference(
                after.baseline_date, "baseline", f"{before.baseline_mm:g}", f"{after.baseline_mm:g}"
            )
        )
    for date in sorted(old.keys() | new.keys()):
        for what in ("sum_mm", "nadir_mm", "targets", "overall"):
            was = "-" if date not in old else str(getattr(old[date], what))
            now = "-" if date not in new else str(getattr(new[date], what))
            if was != now:
                found.append(Difference(date, what, was, now))
    return tuple(found)
