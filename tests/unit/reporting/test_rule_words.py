"""Words of the heading that rules look at: sex, name, day, comparison, contrast."""

from __future__ import annotations

from typing import Any

import pytest

from app.core.report import StudyFacts
from app.reporting.check import check

_FACTS: dict[str, Any] = {
    "modality": "CT",
    "body_part": "CHEST",
    "patient_name": "Harlan^Douglas",
    "patient_sex": "M",
    "patient_birth_date": "1951-02-14",
    "study_date": "2025-05-20",
    "contrast": False,
    "priors": ("2024-11-12",),
}
_RU = {"patient_name": "Горбунов^Семён Ильич"}
_BODY = {
    "en": "\nFINDINGS: No nodule. No effusion.\nIMPRESSION: Normal chest.",
    "ru": "\nОписание: Очагов в лёгких нет. Выпота нет.\nЗаключение: Норма.",
}


def _rules(heading: str, **facts: Any) -> set[str]:
    language = "en" if heading.isascii() else "ru"
    given = {**_FACTS, **(_RU if language == "ru" else {}), **facts}
    result = check(heading + _BODY[language], [], StudyFacts(**given), language)
    return {item.rule for item in result.discrepancies if item.severity != "note"}


@pytest.mark.parametrize(
    ("heading", "is_wrong"),
    [
        ("CT CHEST\n74 y/o F, cough.", True),
        ("CT CHEST\n74F with cough.", True),
        ("CT CHEST\n74 y.o. M", False),
        ("CT CHEST\nSex: F", True),
        ("CT CHEST\n74 year old M", False),
        ("КТ ОГК\n74 года, жен., кашель", True),
        ("КТ ОГК\nМуж. 74 года", False),
        ("КТ ОГК\nПол: ж", True),
    ],
)
def test_the_sex_as_a_letter(heading: str, is_wrong: bool) -> None:
    assert ("sex-organ" in _rules(heading)) == is_wrong


@pytest.mark.parametrize(
    ("heading", "is_wrong"),
    [
        ("CT CHEST\nCORBETT, RAYMOND", True),
        ("CT CHEST\nHARLAN, DOUGLAS", False),
        ("CT CHEST\nCHEST, PORTABLE", False),
        ("КТ ОГК\nЗотов Михаил Игоревич", True),
        ("КТ ОГК\nГорбунов С.И., 74 года", False),
        ("КТ ОГК\nПациент Лавров К.Ю., 74 года", True),
        ("КТ ОГК\nГорбунов Семён Ильич, 14.02.1951", False),
        ("КТ ОГК\nГорбунов Семён Ильич, 17.05.1949", True),
        ("КТ ОГК\n12.05.2025, 05:40", True),
        ("КТ ОГК\n20.05.2025, 05:40", False),
        ("CT CHEST\nPerformed 05/02/2025", True),
    ],
)
def test_a_name_or_a_day_on_a_line_of_its_own(heading: str, is_wrong: bool) -> None:
    assert ("wrong-identity" in _rules(heading)) == is_wrong


@pytest.mark.parametrize(
    ("heading", "rule"),
    [
        ("CT CHEST\nPrior: 12 October 2024", "wrong-prior-date"),
        ("CT CHEST\nReference examination: 12 October 2024", "wrong-prior-date"),
        ("CT CHEST\nPrior: 12 November 2024", ""),
        ("КТ ОГК\nСравнительный анализ с КТ от 12.10.2024.", "wrong-prior-date"),
        ("КТ ОГК\nДля сравнения представлена КТ от 12.11.2024.", ""),
        ("CT CHEST\nContrast: Omnipaque 350, 90 mL", "contrast-mismatch"),
        ("CT CHEST\nContrast: none", ""),
        ("КТ ОГК\nКонтрастное усиление: не проводилось.", ""),
        ("КТ ОГК\nКонтраст: в/в 100 мл", "contrast-mismatch"),
        ("CT CHEST\nColor Doppler of the neck vessels.", "modality-mismatch"),
    ],
)
def test_comparison_contrast_and_modality(heading: str, rule: str) -> None:
    assert _rules(heading) == ({rule} if rule else set())
