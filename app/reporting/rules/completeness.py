"""What a whole report of this study would also say: required items, abnormal measures, the net."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from app.core.report import Discrepancy, Fix, Message
from app.reporting.case import Case, discrepancy, name
from app.reporting.compose import finding_sentence
from app.reporting.matching import is_near_concept, is_same_concept, side_agrees
from app.reporting.rules.presence import insertion, is_quoted
from app.reporting.subjects import Subject

_MOST_FROM_THE_NET: Final = 2
# A doubtful proposal must not interrupt: what a model was forced to, or its study did not suit.
_DOUBTFUL: Final = frozenset({"forced", "limited", "low_quality"})


def required_items(case: Case) -> Iterator[Discrepancy]:
    """``incomplete-report``: what the template demands and the text does not say."""
    if not case.text.strip():
        return
    flat = case.flat.lower().replace("ё", "е")
    for item in case.facts.required:
        section = case.document.section(item.section) if item.section else None
        text = flat[section.start : section.end] if section else flat
        if any(word.lower().replace("ё", "е") in text for word in item.words):
            continue
        yield discrepancy(
            "incomplete-report",
            "warn",
            Message(
                f"The report does not say anything about: {item.label.en}.",
                f"В отчёте не описано: {item.label.ru}.",
            ),
        )


def incidental(case: Case) -> Iterator[Discrepancy]:
    """``incidental-not-mentioned``: a valid measure out of its range that the text leaves out.

    Of a finding nobody has rejected. An accepted one offers its sentence.
    """
    for subject in case.subjects:
        finding = subject.finding
        if finding.state == "rejected" or not subject.is_abnormal_measure:
            continue
        if case.matches.get(subject.uid) and case.matches[subject.uid].all:
            continue
        if is_quoted(case, subject) or _is_named(case, subject):
            continue
        fix: Fix | None = None
        if finding.is_in_report:
            fix = insertion(case, finding_sentence(finding, case.document.language))
        yield discrepancy(
            "incidental-not-mentioned",
            "note",
            Message(
                f"{name(subject, 'en')} is out of its reference range and not mentioned.",
                f"{name(subject, 'ru')}: значение вне референсных пределов, в отчёте не упомянуто.",
            ),
            subject=subject,
            fix=fix,
        )


def safety_net(case: Case) -> Iterator[Discrepancy]:
    """``safety-net``: a model is sure of something significant that the report does not discuss.

    For proposals of a safety net alone (operating point ``safety-net``): they are not shown while
    reading. At most two per report, the surest first; nothing that an earlier report told.
    """
    found = [s for s in case.subjects if s.is_in_the_net and _is_undiscussed(case, s)]
    found.sort(key=lambda s: (-(s.finding.proposal.score or 0.0), s.uid))
    for subject in found[:_MOST_FROM_THE_NET]:
        yield discrepancy(
            "safety-net",
            "warn",
            Message(
                f"A model sees {name(subject, 'en')}; the report does not mention it.",
                f"Модель видит находку {name(subject, 'ru')}, в отчёте о ней ничего нет.",
            ),
            subject=subject,
        )


def _is_undiscussed(case: Case, subject: Subject) -> bool:
    finding = subject.finding
    if not subject.is_significant or not finding.is_above_threshold:
        return False
    if finding.tracking_uid in case.facts.known_lesions:
        return False
    if _DOUBTFUL & set(finding.current.quality_flags):
        return False
    return not _is_named(case, subject)


def _is_named(case: Case, subject: Subject) -> bool:
    """Whether the text speaks of it at all, be it to deny it: then somebody has thought of it."""
    return bool(subject.concept) and any(
        mention.section in ("findings", "impression")
        and not mention.implied
        and (
            is_same_concept(subject.concept, mention.concept)
            or is_near_concept(subject.concept, mention.concept)
        )
        and side_agrees(subject, mention) is not False
        for mention in case.reading.mentions
    )
