"""What every rule of the check is given, and how it words what it finds."""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from app.core.finding import Finding
from app.core.report import Discrepancy, Fix, Message, SentenceLink, Severity, Span, StudyFacts
from app.reporting.compose import is_quality_note, names_side
from app.reporting.extract import Reading
from app.reporting.matching import Matches, match
from app.reporting.phrases import phrases
from app.reporting.reading.document import Document, Sentence
from app.reporting.reading.mentions import Mention
from app.reporting.subjects import Subject, subject_of

_LONGEST_SPAN = 240


@dataclass(frozen=True, slots=True)
class Case:
    """One report, its findings and its study, read and matched once for all rules.

    ``stated`` holds the mentions that each sentence states, by its number.
    """

    reading: Reading
    subjects: tuple[Subject, ...]
    matches: dict[str, Matches]
    facts: StudyFacts
    links: tuple[SentenceLink, ...]
    communicated: frozenset[str]
    stated: dict[int, list[Mention]]

    @property
    def document(self) -> Document:
        """The report cut into pieces."""
        return self.reading.document

    @property
    def text(self) -> str:
        """The report as given."""
        return self.reading.document.text

    @property
    def flat(self) -> str:
        """The report with every white space as a blank: same offsets, no broken phrases."""
        return _flat(self.text)

    def stated_in(self, number: int) -> list[Mention]:
        """What sentence ``number`` states, be it hedged."""
        return self.stated.get(number, [])

    @property
    def accepted(self) -> tuple[Subject, ...]:
        """Findings that belong in the report and are there (a finding of absence is not)."""
        return tuple(
            s
            for s in self.subjects
            if s.finding.is_in_report
            and s.finding.current.presence != "absent"
            and not is_quality_note(s.finding.current)
        )

    def span(self, start: int, end: int) -> Span:
        """A span with its text."""
        return Span(start, end, self.text[start:end])

    def place(self, mention: Mention) -> Span:
        """Where to point for a mention: its sentence, or its words when that is long."""
        sentence = self.document.sentences[mention.sentence]
        return self.sentence_span(sentence, mention.start, mention.end)

    def sentence_span(self, sentence: Sentence, start: int, end: int) -> Span:
        """The sentence, or ``start..end`` when the sentence is too long to point anywhere."""
        if sentence.end - sentence.start <= _LONGEST_SPAN:
            return self.span(sentence.start, sentence.end)
        return self.span(start, end)


@functools.lru_cache(maxsize=4)
def _flat(text: str) -> str:
    return re.sub(r"\s", " ", text)


def subjects_of(findings: Sequence[Finding]) -> tuple[Subject, ...]:
    """Findings in the reader's terms, in an order of their own."""
    return tuple(
        subject_of(finding) for finding in sorted(findings, key=lambda finding: finding.uid)
    )


def case_of(
    reading: Reading,
    subjects: tuple[Subject, ...],
    facts: StudyFacts,
    links: Sequence[SentenceLink] = (),
    communicated: Collection[str] = (),
) -> Case:
    """A reading with its findings matched to the text."""
    accepted = [
        s for s in subjects if s.finding.is_in_report and s.finding.current.presence != "absent"
    ]
    stated: dict[int, list[Mention]] = {}
    for mention in reading.mentions:
        if mention.is_stated:
            stated.setdefault(mention.sentence, []).append(mention)
    return Case(
        reading, subjects, match(accepted, reading, facts.finding_images), facts, tuple(links),
        frozenset(communicated),
        stated,
    )  # fmt: skip


def discrepancy(
    rule: str,
    severity: Severity,
    message: Message,
    *,
    subject: Subject | None = None,
    spans: Sequence[Span] = (),
    fix: Fix | None = None,
) -> Discrepancy:
    """A discrepancy of ``rule``; ``subject`` names the finding concerned."""
    uid = subject.uid if subject else None
    return Discrepancy(rule, severity, message, uid, tuple(spans), fix)


def name(subject: Subject, language: str) -> str:
    """A finding in a message: its name with side and place."""
    content = subject.finding.current
    sides = {
        "en": {"left": "left", "right": "right", "bilateral": "bilateral", "midline": ""},
        "ru": {
            "left": "слева", "right": "справа", "bilateral": "с обеих сторон", "midline": "",
        },
    }  # fmt: skip
    side = sides[language].get(content.laterality or "", "")
    label = content.label.text(language)
    if names_side(label, content.laterality or "", phrases("ru" if language == "ru" else "en")):
        side = ""
    if language == "ru":
        return f"«{label}{' ' + side if side else ''}»"
    return f"“{side + ' ' if side else ''}{label}”"
