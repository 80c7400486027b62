"""From spoken words to report text: punctuation, numbers, commands, in both languages."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.reporting.dictation.port import Language
from app.reporting.dictation.spoken import Command, Insert, fitted, joined, steps_of


def text_of(heard: str, language: Language) -> str:
    text = ""
    for step in steps_of(heard, language):
        assert isinstance(step, Insert), step
        text = joined(text, step.text)
    return text


@pytest.mark.parametrize(
    ("heard", "written"),
    [
        ("no pleural effusion period", "No pleural effusion."),
        ("no effusion comma no pneumothorax full stop", "No effusion, no pneumothorax."),
        ("nodule twelve by eight millimeters", "Nodule 12 x 8 mm"),
        ("nodule 12 by 8 mm period", "Nodule 12 x 8 mm."),
        ("mass three point five by two point one centimeters", "Mass 3.5 x 2.1 cm"),
        ("cyst two and a half centimeters", "Cyst 2.5 cm"),
        ("volume one hundred and twenty five milliliters", "Volume 125 ml"),
        ("density minus ninety hounsfield units", "Density minus 90 HU"),
        ("stenosis of seventy percent", "Stenosis of 70%"),
        ("two nodules in the left lung", "Two nodules in the left lung"),
        ("one of the cysts", "One of the cysts"),
        ("image forty two series three", "Image 42 series 3"),
        ("disc bulge at l four l five period", "Disc bulge at L4-L5."),
        ("nodule in segment six", "Nodule in segment 6"),
        ("compared with two thousand twenty four", "Compared with 2024"),
        ("compared with twenty twenty four", "Compared with 2024"),
        ("over a period of time period", "Over a period of time."),
        ("the colon is normal period", "The colon is normal."),
        ("stable open parenthesis series two close parenthesis", "Stable (series 2)"),
        ("first line new line second line", "First line\nSecond line"),
        ("lungs are clear period new paragraph heart is normal period",
         "Lungs are clear.\n\nHeart is normal."),
        ("nine hundred ninety nine", "999"),
        ("eleven point zero five millimeters", "11.05 mm"),
        ("12.5 millimeters", "12.5 mm"),
        ("Lungs are clear. No effusion.", "Lungs are clear. No effusion."),
        ("", ""),
    ],
)  # fmt: skip
def test_english(heard: str, written: str) -> None:
    assert text_of(heard, "en") == written


@pytest.mark.parametrize(
    ("heard", "written"),
    [
        ("плевральный выпот не определяется точка", "Плевральный выпот не определяется."),
        ("выпота нет запятая пневмоторакса нет точка", "Выпота нет, пневмоторакса нет."),
        ("очаг двенадцать на восемь миллиметров", "Очаг 12 × 8 мм"),
        ("очаг размером двенадцати на восьми миллиметров", "Очаг размером 12 × 8 мм"),
        ("узел одна целая две десятых сантиметра", "Узел 1,2 см"),
        ("узел ноль целых пять десятых сантиметра", "Узел 0,5 см"),
        ("киста одна целая пять сотых миллилитра", "Киста 1,05 мл"),
        ("размером три запятая пять на два запятая один сантиметра", "Размером 3,5 × 2,1 см"),
        ("киста полтора сантиметра", "Киста 1,5 см"),
        ("киста две с половиной сантиметра", "Киста 2,5 см"),
        ("объёмом сто двадцать пять миллилитров", "Объёмом 125 мл"),
        ("плотностью сорок единиц хаунсфилда", "Плотностью 40 HU"),
        ("стеноз до семидесяти процентов точка", "Стеноз до 70%."),
        ("два очага в левом лёгком", "Два очага в левом лёгком"),
        ("в сегменте шесть", "В сегменте 6"),
        ("в эс шесть правого лёгкого", "В S6 правого лёгкого"),
        ("протрузия эль четыре эль пять", "Протрузия L4-L5"),
        ("один запятая два запятая три", "Один, два, три"),
        ("болевая точка справа точка", "Болевая точка справа."),
        ("лёгкие чистые точка с новой строки сердце без особенностей точка",
         "Лёгкие чистые.\nСердце без особенностей."),
        ("выпот точка с запятой ателектаз", "Выпот; ателектаз"),
        ("без динамики точка абзац печень не увеличена", "Без динамики.\n\nПечень не увеличена"),
        ("две тысячи двадцать четыре", "2024"),
        ("киста 12 на 8 миллиметров", "Киста 12 × 8 мм"),
        ("открыть скобку серия два закрыть скобку", "(серия 2)"),
    ],
)  # fmt: skip
def test_russian(heard: str, written: str) -> None:
    assert text_of(heard, "ru") == written


@pytest.mark.parametrize(
    ("language", "heard", "steps"),
    [
        ("en", "impression section no acute disease period",
         (Command("section", "impression"), Insert("no acute disease."))),
        ("en", "lungs are clear period next field normal",
         (Insert("lungs are clear."), Command("next_field"), Insert("normal"))),
        ("en", "undo that", (Command("undo"),)),
        ("en", "undo", (Command("undo"),)),
        ("en", "findings section", (Command("section", "findings"),)),
        ("ru", "раздел заключение пневмония точка",
         (Command("section", "impression"), Insert("пневмония."))),
        ("ru", "следующее поле", (Command("next_field"),)),
        ("ru", "отменить", (Command("undo"),)),
        ("ru", "рекомендовано отменить препарат", (Insert("рекомендовано отменить препарат"),)),
        ("ru", "в заключение", (Insert("в заключение"),)),
        ("en", "the impression is stable", (Insert("the impression is stable"),)),
    ],
)  # fmt: skip
def test_commands(language: Language, heard: str, steps: tuple[object, ...]) -> None:
    assert steps_of(heard, language) == steps


@pytest.mark.parametrize(
    ("before", "text", "after"),
    [
        ("", "lungs", "Lungs"), ("FINDINGS:\n", "lungs", "Lungs"), ("Clear.", "no", " No"),
        ("Clear. ", "no", "No"), ("Small", "nodule", " nodule"), ("Small", ".", "."),
        ("Small (", "series", "series"), ("Lungs:", "clear", " clear"), ("x", "", ""),
    ],
)  # fmt: skip
def test_it_fits_to_what_stands_before(before: str, text: str, after: str) -> None:
    assert fitted(before, text) == after


WORDS = st.sampled_from(
    [
        "twelve",
        "by",
        "eight",
        "point",
        "hundred",
        "thousand",
        "and",
        "zero",
        "millimeters",
        "period",
        "comma",
        "a",
        "half",
        "new",
        "line",
        "l",
        "four",
        "двенадцать",
        "на",
        "целая",
        "две",
        "десятых",
        "сотых",
        "запятая",
        "точка",
        "с",
        "половиной",
        "миллиметров",
        "эс",
        "шесть",
        "12",
        "3,5",
        ".",
        "undo",
        "section",
        "раздел",
        "заключение",
    ]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(WORDS, max_size=12), st.sampled_from(["en", "ru"]))
def test_any_sequence_is_taken_and_no_plain_word_is_lost(
    words: list[str], language: Language
) -> None:
    steps = steps_of(" ".join([*words, "zzyx"]), language)
    last = steps[-1]
    assert isinstance(last, Insert)
    assert last.text.lower().endswith("zzyx")
