"""Reading: language, negation, sides, sizes, on sentences of our own."""

from __future__ import annotations

import pytest

from app.core.errors import UnsupportedLanguage
from app.core.report import Statement
from app.reporting.extract import detect_language, extract


def said(text: str, label: str) -> Statement:
    found = [item for item in extract(text).statements if item.label == label]
    assert found, extract(text).statements
    return found[0]


@pytest.mark.parametrize(
    ("text", "label", "presence"),
    [
        ("No evidence of pneumothorax, effusion, or focal consolidation.", "lung consolidation",
         "absent"),
        ("Pneumothorax is not seen.", "pneumothorax", "absent"),
        ("The effusion has resolved.", "pleural effusion", "absent"),
        ("Pneumonia cannot be excluded.", "pneumonia", "uncertain"),
        ("Possible small left effusion.", "pleural effusion", "uncertain"),
        ("Not only nodules but also effusion.", "pulmonary nodule", "present"),
        ("No change in the left effusion.", "pleural effusion", "present"),
        ("The heart is not enlarged.", "cardiomegaly", "absent"),
        ("No effusion, but a small pneumothorax.", "pneumothorax", "present"),
        ("Пневмоторакс не выявлен.", "pneumothorax", "absent"),
        ("Жидкости в плевральных полостях нет.", "pleural effusion", "absent"),
        ("Очагов, инфильтрации, выпота не определяется.", "pulmonary nodule", "absent"),
        ("Лёгкие без очаговых теней.", "pulmonary nodule", "absent"),
        ("Выпот не увеличился.", "pleural effusion", "present"),
        ("Очаг без чётких контуров.", "pulmonary nodule", "present"),
        ("Пневмонию исключить нельзя.", "pneumonia", "uncertain"),
        ("Эмфизема, выпота нет.", "pulmonary emphysema", "present"),
        ("Выпот слева разрешился.", "pleural effusion", "absent"),
        ("Почки: конкрементов не содержат.", "kidney stone", "absent"),
    ],
)  # fmt: skip
def test_presence(text: str, label: str, presence: str) -> None:
    assert said(text, label).presence == presence


@pytest.mark.parametrize(
    ("text", "label", "side"),
    [
        ("Effusion on the left, none on the right.", "pleural effusion", "left"),
        ("Выпот в левой плевральной полости, правая свободна.", "pleural effusion", "left"),
        ("Узлы в обеих долях щитовидной железы.", "thyroid nodule", "bilateral"),
        ("Right and left effusions.", "pleural effusion", "bilateral"),
        ("Двусторонний гидроторакс.", "pleural effusion", "bilateral"),
        ("В правой доле печени киста.", "hepatic cyst", None),
        ("A nodule on the right, no effusion.", "pleural effusion", None),
        ("Справа в верхней доле очаг, выпот не определяется.", "pleural effusion", None),
        ("Справа инфильтрации нет, выпота нет.", "lung consolidation", "right"),
    ],
)
def test_side(text: str, label: str, side: str | None) -> None:
    assert said(text, label).laterality == side


@pytest.mark.parametrize(
    ("text", "label", "sizes"),
    [
        ("A 12 x 8 mm nodule.", "pulmonary nodule", (12.0, 8.0)),
        ("Nodule of 1.2 cm, previously 9 mm.", "pulmonary nodule", (12.0,)),
        ("Очаг 1,2×0,8 см (ранее 0,9×0,7 см).", "pulmonary nodule", (12.0, 8.0)),
        ("Очаг увеличился с 9 до 11 мм.", "pulmonary nodule", (11.0,)),
        ("Киста левой почки до 34 мм.", "renal cyst", (34.0,)),
        ("Множественные очаги от 3 до 9 мм.", "pulmonary nodule", ()),
        ("Очаг площадью 12 мм2.", "pulmonary nodule", ()),
    ],
)
def test_sizes(text: str, label: str, sizes: tuple[float, ...]) -> None:
    assert said(text, label).sizes_mm == sizes


def test_history_and_indication_state_nothing() -> None:
    text = "INDICATION: pneumonia?\nFINDINGS: History of pulmonary embolism.\nIMPRESSION: Normal."
    assert all(item.presence != "present" for item in extract(text).statements)


@pytest.mark.parametrize(
    ("text", "language"),
    [("The lungs are clear.", "en"), ("Лёгкие чистые, CT 5 mm.", "ru"), ("12 mm", "en"),
     ("", "en")],
)  # fmt: skip
def test_language(text: str, language: str) -> None:
    assert detect_language(text) == language


@pytest.mark.parametrize(
    "text",
    ["Die Lunge ist frei, kein Erguss und keine Infiltrate mit Befund.",
     "Плевральний випіт ліворуч, легені без змін.",
     "Les poumons sont clairs, pas d'épanchement pleural du côté droit avec.",
     "肺野清晰"],
)  # fmt: skip
def test_a_third_language_is_said_so(text: str) -> None:
    with pytest.raises(UnsupportedLanguage) as caught:
        detect_language(text)
    assert caught.value.ru
    assert caught.value.hint_ru


def test_the_strongest_statement_counts_per_concept() -> None:
    text = "FINDINGS: No right effusion. Left effusion.\nIMPRESSION: Effusion."
    assert extract(text).presence["pleural effusion"] == "present"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Плевральный выпот слева. Пневмоторакса нет.", "en"),
        ("Small left pleural effusion. No pneumothorax.", "ru"),
        ("所见：双肺纹理清晰，心影不大，双侧胸腔未见积液，纵隔居中。印象：未见异常。", "en"),
        ("Kein Pleuraerguss, die Lunge ist frei und der Befund unauffällig.", "en"),
    ],
)
def test_a_language_given_for_a_text_in_another_is_refused(text: str, language: str) -> None:
    with pytest.raises(UnsupportedLanguage):
        extract(text, language)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("CT: S3 GGO 8 mm, RADS 3.", "ru"),
        ("КТ ОГК: Lung-RADS 3, GGO S3 8 мм, выпота нет, NSIP/UIP pattern исключить.", "ru"),
        ("Pneumothorax.", "ru"),
        ("Hepatomegalia, ascites, splenomegalia.", "en"),
    ],
)
def test_a_language_given_is_believed_where_the_text_may_be_in_it(text: str, language: str) -> None:
    assert extract(text, language).language == language
