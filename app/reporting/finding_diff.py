"""What changed between the findings of two versions of a report, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from app.core.finding import Finding, FindingContent, Label
from app.core.measurement import Measurement
from app.core.message import Message
from app.core.report import Language
from app.reporting.phrases import measure_in_words, phrases

ChangeKind = Literal["added", "removed", "changed"]

_STATES: Final = {
    "proposed": Message("undecided", "не решено"),
    "accepted": Message("accepted", "принята"),
    "edited": Message("edited", "изменена"),
    "rejected": Message("rejected", "отклонена"),
}
_PRESENCE: Final = {
    "present": Message("present", "есть"),
    "absent": Message("absent", "нет"),
    "uncertain": Message("uncertain", "не исключается"),
}
_SIGNIFICANCE: Final = {
    "critical": Message("critical", "критическая"),
    "significant": Message("significant", "значимая"),
    "incidental": Message("incidental", "случайная"),
    "descriptive": Message("descriptive", "описательная"),
}
_FIELDS: Final = {
    "label": Message("name", "название"),
    "state": Message("decision", "решение"),
    "presence": Message("presence", "наличие"),
    "side": Message("side", "сторона"),
    "site": Message("site", "локализация"),
    "significance": Message("significance", "значимость"),
    "outline": Message("outline", "контур"),
}
_OUTLINE: Final = (
    Message("as before", "прежний"),
    Message("drawn anew", "изменён"),
)
_PLAIN: Final = {
    "long_axis": Message("long axis", "длинная ось"),
    "short_axis": Message("short axis", "короткая ось"),
    "volume": Message("volume", "объём"),
    "area": Message("area", "площадь"),
}


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One property of a finding, before and after, in the words of both languages."""

    field: Message
    before: Message
    after: Message


@dataclass(frozen=True, slots=True)
class FindingChange:
    """A finding that came, went or is another now; ``fields`` only for a changed one."""

    uid: str
    label: Label
    kind: ChangeKind
    fields: tuple[FieldChange, ...] = ()


def finding_changes(
    before: Sequence[Finding], after: Sequence[Finding]
) -> tuple[FindingChange, ...]:
    """All changes that a reader of the report can care about, in the order of ``after``."""
    old = {finding.uid: finding for finding in before}
    new = {finding.uid: finding for finding in after}
    changes: list[FindingChange] = []
    for finding in after:
        was = old.get(finding.uid)
        if was is None:
            changes.append(FindingChange(finding.uid, finding.current.label, "added"))
            continue
        fields = tuple(_fields(was, finding))
        if fields:
            changes.append(FindingChange(finding.uid, finding.current.label, "changed", fields))
    changes += [
        FindingChange(finding.uid, finding.current.label, "removed")
        for finding in before
        if finding.uid not in new
    ]
    return tuple(changes)


def _fields(was: Finding, now: Finding) -> Iterator[FieldChange]:
    if was.state != now.state:
        yield FieldChange(_FIELDS["state"], _STATES[was.state], _STATES[now.state])
    old, new = was.current, now.current
    plain = (
        ("label", Message(old.label.en, old.label.ru), Message(new.label.en, new.label.ru)),
        ("presence", _PRESENCE[old.presence], _PRESENCE[new.presence]),
        ("side", _side(old), _side(new)),
        ("site", _site(old), _site(new)),
        ("significance", _SIGNIFICANCE[old.significance], _SIGNIFICANCE[new.significance]),
    )
    for name, before, after in plain:
        if before != after:
            yield FieldChange(_FIELDS[name], before, after)
    yield from _measures(old, new)
    masks = [c.region.mask_sha256 if c.region else "" for c in (old, new)]
    if masks[0] != masks[1]:
        yield FieldChange(_FIELDS["outline"], *_OUTLINE)


def _measures(old: FindingContent, new: FindingContent) -> Iterator[FieldChange]:
    was = {measure.kind: measure for measure in old.measurements}
    now = {measure.kind: measure for measure in new.measurements}
    for kind in dict.fromkeys((*was, *now)):
        before, after = _value(was.get(kind)), _value(now.get(kind))
        if before != after:
            yield FieldChange(_measure_name(kind), before, after)


def _measure_name(kind: str) -> Message:
    return _PLAIN.get(kind) or measure_in_words(kind)


_LANGUAGES: Final[tuple[Language, ...]] = ("en", "ru")


def _value(measure: Measurement | None) -> Message:
    if measure is None or measure.value is None:
        return Message("–", "–")
    texts = []
    for code in _LANGUAGES:
        words = phrases(code)
        unit = words.unit(measure.unit)
        number = words.number(measure.value, measure.unit)
        texts.append(number if unit in ("", "1") else f"{number} {unit}")
    return Message(*texts)


def _side(content: FindingContent) -> Message:
    if not content.laterality:
        return Message("–", "–")
    found = [phrases(code).sides.get(content.laterality, "") for code in _LANGUAGES]
    return Message(found[0] or "midline", found[1] or "по средней линии")


def _site(content: FindingContent) -> Message:
    site = content.site
    if site is None:
        return Message("–", "–")
    en = site.meaning_en or (site.code.meaning if site.code else "")
    ru = site.meaning_ru or en
    segment = f" {site.segment}" if site.segment else ""
    return Message(f"{en}{segment}".strip() or "–", f"{ru}{segment}".strip() or "–")
