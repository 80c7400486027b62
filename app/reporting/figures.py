"""Measurements in the words of a report: size, volume, the rest, and what changed.

A length under 10 mm has one decimal, from 10 mm on none; a value whose mask is cut off is a lower
bound and says so; a value that is not to be trusted is left out (``left_out`` says which and why).
Standard library only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from app.core.measurement import Measurement, PreviousValue
from app.core.message import decimal
from app.core.report import Change, Language, Message
from app.reporting.dates import iso_date
from app.reporting.phrases import phrases
from app.reporting.subjects import STABLE_MM, STABLE_SHARE

_PAIRS = (("long_axis", "short_axis"), ("nodule_long_axis", "nodule_short_axis"))
_SIZES = (
    "long_axis", "nodule_long_axis", "diameter", "size", "extent", "ap_size", "stone_diameter",
    "displacement", "thickness", "max_diameter_3d",
)  # fmt: skip
_VOLUMES = ("volume", "effusion_volume", "nodule_volume", "stone_volume", "hemorrhage_volume")
# Said by the size already, or of no use in a sentence.
_BESIDE_A_SIZE = frozenset({"max_diameter_3d", "nodule_effective_diameter", "centroid"})
_SHOWN = frozenset({"valid", "edited"})
_LOWER_BOUND = "truncated_fov"
# Of a mask that is cut off only what grows with it has a lower bound; a mean or a share has none.
_EXTENSIVE = frozenset({"mm", "cm", "mm2", "cm2", "mm3", "cm3", "mL", "g"})
_MOST_EXTRAS = 3
_STABLE_VOLUME_SHARE = 0.25
_SMALL = {"mm": 10.0, "mL": 10.0, "%": 10.0, "cm2": 1000.0, "cm": 1000.0, "1": 10.0}
_FEW_DECIMALS = {"mm": 1, "mL": 1, "%": 1, "cm2": 1, "cm": 1, "1": 2}
_WHOLE_KINDS = frozenset({"agatston", "coronary_agatston"})
_WHY_NOT: dict[str, Message] = {
    "truncated_fov": Message("cut off at the edge of the images", "не полностью в поле съёмки"),
    "wrong_protocol": Message("the protocol does not allow it", "протокол не позволяет"),
    "low_quality": Message("the image quality is too low", "качество изображений недостаточно"),
    "absent": Message("not in the images", "нет на изображениях"),
    "failed": Message("the measurement failed", "измерить не удалось"),
}


@dataclass(frozen=True, slots=True)
class Figures:
    """What is said of a finding's measurements.

    ``size`` is bare ("12 × 8 mm"), ``at_least`` marks it as a lower bound; ``volume`` bare as well;
    ``extras`` are whole phrases; ``change`` and ``earlier`` speak of the size against an earlier
    study. Empty strings where there is nothing.
    """

    size: str = ""
    size_kind: str = ""
    longest_mm: float | None = None
    at_least: bool = False
    volume: str = ""
    volume_at_least: bool = False
    extras: tuple[str, ...] = ()
    earlier: str = ""
    change: Change | None = None
    volume_earlier: str = ""
    extras_at_least: bool = False

    @property
    def is_cut_off(self) -> bool:
        """Whether some value is a lower bound only."""
        return self.at_least or self.volume_at_least or self.extras_at_least


def figures_of(
    measurements: Sequence[Measurement],
    language: Language,
    priors: tuple[str, ...] | None = None,
    *,
    most_extras: int = _MOST_EXTRAS,
) -> Figures:
    """The figures of one finding. ``priors`` are known dates of earlier studies: no other date is
    written (None: nothing is known, any date is).
    """
    usable = [m for m in measurements if _is_stated(m)]
    size, taken = _size(usable)
    volume = next((m for m in usable if m.kind in _VOLUMES), None)
    taken |= {id(volume)} if volume is not None else set()
    extras = [m for m in usable if id(m) not in taken and not (size and m.kind in _BESIDE_A_SIZE)]
    first = size[0] if size else None
    return Figures(
        size=_lengths(size, language),
        size_kind=first.kind if first else "",
        longest_mm=_millimetres(first) if first else None,
        at_least=any(m.status == _LOWER_BOUND for m in size),
        volume=value_text(volume, language) if volume is not None else "",
        volume_at_least=volume is not None and volume.status == _LOWER_BOUND,
        extras=tuple(_extra(m, language) for m in extras[:most_extras]),
        earlier=_earlier(size, language, priors),
        change=_change(first) if first else None,
        volume_earlier=_volume_earlier(volume, language, priors),
        extras_at_least=any(m.status == _LOWER_BOUND for m in extras[:most_extras]),
    )


def left_out(measurements: Sequence[Measurement]) -> tuple[tuple[Measurement, Message], ...]:
    """Measurements that no sentence states, each with the reason."""
    return tuple(
        (m, _reason(m)) for m in measurements if m.status not in _SHOWN and not _is_stated(m)
    )


def _is_stated(m: Measurement) -> bool:
    if m.value is None:
        return False
    return m.status in _SHOWN or (m.status == _LOWER_BOUND and m.unit in _EXTENSIVE)


def why_nothing(measurements: Sequence[Measurement]) -> Message | None:
    """The reason why a structure has no number that may be stated; None: it was not measured."""
    reasons = [_WHY_NOT.get(m.status) for m in measurements]
    return next((reason for reason in reasons if reason is not None), None)


def cut_off(language: Language) -> str:
    """What is added to a lower bound."""
    return _WHY_NOT[_LOWER_BOUND].text(language)


def number(value: float, unit: str, language: Language, kind: str = "") -> str:
    """``value`` rounded for its unit, with the language's decimal mark."""
    decimals = _FEW_DECIMALS.get(unit, 0)
    if kind in _WHOLE_KINDS or abs(round(value, decimals)) >= _SMALL.get(unit, 0.0):
        decimals = 0
    text = f"{value:.{decimals}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    if float(text) == 0.0 and value != 0.0:
        text = "<0.1" if unit == "%" and value > 0.0 else f"{value:.2g}"
    text = text.replace("-", "−")
    return decimal(text, language)


_LUNG = re.compile(r"\b(?:of )?(?:the )?lung\b ?|(?<=\w) лёгк(?:ого|их)\b", re.IGNORECASE)


def without_organ(extra: str, structure: str) -> str:
    """ "Right lung: below −950 HU", not "Right lung: lung below −950 HU"."""
    is_lung = re.search(r"lung|лёгк", structure, re.IGNORECASE)
    return re.sub(r"\s+", " ", _LUNG.sub("", extra)).strip() if is_lung else extra


def date_text(iso: str, language: Language) -> str:
    """A date as a report writes it, empty where it is none."""
    day = iso_date(iso)
    if day is None:
        return ""
    if language == "ru":
        return f"{day:%d.%m.%Y}"
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _size(usable: Sequence[Measurement]) -> tuple[list[Measurement], set[int]]:
    """The measurement (or pair of axes) that is the finding's size."""
    lengths = {m.kind: m for m in reversed(usable) if m.unit in ("mm", "cm")}
    for long_kind, short_kind in _PAIRS:
        long_axis, short_axis = lengths.get(long_kind), lengths.get(short_kind)
        if long_axis and short_axis and long_axis.unit == short_axis.unit:
            return [long_axis, short_axis], {id(long_axis), id(short_axis)}
    for kind in _SIZES:
        if kind in lengths:
            return [lengths[kind]], {id(lengths[kind])}
    return [], set()


def _lengths(size: Sequence[Measurement], language: Language) -> str:
    if not size:
        return ""
    return _joined([m.value or 0.0 for m in size], size[0].unit, language)


def _joined(values: Sequence[float], unit: str, language: Language) -> str:
    """``12 × 8 mm``: where the first is written whole, so is the second."""
    limit = _SMALL.get(unit, 0.0)
    is_whole = any(abs(round(value, 1)) >= limit for value in values)
    write = _whole if is_whole else number
    shown = [write(value, unit, language) for value in values]
    return f"{' × '.join(shown)} {phrases(language).unit(unit)}"


def _whole(value: float, unit: str, language: Language) -> str:
    text = f"{value:.0f}"
    return text if text != "0" else number(value, unit, language)


def value_text(m: Measurement, language: Language) -> str:
    """One value with its unit, rounded as a report rounds."""
    unit = phrases(language).unit(m.unit)
    return f"{number(m.value or 0.0, m.unit, language, m.kind)} {unit}".strip()


def _extra(m: Measurement, language: Language) -> str:
    name = phrases(language).measure_name(m.kind)
    bound = f"{_AT_LEAST[language]} " if m.status == _LOWER_BOUND else ""
    return re.sub(r"\s+", " ", f"{name} {bound}{value_text(m, language)}").strip()


_AT_LEAST: dict[Language, str] = {"en": "at least", "ru": "не менее"}


def at_least(text: str, language: Language, *, bound: bool) -> str:
    """The value as a lower bound, where it is one."""
    return f"{_AT_LEAST[language]} {text}" if bound and text else text


def _millimetres(m: Measurement) -> float | None:
    return None if m.value is None else m.value * (10.0 if m.unit == "cm" else 1.0)


def _previous(m: Measurement | None) -> PreviousValue | None:
    if m is None or m.previous is None or m.previous.unit != m.unit or m.status not in _SHOWN:
        return None
    return m.previous


def _earlier(
    size: Sequence[Measurement], language: Language, priors: tuple[str, ...] | None
) -> str:
    before = [_previous(m) for m in size]
    if not before or before[0] is None:
        return ""
    values = [p.value for p in before if p is not None]
    text = _joined(values, before[0].unit, language)
    return _dated(text, before[0].date, language, priors)


def _volume_earlier(
    volume: Measurement | None, language: Language, priors: tuple[str, ...] | None
) -> str:
    before = _previous(volume)
    if before is None or volume is None or volume.value is None or before.value <= 0:
        return ""
    unit = phrases(language).unit(before.unit)
    text = f"{number(before.value, before.unit, language)} {unit}"
    share = volume.value / before.value - 1.0
    percent = number(abs(100.0 * share), "%", language)
    if abs(share) < _STABLE_VOLUME_SHARE:
        said = {"en": "no change beyond uncertainty", "ru": "изменение в пределах погрешности"}
        return f"{_dated(text, before.date, language, priors)}, {said[language]}"
    sign = "+" if share > 0 else "−"
    return f"{_dated(text, before.date, language, priors)}, {sign}{percent} %"


def _dated(text: str, date: str, language: Language, priors: tuple[str, ...] | None) -> str:
    day = iso_date(date)
    is_known = priors is None or day in [iso_date(prior) for prior in priors]
    shown = date_text(date, language) if day is not None and is_known else ""
    before = {"en": "previously", "ru": "ранее"}[language]
    return f"{before} {text} ({shown})" if shown else f"{before} {text}"


def _change(m: Measurement) -> Change | None:
    before = _previous(m)
    if before is None or m.value is None:
        return None
    scale = 10.0 if m.unit == "cm" else 1.0
    off = (m.value - before.value) * scale
    if abs(off) <= max(STABLE_MM, STABLE_SHARE * before.value * scale):
        return "stable"
    return "larger" if off > 0 else "smaller"


def _reason(m: Measurement) -> Message:
    known = _WHY_NOT.get(m.status, Message(m.status, m.status))
    if not m.note:
        return known
    return Message(m.note.rstrip("."), (m.note_ru or known.ru).rstrip("."))
