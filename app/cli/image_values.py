"""What ``overread inspect`` says about the values of a stack: range, units, uptake, regions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.core.report import Message
    from app.core.study import Series, Stack, Study
    from app.dicom.stacks.stack_reader import ImageFacts, StackReader


@dataclass(frozen=True, slots=True)
class StackValues:
    """Least and greatest modality value, what else is known of them, and (code, words) on faults.

    ``described`` is None where the pixels were not looked at.
    """

    value_range: list[float] | None = None
    described: dict[str, Any] | None = None
    faults: tuple[tuple[str, Message], ...] = ()


def stack_values(study: Study, series: Series, stack: Stack) -> StackValues:
    """Read all frames of a stack; what cannot be read is a fault, never an error."""
    from app.core.errors import AppError
    from app.core.report import Message
    from app.dicom.stacks.stack_reader import StackReader

    try:
        reader = StackReader(study, series, stack)
        value_range, unreadable = _range_of(reader)
    except AppError as fault:
        return StackValues(faults=(("D12", Message(fault.message, fault.ru)),))
    faults: tuple[tuple[str, Message], ...] = ()
    if unreadable is not None:
        faults = (("D12", unreadable),)
    missing = reader.facts.acquisition.suv_missing
    if missing is not None:
        faults += (("I13", missing),)
    return StackValues(value_range, _described(reader.facts), faults)


def _range_of(reader: StackReader) -> tuple[list[float] | None, Message | None]:
    """Over all that is image; padding does not count (I09). Also why a frame is left out (D12)."""
    import numpy as np

    from app.core.errors import DicomReadError
    from app.core.report import Message

    facts = reader.facts
    ends: list[float] = []
    fault: Message | None = None
    for n in range(reader.frame_count):
        try:
            stored = reader.read_frame(n)
        except DicomReadError as error:
            fault = fault or Message(error.message, error.ru)
            continue
        if facts.padding is not None and not facts.is_color:
            stored = stored[(stored < facts.padding[0]) | (stored > facts.padding[1])]
        if stored.dtype.kind == "f":
            stored = stored[np.isfinite(stored)]  # maps say "no value" by NaN
        if stored.size:
            ends += [float(stored.min()), float(stored.max())]
    if not ends:
        return None, fault
    slope, intercept = facts.rescale.slope, facts.rescale.intercept
    extremes = sorted(end * slope + intercept for end in (min(ends), max(ends)))
    return [_plain(end) for end in extremes], fault


def _described(facts: ImageFacts) -> dict[str, Any]:
    """The facts that numbers on the image depend on (M01, M03, I02, I09, I13, I16)."""
    acquired = facts.acquisition
    suv, missing = acquired.suv, acquired.suv_missing
    return {
        "pixel_spacing_mm": facts.pixel_spacing_mm and list(facts.pixel_spacing_mm),
        "spacing_source": facts.spacing_source,
        "windows": [
            {
                "center": window.center,
                "width": window.width,
                "function": "TABLE" if window.table else window.function,
                "explanation": window.explanation,
            }
            for window in facts.windows
        ],
        "padding_stored": facts.padding and list(facts.padding),
        "lossy": acquired.lossy,
        "suv_factors": suv
        and {
            "body_weight": suv.body_weight,
            "lean_body_mass": suv.lean_body_mass,
            "body_surface": suv.body_surface,
            "missing": list(suv.missing),
        },
        "suv_missing": missing and {"text": missing.en, "text_ru": missing.ru},
        "us_regions": [
            {
                "box": [region.x0, region.y0, region.x1, region.y1],
                "delta": [region.delta_x, region.delta_y],
                "units": [region.unit_x, region.unit_y],
                "kind": region.kind,
            }
            for region in acquired.us_regions
        ],
    }


def _plain(number: float) -> float:
    """Whole numbers without a fraction, others to six significant digits."""
    return int(number) if number == int(number) else float(f"{number:.6g}")
