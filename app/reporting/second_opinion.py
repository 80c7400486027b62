"""What a second opinion may say of a check, and what is made of it. Pure; knows no model.

It may take weight from a warning, explain one, or add one note; it must quote the text it speaks
of, word for word. It never touches a block, and never makes one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from app.core.finding import Finding
from app.core.report import CheckResult, Discrepancy, Language, Message, Softening, Span
from app.reporting.compose import finding_sentence
from app.reporting.extract import read

RULE: Final = "second-opinion"
MOST_PAIRS: Final = 3
_SHORTEST_QUOTE: Final = 6
_LONGEST_REMARK: Final = 300
Expectation = Literal["entailed", "not-contradicted", "contradicted"]


@dataclass(frozen=True, slots=True)
class Pair:
    """A sentence of the report against one made from a finding (or another of the report).

    The alert is false if the premise ``entails`` the hypothesis, does not contradict it, or does,
    as ``expected`` says.
    """

    discrepancy_id: str
    premise: str
    hypothesis: str
    expected: Expectation


@dataclass(frozen=True, slots=True)
class Opinion:
    """One thing said. ``quote`` is a part of the report, ``why`` a sentence.

    ``demote`` and ``explain`` name the alert; ``note`` stands for itself.
    """

    kind: Literal["demote", "explain", "note"]
    quote: str
    why: str
    discrepancy_id: str = ""


def pairs_for(
    text: str, findings: Sequence[Finding], result: CheckResult, language: Language
) -> tuple[Pair, ...]:
    """At most three pairs, for warnings on which two sentences can be held against each other."""
    by_uid = {finding.uid: finding for finding in findings}
    found: list[Pair] = []
    for item in result.discrepancies:
        if item.severity != "warn":
            continue
        finding = by_uid.get(item.finding_uid or "")
        found += _pairs_of(text, item, finding, language)
    return tuple(found[:MOST_PAIRS])


def _pairs_of(
    text: str, item: Discrepancy, finding: Finding | None, language: Language
) -> list[Pair]:
    if item.rule == "impression-contradicts-findings" and len(item.spans) == 2:
        one, other = item.spans[0].text, item.spans[1].text
        return [Pair(item.id, one, other, "not-contradicted")]
    if finding is None:
        return []
    stated = finding_sentence(finding, language, brief=True)
    if item.rule == "rejected-finding-asserted" and item.spans:
        return [Pair(item.id, item.spans[0].text, stated, "contradicted")]
    sections = {
        "omitted-finding": ("findings", "impression"),
        "significant-finding-missing-from-impression": ("impression",),
    }.get(item.rule)
    if sections is None:
        return []
    nearest = _nearest_sentence(text, stated, sections, language)
    return [Pair(item.id, nearest, stated, "entailed")] if nearest else []


def _nearest_sentence(text: str, stated: str, sections: tuple[str, ...], language: Language) -> str:
    """The sentence of the sections that shares most word stems with ``stated``; may be empty."""
    wanted = _stems(stated)
    document = read(text, language).document
    best, most = "", 0
    for sentence in document.sentences:
        shown = text[sentence.start : sentence.end]
        shared = len(wanted & _stems(shown)) if sentence.section in sections else 0
        if shared > most:
            best, most = shown, shared
    return best


def _stems(text: str) -> set[str]:
    return {word[:5] for word in re.findall(r"[^\W\d_]{4,}", text.lower().replace("ё", "е"))}


def apply_opinions(result: CheckResult, opinions: Sequence[Opinion], text: str) -> CheckResult:
    """``result`` with what the opinions may do; whatever they may not do is left out."""
    told = [opinion for opinion in opinions if _is_quoted(opinion, text)]
    about = {opinion.discrepancy_id: opinion for opinion in told if opinion.kind != "note"}
    items = [_with(item, about.get(item.id)) for item in result.discrepancies]
    note = next((opinion for opinion in told if opinion.kind == "note"), None)
    if note is not None:
        start = text.find(note.quote)
        said = note.why.strip()[:_LONGEST_REMARK]
        items.append(
            Discrepancy(
                RULE,
                "note",
                Message(f"Second opinion: {said}", f"Второе мнение: {said}"),
                spans=(Span(start, start + len(note.quote), note.quote),),
            )
        )
    return replace(result, discrepancies=tuple(items))


def _is_quoted(opinion: Opinion, text: str) -> bool:
    quote = opinion.quote
    return len(quote.strip()) >= _SHORTEST_QUOTE and quote in text and bool(opinion.why.strip())


def _with(item: Discrepancy, opinion: Opinion | None) -> Discrepancy:
    if opinion is None or item.severity != "warn":
        return item
    remark = opinion.why.strip()[:_LONGEST_REMARK]
    if opinion.kind == "explain":
        return replace(item, remark=remark)
    why = Message(
        f"a note here: a second opinion takes it for a false alarm (“{opinion.quote}”)",
        f"здесь это примечание: второе мнение считает срабатывание ложным («{opinion.quote}»)",
    )
    return replace(item, severity="note", softened=Softening("warn", why), remark=remark)
