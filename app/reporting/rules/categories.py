"""Assessment categories: do they exist, agree between sections, and follow from the features?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from app.core.report import Discrepancy, Message
from app.measure import lung_rads
from app.reporting.case import Case, discrepancy
from app.reporting.nodules import nodules_of

_ROMAN: Final = {"i": "1", "ii": "2", "iii": "3", "iv": "4", "v": "5", "vi": "6"}


@dataclass(frozen=True, slots=True)
class System:
    """A system of categories: how it is named, and the categories there are."""

    name: str
    pattern: re.Pattern[str]
    categories: frozenset[str]


def _system(name: str, words: str, categories: str) -> System:
    value = r"(?P<value>\d{1,2}[A-Da-dА-Га-гXxХх]?[SsNnМм+]?|[IV]{1,3}[A-Ca-c]?|M|TIV|NC)"
    sign = r"[\s:=–-]*(?:v?\s?20\d\d\s*)?(?:категори\w*|category|категории|score|балл\w*)?[\s:=–-]*"
    return System(
        name,
        re.compile(rf"(?<!\w)(?:{words}){sign}{value}(?![\w]|[.,]\d)", re.IGNORECASE),
        frozenset(categories.split()),
    )


SYSTEMS: Final = (
    _system("Lung-RADS", r"Lung-?\s?RADS", "0 1 2 3 4a 4b 4x"),
    _system("BI-RADS", r"BI-?\s?RADS|БИ-?РАДС", "0 1 2 3 4 4a 4b 4c 5 6"),
    _system("TI-RADS", r"(?:ACR\s+|EU-)?TI-?\s?RADS", "1 2 3 4 4a 4b 4c 5 6"),
    _system("PI-RADS", r"PI-?\s?RADS", "1 2 3 4 5"),
    _system("LI-RADS", r"LI-?\s?RADS(?:\s*LR)?|LR", "1 2 3 4 5 m tiv nc"),
    _system("CAD-RADS", r"CAD-?\s?RADS", "0 1 2 3 4 4a 4b 5 n"),
    _system("O-RADS", r"O-?RADS", "0 1 2 3 4 5"),
)
_NEGATIVE_BIRADS: Final = frozenset({"1"})
_BREAST: Final = frozenset({"breast_mass", "breast_calcifications"})
_STENOSIS: Final = re.compile(
    r"(?:stenosis|стеноз\w*)[^.;\d]{0,30}(?P<a>\d{1,3})(?:\s*[-–]\s*(?P<b>\d{1,3}))?\s*%|"
    r"(?<![\d.,])(?P<c>\d{1,3})(?:\s*[-–]\s*(?P<d>\d{1,3}))?\s*%\s*(?:stenosis|стеноз)",
    re.IGNORECASE,
)
_TIRADS_POINTS: Final = re.compile(
    r"(?<![\d.,])(?P<points>\d{1,2})\s*(?:points?|балл\w*)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Category:
    """A category written in the text; ``value`` in lower case, modifiers left out."""

    system: System
    value: str
    section: str
    sentence: int
    start: int
    end: int


def categories_in(case: Case) -> tuple[Category, ...]:
    """All categories of findings, impression and recommendation, in order."""
    found = []
    for number, sentence in enumerate(case.document.sentences):
        if sentence.section in ("indication", "comparison", "technique"):
            continue
        for system in SYSTEMS:
            for match in system.pattern.finditer(case.flat, sentence.start, sentence.end):
                found.append(
                    Category(
                        system, _plain(match["value"]), sentence.section, number, match.start(),
                        match.end(),
                    )
                )  # fmt: skip
    return tuple(sorted(found, key=lambda item: item.start))


def _plain(value: str) -> str:
    """The category without modifiers, in Latin lower case and Arabic figures."""
    text = value.lower().translate(str.maketrans("абвгх", "abcdx"))
    number = re.match(r"^(i{1,3}|iv|vi?)([abc]?)$", text)
    if number and number[1] in _ROMAN:
        return _ROMAN[number[1]] + number[2]
    cut = re.match(r"^(\d{1,2}[a-cx]?)[sn+м]?$", text)
    return cut[1] if cut else text


def category_faults(case: Case) -> Iterator[Discrepancy]:
    """``category-vs-features``: a category that does not exist, differs, or does not follow."""
    found = categories_in(case)
    yield from _unknown(case, found)
    known = [item for item in found if item.value in item.system.categories]
    yield from _different(case, known)
    yield from _lung_rads(case, [i for i in known if i.system.name == "Lung-RADS"])
    yield from _bi_rads(case, [i for i in known if i.system.name == "BI-RADS"])
    yield from _cad_rads(case, [i for i in known if i.system.name == "CAD-RADS"])
    yield from _ti_rads(case, [i for i in known if i.system.name == "TI-RADS"])


def _fault(
    case: Case, items: list[Category], message: Message, *, note: bool = False
) -> Discrepancy:
    return discrepancy(
        "category-vs-features",
        "note" if note else "warn",
        message,
        spans=[case.span(item.start, item.end) for item in items],
    )


def _unknown(case: Case, found: tuple[Category, ...]) -> Iterator[Discrepancy]:
    for item in found:
        if item.value not in item.system.categories:
            shown = case.text[item.start : item.end]
            yield _fault(
                case, [item],
                Message(f"There is no category “{shown}”.", f"Категории «{shown}» не существует."),
            )  # fmt: skip


def _different(case: Case, known: list[Category]) -> Iterator[Discrepancy]:
    """One in the findings, another in the impression; several in one section are of several."""
    for system in SYSTEMS:
        if system.name in ("TI-RADS", "LI-RADS", "PI-RADS", "O-RADS"):
            continue  # these are of single lesions
        described = {i.value for i in known if i.system is system and i.section == "findings"}
        concluded = [i for i in known if i.system is system and i.section == "impression"]
        if len(described) == 1 and len({i.value for i in concluded}) == 1:
            one = next(i for i in known if i.system is system and i.section == "findings")
            if concluded[0].value[0] != one.value[0]:
                yield _fault(
                    case, [one, concluded[0]],
                    Message(f"Findings and impression give two {system.name} categories.",
                            f"В описании и заключении разные категории {system.name}."),
                )  # fmt: skip


def _lung_rads(case: Case, known: list[Category]) -> Iterator[Discrepancy]:
    """Computed from the accepted nodules, where every input is known."""
    nodules = nodules_of(case)
    if not known or not nodules:
        return
    stated = known[-1]
    computed = []
    for nodule in nodules:
        course: lung_rads.Course = "growing" if nodule.subject.has_grown else ""
        if not nodule.subject.earlier_mm and case.facts.priors == ():
            course = "baseline"
        computed.append(
            lung_rads.category(
                lung_rads.Nodule(nodule.kind, nodule.lung_rads_mm, nodule.solid_mm, course)
            )
        )
    if not all(computed):
        yield _fault(
            case, [stated],
            Message("Lung-RADS cannot be recomputed: kind, size or course of a nodule is missing.",
                    "Категорию Lung-RADS нельзя пересчитать: неизвестен тип, размер или динамика "
                    "очага."),
            note=True,
        )  # fmt: skip
        return
    highest = max(computed, key=lung_rads.CATEGORIES.index)
    if stated.value == "4x" and highest >= "3":
        return  # added features: the reader's word
    if stated.value != highest.lower():
        yield _fault(
            case, [stated],
            Message(f"By Lung-RADS v2022 the accepted nodules are category {highest}.",
                    f"По Lung-RADS v2022 принятые очаги соответствуют категории {highest}."),
        )  # fmt: skip


def _bi_rads(case: Case, known: list[Category]) -> Iterator[Discrepancy]:
    """Category 1 is negative: no mass or calcification can be accepted."""
    masses = [s for s in case.accepted if s.concept in _BREAST and s.is_significant]
    if masses and known and all(item.value in _NEGATIVE_BIRADS for item in known):
        label = masses[0].finding.current.label
        yield _fault(
            case, [known[-1]],
            Message(f"BI-RADS 1 is negative, but “{label.en}” was accepted.",
                    f"BI-RADS 1 — норма, но принята находка «{label.ru}»."),
        )  # fmt: skip


def _cad_rads(case: Case, known: list[Category]) -> Iterator[Discrepancy]:
    """From the gravest stenosis that the findings give in per cent."""
    percents = [
        max(int(value) for value in match.groups() if value)
        for sentence in case.document.sentences
        if sentence.section == "findings"
        for match in _STENOSIS.finditer(case.flat, sentence.start, sentence.end)
    ]
    if not known or not percents or case.facts.body_part.upper() in ("NECK", "HEAD"):
        return
    gravest = max(percents)
    wanted = str(sum(gravest >= limit for limit in (1, 25, 50, 70, 100)))
    stated = known[-1]
    if stated.value[0] != wanted and stated.value != "n":
        yield _fault(
            case, [stated],
            Message(f"A stenosis of {gravest} % is CAD-RADS {wanted}.",
                    f"Стеноз {gravest} % соответствует CAD-RADS {wanted}."),
        )  # fmt: skip


def _ti_rads(case: Case, known: list[Category]) -> Iterator[Discrepancy]:
    """ACR TI-RADS from the points in the same sentence."""
    for item in known:
        sentence = case.document.sentences[item.sentence]
        text = case.flat[sentence.start : sentence.end]
        points = _TIRADS_POINTS.findall(text)
        if len(points) != 1 or re.search(r"EU-", text):
            continue
        total = int(points[0])
        wanted = "1" if total == 0 else "5" if total >= 7 else str(max(2, min(4, total)))
        if total in (4, 5, 6):
            wanted = "4"
        if item.value[0] != wanted and total <= 14:
            yield _fault(
                case, [item],
                Message(f"{total} points are TI-RADS {wanted}.",
                        f"Сумма {total} баллов соответствует TI-RADS {wanted}."),
            )  # fmt: skip
