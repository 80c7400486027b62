"""The ``study`` object of a case as facts for the check; what is missing or null is not known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from app.core.clinical import ClinicalFacts
from app.core.errors import InputError
from app.core.finding import Label
from app.core.report import StudyFacts
from app.core.study_details import FindingImages, RequiredItem, SeriesFacts, TechniqueFacts

_Row = Mapping[str, Any]
_Item = TypeVar("_Item")


def study_facts_from_json(data: object) -> StudyFacts:
    """Facts from the ``study`` object of a case. Raises ``InputError`` where it has no such form.

    Beside the fields of the contract: ``accession_number``, ``patient_id``, ``external_prior``,
    ``comparable_priors``, ``absent_organs``, ``known_lesions``, ``series`` [{number, images,
    slice_thickness_mm}], ``finding_images`` [{finding_uid, series, first, last}], ``technique``,
    ``clinical``, ``required`` [{label {en, ru}, words, section}], ``required_sections``.
    """
    if data is None:
        return StudyFacts()
    if not isinstance(data, Mapping):
        raise InputError(
            "The study of a case is not an object.",
            ru="Поле study не является объектом.",
            hint="Give its fields: modality, body_part, patient_sex, priors and so on.",
            hint_ru="Укажите его поля: modality, body_part, patient_sex, priors и другие.",
        )
    contrast = data.get("contrast")
    priors = data.get("priors")
    if priors is not None and not isinstance(priors, list):
        raise InputError(
            "The priors of a study are not a list of dates.",
            ru="Поле priors исследования — не список дат.",
        )
    comparable = data.get("comparable_priors")
    return StudyFacts(
        modality=_text(data, "modality"),
        body_part=_text(data, "body_part"),
        patient_name=_text(data, "patient_name"),
        patient_sex=_text(data, "patient_sex"),
        patient_birth_date=_text(data, "patient_birth_date"),
        study_date=_text(data, "study_date"),
        laterality=_text(data, "laterality"),
        contrast=contrast if isinstance(contrast, bool) else None,
        priors=None if priors is None else tuple(str(day) for day in priors),
        is_incomplete=data.get("is_incomplete") is True,
        received=_count(data, "received"),
        expected=_count(data, "expected"),
        accession_number=_text(data, "accession_number"),
        patient_id=_text(data, "patient_id"),
        comparable_priors=_texts(data, "comparable_priors") if comparable is not None else None,
        external_prior=data.get("external_prior") is True,
        series=_rows(data, "series", _series),
        finding_images=_rows(data, "finding_images", _images),
        technique=_technique(data.get("technique")),
        absent_organs=_texts(data, "absent_organs"),
        required=_rows(data, "required", _required),
        required_sections=_texts(data, "required_sections"),
        clinical=_clinical(data.get("clinical")),
        known_lesions=_texts(data, "known_lesions"),
    )


def _text(row: _Row, key: str) -> str:
    value = row.get(key)
    return "" if value is None else str(value)


def _texts(row: _Row, key: str) -> tuple[str, ...]:
    value = row.get(key)
    return tuple(str(item) for item in value) if isinstance(value, list) else ()


def _count(row: _Row, key: str) -> int | None:
    value = row.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _number(row: _Row, key: str) -> float | None:
    value = row.get(key)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number and value is not None else None


def _flag(row: _Row, key: str) -> bool | None:
    value = row.get(key)
    return value if isinstance(value, bool) else None


def _rows(row: _Row, key: str, make: Callable[[_Row], _Item | None]) -> tuple[_Item, ...]:
    value = row.get(key)
    if not isinstance(value, list):
        return ()
    made = (make(item) for item in value if isinstance(item, Mapping))
    return tuple(item for item in made if item is not None)


def _series(row: _Row) -> SeriesFacts | None:
    number, images = _count(row, "number"), _count(row, "images")
    if number is None or images is None:
        return None
    return SeriesFacts(number, images, _number(row, "slice_thickness_mm"))


def _images(row: _Row) -> FindingImages | None:
    series, first, last = (_count(row, key) for key in ("series", "first", "last"))
    if series is None or first is None:
        return None
    return FindingImages(_text(row, "finding_uid"), series, first, first if last is None else last)


def _required(row: _Row) -> RequiredItem | None:
    words, label = _texts(row, "words"), row.get("label")
    if not words:
        return None
    names = label if isinstance(label, Mapping) else {"en": words[0], "ru": words[0]}
    return RequiredItem(
        Label(_text(names, "en"), _text(names, "ru")), words, _text(row, "section")
    )  # fmt: skip


def _technique(row: object) -> TechniqueFacts:
    if not isinstance(row, Mapping):
        return TechniqueFacts()
    return TechniqueFacts(
        _number(row, "field_strength_t"),
        _number(row, "ctdi_vol_mgy"),
        _number(row, "dlp_mgy_cm"),
        _texts(row, "phases"),
    )


def _clinical(row: object) -> ClinicalFacts:
    if not isinstance(row, Mapping):
        return ClinicalFacts()
    risk = _text(row, "risk")
    return ClinicalFacts(
        age_years=_count(row, "age_years"),
        cancer=_flag(row, "cancer"),
        immunosuppressed=_flag(row, "immunosuppressed"),
        screening=_flag(row, "screening"),
        risk="low" if risk == "low" else "high" if risk == "high" else "",
    )
