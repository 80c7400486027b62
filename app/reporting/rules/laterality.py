"""Sides and places: text against findings, section against section, text against study."""

from __future__ import annotations

import re
from collections.abc import Iterator

from app.core.report import Discrepancy, Fix, Message
from app.reporting.case import Case, discrepancy, name
from app.reporting.matching import (
    compare_sites,
    is_near_concept,
    is_same_concept,
    side_agrees,
    size_agrees,
)
from app.reporting.reading.mentions import Mention
from app.reporting.subjects import Subject

_OPPOSITE = {"left": "right", "right": "left"}
_SWAP = (("лев", "прав"), ("прав", "лев"), ("left", "right"), ("right", "left"))


def against_findings(case: Case) -> Iterator[Discrepancy]:
    """``laterality-vs-finding``: the text puts an accepted finding on the other side."""
    for subject in case.accepted:
        if subject.side not in _OPPOSITE:
            continue
        wrong = _wrong_side(case, subject)
        if not wrong:
            continue
        yield discrepancy(
            "laterality-vs-finding",
            "block",
            Message(
                f"The report says {wrong[0].side}, the accepted finding is {name(subject, 'en')}.",
                f"В отчёте другая сторона: принятая находка — {name(subject, 'ru')}.",
            ),
            subject=subject,
            spans=[case.place(m) for m in wrong[:3]],
            fix=_side_fix(case, wrong[0]),
        )


def _wrong_side(case: Case, subject: Subject) -> list[Mention]:
    """Mentions that were matched to the finding although they name the other side."""
    wrong = []
    matches = case.matches[subject.uid]
    for section in ("findings", "impression"):
        mentions = matches.of(section)
        if not mentions or side_agrees(subject, mentions[0]) is not False:
            continue
        best = mentions[0]
        if not is_same_concept(subject.concept, best.concept) and not _is_tied(case, subject, best):
            continue
        wrong.append(best)
    return wrong


def _is_tied(case: Case, subject: Subject, mention: Mention) -> bool:
    """Whether a mention under a near name is surely of the finding: by size or place."""
    if mention.section == "impression" and _described_on_side(case, mention):
        return False
    return bool(size_agrees(subject, mention) or compare_sites(subject, mention)[0]) or (
        mention.section == "impression"
    )


def _side_fix(case: Case, mention: Mention) -> Fix | None:
    if mention.side_span is None:
        return None
    start, end = mention.side_span
    swapped = opposite_word(case.text[start:end])
    return Fix(swapped, start, end) if swapped else None


def opposite_word(word: str) -> str:
    """The word for the other side in the same form: ``левой`` becomes ``правой``."""
    lower = word.lower()
    for one, other in _SWAP:
        at = lower.find(one)
        if at in (0, 1):  # "слева" begins with a preposition grown into the word
            head, tail = word[:at], word[at + len(one) :]
            if lower.startswith("с") and at == 1:
                head = ("С" if word[0].isupper() else "с") if other.startswith("п") else head
            body = other
            if word[at : at + len(one)].isupper() and len(word) > 1:
                body = other.upper()
            elif word[at].isupper():
                body = other.capitalize()
            return f"{head}{body}{tail}"
    return ""


def between_sections(case: Case) -> Iterator[Discrepancy]:
    """``laterality-findings-vs-impression``: the same thing on opposite sides."""
    told = {
        subject.uid
        for subject in case.accepted
        if subject.side in _OPPOSITE and _wrong_side(case, subject)
    }
    shown: set[tuple[int, int]] = set()
    for mention in _stated(case, "impression"):
        if mention.side not in _OPPOSITE:
            continue
        if _belongs_to_finding(case, mention, told):
            continue
        described = [m for m in _stated(case, "findings") if _is_same_thing(m, mention)]
        concluded = {m.side for m in _stated(case, "impression") if _is_same_thing(m, mention)}
        if concluded & {_OPPOSITE[mention.side], "bilateral"}:
            continue  # both sides are concluded: the second one is added, not swapped
        sides = {m.side for m in described}
        if sides != {_OPPOSITE[mention.side]} or _described_on_side(case, mention):
            continue
        wrong_for_told = any(
            m is other for uid in told for m in case.matches[uid].all for other in described
        )
        if wrong_for_told:
            continue
        pair = (described[0].sentence, mention.sentence)
        if pair in shown:
            continue
        shown.add(pair)
        yield discrepancy(
            "laterality-findings-vs-impression",
            "warn",
            Message(
                f"The findings say {_OPPOSITE[mention.side]}, the impression says {mention.side}.",
                "Сторона в описании и в заключении разная.",
            ),
            spans=[case.place(described[0]), case.place(mention)],
            fix=_side_fix(case, mention),
        )


def _belongs_to_finding(case: Case, mention: Mention, told: set[str]) -> bool:
    """Whether a finding's own rule has spoken of the mention, or the finding confirms its side."""
    for uid, matches in case.matches.items():
        if any(m is mention for m in matches.all):
            agrees = side_agrees(matches.subject, mention)
            if uid in told or (agrees and matches.subject.concept == mention.concept):
                return True
    return any(
        m.sentence == mention.sentence and side_agrees(matches.subject, mention)
        for matches in case.matches.values()
        for m in matches.all
    )


def _stated(case: Case, section: str) -> list[Mention]:
    return [m for m in case.reading.mentions if m.section == section and m.is_stated]


def _is_same_thing(one: Mention, other: Mention) -> bool:
    """Whether two mentions name one finding: the same concept, or a near one with a tie."""
    if one.concept == other.concept:
        return True
    if not is_near_concept(one.concept, other.concept):
        return False
    if one.sizes_mm and set(one.sizes_mm) == set(other.sizes_mm):
        return True
    return bool(one.sites & other.sites)


def _described_on_side(case: Case, mention: Mention) -> bool:
    """Whether the thing itself is described on the side that the impression names."""
    return any(
        m.side in (mention.side, "bilateral")
        and (m.concept == mention.concept or is_near_concept(m.concept, mention.concept))
        for m in _stated(case, "findings")
    )


_STUDY_SIDE = {"R": "right", "L": "left"}
_TITLE_SIDES = re.compile(
    r"(?P<left>\b(?:left|lt)\b|\bлев(?:(?:ый|ая|ое|ого|ой|ом)\b|\.))|"
    r"(?P<right>\b(?:right|rt)\b|\bправ(?:(?:ый|ая|ое|ого|ой|ом)\b|\.))",
    re.IGNORECASE,
)


def against_study(case: Case) -> Iterator[Discrepancy]:
    """``laterality-vs-study``: the title names the other side than the study."""
    wanted = _STUDY_SIDE.get(case.facts.laterality)
    if wanted is None:
        return
    for sentence in case.document.sentences:
        if sentence.section not in ("other", "technique", "indication"):
            continue
        text = case.flat[sentence.start : sentence.end]
        if sentence.section == "indication":
            continue
        found = list(_TITLE_SIDES.finditer(text))
        sides = {match.lastgroup for match in found}
        if sides != {_OPPOSITE[wanted]}:
            continue
        match = found[0]
        start = sentence.start + match.start()
        yield discrepancy(
            "laterality-vs-study",
            "block",
            Message(
                f"The report says {_OPPOSITE[wanted]}, the study is of the {wanted} side.",
                "Сторона в отчёте не совпадает со стороной исследования.",
            ),
            spans=[case.sentence_span(sentence, start, start + len(match.group()))],
            fix=Fix(opposite_word(match.group()), start, start + len(match.group())),
        )
        return
