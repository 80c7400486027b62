"""The generated sentences of a draft against the findings as they now are.

A sentence is fresh, stale (its finding was edited), withdrawn (its finding is no longer accepted)
or gone (somebody rewrote or deleted it). Standard library only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from app.core.finding import Finding
from app.core.report import Language, SentenceLink, StudyFacts
from app.reporting.compose import content_sha256, refreshed
from app.reporting.reading.document import document_of

State = Literal["fresh", "stale", "withdrawn", "gone"]


@dataclass(frozen=True, slots=True)
class SentenceState:
    """One generated sentence at ``start <= n < end`` (-1: not in the text) and its findings.

    ``replacement`` is the sentence as it would now be written; empty: it would not.
    """

    text: str
    finding_uids: tuple[str, ...]
    state: State
    start: int
    end: int
    replacement: str


def sentence_states(
    text: str,
    links: Sequence[SentenceLink],
    findings: Sequence[Finding],
    language: Language,
    facts: StudyFacts,
) -> tuple[SentenceState, ...]:
    """All generated sentences, each once, in the order of their links."""
    by_uid = {finding.uid: finding for finding in findings}
    by_text: dict[str, list[SentenceLink]] = {}
    for link in links:
        by_text.setdefault(link.text, []).append(link)
    concluded = _impression_start(text, language)
    found = []
    for sentence, own in by_text.items():
        uids = tuple(dict.fromkeys(link.finding_uid for link in own))
        at = text.find(sentence) if sentence else -1
        is_out = any(uid not in by_uid or not by_uid[uid].is_in_report for uid in uids)
        is_old = any(
            link.finding_uid in by_uid
            and content_sha256(by_uid[link.finding_uid]) != link.content_sha256
            for link in own
        )
        state: State = "withdrawn" if is_out else "stale" if is_old else "fresh"
        if at < 0:
            state = "gone"
        replacement = sentence
        if state in ("stale", "withdrawn"):
            is_brief = 0 <= concluded <= at
            replacement = refreshed(uids, findings, language, facts, brief=is_brief)
        end = at + len(sentence) if at >= 0 else -1
        found.append(SentenceState(sentence, uids, state, at, end, replacement))
    return tuple(found)


def with_replacement(text: str, one: SentenceState) -> str:
    """The text with the sentence as it would now be written, or without it."""
    if one.start < 0:
        return text
    before, after = text[: one.start], text[one.end :]
    if one.replacement:
        return f"{before}{one.replacement}{after}"
    if after.startswith("\n") and (not before or before.endswith("\n")):
        after = after[1:]
    return f"{before}{after.lstrip(' ')}"


def relinked(
    links: Sequence[SentenceLink], one: SentenceState, findings: Sequence[Finding]
) -> tuple[SentenceLink, ...]:
    """The links after ``with_replacement``: the new sentence with its findings as they are."""
    kept = [link for link in links if link.text != one.text]
    if one.replacement:
        kept += [
            SentenceLink(one.replacement, finding.uid, content_sha256(finding))
            for finding in findings
            if finding.uid in one.finding_uids and finding.is_in_report
        ]
    return tuple(kept)


def _impression_start(text: str, language: Language) -> int:
    section = document_of(text, language).section("impression")
    return -1 if section is None else section.header_start
