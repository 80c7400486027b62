"""Measurements as JSON, a part of ``overread.findings/1`` and of what ``measure`` prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.core.json_fields import invalid, list_of, number_of, one_of, text_of
from app.core.measurement import (
    Measurement,
    MeasurementStatus,
    PreviousValue,
    Reference,
    Uncertainty,
)


def measurement_to_json(item: Measurement) -> dict[str, Any]:
    """One measurement as in the contract."""
    row: dict[str, Any] = {
        "kind": item.kind,
        "value": item.value,
        "unit": item.unit,
        "method": item.method,
        "status": item.status,
        "note": item.note,
        "reference": None
        if item.reference is None
        else {
            "low": item.reference.low,
            "high": item.reference.high,
            "source": item.reference.source,
        },
    }
    # keys that came later are there only where they say something: older hashes stay what they are
    if item.reference is not None and item.reference.population:
        row["reference"]["population"] = item.reference.population
    if item.uncertainty is not None:
        row["uncertainty"] = {
            "method": item.uncertainty.method,
            "low": item.uncertainty.low,
            "high": item.uncertainty.high,
        }
    if item.previous is not None:
        row["previous"] = {
            "value": item.previous.value,
            "unit": item.previous.unit,
            "date": item.previous.date,
        }
    if item.points_lps:
        row["points_lps"] = [list(point) for point in item.points_lps]
    if item.point_names:
        row["point_names"] = list(item.point_names)
    if item.note_ru:
        row["note_ru"] = item.note_ru
    return row


def measurement_from_json(row: object, where: str) -> Measurement:
    """One measurement; method and status may be missing (``given@1``, ``valid``)."""
    if not isinstance(row, Mapping):
        raise invalid(
            where, "A measurement of {} is not an object.", "Измерение {} — не объект JSON."
        )
    value = number_of(row, "value", where)
    status: MeasurementStatus = one_of(
        row, "status", MeasurementStatus, where, default="valid" if value is not None else "absent"
    )
    reference = row.get("reference")
    previous = row.get("previous")
    earlier = number_of(previous, "value", where) if isinstance(previous, Mapping) else None
    points = list_of(row, "points_lps", where)
    try:
        return Measurement(
            kind=text_of(row, "kind") or "size",
            value=value,
            unit=text_of(row, "unit") or "1",
            method=text_of(row, "method") or "given@1",
            status=status,
            note=text_of(row, "note"),
            reference=Reference(
                number_of(reference, "low", where),
                number_of(reference, "high", where),
                text_of(reference, "source"),
                text_of(reference, "population"),
            )
            if isinstance(reference, Mapping)
            else None,
            previous=PreviousValue(earlier, text_of(previous, "unit"), text_of(previous, "date"))
            if isinstance(previous, Mapping) and earlier is not None
            else None,
            points_lps=tuple((float(p[0]), float(p[1]), float(p[2])) for p in points),
            point_names=tuple(str(name) for name in list_of(row, "point_names", where)),
            uncertainty=_uncertainty_from_json(row.get("uncertainty"), where),
            note_ru=text_of(row, "note_ru"),
        )
    except (ValueError, TypeError, IndexError) as fault:
        en, ru = "A measurement of {} is not valid", "Измерение {} недопустимо"
        raise invalid(where, f"{en}: {fault}.", f"{ru}: {fault}.") from fault


def _uncertainty_from_json(row: object, where: str) -> Uncertainty | None:
    if not isinstance(row, Mapping):
        return None
    return Uncertainty(
        text_of(row, "method"), number_of(row, "low", where), number_of(row, "high", where)
    )
