"""The one-key repairs of places, stale sentences and missing communication."""

from __future__ import annotations

import pytest

from app.core.report import CheckResult
from tests.support.report_findings import checked, finding, report

UPPER = {"value": "x", "scheme": "text", "meaning": "Left upper lobe of lung",
         "meaning_ru": "верхняя доля левого лёгкого"}  # fmt: skip
LEVEL = {"value": "L4-L5", "scheme": "level", "meaning": "L4-L5"}


def _repaired(result: CheckResult, text: str, rule: str) -> str:
    (item,) = [d for d in result.discrepancies if d.rule == rule]
    assert item.fix is not None
    return text[: item.fix.start] + item.fix.insert + text[item.fix.end :]


@pytest.mark.parametrize(
    ("language", "wrong", "right"),
    [
        ("en", "Nodule in the left lower lobe.", "Nodule in the left upper lobe."),
        ("ru", "Очаг в нижней доле слева.", "Очаг в верхней доле слева."),
    ],
)
def test_the_lobe_of_the_finding_takes_the_place_of_the_wrong_one(
    language: str, wrong: str, right: str
) -> None:
    nodule = finding("pulmonary nodule", "left", ru="очаг в лёгком", site=UPPER)
    text = report(language, wrong, "See above." if language == "en" else "См. описание.")
    fixed = _repaired(checked(text, nodule), text, "location")
    assert right in fixed
    assert "location" not in {d.rule for d in checked(fixed, nodule).discrepancies}


def test_a_neighbouring_level_is_called_so_and_repaired() -> None:
    prolapse = finding("intervertebral disc prolapse", None, site=LEVEL)
    text = report("en", "Disc extrusion at L3-L4.", "See above.")
    result = checked(text, prolapse)
    (item,) = [d for d in result.discrepancies if d.rule == "location"]
    assert "adjacent" in item.message.en
    assert "соседние" in item.message.ru
    assert "L4-L5" in _repaired(result, text, "location")


def test_two_lobes_in_a_sentence_are_left_to_the_reader() -> None:
    nodule = finding("pulmonary nodule", "left", site=UPPER)
    text = report("en", "Scar in the left upper lobe, nodule in the left lower lobe.", "As above.")
    for item in checked(text, nodule).discrepancies:
        assert item.rule != "location" or item.fix is None


def test_who_was_told_gets_a_line_that_has_to_be_filled_in() -> None:
    text = report("en", "Left pneumothorax.")
    told = finding("pneumothorax", "left", significance="critical")
    fixed = _repaired(checked(text, told), text, "critical-without-communication")
    waiting = checked(fixed, told).discrepancies
    assert {"critical-without-communication", "placeholder-left"} <= {d.rule for d in waiting}
    assert all(d.fix is None for d in waiting if d.rule == "critical-without-communication")
    filled = fixed.replace("[name]", "Dr Brown").replace("[time]", "10:40")
    assert not [d for d in checked(filled, told).discrepancies if d.severity == "block"]
