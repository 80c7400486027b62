"""The same report in other clothes says the same: wrapping, line ends, ё, multiplication signs."""

from __future__ import annotations

import textwrap
from collections.abc import Callable

import pytest

from tests.support.report_findings import checked, finding, rules_of

ENGLISH = (
    "CT of the chest\n"
    "FINDINGS: There is a solid nodule with lobulated margins in the left upper lobe measuring "
    "14 x 11 mm. The right pleural space contains a layering effusion, 22 mm in depth. No "
    "pneumothorax or consolidation, and the heart is not enlarged at all in this examination.\n"
    "IMPRESSION: Left upper lobe nodule, 14 x 11 mm. Right pleural effusion.\n"
)
RUSSIAN = (
    "КТ органов грудной клетки\n"
    "ОПИСАНИЕ: В верхней доле левого лёгкого определяется солидный очаг с волнистым контуром "
    "размерами 14 x 11 мм. В правой плевральной полости свободная жидкость слоем до 22 мм. "
    "Инфильтративных изменений и пневмоторакса не выявлено, сердце не расширено.\n"
    "ЗАКЛЮЧЕНИЕ: Очаг верхней доли левого лёгкого. Правосторонний гидроторакс.\n"
)
FORMS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "wrapped": lambda text: "\n".join(textwrap.fill(line, 60) for line in text.split("\n")),
    "windows": lambda text: text.replace("\n", "\r\n"),
    "no yo": lambda text: text.replace("ё", "е"),
    "hard blanks": lambda text: text.replace(" мм", "\u00a0мм").replace(" mm", "\u00a0mm"),
    "cross": lambda text: text.replace("14 x 11", "14×11"),
    "cyrillic x": lambda text: text.replace("14 x 11", "14х11"),
    "centimetres": lambda text: text.replace("14 x 11 мм", "1,4 х 1,1 см").replace(
        "14 x 11 mm", "1.4 x 1.1 cm"
    ),
    "a sentence a line": lambda text: text.replace(". ", ".\n"),
    "header alone": lambda text: text.replace(": ", "\n"),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("text", [ENGLISH, RUSSIAN], ids=["en", "ru"])
def test_a_right_report_is_clean_in_every_form(text: str, form: str) -> None:
    nodule = finding("pulmonary nodule", "left", uid="a", mm=(14.0, 11.0))
    effusion = finding("pleural effusion", "right", uid="b", mm=(22.0,))
    gone = finding("pneumothorax", "right", uid="c", state="rejected")
    result = checked(FORMS[form](text), nodule, effusion, gone, modality="CT", patient_sex="M")
    assert result.verdict == "clean", result.discrepancies


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("text", [ENGLISH, RUSSIAN], ids=["en", "ru"])
def test_faults_are_found_in_every_form(text: str, form: str) -> None:
    nodule = finding("pulmonary nodule", "left", uid="a", mm=(19.0, 11.0))
    effusion = finding("pleural effusion", "left", uid="b", mm=(22.0,))
    heart = finding("cardiomegaly", uid="c")
    stone = finding("gallstone", uid="d")
    result = checked(FORMS[form](text), nodule, effusion, heart, stone)
    assert rules_of(result) >= {
        "measurement-value", "laterality-vs-finding", "negated-finding", "omitted-finding",
    }  # fmt: skip
