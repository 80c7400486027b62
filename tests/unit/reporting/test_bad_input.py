"""Whatever the text is: an answer, never an exception, never a block that points at nothing."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.errors import UnsupportedLanguage
from app.core.report import CheckResult, Language
from app.reporting.check import check
from app.reporting.facts_json import study_facts_from_json
from tests.support.report_findings import checked, finding, rules_of

NODULE = finding("pulmonary nodule", "left", ru="очаг в лёгком", mm=(14.0, 11.0), uid="f1")
GONE = finding("pleural effusion", "right", ru="плевральный выпот", state="rejected", uid="f2")
FACTS = study_facts_from_json(
    {
        "modality": "CT", "body_part": "CHEST", "patient_sex": "F", "patient_name": "Green^Mary",
        "patient_birth_date": "1960-02-03", "study_date": "2026-01-10", "laterality": "R",
        "contrast": False, "priors": ["2025-01-10"], "accession_number": "A-1",
        "series": [{"number": 2, "images": 40, "slice_thickness_mm": 1.0}],
    }
)  # fmt: skip
ENGLISH = (
    "CT of the chest\nTECHNIQUE: no contrast.\nFINDINGS: Solid 14 x 11 mm nodule in the left upper "
    "lobe. No pleural effusion.\nIMPRESSION: Left lung nodule, 14 mm.\n"
)
RUSSIAN = (
    "КТ органов грудной клетки\nБез контраста.\nВ верхней доле левого лёгкого солидный очаг "
    "14х11 мм. Выпота нет.\nЗАКЛЮЧЕНИЕ: Очаг левого лёгкого 14 мм.\n"
)


def _checked(text: str, language: Language) -> CheckResult:
    return check(text, [NODULE, GONE], FACTS, language)


def _require_sense(result: CheckResult, text: str) -> None:
    for item in result.discrepancies:
        assert item.message.en
        assert item.message.ru
        assert item.severity != "block" or item.spans or item.finding_uid, item.rule
        for span in item.spans:
            assert 0 <= span.start <= span.end <= len(text)
            assert text[span.start : span.end] == span.text
        if item.fix is not None:
            assert 0 <= item.fix.start <= item.fix.end <= len(text)


SHAPES = {
    "empty": "", "blank": " \n\t\n", "one word": "Normal", "no sections": "clear lungs",
    "only an impression": "Impression: Left lung nodule, 14 x 11 mm.",
    "capitals": ENGLISH.upper(),
    "dictated": "ct chest no contrast there is a left upper lobe nodule fourteen by eleven "
                "millimetres no effusion impression left lung nodule",
    "html": f"<html><body><p>{ENGLISH.replace(chr(10), '<br/>')}</p>&nbsp;&lt;b&gt;</body></html>",
    "mixed": f"{ENGLISH}\n{RUSSIAN}",
    "noise": "F1NDlNGS: S0lid n0dule ln the 1eft 1ung, l4 x ll mm..,, No effu5ion ~~ |||\nlMPRESS"
             "ION: n0dule",
    "right to left": f"\u202e{ENGLISH}\u202c\u200f",
    "brackets": "((((((((((((" + "[" * 40 + "]" * 3,
    "numbers": "1.2.3.4.5 12:30 31.02.2024 99/99/9999 1e9 -5 mm 0 mm 000 x 000 mm",
    "other line ends": ENGLISH.replace("\n", "\r\n"),
    "nothing but marks": "!?.,;:—–-…«»“”„\u00a0\ufeff\u0000",
}  # fmt: skip


@pytest.mark.parametrize("text", SHAPES.values(), ids=SHAPES.keys())
def test_every_shape_of_text_gets_an_answer(text: str) -> None:
    _require_sense(_checked(text, "en"), text)


def test_a_forty_page_report_gets_one_too() -> None:
    text = "FINDINGS:\n" + "".join(
        f"The liver measures {120 + n % 40} mm. No focal lesion is seen in segment {n % 8 + 1}. "
        for n in range(1000)
    )
    text += "\nIMPRESSION: Normal.\n"
    result = check(text, [NODULE], FACTS, "en")
    _require_sense(result, text)
    assert "omitted-finding" in rules_of(result)


def test_a_report_of_another_patient_is_blocked() -> None:
    text = f"Patient: Brown John, DOB 01.02.1950\n{ENGLISH}"
    result = _checked(text, "en")
    assert result.verdict == "blocked"
    assert "wrong-identity" in rules_of(result)
    _require_sense(result, text)


@pytest.mark.parametrize("text", [ENGLISH.upper(), ENGLISH.replace("\n", "\r\n"),
                                  f"<p>{ENGLISH}</p>", RUSSIAN.upper(), RUSSIAN])  # fmt: skip
def test_dressing_makes_no_false_block(text: str) -> None:
    language: Language = "ru" if re.search("[А-Я]", text) else "en"
    blocked = {d.rule for d in _checked(text, language).discrepancies if d.severity == "block"}
    assert not blocked


@given(st.text(max_size=400))
@settings(max_examples=60, deadline=None)
def test_any_text_at_all(text: str) -> None:
    for language in ("en", "ru"):
        try:
            result = check(text, [NODULE, GONE], FACTS, language)
        except UnsupportedLanguage:
            continue
        _require_sense(result, text)


@given(st.integers(0, len(ENGLISH)), st.integers(0, len(RUSSIAN)), st.booleans())
@settings(max_examples=40, deadline=None)
def test_any_cut_of_a_report(english: int, russian: int, swapped: bool) -> None:
    text = ENGLISH[english:] + RUSSIAN[:russian] if swapped else RUSSIAN[russian:]
    for language in ("en", "ru"):
        try:
            _require_sense(_checked(text, language), text)
        except UnsupportedLanguage:
            continue


@given(st.permutations([NODULE, GONE, finding("rib fracture", "left", uid="f3")]))
@settings(max_examples=6, deadline=None)
def test_the_order_of_the_findings_changes_nothing(findings: list[object]) -> None:
    one = checked(ENGLISH, *findings)  # type: ignore[arg-type]
    other = checked(ENGLISH, *reversed(findings))  # type: ignore[arg-type]
    assert one.discrepancies == other.discrepancies
    assert one.findings_sha256 == other.findings_sha256
