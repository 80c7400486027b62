"""Whatever is pasted into a report: statements with spans, never an exception, in linear time."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.errors import UnsupportedLanguage
from app.core.report import Language
from app.reporting.explain import explain
from app.reporting.extract import extract, read, statements_of

_PIECES = [
    "ОПИСАНИЕ:", "Заключение.", "FINDINGS:", "IMPRESSION", "очаг 12х8 мм в S3 справа",
    "no effusion",
    "не выявлено", "нет", "кроме", "cannot be excluded", "?", "!!", "...", "\n", "\n\n", "\t", "(",
    ")", "[___]", "<p>", "</p>", "&nbsp;", "<b>nodule</b>", "4-5 cm", "L4-L5", "VII ребра", "0,5",
    "אין נוזל", "لا يوجد", "肺结节", "ﬁbrosis", "ТЭЛА", "0чаг", "I2 mm", "C-3", "S1+2", "10%", "🫁",
    "without", "and", "или", ",", ";", ":", " - ", "левой", "right", "stable", "ранее 6 мм",
]  # fmt: skip
_REPORT = (
    "ОПИСАНИЕ: В S3 правого лёгкого очаг 12х8 мм, ранее 10 мм. Выпота нет. Сердце не расширено, "
    "аорта уплотнена. ЗАКЛЮЧЕНИЕ: Очаг S3 справа, метастаз не исключается. "
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(_PIECES) | st.text(max_size=12), max_size=40))
def test_pieces_of_anything_are_read(pieces: list[str]) -> None:
    text = " ".join(pieces)
    for language in ("en", "ru"):
        spoken: Language = "ru" if language == "ru" else "en"
        for item in statements_of(read(text, spoken)):
            assert text[item.span.start : item.span.end] == item.span.text != ""
    try:
        extract(text)
        explain(text)
    except UnsupportedLanguage:
        pass


@pytest.mark.parametrize("text", ["", " ", "\n\n", "...", "?", "12", "()"])
def test_a_text_without_words_says_nothing(text: str) -> None:
    assert extract(text).statements == ()


def test_capitals_noise_and_markup_say_the_same() -> None:
    plain = {(s.label, s.presence) for s in extract(_REPORT, "ru").statements}
    capitals = {(s.label, s.presence) for s in extract(_REPORT.upper(), "ru").statements}
    broken = {(s.label, s.presence) for s in extract(_REPORT.replace(" ", "\n"), "ru").statements}
    html = f"<p>{_REPORT.replace('. ', '.</p><p>')}</p>"
    assert capitals == plain
    assert {(s.label, s.presence) for s in extract(html, "ru").statements} == plain
    assert broken != ("очаг", "present")  # wrapped word by word: read without a fault


def test_an_impression_alone_and_no_sections_are_read() -> None:
    assert extract("IMPRESSION: Left pneumothorax.").presence == {"pneumothorax": "present"}
    assert extract("Left pneumothorax, no effusion.").presence["pneumothorax"] == "present"


@pytest.mark.parametrize("joint", [" ", ""])
def test_forty_pages_take_forty_times_one_page(joint: str) -> None:
    page = (_REPORT if joint else _REPORT.replace(".", "").replace(",", "") + " ") * 12

    def seconds(text: str) -> float:
        begun = time.process_time()
        read(text, "ru")
        return time.process_time() - begun

    seconds(page)
    one = min(seconds(page) for _ in range(3))
    assert seconds(page * 20) < 20 * one * 5
