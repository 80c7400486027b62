"""Spelling of report text: what is flagged, what is left alone, what is offered."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest

from app.config.folders import resources_folder
from app.reporting.spelling.speller import Speller, load_speller, name_words
from app.reporting.spelling.trade_words import trade_words

HERE = Path(__file__).resolve().parents[1]

REPORT_EN = """CT CHEST WITHOUT CONTRAST
TECHNIQUE: 1.25 mm axial images, 120 kVp, CTDIvol 4.2 mGy. Compared with 12.03.2024.
FINDINGS: 8 x 6 mm subsolid nodule in the RUL (S3), image 45/120. T2-weighted
signal is unremarkable.
No pleural effusion or pneumothorax. Costo-phrenic recess is clear. Fat-like density, -90 HU.
Grade III spondylolisthesis at L4-L5, Th12 is intact. Lung-RADS 4A. SUVmax 3.1. Crohn's disease.
Referred by Dr. Zyxwvut; read with Qwertov A.B. See https://example.org/abc.
IMPRESSION: Atherosclerosis; haemangioma or hemangioma of the liver; perihepatic oedema."""
REPORT_RU = """КТ ОРГАНОВ ГРУДНОЙ КЛЕТКИ
Описание: в S3 правого лёгкого субсолидный очаг 8×6 мм, плотностью -90 ед.Х.
Плевральный выпот не определяется.
Лимфоузлы средостения не увеличены, т.е. до 8 мм по короткой оси.
Реберно-диафрагмальные синусы свободны.
Гиподенсные очаги печени, верхненаружный квадрант, паратрахеальные лимфатические узлы.
МРТ-картина без динамики.
Врач Щукинидзе А.Б., сравнение с 12.03.2024 г. Антелистез L4 I ст. Кальцинированная бляшка в ПМЖВ.
Заключение: КТ-признаки эмфиземы, центрилобулярной. Категория Lung-RADS 2.
Правосторонний гидроторакс."""


@pytest.fixture(scope="module")
def speller() -> Speller:
    return load_speller(resources_folder())


def flagged(speller: Speller, text: str, *names: str) -> list[str]:
    return [wrong.word for wrong in speller.check(text, name_words(*names))]


@pytest.mark.parametrize("text", [REPORT_EN, REPORT_RU], ids=["en", "ru"])
def test_a_right_report_has_no_mark(speller: Speller, text: str) -> None:
    assert flagged(speller, text) == []


def test_faults_are_found_at_their_place(speller: Speller) -> None:
    text = "Small pleural efusion. В лёгком очагг 8 мм и ателиктаз; no consoldation."
    found = speller.check(text)
    assert [wrong.word for wrong in found] == ["efusion", "очагг", "ателиктаз", "consoldation"]
    assert [text[wrong.start : wrong.end] for wrong in found] == [wrong.word for wrong in found]
    assert [wrong.language for wrong in found] == ["en", "ru", "ru", "en"]


def test_all_capitals_are_checked_but_abbreviations_are_not(speller: Speller) -> None:
    assert flagged(speller, "NO PLEURAL EFUSION. МРТ, ЭХОКГ, COPD, ОГК. ПЛЕВРАЛЬЫЙ ВЫПОТ") == [
        "EFUSION", "ПЛЕВРАЛЬЫЙ",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("efusion", "effusion"), ("pnuemothorax", "pneumothorax"), ("atelactasis", "atelectasis"),
        ("Consoldation", "Consolidation"), ("nodlue", "nodule"), ("NODLUE", "NODULE"),
        ("heptomegaly", "hepatomegaly"), ("spicualted", "spiculated"), ("teh", "the"),
        ("консалидация", "консолидация"), ("ателиктаз", "ателектаз"), ("плевральый", "плевральный"),
        ("увеличины", "увеличены"), ("гиподенсый", "гиподенсный"), ("Лимфоузды", "Лимфоузлы"),
        ("пневматоракс", "пневмоторакс"), ("средостенея", "средостения"),
        ("pleuraleffusion", "pleural effusion"), ("плевральныйвыпот", "плевральный выпот"),
    ],
)  # fmt: skip
def test_what_was_meant_comes_first(speller: Speller, wrong: str, right: str) -> None:
    assert flagged(speller, wrong) == [wrong]
    offered = speller.suggest(wrong)
    assert offered[0] == right
    assert len(offered) <= 6


def test_a_letter_of_the_other_alphabet_is_found(speller: Speller) -> None:
    mixed = "\u0441yst"  # a Cyrillic es
    assert flagged(speller, f"Renal {mixed}.") == [mixed]
    assert speller.suggest(mixed) == ["cyst"]
    mixed = "оч\u0061г"  # a Latin a
    assert flagged(speller, mixed) == [mixed]
    assert speller.suggest(mixed) == ["очаг"]


def test_names_of_the_header_are_no_errors(speller: Speller) -> None:
    text = "Пациент Щёголькин, заключение Щегольковой. Patient Zzyzxov."
    assert flagged(speller, text) == ["Щёголькин", "Щегольковой", "Zzyzxov"]
    assert flagged(speller, text, "Щёголькин^Иван", "ZZYZXOV^IVAN", "Щегольков") == []
    assert flagged(speller, "Щёголькину, с Щёголькиным", "Щёголькин") == []
    for header in ("SHCHEGOLKIN^PETR", "Schegol'kin", "SHCHYOGOLKIN", "shchegolkin=Щёголькин"):
        assert flagged(speller, "Щегольким. Щеголькина, Щёголькиным", header) == ["Щегольким"]


def test_words_of_the_site_count_and_are_offered(speller: Speller) -> None:
    mine = load_speller(resources_folder())
    assert flagged(mine, "Qxyloma. Клиноморф.") == ["Qxyloma", "Клиноморф"]
    mine.set_site_words({"qxyloma", "клиноморф"})
    assert flagged(mine, "Qxyloma. Клиноморф.") == []
    assert mine.suggest("qxylma") == ["qxyloma"]
    assert flagged(speller, "qxyloma") == ["qxyloma"]


def _written_words(folder: str) -> str:
    """Whole texts of our own resources, as a report would carry them."""
    texts: list[str] = []

    def walk(data: object) -> None:
        if isinstance(data, str):
            texts.append(data)
        elif isinstance(data, list):
            for item in data:
                walk(item)
        elif isinstance(data, dict):
            for item in data.values():
                walk(item)

    for path in sorted((resources_folder() / folder).rglob("*.json")):
        walk(json.loads(path.read_text("utf-8")))
    return "\n".join(text for text in texts if "*" not in text and "_" not in text)


@pytest.mark.parametrize("folder", ["report", "lexicon"])
def test_what_the_program_writes_is_no_error(speller: Speller, folder: str) -> None:
    text = re.sub(r"\{[^{}]*\}|[|?~]", " ", _written_words(folder))
    assert len(text) > 2000
    assert flagged(speller, text) == []


def test_the_sentences_of_the_reading_tests_have_no_mark(speller: Speller) -> None:
    """Right sentences written for other tests: new to the lists."""
    lines = (HERE / "sentences.txt").read_text("utf-8").splitlines()
    text = "\n".join(line.split("|")[-1] for line in lines[1:])
    words = len(text.split())
    assert len(flagged(speller, text)) <= words // 100


def test_no_drug_is_in_the_authored_lists() -> None:
    for language in ("en", "ru"):
        words = trade_words(resources_folder(), language).words  # type: ignore[arg-type]
        assert not words & {"warfarin", "heparin", "омнипак", "гепарин", "варфарин", "omnipaque"}


def test_noise_is_taken_without_harm(speller: Speller) -> None:
    for text in ("", "\x00\ufffd\u200b", "א ב ג שלום", "😀" * 50, "a" * 5000, "ё" * 300, "-'-’-"):
        for wrong in speller.check(text):
            speller.suggest(wrong.word)


def test_it_is_quick(speller: Speller) -> None:
    """Bounds ten times the measured figures: this guards the order of growth, not a machine."""
    text = (REPORT_EN + "\n" + REPORT_RU + "\n") * 4
    speller.check(text)
    began = time.process_time()
    speller.check(text)
    assert time.process_time() - began < 0.1
