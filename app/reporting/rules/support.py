"""What the text states beyond the findings, and how surely."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from app.core.report import Discrepancy, Message
from app.reporting.case import Case, discrepancy, name
from app.reporting.matching import is_near_concept
from app.reporting.reading.lexicon import concept as concept_of
from app.reporting.reading.mentions import Mention

_FEWEST_SENTENCES: Final = 3
_MOST_SPANS: Final = 8
# Conclusions that are drawn from other signs: nobody describes them under their own name.
_DIAGNOSES: Final = frozenset(
    {
        "abscess", "airspace_disease", "appendicitis", "bowel_obstruction", "brain_tumor",
        "calcified_granuloma", "cerebral_infarction", "cholecystitis", "cyst", "dvt", "fracture",
        "demyelinating_lesion", "diverticulitis", "hematoma", "hepatic_hemangioma", "hernia",
        "hydrocephalus", "hyperinflation", "interstitial_markings", "lesion", "liver_abscess",
        "lung_abscess", "lung_density", "lung_opacity", "lymphadenopathy", "maxillary_sinusitis",
        "meningioma", "pancreatitis", "pituitary_adenoma", "pneumonia", "pulmonary_edema",
        "pulmonary_embolism", "pulmonary_emphysema", "pulmonary_fibrosis", "pulmonary_scarring",
        "renal_lesion", "spine_degeneration", "tear", "vascular_congestion", "vertebral_hemangioma",
    }
)  # fmt: skip
_SUPPOSED: Final = re.compile(
    r"consider|include|could|differential|atypical|versus|\bvs\b|and/or|"
    r"\bor\b|\bили\b|дифф?еренц|либо|вероят|возмож",
    re.IGNORECASE,
)


def impression_unsupported(case: Case) -> Iterator[Discrepancy]:
    """``impression-unsupported``: the impression states what the findings never speak of.

    Not for conclusions that rest on other signs, nor where any related thing is described.
    """
    section = case.document.section("findings")
    described = [s for s in case.document.sentences if s.section == "findings"]
    if section is None or len(described) < _FEWEST_SENTENCES:
        return
    told: set[str] = set()
    findings = [m for m in case.reading.mentions if m.section == "findings"]
    words = _stems(" ".join(case.flat[s.start : s.end] for s in described))
    supported = {m.subject.concept for m in case.matches.values()}
    for mention in case.reading.mentions:
        if mention.section != "impression" or mention.polarity != "present":
            continue
        if mention.concept in _DIAGNOSES or mention.concept in told or mention.implied:
            continue
        sentence = case.document.sentences[mention.sentence]
        if _SUPPOSED.search(case.flat[sentence.start : sentence.end]):
            continue
        if _stems(case.flat[mention.start : mention.end]) & words:
            continue  # its words are there, however they were read
        if mention.concept in supported or any(_is_related(mention, m) for m in findings):
            continue
        told.add(mention.concept)
        label = concept_of(mention.concept).label
        yield discrepancy(
            "impression-unsupported",
            "warn",
            Message(
                f"The impression states “{label.en}”, the findings do not speak of it.",
                f"В заключении есть «{label.ru}», в описании об этом ничего нет.",
            ),
            spans=[case.place(mention)],
        )


def _stems(text: str) -> set[str]:
    return {word[:5] for word in re.findall(r"[^\W\d_]{4,}", text.lower().replace("ё", "е"))}


def _is_related(mention: Mention, described: Mention) -> bool:
    """Whether a described thing may be what the impression names, itself, nearly or in general."""
    one, other = mention.concept, described.concept
    if one == other or is_near_concept(one, other):
        return True
    if other in _DIAGNOSES and described.is_stated:
        return True  # it may rest on that
    ours, theirs = concept_of(one), concept_of(other)
    return bool((ours.parents | ours.near) & (theirs.parents | theirs.near))


def hedged(case: Case) -> Iterator[Discrepancy]:
    """``hedged-finding``: an accepted finding that the text only supposes; a note."""
    for subject in case.accepted:
        if subject.finding.current.presence != "present":
            continue
        mentions = case.matches[subject.uid].all
        if not mentions or any(m.polarity == "present" for m in mentions):
            continue
        yield discrepancy(
            "hedged-finding",
            "note",
            Message(
                f"{name(subject, 'en')} was accepted, the report only supposes it.",
                f"Находка {name(subject, 'ru')} принята, в отчёте она предположительна.",
            ),
            subject=subject,
            spans=[case.place(mentions[0])],
        )


def not_in_the_list(case: Case) -> Iterator[Discrepancy]:
    """``not-in-the-list``: what the findings state beyond the accepted ones; one note for all."""
    if not case.subjects:
        return
    matched = {id(m) for matches in case.matches.values() for m in matches.all}
    rejected = {s.concept for s in case.subjects if s.finding.state != "accepted"}
    extra = [
        m for m in case.reading.mentions
        if m.section == "findings" and m.polarity == "present" and id(m) not in matched
        and m.concept not in rejected and not m.implied
    ]  # fmt: skip
    if not extra:
        return
    labels = list(dict.fromkeys(concept_of(m.concept).label for m in extra))
    yield discrepancy(
        "not-in-the-list",
        "note",
        Message(
            "Stated, but not in the list of findings: " + ", ".join(x.en for x in labels) + ".",
            "Есть в тексте, но не в списке находок: " + ", ".join(x.ru for x in labels) + ".",
        ),
        spans=[case.span(m.start, m.end) for m in extra[:_MOST_SPANS]],
    )
