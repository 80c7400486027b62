"""Organs and forms of address that do not fit the patient's sex."""

from __future__ import annotations

from collections.abc import Iterator

from app.core.report import Discrepancy, Message
from app.reporting.case import Case, discrepancy
from app.reporting.reading.document import Sentence, by_sentence
from app.reporting.reading.patterns import Hit

_WRONG = {"M": ("female", "female_organs"), "F": ("male", "male_organs")}


def sex(case: Case) -> Iterator[Discrepancy]:
    """``sex-organ``: an organ or a word for the patient of the other sex; never auto-edited."""
    wrong = _WRONG.get(case.facts.patient_sex.upper())
    if wrong is None:
        return
    person, organ = wrong
    document = case.document
    rows = by_sentence(document, [h for h in document.hits if h.kind in (person, organ)])
    family = by_sentence(document, [h for h in document.hits if h.kind == "family"])
    for sentence, hits, relatives in zip(document.sentences, rows, family, strict=True):
        for hit in hits:
            if relatives or _is_excused(case, sentence, hit, is_person=hit.kind == person):
                continue
            start = case.document.words[hit.first].start
            end = case.document.words[hit.last - 1].end
            yield discrepancy(
                "sex-organ",
                "block",
                Message(
                    f"“{case.text[start:end]}” does not fit the patient's recorded sex.",
                    f"«{case.text[start:end]}» не соответствует указанному полу пациента.",
                ),
                spans=[case.sentence_span(sentence, start, end)],
            )
            break


def _is_excused(case: Case, sentence: Sentence, hit: Hit, *, is_person: bool) -> bool:
    """Other people, and organs named outside of what this study describes."""
    if is_person:
        # The patient is spoken of in the heading; elsewhere the word is somebody else.
        return sentence.section not in ("indication", "other", "technique") and not (
            sentence.section == "findings" and sentence.first == 0
        )
    if sentence.section in ("recommendation", "communication"):
        return True
    words = case.document.words[max(sentence.first, hit.first - 3) : hit.first]
    if any(word.text.startswith(("transgender", "трансген")) for word in words):
        return True
    # "Status post prostatectomy", "prostate is surgically absent" describe, they do not err.
    around = case.document.words[sentence.first : sentence.last]
    return any(word.text.startswith(("absent", "resect", "удален", "удалён")) for word in around)
