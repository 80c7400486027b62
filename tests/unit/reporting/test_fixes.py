"""One-key fixes put the text right, in the right grammatical form."""

from __future__ import annotations

import pytest

from app.core.report import CheckResult, Discrepancy
from app.reporting.rules.laterality import opposite_word
from tests.support.report_findings import checked, finding, report, rules_of


def fix_of(result: CheckResult, rule: str) -> Discrepancy:
    return next(item for item in result.discrepancies if item.rule == rule)


def repaired(text: str, item: Discrepancy) -> str:
    assert item.fix is not None
    return text[: item.fix.start] + item.fix.insert + text[item.fix.end :]


@pytest.mark.parametrize(
    ("word", "other"),
    [("left", "right"), ("Right", "Left"), ("левой", "правой"), ("правого", "левого"),
     ("Слева", "Справа"), ("справа", "слева"), ("Левосторонний", "Правосторонний"),
     ("правосторонней", "левосторонней"), ("ЛЕВАЯ", "ПРАВАЯ"), ("двусторонний", "")],
)  # fmt: skip
def test_the_other_side_in_the_same_form(word: str, other: str) -> None:
    assert opposite_word(word) == other


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "Left pleural effusion."), ("ru", "Левосторонний плевральный выпот."),
     ("ru", "В левой плевральной полости жидкость."), ("ru", "Слева гидроторакс.")],
)  # fmt: skip
def test_a_wrong_side_is_turned_round(language: str, said: str) -> None:
    effusion = finding("pleural effusion", "right")
    text = report(language, said, "Гидроторакс." if language == "ru" else "Pleural effusion.")
    item = fix_of(checked(text, effusion, language=language), "laterality-vs-finding")
    after = repaired(text, item)
    assert "laterality-vs-finding" not in rules_of(checked(after, effusion, language=language))


@pytest.mark.parametrize(
    ("language", "said", "wanted"),
    [("en", "Left lung nodule, 19 x 11 mm.", "14 x 11 mm"),
     ("ru", "Слева в лёгком очаг 1,9х1,1 см.", "1,4х1,1 см"),
     ("ru", "Слева в лёгком очаг 14х31 мм.", "14х11 мм")],
)  # fmt: skip
def test_a_wrong_number_is_replaced_in_its_unit(language: str, said: str, wanted: str) -> None:
    nodule = finding("pulmonary nodule", "left", mm=(14.0, 11.0))
    text = report(language, said, "Nodule." if language == "en" else "Очаг слева.")
    item = fix_of(checked(text, nodule, language=language), "measurement-value")
    assert wanted in repaired(text, item)


def test_a_slipped_unit_is_replaced() -> None:
    stone = finding("kidney stone", "left", mm=(6.0,))
    text = report("ru", "Конкремент левой почки 6 см.", "МКБ.")
    item = fix_of(checked(text, stone), "unit-slip")
    assert "6 мм" in repaired(text, item)


@pytest.mark.parametrize("language", ["en", "ru"])
def test_an_omitted_finding_is_inserted_and_then_found(language: str) -> None:
    nodule = finding("pulmonary nodule", "left", ru="очаг в лёгком", mm=(14.0, 11.0))
    text = report(language, "Heart size is normal." if language == "en" else "Сердце обычное.")
    item = fix_of(checked(text, nodule, language=language), "omitted-finding")
    after = checked(repaired(text, item), nodule, language=language)
    assert "omitted-finding" not in rules_of(after)
    assert "measurement-value" not in rules_of(after)


def test_organs_of_the_other_sex_are_never_edited() -> None:
    item = fix_of(checked(report("en", "Normal prostate."), patient_sex="F"), "sex-organ")
    assert item.fix is None
