"""The report check: a text held against the decided findings and the study's own data."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import replace

from app.core.finding import Finding
from app.core.report import (
    CheckResult,
    Discrepancy,
    Message,
    SentenceLink,
    Softening,
    StudyFacts,
    findings_sha256,
    text_sha256,
)
from app.reporting.case import case_of, subjects_of
from app.reporting.extract import language_of, read, statements_of
from app.reporting.reading.run_on import has_no_sentences
from app.reporting.regions import region_of
from app.reporting.rules import RULES
from app.reporting.subjects import own_patterns

# Rules that read a sentence to its end; others find a word, a date or a gap.
_BY_SENTENCE = frozenset(
    {
        "negated-finding", "laterality-vs-finding", "laterality-findings-vs-impression",
        "measurement-value", "unit-slip", "omitted-finding", "rejected-finding-asserted",
        "significant-finding-missing-from-impression", "impression-contradicts-findings",
    }
)  # fmt: skip
_NO_SENTENCES = Message(
    "the text has neither full stops nor capitals, so where a sentence ends is not certain",
    "в тексте нет ни точек, ни заглавных букв: границы предложений неизвестны",
)
_RANK = {"block": 0, "warn": 1, "note": 2}


def check(
    text: str,
    findings: Sequence[Finding],
    study: StudyFacts,
    language: str | None = None,
    *,
    links: Sequence[SentenceLink] = (),
    communicated: Collection[str] = (),
) -> CheckResult:
    """Check ``text``; pure and thread-safe, the same input gives the same result.

    ``links`` are the sentences of a draft, ``communicated`` the uids of findings of which a record
    says that somebody was told. Raises ``UnsupportedLanguage`` for a text that is
    neither English nor Russian.
    """
    started = time.perf_counter()
    spoken = language_of(text, language)
    subjects = subjects_of(findings)
    region = region_of(study.body_part)
    reading = read(text, spoken, region, own_patterns(subjects, spoken))
    case = case_of(reading, subjects, study, links, communicated)
    found = [item for rule in RULES for item in rule(case)]
    if has_no_sentences(text):
        found = [_in_doubt(item) for item in found]
    return CheckResult(
        language=spoken,
        report_sha256=text_sha256(text),
        findings_sha256=findings_sha256(findings),
        discrepancies=tuple(sorted(found, key=_reading_order)),
        statements=statements_of(reading),
        elapsed_ms=(time.perf_counter() - started) * 1000.0,
    )


def _in_doubt(item: Discrepancy) -> Discrepancy:
    """Softened where it hangs on which sentence a word belongs to, and nobody can tell."""
    if item.severity != "block" or item.rule not in _BY_SENTENCE:
        return item
    return replace(item, severity="warn", softened=Softening("block", _NO_SENTENCES))


def _reading_order(item: Discrepancy) -> tuple[int, int, str, str]:
    start = item.spans[0].start if item.spans else 1 << 30
    return _RANK[item.severity], start, item.rule, item.finding_uid or ""
