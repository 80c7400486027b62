"""Numbers that cannot be: impossible sizes, no unit, two sizes for one thing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from app.core.message import number_ru
from app.core.report import Discrepancy, Fix, Message
from app.reporting.case import Case, discrepancy
from app.reporting.matching import is_near_concept
from app.reporting.reading.document import Sentence, by_sentence
from app.reporting.reading.lexicon import concept as concept_of
from app.reporting.reading.mentions import Mention
from app.reporting.reading.patterns import Hit
from app.reporting.reading.sizes import Size, sizes_in

# Beyond these a length in mm is a slip; generous, since the largest ever reported are smaller.
_LARGEST_FINDING: Final[Mapping[str, float]] = {
    "pulmonary_nodule": 60, "calcified_granuloma": 60, "pulmonary_mass": 250,
    "pleural_effusion": 300, "pneumothorax": 250, "lymphadenopathy": 150,
    "axillary_lymphadenopathy": 120, "aortic_aneurysm": 200, "thoracic_aneurysm": 200,
    "kidney_stone": 120, "ureteral_stone": 60, "gallstone": 100, "bladder_stone": 150,
    "renal_cyst": 300, "hepatic_cyst": 300, "liver_lesion": 300, "adrenal_nodule": 250,
    "thyroid_nodule": 150, "disc_protrusion": 30, "disc_herniation": 40, "spondylolisthesis": 50,
    "midline_shift": 40, "subdural_hematoma": 70, "epidural_hematoma": 90, "meningioma": 150,
    "pituitary_adenoma": 100, "intracranial_aneurysm": 60, "breast_mass": 250, "breast_cyst": 200,
    "baker_cyst": 250, "pericardial_effusion": 100, "pleural_thickening": 80,
    "biliary_dilatation": 80, "vertebral_hemangioma": 60, "uterine_fibroid": 400,
    "demyelinating_lesion": 80, "arachnoid_cyst": 200,
}  # fmt: skip
_LARGEST_ORGAN: Final[Mapping[str, float]] = {
    "aorta": 150, "pulmonary_artery": 100, "liver": 350, "spleen": 400, "kidney": 250,
    "pancreas": 100, "gallbladder": 250, "bile_duct": 60, "prostate": 200, "uterus": 300,
    "ovary": 150, "thyroid": 150, "adrenal": 100, "ventricle": 100, "ureter": 60,
}  # fmt: skip
_LEAST_MM: Final = 0.5
_BARE: Final = re.compile(
    r"(?<![\d.,:/-])(?P<a>\d{1,3}(?:[.,]\d)?)\s?[xх×*]\s?(?P<b>\d{1,3}(?:[.,]\d)?)(?!\d)"
    r"(?P<c>\s?[xх×*]\s?\d{1,3}(?:[.,]\d)?(?!\d))?(?P<after>\s*)"
    r"(?!\s*(?:[xх×*]\s*\d|мм|см|mm|cm|м\b|милли|санти|milli|centi|пикс|pix|матриц|matrix|кадр|раз|"
    r"times|в поле|"
    r"HU|ед|[\d.,]*\d\s*(?:мм|см|mm|cm)))",
    re.IGNORECASE,
)


def implausible_size(case: Case) -> Iterator[Discrepancy]:
    """``implausible-size``: a length that a finding or an organ cannot have."""
    measured = {
        id(m) for matches in case.matches.values() if matches.subject.lengths_mm
        for m in matches.all
    }  # fmt: skip
    organs = by_sentence(case.document, [h for h in case.document.hits if h.kind == "organ"])
    for number, sentence in enumerate(case.document.sentences):
        if sentence.section not in ("findings", "impression"):
            continue
        mentions = case.stated_in(number)
        for size in sizes_in(case.text, sentence.start, sentence.end):
            owner = next((m for m in mentions if size in m.sizes), None)
            if owner is not None and id(owner) in measured:
                continue  # compared with the measurement itself
            largest = (
                _LARGEST_FINDING.get(owner.concept)
                if owner is not None
                else _largest_of_organ(case, sentence, organs[number], size)
            )
            off = [v for v in size.values_mm if v < _LEAST_MM or (largest and v > largest)]
            if off and max(size.values_mm) > 0:
                yield _implausible(case, sentence, size)


def _largest_of_organ(
    case: Case, sentence: Sentence, organs: list[Hit], size: Size
) -> float | None:
    """The bound of the organ named last before the length, in the same clause."""
    words = case.document.words
    for clause in sentence.clauses:
        if not words[clause.first].start <= size.start < words[clause.last - 1].end:
            continue
        before = [
            hit for hit in organs
            if clause.first <= hit.first < clause.last and words[hit.last - 1].end <= size.start
        ]  # fmt: skip
        return _LARGEST_ORGAN.get(before[-1].value) if before else None
    return None


def _implausible(case: Case, sentence: Sentence, size: Size) -> Discrepancy:
    shown = case.text[size.start : size.end]
    return discrepancy(
        "implausible-size",
        "warn",
        Message(f"{shown} cannot be: check number and unit.",
                f"{shown} — невозможный размер: проверьте число и единицу."),
        spans=[case.sentence_span(sentence, size.start, size.end)],
    )  # fmt: skip


def missing_unit(case: Case) -> Iterator[Discrepancy]:
    """``unit-slip``: two axes without a unit beside a finding."""
    for number, sentence in enumerate(case.document.sentences):
        if sentence.section not in ("findings", "impression"):
            continue
        mentions = case.stated_in(number)
        if not mentions:
            continue
        for match in _BARE.finditer(case.text, sentence.start, sentence.end):
            yield discrepancy(
                "unit-slip",
                "warn",
                Message(f"{match.group().strip()} has no unit.",
                        f"У размера {match.group().strip()} нет единицы."),
                spans=[case.span(match.start(), match.start("after"))],
                fix=_unit_fix(case, mentions, match),
            )  # fmt: skip


def _unit_fix(case: Case, mentions: list[Mention], match: re.Match[str]) -> Fix | None:
    """Millimetres, where they are those of the finding that the sentence speaks of."""
    value = float(match["a"].replace(",", "."))
    for matches in case.matches.values():
        if any(m is other for m in matches.all for other in mentions) and any(
            abs(value - length) <= max(0.55, 0.02 * length) for length in matches.subject.lengths_mm
        ):
            at = match.start("after")
            return Fix(" мм" if case.document.language == "ru" else " mm", at, at)
    return None


def between_sections(case: Case) -> Iterator[Discrepancy]:
    """``measurement-value`` or ``unit-slip``: findings and impression give two sizes for one thing.

    Only where each section sizes it once, on one side, and no measurement decides.
    """
    measured = {
        id(m) for matches in case.matches.values() if matches.subject.lengths_mm
        for m in matches.all
    }  # fmt: skip
    for concluded in _sized(case, "impression"):
        if id(concluded) in measured:
            continue
        same = [m for m in _sized(case, "impression") if _may_be_same(m, concluded)]
        described = [m for m in _sized(case, "findings") if _may_be_same(m, concluded)]
        if len(same) != 1 or len(described) != 1:
            continue
        one, other = described[0], concluded
        if other.plural or one.plural or _share_a_length(one, other):
            continue
        first, second = max(one.sizes_mm), max(other.sizes_mm)
        is_slip = any(abs(first / second - ratio) <= 0.06 * ratio for ratio in (10.0, 0.1))
        yield discrepancy(
            "unit-slip" if is_slip else "measurement-value",
            "warn",
            Message(f"The findings give {first:g} mm, the impression {second:g} mm.",
                    f"В описании {number_ru(first)} мм, в заключении {number_ru(second)} мм."),
            spans=[case.place(one), case.place(other)],
        )  # fmt: skip


def _sized(case: Case, section: str) -> list[Mention]:
    return [
        m for m in case.reading.mentions
        if m.section == section and m.is_stated and m.sizes_mm and max(m.sizes_mm) > 0
    ]  # fmt: skip


def _may_be_same(one: Mention, other: Mention) -> bool:
    related = one.concept == other.concept or (
        is_near_concept(one.concept, other.concept)
        or other.concept in concept_of(one.concept).parents
    )
    return related and (one.side is None or other.side is None or one.side == other.side)


def _share_a_length(one: Mention, other: Mention) -> bool:
    """Whether some length is the same, rounded as the coarser one is shown."""
    step = max(
        (10.0 if size.unit == "cm" else 1.0) * 10.0**-size.decimals
        for size in (*one.sizes, *other.sizes)
    )
    return any(
        abs(a - b) <= max(0.55 * step, 0.05 * a) for a in one.sizes_mm for b in other.sizes_mm
    )
