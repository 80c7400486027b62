"""Organs and forms of address that do not fit the patient's sex."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from app.core.report import Discrepancy, Message
from app.reporting.case import Case, discrepancy
from app.reporting.reading.document import Sentence, by_sentence
from app.reporting.reading.patterns import Hit

_WRONG = {"M": ("female", "female_organs"), "F": ("male", "male_organs")}
# The sex as a letter or an abbreviation beside the age, or behind the word for it.
_LETTER: Final = re.compile(
    r"(?<![\w.])\d{1,3}\s?-?(?:(?i:y/o|yo|y\.o\.|yrs?|years?)(?:[\s-]?(?i:old))?)?[\s,/-]{0,2}"
    r"(?P<a>[MF])(?![\w'/])"
    r"|(?<!\w)(?i:sex|gender)\s*[:=]?\s*(?P<b>[MF])(?!\w)"
    r"|(?<![\w.])\d{1,3}(?i:\s*(?:лет|года?|г\.|л\.))[\s,;(/]*(?P<c>(?i:муж|жен|м|ж)\.?)(?!\w)"
    r"|(?<!\w)(?P<d>(?i:муж|жен|м|ж)\.?)[\s,]*\d{1,3}(?i:\s*(?:лет|года?|г\.|л\.))(?!\w)"
    r"|(?<!\w)(?i:пол)\s*[:=-]?\s*(?P<e>(?i:муж|жен|м|ж)\w*)"
)
_LETTERS: Final = {"m": "M", "f": "F", "м": "M", "ж": "F"}
_BEHIND: Final = 4  # "57 y.o. M": the stop of the abbreviation ends the sentence
_HEADING: Final = ("indication", "other", "technique")


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
            yield _unfit(case, sentence, start, end)
            break
        else:
            if relatives or not _is_heading(sentence):
                continue
            for match in _LETTER.finditer(case.flat, sentence.start, sentence.end + _BEHIND):
                letter = next(group for group in match.groups() if group)
                if _LETTERS[letter[0].lower()] != case.facts.patient_sex.upper():
                    yield _unfit(case, sentence, match.start(), match.end())
                    break


def _unfit(case: Case, sentence: Sentence, start: int, end: int) -> Discrepancy:
    return discrepancy(
        "sex-organ",
        "block",
        Message(
            f"“{case.text[start:end]}” does not fit the patient's recorded sex.",
            f"«{case.text[start:end]}» не соответствует указанному полу пациента.",
        ),
        spans=[case.sentence_span(sentence, start, end)],
    )


def _is_heading(sentence: Sentence) -> bool:
    """Where the patient is spoken of: the heading, or the first sentence of a report without."""
    return sentence.section in _HEADING or (sentence.section == "findings" and sentence.first == 0)


def _is_excused(case: Case, sentence: Sentence, hit: Hit, *, is_person: bool) -> bool:
    """Other people, and organs named outside of what this study describes."""
    if is_person:
        # The patient is spoken of in the heading; elsewhere the word is somebody else.
        return not _is_heading(sentence)
    if sentence.section in ("recommendation", "communication"):
        return True
    words = case.document.words[max(sentence.first, hit.first - 3) : hit.first]
    if any(word.text.startswith(("transgender", "трансген")) for word in words):
        return True
    # "Status post prostatectomy", "prostate is surgically absent" describe, they do not err.
    around = case.document.words[sentence.first : sentence.last]
    following = case.document.words[hit.last : hit.last + 2]
    if any(word.text.startswith(("яичк", "яичек", "hydat")) for word in following):
        return True  # "придатки яичек" are a man's
    return any(word.text.startswith(("absent", "resect", "удален", "удалён")) for word in around)
