"""Dates that cannot be: no such day, before birth, after the study; adult terms in a child."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from typing import Final

from app.core.report import Discrepancy, Message
from app.reporting.case import Case, discrepancy
from app.reporting.dates import FoundDate, dates_in, impossible_dates_in, iso_date, years_between
from app.reporting.rules.identity import BIRTH, EXAM

# A report is written days after the images, rarely more; a mistyped year is off by far more.
_REPORT_DAYS: Final = 60
_AHEAD: Final = re.compile(
    r"recommend|follow|repeat|next|due|control|planned|contro|schedul|until|"
    r"рекоменд|контрол|повтор|следующ|явк|запланир|назнач|через|до\s*$|не позднее",
    re.IGNORECASE,
)
_REPORTED: Final = re.compile(
    r"(?:date of report|report(?:ed)?(?: date| on)?|dictated|signed|"
    r"дата\s+(?:описания|заключения|протокола|подписания))\W*$",
    re.IGNORECASE,
)


def impossible_dates(case: Case) -> Iterator[Discrepancy]:
    """``impossible-date``: a day that does not exist, before birth, or after the study."""
    for start, end in impossible_dates_in(case.text):
        yield _said(
            case, start, end, Message("There is no such day.", "Такой даты не существует.")
        )  # fmt: skip
    birth, day = iso_date(case.facts.patient_birth_date), iso_date(case.facts.study_date)
    for found in dates_in(case.text):
        before = case.flat[max(0, found.start - 40) : found.start]
        after = case.flat[found.end : found.end + 14]
        if BIRTH.search(before) or BIRTH.search(after) or EXAM.search(before):
            continue
        yield from _before_birth(case, found, birth)
        if day is not None and not _AHEAD.search(before):
            yield from _after_study(case, found, day, before)


def _before_birth(case: Case, found: FoundDate, birth: dt.date | None) -> Iterator[Discrepancy]:
    if birth is not None and all(reading < birth for reading in found.readings):
        yield _said(
            case, found.start, found.end,
            Message("This date is before the patient was born.",
                    "Эта дата раньше даты рождения пациента."),
        )  # fmt: skip


def _after_study(case: Case, found: FoundDate, day: dt.date, before: str) -> Iterator[Discrepancy]:
    """Later than any report on this study would be written; or a report before its study."""
    section = next(
        (s.section for s in case.document.sentences if s.start <= found.start < s.end), "other"
    )
    if section in ("recommendation", "communication"):
        return
    if _REPORTED.search(before) and all(reading < day for reading in found.readings):
        yield _said(
            case, found.start, found.end,
            Message("The report is dated before the examination.",
                    "Дата описания раньше даты исследования."),
        )  # fmt: skip
    elif all((reading - day).days > _REPORT_DAYS for reading in found.readings):
        yield _said(
            case, found.start, found.end,
            Message("This date is after the examination.", "Эта дата позже даты исследования."),
        )  # fmt: skip


def _said(case: Case, start: int, end: int, message: Message) -> Discrepancy:
    return discrepancy("impossible-date", "warn", message, spans=[case.span(start, end)])


_ADULT_ONLY: Final = re.compile(
    r"(?<!\w)(?:Lung-?RADS|post-?menopausal|menopaus\w*|постменопауз\w*|менопауз\w*|"
    r"инволютивн\w+ (?:изменени|остеопороз)\w*|age-related (?:atrophy|involution)|"
    r"возрастн\w+ инволюц\w*|senile|сенильн\w*)",
    re.IGNORECASE,
)
_FLEISCHNER: Final = re.compile(r"Fleischner|Флейшнер\w*", re.IGNORECASE)
_CHILD, _FLEISCHNER_AGE = 16, 35


def terms_for_age(case: Case) -> Iterator[Discrepancy]:
    """``age``: terms for adults in a child, Fleischner below 35 years."""
    birth, day = iso_date(case.facts.patient_birth_date), iso_date(case.facts.study_date)
    if birth is None or day is None or day < birth:
        return
    age = years_between(birth, day)
    for limit, pattern in ((_CHILD, _ADULT_ONLY), (_FLEISCHNER_AGE, _FLEISCHNER)):
        match = pattern.search(case.text)
        if match and age < limit:
            yield discrepancy(
                "age",
                "warn",
                Message(f"“{match.group()}” does not apply at {age} years of age.",
                        f"«{match.group()}» неприменимо в возрасте {age} (полных лет)."),
                spans=[case.span(match.start(), match.end())],
            )  # fmt: skip
