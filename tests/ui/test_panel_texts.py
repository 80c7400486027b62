from __future__ import annotations

import json
import re

import pytest

from app.config.folders import resources_folder
from app.core.finding import FindingState, Presence, Significance
from app.core.measurement import MeasurementStatus
from app.core.report import ReportState, Severity
from app.jobs.runner import JobState
from app.ui import finding_words as words
from app.ui.coverage_view import CoverageState
from app.ui.discrepancy_panel import OVERRIDE_REASONS
from app.ui.sign_dialog import MEANINGS
from app.ui.texts import entries, set_language
from app.workflow.review import REJECT_REASONS
from tests.support.panel_sessions import chest_findings

PANELS = json.loads((resources_folder() / "texts" / "panels.json").read_text("utf-8"))


def places(text: str) -> list[str]:
    return sorted(re.findall(r"\{(\w+)\}", text))


@pytest.mark.parametrize("key", sorted(PANELS))
def test_both_languages_say_the_same_with_the_same_places(key: str) -> None:
    texts = PANELS[key]
    assert set(texts) == {"en", "ru"}
    assert places(texts["en"]) == places(texts["ru"])
    if not key.startswith("unit."):
        assert texts["en"].strip()
        assert texts["ru"].strip()


def test_every_value_of_the_domain_has_its_word() -> None:
    wanted = [f"state.{value}" for value in FindingState.__args__]
    wanted += [f"presence.{value}" for value in Presence.__args__]
    wanted += [f"significance.{value}" for value in Significance.__args__]
    wanted += [f"report.state.{value}" for value in ReportState.__args__]
    wanted += [f"discrepancy.{value}" for value in Severity.__args__]
    wanted += [f"jobs.state.{value}" for value in JobState.__args__]
    wanted += [f"coverage.{value}" for value in CoverageState.__args__]
    wanted += [f"measure.status.{v}" for v in MeasurementStatus.__args__ if v != "valid"]
    wanted += [f"reason.{value}" for value in OVERRIDE_REASONS]
    wanted += [f"sign.meaning.{value}" for value in MEANINGS]
    assert [key for key in wanted if key not in entries()] == []


@pytest.mark.parametrize(
    ("count", "words_en", "words_ru"),
    [
        (1, "1 warning", "1 замечание"),
        (2, "2 warnings", "2 замечания"),
        (5, "5 warnings", "5 замечаний"),
        (11, "11 warnings", "11 замечаний"),
        (21, "21 warnings", "21 замечание"),
        (112, "112 warnings", "112 замечаний"),
    ],
)
def test_counts_take_the_right_form(count: int, words_en: str, words_ru: str) -> None:
    assert words.counted("warn", count) == words_en
    set_language("ru")
    assert words.counted("warn", count) == words_ru


@pytest.mark.parametrize(
    ("value", "unit", "english", "russian"),
    [
        (8.24, "mm", "8.2\u00a0mm", "8,2\u00a0мм"),
        (6.0, "mm", "6\u00a0mm", "6\u00a0мм"),
        (238.4, "cm2", "238\u00a0cm²", "238\u00a0см²"),
        (0.214, "mL", "0.21\u00a0mL", "0,21\u00a0мл"),
        (0.5, "1", "0.50", "0,50"),
        (-642.0, "[hnsf'U]", "−642\u00a0HU", "−642\u00a0HU"),
        (12.5, "deg", "12.5°", "12,5°"),
    ],
)
def test_numbers_as_people_read_them(value: float, unit: str, english: str, russian: str) -> None:
    assert words.value_text(value, unit) == english
    set_language("ru")
    assert words.value_text(value, unit) == russian


def test_numbers_of_findings_stay_when_they_are_decided() -> None:
    findings = chest_findings()
    numbers = words.finding_numbers(findings)
    assert sorted(numbers.values()) == [1, 2, 3, 4, 5]
    assert numbers == words.finding_numbers(tuple(reversed(findings)))


def test_a_reason_of_the_list_is_shown_in_words() -> None:
    reason, message = REJECT_REASONS[0]
    assert reason != message.en
    assert message.ru
