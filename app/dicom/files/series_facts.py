"""Header facts of a series that routing asks for; nothing here touches geometry (G03)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pydicom.dataset import Dataset

from app.dicom.functional_groups import FunctionalGroups
from app.dicom.tolerant import number_of, text_words_upper, words_of

SERIES_FACT_TAGS: Final = ("PatientAge", "KVP", "SliceThickness", "PatientOrientation")
_YEARS_PER: Final = {"Y": 1.0, "M": 1.0 / 12.0, "W": 1.0 / 52.1775, "D": 1.0 / 365.2425}


@dataclass(frozen=True, slots=True)
class SeriesFacts:
    """Facts of one object; None or empty where the header does not say."""

    image_type: tuple[str, ...]
    patient_orientation: tuple[str, str] | None
    slice_thickness_mm: float | None
    kernel: str
    kvp: float | None
    patient_age_years: float | None


def series_facts_of(ds: Dataset, *, birth_date: str, study_date: str) -> SeriesFacts:
    """The facts of one object; the dates are ISO 8601 and give the age where no age is stated."""
    groups = FunctionalGroups(ds)
    orientation = words_of(ds, "PatientOrientation")
    pair = (orientation[0], orientation[1]) if len(orientation) == 2 else None
    thickness = number_of(groups.holder(0, "SliceThickness"), "SliceThickness")
    age = _age_years("".join(words_of(ds, "PatientAge")[:1]))
    return SeriesFacts(
        image_type=text_words_upper(ds, "ImageType"),
        patient_orientation=pair if pair and all(pair) else None,
        slice_thickness_mm=thickness if thickness and thickness > 0 else None,
        kernel="/".join(words_of(groups.holder(0, "ConvolutionKernel"), "ConvolutionKernel")),
        kvp=number_of(ds, "KVP"),
        patient_age_years=_years_between(birth_date, study_date) if age is None else age,
    )


def merged(facts: Sequence[SeriesFacts]) -> SeriesFacts:
    """The facts of a series: the image types that all share, else the first that is known."""
    shared = set.intersection(*(set(one.image_type) for one in facts))
    orientations = {one.patient_orientation for one in facts}
    return SeriesFacts(
        image_type=tuple(word for word in facts[0].image_type if word in shared),
        patient_orientation=facts[0].patient_orientation if len(orientations) == 1 else None,
        slice_thickness_mm=next(
            (f.slice_thickness_mm for f in facts if f.slice_thickness_mm), None
        ),
        kernel=next((f.kernel for f in facts if f.kernel), ""),
        kvp=next((f.kvp for f in facts if f.kvp is not None), None),
        patient_age_years=next(
            (f.patient_age_years for f in facts if f.patient_age_years is not None), None
        ),
    )


def _age_years(text: str) -> float | None:
    """An age string (AS): ``045Y``, ``006M``, ``012D``; a bare number counts as years."""
    text = text.strip().upper()
    if text.isdigit():
        return float(text)
    if text[:-1].isdigit() and text[-1:] in _YEARS_PER:
        return int(text[:-1]) * _YEARS_PER[text[-1]]
    return None


def _years_between(birth_date: str, study_date: str) -> float | None:
    try:
        born, seen = dt.date.fromisoformat(birth_date), dt.date.fromisoformat(study_date)
    except ValueError:
        return None
    years = (seen - born).days / 365.2425
    # Anonymised dates give ages that nobody has.
    return round(years, 2) if 0 <= years < 130 else None
