"""Recommendations: intervals that are missing or contradict each other, and Fleischner 2017."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from app.core.clinical import ClinicalFacts
from app.core.report import Discrepancy, Message
from app.measure import fleischner
from app.reporting.case import Case, discrepancy
from app.reporting.dates import iso_date, years_between
from app.reporting.nodules import nodules_of
from app.reporting.reading.document import Sentence

_MODALITIES: Final[dict[str, re.Pattern[str]]] = {
    "CT": re.compile(r"(?<!\w)(?:CT|LDCT|НДКТ|МСКТ|СКТ|КТ|computed tomography|"
                     r"компьютерн\w+ томограф\w+)(?!\w)", re.IGNORECASE),
    "MR": re.compile(r"(?<!\w)(?:MRI|MR|МРТ|МР)(?!\w)", re.IGNORECASE),
    "US": re.compile(r"(?<!\w)(?:ultraso\w+|sonogra\w+|US|УЗИ)(?!\w)", re.IGNORECASE),
    "X-ray": re.compile(r"(?<!\w)(?:x-?ray|radiograph\w*|рентген\w*|флюорограф\w*)(?!\w)",
                        re.IGNORECASE),
    "MG": re.compile(r"(?<!\w)(?:mammogra\w+|маммограф\w+)(?!\w)", re.IGNORECASE),
}  # fmt: skip
_WORDS: Final = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "nine": 9, "twelve": 12,
    "один": 1, "два": 2, "две": 2, "три": 3, "четыре": 4, "пять": 5, "шесть": 6, "девять": 9,
    "двенадцать": 12,
}  # fmt: skip
_N: Final = rf"(?:\d{{1,2}}|{'|'.join(_WORDS)})"
_INTERVAL: Final = re.compile(
    rf"(?<![\w.,])(?P<a>{_N})\s*(?:(?:-|–|to|до|или|or)\s*(?P<b>{_N})\s*)?-?\s?"
    r"(?P<unit>days?|weeks?|months?|mos?\.?|years?|yrs?|дн\w+|ден\w*|недел\w*|месяц\w*|мес\.?|"
    r"год\w*|лет)(?!\w)|"
    r"(?P<half>полгода|half a year)|(?P<yearly>annual\w*|yearly|ежегодн\w*|"
    r"(?:через|раз в) год(?!\w)|in a year)",
    re.IGNORECASE,
)
_FOLLOW: Final = re.compile(
    r"follow-?\s?up|surveillance|repeat|re-?evaluat|interval|recheck|"
    r"контрол\w*|динамическ\w+ наблюден|повтор\w*|в динамике",
    re.IGNORECASE,
)
# Said under a condition, or left to somebody else: no interval is asked for then.
_CONDITIONAL: Final = re.compile(
    r"\bif\b|as (?:clinically )?(?:indicated|needed|appropriate)|clinical(?:ly)?|per |"
    r"when |after (?:treatment|therapy|completion)|until|to (?:ensure|document|confirm) |resol|"
    r"correlat|consult|"
    r"при\s|по\s+показан|по\s+клинич|по\s+необходим|после\s|на фоне|консультац|в плановом|"
    r"у\s+\w+(?:олог|певт|хирург)|до\s+разрешен|решени|сроки",
    re.IGNORECASE,
)
_PAST: Final = re.compile(
    r"\bago\b|since|compared|previous|prior|назад|ранее|сравнен|предыдущ|анамнез|old\b|"
    r"history|возраст|лет(?!\w)(?! контрол)",
    re.IGNORECASE,
)
_RECOMMEND: Final = re.compile(
    r"recommend|suggest|advis|consider|follow-?\s?up|рекоменд|целесообразн|показан|контрол\w+",
    re.IGNORECASE,
)
_NODULE: Final = re.compile(r"nodul|очаг|узел|узл", re.IGNORECASE)
_FLEISCHNER: Final = re.compile(r"Fleischner|Флейшнер\w*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Recommended:
    """An examination that is recommended, with the months given (None: no interval)."""

    modality: str
    months: tuple[float, float] | None
    sentence: Sentence
    start: int
    end: int


def recommended_in(case: Case) -> tuple[Recommended, ...]:
    """Imaging that the text recommends to follow something up, in order."""
    found = []
    for sentence in case.document.sentences:
        text = case.flat[sentence.start : sentence.end]
        is_meant = sentence.section == "recommendation" or (
            sentence.section in ("impression", "findings") and _RECOMMEND.search(text)
        )
        if not is_meant or _PAST.search(text):
            continue
        modality = next((n for n, pattern in _MODALITIES.items() if pattern.search(text)), "")
        interval = _INTERVAL.search(text)
        if not modality or not (interval or _FOLLOW.search(text)):
            continue
        start = sentence.start + (interval.start() if interval else 0)
        end = sentence.start + (interval.end() if interval else len(text))
        months = _months(interval) if interval else None
        found.append(Recommended(modality, months, sentence, start, end))
    return tuple(found)


def _months(match: re.Match[str]) -> tuple[float, float]:
    if match["half"]:
        return 6.0, 6.0
    if match["yearly"]:
        return 12.0, 12.0
    first = _number(match["a"])
    last = _number(match["b"]) if match["b"] else first
    unit = match["unit"].lower()
    if unit.startswith(("d", "дн", "ден")):
        scale = 1 / 30.4
    elif unit.startswith(("w", "нед")):
        scale = 7 / 30.4
    else:
        scale = 12.0 if unit.startswith(("y", "год", "лет")) else 1.0
    return first * scale, last * scale


def _number(text: str) -> float:
    return float(_WORDS.get(text.lower(), 0) or text)


def intervals(case: Case) -> Iterator[Discrepancy]:
    """``recommendation-interval``: a follow-up without a time, or with two times.

    Without a time it is a note: many sites leave the time to the referring doctor.
    """
    asked = recommended_in(case)
    for item in asked:
        text = case.flat[item.sentence.start : item.sentence.end]
        timed = any(other.modality == item.modality and other.months for other in asked)
        if item.months is None and not timed and not _CONDITIONAL.search(text):
            yield discrepancy(
                "recommendation-interval",
                "note",
                Message("The recommendation names no interval.",
                        "В рекомендации не указан срок."),
                spans=[case.sentence_span(item.sentence, item.start, item.end)],
            )  # fmt: skip
    yield from _contradictory(case, asked)


def _contradictory(case: Case, asked: tuple[Recommended, ...]) -> Iterator[Discrepancy]:
    """The same examination at two times, in two sections that each name one."""
    for modality in dict.fromkeys(item.modality for item in asked):
        timed = [item for item in asked if item.modality == modality and item.months]
        sections = {item.sentence.section for item in timed}
        if len(timed) != 2 or len(sections) != 2:
            continue
        one, other = timed
        if one.months is None or other.months is None or _overlap(one.months, other.months):
            continue
        yield discrepancy(
            "recommendation-interval",
            "warn",
            Message("Two intervals are recommended for the same examination.",
                    "Для одного исследования рекомендованы разные сроки."),
            spans=[case.sentence_span(item.sentence, item.start, item.end) for item in timed],
        )  # fmt: skip


def _overlap(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return one[0] <= other[1] + 0.1 and other[0] <= one[1] + 0.1


def fleischner_follow_up(case: Case) -> Iterator[Discrepancy]:
    """``follow-up-vs-guideline``: the first CT recommended against Fleischner 2017.

    Only for accepted nodules. With inputs missing it says which, as a note, and compares nothing.
    """
    nodules = nodules_of(case)
    asked = [item for item in recommended_in(case) if item.modality == "CT" and item.months]
    if not nodules or not asked or not _is_of_nodules(case, asked[0]):
        return
    advice = fleischner.follow_up(
        [fleischner.Nodule(n.kind, n.fleischner_mm, n.volume_mm3) for n in nodules],
        _with_age(case),
    )
    first = min(asked, key=lambda item: item.months or (0.0, 0.0))
    span = case.sentence_span(first.sentence, first.start, first.end)
    if advice.missing:
        yield discrepancy(
            "follow-up-vs-guideline",
            "note",
            Message(
                "Fleischner 2017 cannot be applied: not known is "
                + "; ".join(item.en for item in advice.missing) + ".",
                "Рекомендации Флейшнера 2017 неприменимы, не указано: "
                + "; ".join(item.ru for item in advice.missing) + ".",
            ),
            subject=nodules[0].subject,
            spans=[span],
        )  # fmt: skip
        return
    row = advice.row
    if row is None or first.months is None or _fits(row, first.months):
        if advice.excluded and _FLEISCHNER.search(case.text):
            yield _not_made_for(case, advice.excluded, span_of=first)
        return
    yield discrepancy(
        "follow-up-vs-guideline",
        "warn",
        Message(f"Fleischner 2017 asks for {_in_words(row).en}.",
                f"По рекомендациям Флейшнера 2017: {_in_words(row).ru}."),
        subject=nodules[0].subject,
        spans=[span],
    )  # fmt: skip


def _not_made_for(case: Case, why: Message, span_of: Recommended) -> Discrepancy:
    return discrepancy(
        "follow-up-vs-guideline",
        "warn",
        Message(f"Fleischner 2017 is not made for this patient: {why.en}.",
                f"Рекомендации Флейшнера 2017 здесь неприменимы: {why.ru}."),
        spans=[case.sentence_span(span_of.sentence, span_of.start, span_of.end)],
    )  # fmt: skip


def _is_of_nodules(case: Case, item: Recommended) -> bool:
    """Whether the CT is for the nodules: it says so, or nothing else significant is accepted."""
    text = case.flat[item.sentence.start : item.sentence.end]
    if _NODULE.search(text):
        return True
    others = [
        s for s in case.accepted
        if s.is_significant and s.concept not in ("pulmonary_nodule", "lesion")
    ]  # fmt: skip
    return not others


def _with_age(case: Case) -> ClinicalFacts:
    clinical = case.facts.clinical
    birth, day = iso_date(case.facts.patient_birth_date), iso_date(case.facts.study_date)
    if clinical.age_years is not None or birth is None or day is None:
        return clinical
    return replace(clinical, age_years=years_between(birth, day))


def _fits(row: fleischner.FollowUp, months: tuple[float, float]) -> bool:
    return row.first is not None and _overlap(row.first, months)


def _in_words(row: fleischner.FollowUp) -> Message:
    if row.first is None:
        return Message("no routine follow-up", "плановый контроль не требуется")
    low, high = row.first
    when = f"{low}" if low == high else f"{low}–{high}"
    optional = ("an optional CT", "КТ по желанию") if row.optional else ("CT", "КТ")
    more = (", PET-CT or tissue sampling", ", ПЭТ-КТ или биопсия") if row.alternatives else ("", "")
    return Message(
        f"{optional[0]} at {when} months{more[0]}", f"{optional[1]} через {when} мес.{more[1]}"
    )
