"""The sentence on who was told: in both languages, in its place, once."""

from __future__ import annotations

import datetime as dt

import pytest

from app.core.communication import Communication
from app.core.finding import Decision, Label, decide
from app.core.report import Language, StudyFacts
from app.reporting.check import check
from app.reporting.communication import (
    communication_sentence,
    with_communication,
    without_communication,
)
from app.reporting.extract import extract
from tests.support.domain import effusion, model_finding

FINDING = model_finding(
    content=effusion(label=Label("Pneumothorax", "Пневмоторакс"), significance="critical")
)
RECORD = Communication(
    "2.25.1", (FINDING.uid,), "Ivanova^Olga", "attending physician", "Petrov^Ivan",
    "2026-11-20T10:42:00+00:00", "telephone", True,
)  # fmt: skip
EN = (
    "Critical result (left pneumothorax) communicated by telephone to Ivanova Olga"
    " (attending physician) by Petrov Ivan on 2026-11-20 at 10:42; read back and confirmed."
)
RU = (
    "О критической находке (пневмоторакс слева) сообщено по телефону: Ivanova Olga"
    " (attending physician); сообщил(а) Petrov Ivan, 20.11.2026 в 13:42;"
    " информация повторена и подтверждена."
)
TEXT = "FINDINGS:\nLeft pneumothorax.\n\nIMPRESSION:\nLeft pneumothorax.\n"


def test_it_says_whom_who_when_and_how() -> None:
    assert communication_sentence(RECORD, [FINDING], "en", zone=dt.UTC) == EN
    moscow = dt.timezone(dt.timedelta(hours=3))
    assert communication_sentence(RECORD, [FINDING], "ru", zone=moscow) == RU


@pytest.mark.parametrize(("language", "sentence"), [("en", EN), ("ru", RU)])
def test_it_gets_a_section_of_its_own_and_goes_with_it(language: Language, sentence: str) -> None:
    text = with_communication(TEXT, sentence, language)
    assert text.startswith(TEXT)
    assert text.endswith(f":\n{sentence}\n")
    assert with_communication(text, sentence, language) == text
    both = with_communication(text, sentence.replace("Petrov", "Orlov"), language)
    assert both.count(sentence) == 1
    assert both.index("Petrov") < both.index("Orlov")
    assert without_communication(both, sentence, language).count("Orlov") == 1
    assert without_communication(text, sentence, language).strip() == TEXT.strip()


def test_the_place_that_a_draft_left_is_filled() -> None:
    text = TEXT.rstrip() + " Communicated to [name] at [time].\n"
    assert with_communication(text, EN, "en") == TEXT.rstrip() + f" {EN}\n"


@pytest.mark.parametrize(("language", "sentence"), [("en", EN), ("ru", RU)])
def test_the_reader_takes_the_heading_for_a_section(language: Language, sentence: str) -> None:
    text = with_communication("", sentence, language)
    sections = {item.section for item in extract(text, language).statements}
    assert sections == {"communication"}


@pytest.mark.parametrize(
    "said",
    ["Communicated to [name] at [time].", "The ward was not informed.", ""],
)
def test_who_only_leaves_a_place_has_told_nobody(said: str) -> None:
    accepted = decide(FINDING, Decision("accept", "Dr", "2026-11-20"))
    result = check(f"{TEXT}{said}\n", [accepted], StudyFacts(), "en")
    assert "critical-without-communication" in {item.rule for item in result.discrepancies}
    told = check(f"{TEXT}{said}\n", [accepted], StudyFacts(), "en", communicated={accepted.uid})
    assert "critical-without-communication" not in {item.rule for item in told.discrepancies}
