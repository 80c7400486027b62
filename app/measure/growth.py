"""Growth of one lesion between two examinations: ``volume-change@1``, ``volume-doubling-time@1``.

VDT = days x ln 2 / ln(V2/V1). It is refused where the two are not comparable (kernel, algorithm,
lesion), slices are over 1.5 mm, fewer than 30 days lie between, or the change is under 25 %, which
is no growth. The bounds come from the repeatability of the ratio, plus or minus 27 %; where that
includes "no change", the bound is open.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from typing import Final

from app.core.measurement import Measurement, Uncertainty
from app.core.message import number_ru
from app.measure.methods import METHODS

NO_GROWTH_PERCENT: Final = 25.0
REPEATABILITY: Final = 0.27
SLICE_MM: Final = 1.5
LEAST_DAYS: Final = 30
_METHOD: Final = "repeatability of the ratio of volumes, plus or minus 27 %"


@dataclass(frozen=True, slots=True)
class VolumeAt:
    """One lesion at one examination. ``tracking_uid`` names the lesion, ``algorithm`` what drew
    it with its version, ``kernel`` as the scanner names it; empty: not known.
    """

    tracking_uid: str
    volume_mm3: float
    date: dt.date
    slice_mm: float | None
    kernel: str
    algorithm: str


def volume_change(first: VolumeAt, second: VolumeAt) -> Measurement:
    """Change of volume in percent of the first; ``failed`` where the two are not comparable."""
    kind = "volume_change"
    refusal = not_comparable(first, second)
    if refusal is not None:
        return _refused(kind, "%", refusal)
    value = 100.0 * (second.volume_mm3 / first.volume_mm3 - 1.0)
    ratio = second.volume_mm3 / first.volume_mm3
    spread = Uncertainty(
        _METHOD,
        100.0 * (ratio * (1.0 - REPEATABILITY) - 1.0),
        100.0 * (ratio * (1.0 + REPEATABILITY) - 1.0),
    )
    note = "Under 25 %: no growth." if abs(value) < NO_GROWTH_PERCENT else ""
    note_ru = "Менее 25 %: роста нет." if note else ""
    return Measurement(
        kind, value, "%", METHODS[kind], "valid", note, uncertainty=spread, note_ru=note_ru
    )


def volume_doubling_time(first: VolumeAt, second: VolumeAt) -> Measurement:
    """Days in which the volume doubles; negative for one that shrinks."""
    kind = "volume_doubling_time"
    refusal = not_comparable(first, second)
    if refusal is not None:
        return _refused(kind, "d", refusal)
    days = (second.date - first.date).days
    if days < LEAST_DAYS:
        return _refused(kind, "d", (f"Fewer than {LEAST_DAYS} days between.",
                                    f"Между исследованиями менее {LEAST_DAYS} дней."))  # fmt: skip
    ratio = second.volume_mm3 / first.volume_mm3
    if abs(ratio - 1.0) * 100.0 < NO_GROWTH_PERCENT:
        return _refused(kind, "d", ("The change is under 25 %: no growth.",
                                    "Изменение менее 25 %: роста нет."))  # fmt: skip
    return Measurement(
        kind, _doubling(days, ratio), "d", METHODS[kind], uncertainty=_bounds(days, ratio)
    )


def not_comparable(first: VolumeAt, second: VolumeAt) -> tuple[str, str] | None:
    """Why two volumes must not be compared, or None."""
    if first.tracking_uid != second.tracking_uid or not first.tracking_uid:
        return "Not known to be the same lesion.", "Неизвестно, тот же ли это очаг."
    if first.volume_mm3 <= 0.0 or second.volume_mm3 <= 0.0:
        return "One of the volumes is missing.", "Один из объёмов отсутствует."
    if first.algorithm != second.algorithm or not first.algorithm:
        return "Not drawn by the same algorithm.", "Обведено разными алгоритмами."
    if first.kernel != second.kernel or not first.kernel:
        return (
            "Not known to have the same kernel.",
            "Ядра различаются или неизвестны.",
        )
    for one in (first, second):
        if one.slice_mm is None:
            return "A slice thickness is not known.", "Толщина среза неизвестна."
        if one.slice_mm > SLICE_MM + 0.01:
            return (f"Slices of {one.slice_mm:g} mm, defined up to {SLICE_MM:g} mm.",
                    f"Срезы {number_ru(one.slice_mm)} мм, определено до"
                    f" {number_ru(SLICE_MM)} мм.")  # fmt: skip
    if second.date <= first.date:
        return "The second examination is not later.", "Второе исследование не позже первого."
    return None


def _doubling(days: int, ratio: float) -> float:
    return days * math.log(2.0) / math.log(ratio)


def _bounds(days: int, ratio: float) -> Uncertainty:
    """The doubling times of the ratio at both ends of its repeatability; open beyond no change."""
    slow, fast = ratio * (1.0 - REPEATABILITY), ratio * (1.0 + REPEATABILITY)
    if ratio > 1.0:
        return Uncertainty(
            _METHOD, _doubling(days, fast), _doubling(days, slow) if slow > 1.0 else None
        )
    return Uncertainty(
        _METHOD, _doubling(days, fast) if fast < 1.0 else None, _doubling(days, slow)
    )


def _refused(kind: str, unit: str, why: tuple[str, str]) -> Measurement:
    return Measurement(kind, None, unit, METHODS[kind], "failed", why[0], note_ru=why[1])
