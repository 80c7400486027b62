"""Numbers: sizes in the text against the measurements of the accepted findings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.core.message import decimal, number_ru
from app.core.report import Change, Discrepancy, Fix, Message, Severity
from app.reporting.case import Case, discrepancy, name
from app.reporting.matching import compare_sites, is_same_concept, side_agrees
from app.reporting.reading.mentions import Mention
from app.reporting.reading.sizes import Size, sizes_in
from app.reporting.subjects import STABLE_MM, STABLE_SHARE, Subject

_BLOCK_MM, _BLOCK_SHARE = 2.0, 0.15
_SLIP_SHARE = 0.06  # how near to a factor of ten counts as a slip of the unit
_LITERALLY_MM = 0.9
_REACH = 3  # sentences between a finding and the sentence on its change


@dataclass(frozen=True, slots=True)
class _Fault:
    """A number that differs: which one of a size, the value it should have."""

    mention: Mention
    size: Size
    index: int
    wanted_mm: float
    slip: bool

    @property
    def severity(self) -> Severity:
        """Block beyond the larger of 2 mm and 15 %."""
        off = abs(self.size.values_mm[self.index] - self.wanted_mm)
        return "block" if off > max(_BLOCK_MM, _BLOCK_SHARE * self.wanted_mm) else "warn"


def values(case: Case) -> Iterator[Discrepancy]:
    """``measurement-value``, or ``unit-slip`` where a factor of ten explains the difference."""
    for subject in case.accepted:
        if not subject.lengths_mm:
            continue
        faults = [
            fault
            for section in ("findings", "impression")
            for fault in _faults(case, subject, section)
        ]
        if faults:
            yield _report(case, subject, faults)


def _faults(case: Case, subject: Subject, section: str) -> Iterator[_Fault]:
    mentions = case.matches[subject.uid].of(section)
    if not mentions:
        return
    sized = next((m for m in mentions if m.sizes_mm), None) or _only_sized(case, subject, section)
    if sized is None or (sized.plural and len(sized.sizes) > 1):
        return
    sizes = [size for size in sized.sizes if not size.earlier and not size.is_range]
    if sized.plural and _is_of_a_larger_one(case, subject, section, sized, sizes):
        return
    compared = [(size, _compare(subject.lengths_mm, size)) for size in sizes]
    if any(not wrong for _, wrong in compared):
        return
    size, wrong = compared[0]
    for index, wanted in wrong:
        ratio = size.values_mm[index] / wanted if wanted else 0.0
        slip = min(abs(ratio - 10.0) / 10.0, abs(ratio - 0.1) / 0.1) <= _SLIP_SHARE
        yield _Fault(sized, size, index, wanted, slip)


def _only_sized(case: Case, subject: Subject, section: str) -> Mention | None:
    """The one sized mention of the finding's own name that speaks of no other finding."""
    claimed = {
        id(m) for uid, matches in case.matches.items() if uid != subject.uid for m in matches.all
    }  # fmt: skip
    found = [
        m for m in case.reading.mentions
        if m.section == section and m.is_stated and m.sizes_mm and id(m) not in claimed
        and is_same_concept(subject.concept, m.concept) and side_agrees(subject, m) is not False
        and not compare_sites(subject, m)[1]
    ]  # fmt: skip
    return found[0] if len(found) == 1 else None


_UP_TO = re.compile(r"(?:up to|(?<!\w)до)\s*$", re.IGNORECASE)


def _is_of_a_larger_one(
    case: Case, subject: Subject, section: str, sized: Mention, sizes: Sequence[Size]
) -> bool:
    """Whether "nodules up to 10 mm" speaks of a larger one of several that share the mention."""
    if not any(_UP_TO.search(case.flat[max(0, s.start - 8) : s.start]) for s in sizes):
        return False
    shared = [
        other.lengths_mm[0]
        for other in case.accepted
        if other.lengths_mm and any(m is sized for m in case.matches[other.uid].of(section))
    ]
    return subject.lengths_mm[0] < max(shared, default=0.0)


def _compare(lengths: tuple[float, ...], size: Size) -> list[tuple[int, float]]:
    """(index of the number, value it should have) of every number that differs."""
    order = sorted(range(len(size.values_mm)), key=lambda n: -size.values_mm[n])
    if len(order) == 1 or len(lengths) == 1:
        best = min(
            ((n, length) for n in order for length in lengths),
            key=lambda pair: _relative(size.values_mm[pair[0]], pair[1]),
        )
        return [] if _fits(size.values_mm[best[0]], best[1], size) else [best]
    free = list(lengths)
    wrong: list[int] = []
    for n in order:
        fit = next((length for length in free if _fits(size.values_mm[n], length, size)), None)
        if fit is None:
            wrong.append(n)
        else:
            free.remove(fit)
    # Both sorted from the longest: the numbers that differ are paired in that order.
    return list(zip(wrong, sorted(free, reverse=True), strict=False))


def _relative(one: float, other: float) -> float:
    return abs(one - other) / max(one, other, 0.1)


def _fits(shown: float, measured: float, size: Size) -> bool:
    """Whether a shown number is the measured one, rounded as it is shown."""
    step = (10.0 if size.unit == "cm" else 1.0) * 10.0**-size.decimals
    return abs(shown - measured) <= max(0.55 * step, 0.02 * measured)


def _report(case: Case, subject: Subject, faults: list[_Fault]) -> Discrepancy:
    first = faults[0]
    slip = first.slip
    shown = case.text[first.size.start : first.size.end]
    wanted = _number(first.wanted_mm, "mm", 1, comma=False)
    spans = [case.place(fault.mention) for fault in faults]
    severity: Severity = "block" if any(f.severity == "block" for f in faults) else "warn"
    if slip:
        message = Message(
            f"Unit slip: {name(subject, 'en')} measures {wanted} mm, the report says {shown}.",
            f"Ошибка в единицах: размер находки {name(subject, 'ru')} — {wanted.replace('.', ',')} "
            f"мм, в отчёте {shown}.",
        )
    else:
        message = Message(
            f"{name(subject, 'en')} measures {wanted} mm, the report says {shown}.",
            f"Размер находки {name(subject, 'ru')} — {wanted.replace('.', ',')} мм, в отчёте "
            f"{shown}.",
        )
    return discrepancy(
        "unit-slip" if slip else "measurement-value",
        "block" if slip else severity,
        message,
        subject=subject,
        spans=list(dict.fromkeys(spans)),
        fix=_fix(case, first),
    )


def _fix(case: Case, fault: _Fault) -> Fix:
    """The unit where only that slipped, else the number in the unit and form of the text."""
    size = fault.size
    if fault.slip and len(size.values_mm) == 1:
        tail = case.text[size.numbers[-1][1] : size.end]
        swapped = _swap_unit(tail)
        if swapped != tail:
            return Fix(swapped, size.numbers[-1][1], size.end)
    start, end = size.numbers[fault.index]
    comma = "," in case.text[size.start : size.end] or case.document.language == "ru"
    return Fix(_number(fault.wanted_mm, size.unit, max(size.decimals, 1), comma=comma), start, end)


def _swap_unit(text: str) -> str:
    for one, other in (("мм", "см"), ("см", "мм"), ("mm", "cm"), ("cm", "mm")):
        if one in text:
            return text.replace(one, other)
    return text


def _number(value_mm: float, unit: str, decimals: int, *, comma: bool) -> str:
    value = value_mm / 10.0 if unit == "cm" else value_mm
    text = f"{value:.{decimals}f}".rstrip("0").rstrip(".")
    return decimal(text, "ru") if comma else text


def interval_change(case: Case) -> Iterator[Discrepancy]:
    """``interval-change-contradiction``: the word for the change against the two sizes."""
    for number, sentence in enumerate(case.document.sentences):
        said = case.reading.changes[number]
        if said is None or said == "new":
            continue
        if sentence.section == "findings":
            subject = _subject_of_change(case, number)
        elif sentence.section == "impression":
            subject = _concluded(case, number)
        else:
            continue
        if subject is None or said in _measured_change(subject):
            continue
        yield discrepancy(
            "interval-change-contradiction",
            "warn",
            Message(
                f"The report calls {name(subject, 'en')} {_SAID[said][0]}; measured: "
                f"{subject.earlier_mm[0]:g} mm before, {subject.lengths_mm[0]:g} mm now.",
                f"Динамика находки {name(subject, 'ru')} в отчёте — «{_SAID[said][1]}», "
                f"измерено: было {number_ru(subject.earlier_mm[0])} мм, стало "
                f"{number_ru(subject.lengths_mm[0])} мм.",
            ),
            subject=subject,
            spans=[case.sentence_span(sentence, sentence.start, sentence.start + 80)],
        )


def _concluded(case: Case, number: int) -> Subject | None:
    """The only finding that sentence ``number`` of the impression names, where it was measured."""
    named = [
        matches.subject for matches in case.matches.values()
        if any(m.sentence == number for m in matches.of("impression"))
    ]  # fmt: skip
    if len(named) != 1 or not (named[0].lengths_mm and named[0].earlier_mm):
        return None
    return named[0]


def _subject_of_change(case: Case, number: int) -> Subject | None:
    """The finding that sentence ``number`` speaks of: by its earlier size, else the last named."""
    sentence = case.document.sentences[number]
    earlier = [
        value
        for size in sizes_in(case.text, sentence.start, sentence.end)
        if size.earlier
        for value in size.values_mm
    ]
    best: tuple[int, Subject] | None = None
    for subject in case.accepted:
        if not subject.lengths_mm or not subject.earlier_mm:
            continue
        named = [
            m.sentence
            for m in case.matches[subject.uid].of("findings")
            if number - _REACH <= m.sentence <= number
        ]
        if not named:
            continue
        if earlier and not any(
            abs(value - known) <= max(1.0, 0.1 * known)
            for value in earlier
            for known in subject.earlier_mm
        ):
            continue
        if best is None or max(named) > best[0]:
            best = (max(named), subject)
    return best[1] if best else _subject_of_sizes(case, number)


def _subject_of_sizes(case: Case, number: int) -> Subject | None:
    """The only finding both of whose sizes stand in the sentence, whatever it is called there."""
    sentence = case.document.sentences[number]
    shown = [
        value
        for size in sizes_in(case.text, sentence.start, sentence.end)
        for value in size.values_mm
    ]
    found = [
        subject for subject in case.accepted
        if subject.lengths_mm and subject.earlier_mm
        and all(
            any(abs(value - known) <= max(0.55, 0.02 * known) for value in shown)
            for known in (subject.lengths_mm[0], subject.earlier_mm[0])
        )
        and abs(subject.lengths_mm[0] - subject.earlier_mm[0]) >= _LITERALLY_MM
    ]  # fmt: skip
    return found[0] if len(found) == 1 else None


_SAID: dict[str, tuple[str, str]] = {
    "stable": ("stable", "без динамики"),
    "larger": ("larger", "увеличение"),
    "smaller": ("smaller", "уменьшение"),
}


def _measured_change(subject: Subject) -> set[Change]:
    """The words that the measured change allows; near the limit two of them."""
    now, before = subject.lengths_mm[0], subject.earlier_mm[0]
    off = now - before
    limit = max(STABLE_MM, STABLE_SHARE * before)
    allowed: set[Change] = set()
    if abs(off) <= limit:
        allowed.add("stable")
    if off >= _LITERALLY_MM:  # the word is true, however little it is
        allowed.add("larger")
    if off <= -_LITERALLY_MM:
        allowed.add("smaller")
    return allowed
