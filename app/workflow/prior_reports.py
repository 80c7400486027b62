"""Reports of earlier studies beside the new one, and what is carried over from them by choice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.core.errors import ReportError
from app.core.report import Language, Report, StudyFacts
from app.reporting.carried import CarriedSentence, carried_in, confirmed, marked, removed
from app.reporting.carried import sentences_of as sentences_in
from app.reporting.dates import iso_date
from app.reporting.reading.document import document_of
from app.reporting.regions import region_of
from app.workflow.earlier_studies import stored_earlier
from app.workflow.session import StudySession


@dataclass(frozen=True, slots=True)
class PriorReport:
    """The report of an earlier study of the same patient.

    ``study_date`` is ISO 8601, ``is_same_region`` whether it shows the same part of the body,
    ``is_final`` whether it is signed for good. ``sentences`` are those of the findings.
    """

    study_instance_uid: str
    study_date: str
    description: str
    modalities: tuple[str, ...]
    report: Report
    is_same_region: bool

    @property
    def text(self) -> str:
        """The text of the report."""
        return self.report.text

    @property
    def language(self) -> Language:
        """The language that it is written in."""
        return self.report.language

    @property
    def is_final(self) -> bool:
        """Whether it is signed for good."""
        return self.report.is_final

    @property
    def sentences(self) -> tuple[str, ...]:
        """The sentences of its findings, in order."""
        return sentences_in(self.report.text, self.report.language, "findings")


def prior_reports(session: StudySession) -> tuple[PriorReport, ...]:
    """Signed reports of earlier studies of the patient, the same region first, then the newest.

    Only studies with the same patient ID, issuer and birth date count: a report of somebody else
    beside the images would be worse than none.
    """
    store, found = session.context.store, []
    for other in stored_earlier(session.study, store):
        signed = [
            report
            for report in store.reports.of_study(other.study_instance_uid)
            if report.state != "draft"
        ]
        if not signed:
            continue
        best = max(signed, key=_weight)
        parts = store.studies.body_parts(other.study_instance_uid)
        found.append(
            PriorReport(
                other.study_instance_uid,
                other.study_date,
                other.description,
                other.modalities,
                best,
                _is_same_region(session.facts, parts),
            )
        )
    found.sort(key=lambda prior: prior.study_date, reverse=True)
    return tuple(sorted(found, key=lambda prior: not prior.is_same_region))


def carry_forward(session: StudySession, prior: PriorReport, sentence: str) -> Report:
    """Copy one sentence of an earlier report to the end of the findings, marked with its date.

    The mark stays, and the check does not let it pass, until the sentence is confirmed. Raises
    ``ReportError`` where the sentence or the date does not fit, ``AlreadySigned``.
    """
    session.require_unsigned()
    day, now = iso_date(prior.study_date), iso_date(session.study.study_date)
    if day is None or (now is not None and day >= now):
        raise ReportError(
            "The date of the earlier report is not before this study.",
            ru="Дата предыдущего протокола не раньше даты этого исследования.",
        )
    if prior.language != session.language:
        raise ReportError(
            "The earlier report is written in the other language.",
            ru="Предыдущий протокол написан на другом языке.",
            hint="Write the sentence anew.",
            hint_ru="Напишите предложение заново.",
        )
    if " ".join(sentence.split()) not in " ".join(prior.text.split()):
        raise ReportError(
            "The earlier report does not have this sentence.",
            ru="В предыдущем протоколе нет такого предложения.",
        )
    draft = session.draft_or_new()
    line = marked(sentence, prior.study_date, session.language)
    return _put(session, _with_line(draft.text, line, session.language))


def carried_sentences(session: StudySession) -> tuple[CarriedSentence, ...]:
    """The carried sentences of the draft that nobody has confirmed yet."""
    return carried_in(session.report_text)


def confirm_carried(session: StudySession, carried: CarriedSentence) -> Report:
    """The reader stands for the sentence: the mark goes. Raises ``AlreadySigned``."""
    return _put(session, confirmed(session.report_text, carried))


def drop_carried(session: StudySession, carried: CarriedSentence) -> Report:
    """Take a carried sentence out again. Raises ``AlreadySigned``."""
    return _put(session, removed(session.report_text, carried))


def _put(session: StudySession, text: str) -> Report:
    session.require_unsigned()
    report = replace(session.draft_or_new(), text=text)
    session.write_report(report, "carry")
    return report


def _with_line(text: str, line: str, language: Language) -> str:
    section = document_of(text, language).section("findings")
    end = section.end if section is not None else len(text)
    head = text[:end].rstrip()
    joint = "\n" if head else ""
    return f"{head}{joint}{line}{text[len(head) :] or chr(10)}"


def _is_same_region(facts: StudyFacts, parts: Sequence[str]) -> bool:
    """Whether an earlier study shows the same part; not known counts as another region."""
    region = region_of(facts.body_part) or facts.body_part.upper()
    return bool(region) and region in {region_of(part) or part.upper() for part in parts}


def _weight(report: Report) -> tuple[bool, str, int]:
    """Signed for good before preliminary, then the latest."""
    signature = report.signature
    return report.is_final, signature.at_utc if signature else "", report.version
