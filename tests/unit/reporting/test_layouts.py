"""The same report written down in another way says the same: layouts change no meaning."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.report_layouts import LAYOUTS, rules_of
from tests.support.report_findings import checked, finding

_STUDY = {
    "modality": "CT", "body_part": "CHEST", "patient_sex": "F",
    "patient_birth_date": "1961-03-02", "study_date": "2026-02-11", "contrast": False,
    "priors": ["2025-01-20"],
}  # fmt: skip
_FINDINGS = [
    {"uid": "f1", "label": {"en": "pulmonary nodule", "ru": "очаг в лёгком"}, "state": "accepted",
     "significance": "significant", "laterality": "right",
     "measurements": [{"kind": "long_axis", "value": 9.0, "unit": "mm"}]},
    {"uid": "f2", "label": {"en": "pleural effusion", "ru": "плевральный выпот"},
     "state": "accepted", "significance": "significant", "laterality": "left"},
]  # fmt: skip
_NAMES = {"en": "Orlova^Vera", "ru": "Орлова^Вера^Ильинична"}
_CLEAN = {
    "en": (
        "CT of the chest\n"
        "Patient: Orlova Vera DOB: 02.03.1961\n"
        "Exam date: 11.02.2026\n"
        "Technique: Axial images without intravenous contrast.\n"
        "Comparison: CT of 20.01.2025.\n"
        "Findings: Solid nodule in the right upper lobe, 9 mm. Small left pleural effusion. "
        "No pneumothorax. The heart is not enlarged. Ribs are intact.\n"
        "Impression: Nodule of the right upper lobe. Left pleural effusion.\n"
    ),
    "ru": (
        "КТ органов грудной клетки\n"
        "Пациент: Орлова Вера Ильинична Дата рождения: 02.03.1961\n"
        "Дата исследования: 11.02.2026\n"
        "Методика: исследование выполнено без контрастного усиления.\n"
        "Сравнение: КТ от 20.01.2025.\n"
        "Описание: В верхней доле правого лёгкого солидный очаг 9 мм. Небольшой левосторонний "
        "плевральный выпот. Пневмоторакса нет. Сердце не увеличено. Рёбра целы.\n"
        "Заключение: Очаг верхней доли правого лёгкого. Левосторонний плевральный выпот.\n"
    ),
}
_CHANGED = {
    "en": [
        ("Small left pleural", "Small right pleural", "laterality-vs-finding"),
        ("lobe, 9 mm", "lobe, 19 mm", "measurement-value"),
        ("Small left pleural effusion. ", "No pleural effusion. ", "negated-finding"),
        ("DOB: 02.03.1961", "DOB: 02.03.1971", "wrong-identity"),
        ("Orlova Vera", "Ivanova Maria", "wrong-identity"),
        ("without intravenous", "with intravenous", "contrast-mismatch"),
        ("CT of 20.01.2025", "CT of 20.01.2024", "wrong-prior-date"),
    ],
    "ru": [
        ("Небольшой левосторонний", "Небольшой правосторонний", "laterality-vs-finding"),
        ("очаг 9 мм", "очаг 19 мм", "measurement-value"),
        ("Небольшой левосторонний плевральный выпот", "Плеврального выпота нет", "negated-finding"),
        ("рождения: 02.03.1961", "рождения: 02.03.1971", "wrong-identity"),
        ("Орлова Вера Ильинична", "Иванова Мария Петровна", "wrong-identity"),
        ("без контрастного усиления", "с контрастным усилением", "contrast-mismatch"),
        ("КТ от 20.01.2025", "КТ от 20.01.2024", "wrong-prior-date"),
    ],
}


def _rules(text: str, language: str) -> set[str]:
    study = _STUDY | {"patient_name": _NAMES[language]}
    case: dict[str, Any] = {"findings": _FINDINGS, "study": study, "lang": language}
    return {rule for rule, severity in rules_of(case, text) if severity != "note"}


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize("layout", sorted(LAYOUTS))
def test_a_clean_report_stays_clean_in_every_layout(layout: str, language: str) -> None:
    assert _rules(LAYOUTS[layout](_CLEAN[language]), language) == set()


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize("layout", sorted(LAYOUTS))
def test_an_error_is_found_in_every_layout(layout: str, language: str) -> None:
    for right, wrong, rule in _CHANGED[language]:
        assert right in _CLEAN[language]
        text = LAYOUTS[layout](_CLEAN[language].replace(right, wrong))
        assert rule in _rules(text, language), (rule, text)


_DICTATED = (
    "ct of the chest there is a nodule in the right upper lobe nine millimeters in the left "
    "pleural space a small effusion heart and mediastinum are within normal limits bones "
    "unremarkable no pneumothorax"
)


def test_words_without_any_mark_of_a_sentence_never_block() -> None:
    effusion = finding("pleural effusion", "left")
    for text in (_DICTATED, _DICTATED.upper()):
        found = checked(text, effusion, language="en", modality="CT", body_part="CHEST")
        assert all(item.severity != "block" for item in found.discrepancies)


def test_what_was_softened_says_why() -> None:
    text = _DICTATED.replace("a small effusion", "no effusion")
    found = checked(text, finding("pleural effusion", "left"), language="en", modality="CT")
    (denied,) = (item for item in found.discrepancies if item.rule == "negated-finding")
    assert denied.severity == "warn"
    assert denied.softened is not None
    assert denied.softened.was == "block"
    assert "full stops" in denied.softened.why.en
