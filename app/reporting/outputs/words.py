"""The words that stand around the text of a report, in English and Russian."""

from __future__ import annotations

from typing import Final

from app.core.measurement import Measurement, MeasurementStatus
from app.core.report import Language, Message, Signature
from app.core.signing import identity_text, meaning_text
from app.reporting.phrases import phrases

WORDS: Final = {
    "title": Message("Radiology report", "Заключение врача-рентгенолога"),
    "patient": Message("Patient", "Пациент"),
    "id": Message("Patient ID", "ID пациента"),
    "born": Message("Born", "Дата рождения"),
    "sex": Message("Sex", "Пол"),
    "study": Message("Study", "Исследование"),
    "date": Message("Study date", "Дата исследования"),
    "accession": Message("Accession number", "Номер направления"),
    "referrer": Message("Referring physician", "Направивший врач"),
    "signed": Message("Signed electronically", "Подписано электронной подписью"),
    "preliminary": Message(
        "PRELIMINARY - awaits co-signature", "ПРЕДВАРИТЕЛЬНОЕ - ожидает второй подписи"
    ),
    "meaning": Message("Meaning of signature", "Значение подписи"),
    "earlier": Message("Signed before", "Подписано ранее"),
    "hash": Message("Content hash (SHA-256)", "Контрольная сумма (SHA-256)"),
    "overrides": Message(
        "Check messages the signer let stand, with reasons",
        "Замечания проверки, оставленные подписавшим, с причинами",
    ),
    "models": Message("Models used", "Использованные модели"),
    "draft": Message("DRAFT - not signed", "ЧЕРНОВИК - не подписано"),
    "version": Message("Version", "Версия"),
    "versions": Message("Earlier versions", "Предыдущие версии"),
    "page": Message("Page {page} of {pages}", "Стр. {page} из {pages}"),
    "key-images": Message("Key images", "Ключевые изображения"),
    "measurements": Message("Measurements", "Измерения"),
    "finding": Message("Finding", "Находка"),
    "measure": Message("Measure", "Показатель"),
    "value": Message("Value", "Значение"),
    "method": Message("Method", "Метод"),
    "status": Message("Status", "Статус"),
    "reference": Message("Reference", "Норма"),
    "communications": Message(
        "Critical findings, who was told", "Сообщение о критических находках"
    ),
}

_ROLES: Final = {
    "radiologist": Message("radiologist", "врач-рентгенолог"),
    "resident": Message("resident", "ординатор"),
}

_SEXES: Final = {
    "M": Message("male", "мужской"),
    "F": Message("female", "женский"),
    "O": Message("other", "иной"),
}

_STATUSES: Final[dict[MeasurementStatus, Message]] = {
    "valid": Message("valid", "достоверно"),
    "edited": Message("corrected by the reader", "исправлено врачом"),
    "truncated_fov": Message("cut by the field of view", "обрезано полем обзора"),
    "wrong_protocol": Message("other protocol than intended", "протокол не по методике"),
    "low_quality": Message("low image quality", "низкое качество снимка"),
    "absent": Message("structure not found", "структура не найдена"),
    "failed": Message("not measured", "не измерено"),
}


def word(key: str, language: Language) -> str:
    """The word of this key."""
    return WORDS[key].text(language)


def sex_word(sex: str, language: Language) -> str:
    """Sex as it is printed; what is not known as it stands."""
    return _SEXES[sex].text(language) if sex in _SEXES else sex


def how_signed(signature: Signature, language: Language) -> str:
    """What the signature means, as what its author signed, and how the author was identified."""
    parts = [meaning_text(signature.meaning), identity_text(signature.identity)]
    if signature.role in _ROLES:
        parts.insert(1, _ROLES[signature.role])
    return "; ".join(part.text(language) for part in parts)


def status_word(status: MeasurementStatus, language: Language) -> str:
    """The status of a measurement."""
    return _STATUSES[status].text(language)


def measure_name(measurement: Measurement, language: Language) -> str:
    """What was measured, never empty: the plain diameters have no name inside a sentence."""
    name = phrases(language).measure_name(measurement.kind)
    if not name:
        plain = _PLAIN.get(measurement.kind)
        name = plain.text(language) if plain else measurement.kind.replace("_", " ")
    return name[:1].upper() + name[1:]


_PLAIN: Final = {
    "long_axis": Message("long axis", "длинная ось"),
    "short_axis": Message("short axis", "короткая ось"),
    "max_diameter_3d": Message("largest diameter", "наибольший диаметр"),
    "diameter": Message("diameter", "диаметр"),
}


def value_text(measurement: Measurement, language: Language) -> str:
    """Value and unit as a report writes them; a dash where there is no value."""
    if measurement.value is None:
        return "–"
    words = phrases(language)
    unit = words.unit(measurement.unit)
    shown = words.number(measurement.value, measurement.unit)
    return shown if unit in ("", "1") else f"{shown} {unit}"


def reference_text(measurement: Measurement, language: Language) -> str:
    """The reference range without its unit, empty where there is none."""
    reference = measurement.reference
    if reference is None or (reference.low is None and reference.high is None):
        return ""
    words = phrases(language)

    def shown(value: float) -> str:
        return words.number(value, measurement.unit)

    if reference.low is None:
        return f"≤ {shown(reference.high or 0.0)}"
    if reference.high is None:
        return f"≥ {shown(reference.low)}"
    return f"{shown(reference.low)}–{shown(reference.high)}"
