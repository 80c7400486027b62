"""The draft: sentences, units, forms, links."""

from __future__ import annotations

import pytest

from app.core.finding import Decision, decide
from app.core.report import Language, StudyFacts
from app.measure.methods import METHODS
from app.reporting.check import check
from app.reporting.compose import compose, finding_sentence
from app.reporting.phrases import phrases
from tests.support.report_findings import finding, rules_of

LOBE = {"value": "266005", "scheme": "SCT", "meaning": "Right lower lobe of lung", "segment": "S8"}


@pytest.mark.parametrize(
    ("language", "sentence"),
    [("en", "There is a 12 × 8 mm pulmonary nodule in the right lower lobe (S8)."),
     ("ru", "В S8 нижней доли правого лёгкого определяется очаг размером 12 × 8 мм.")],
)  # fmt: skip
def test_place_size_and_decimal_mark(language: str, sentence: str) -> None:
    nodule = finding("pulmonary nodule", "right", ru="очаг в лёгком", mm=(12.4, 8.0), site=LOBE)
    assert finding_sentence(nodule, "ru" if language == "ru" else "en") == sentence


def test_a_label_that_names_its_side_is_not_said_twice() -> None:
    lung = finding(
        "Right lung", "right", ru="Правое лёгкое",
        measurements=[{"kind": "area", "value": 152.34, "unit": "cm2"}],
    )  # fmt: skip
    assert finding_sentence(lung, "en") == "Right lung, area 152.3 cm²."
    assert finding_sentence(lung, "ru") == "Правое лёгкое, площадь 152,3 см²."


@pytest.mark.parametrize(
    ("status", "english", "russian"),
    [("truncated_fov", "Right lung: volume at least 2100 mL, cut off at the edge of the images.",
      "Правое лёгкое: объём не менее 2100 мл, не полностью в поле съёмки."),
     ("wrong_protocol", "Right lung: not measured (the protocol does not allow it).",
      "Правое лёгкое: измерения нет (протокол не позволяет).")],
)  # fmt: skip
def test_measurements_that_are_not_valid_are_lower_bounds_or_left_out(
    status: str, english: str, russian: str
) -> None:
    lung = finding(
        "Right lung", "right", ru="Правое лёгкое", significance="descriptive",
        measurements=[{"kind": "volume", "value": 2100.0, "unit": "mL", "status": status}],
    )  # fmt: skip
    assert finding_sentence(lung, "en") == english
    assert finding_sentence(lung, "ru") == russian
    notes = compose([lung], StudyFacts(), "en").notes
    assert bool(notes) == (status == "wrong_protocol")


def test_values_left_out_for_one_reason_are_one_note() -> None:
    values = [
        {"kind": kind, "value": 1.0, "unit": "mL", "status": "wrong_protocol"}
        for kind in ("volume", "area")
    ]
    lungs = [
        finding(f"{side} lung", side.lower(), uid=side, measurements=values,
                significance="descriptive")
        for side in ("Right", "Left")
    ]  # fmt: skip
    (note,) = compose(lungs, StudyFacts(), "en").notes
    assert note.en.startswith("Left out (Right lung, Left lung): volume, area. ")
    assert note.ru.startswith("Не указано (")


def test_a_remark_on_the_quality_of_a_result_is_no_sentence() -> None:
    note = finding("Quality of the result: low.", quality_flags=["low-contrast"])
    draft = compose([note, finding("pneumothorax", "left", uid="b")], StudyFacts(), "en")
    assert "Quality" not in draft.text
    assert "omitted-finding" not in rules_of(check(draft.text, [note], StudyFacts(), "en"))


def test_only_accepted_findings_and_every_sentence_linked() -> None:
    rows = [
        finding("pleural effusion", "left", uid="a"),
        finding("pneumothorax", "left", uid="b", state="rejected"),
        finding("pulmonary nodule", "left", uid="c", state="proposed"),
    ]
    draft = compose(rows, StudyFacts(modality="CT", body_part="CHEST"), "en")
    assert "effusion" in draft.text
    assert "pneumothorax" not in draft.text
    assert "nodule" not in draft.text
    assert {link.finding_uid for link in draft.links} == {"a"}
    assert all(link.text in draft.text for link in draft.links)


@pytest.mark.parametrize("language", ["en", "ru"])
def test_without_findings_no_normality_is_claimed(language: str) -> None:
    spoken = "ru" if language == "ru" else "en"
    draft = compose([], StudyFacts(), spoken)
    assert "placeholder-left" in rules_of(check(draft.text, [], StudyFacts(), spoken))


@pytest.mark.parametrize("language", ["en", "ru"])
def test_a_critical_finding_asks_who_was_told(language: str) -> None:
    spoken = "ru" if language == "ru" else "en"
    tension = finding("pneumothorax", "left", ru="пневмоторакс", significance="critical")
    draft = compose([tension], StudyFacts(), spoken)
    result = check(draft.text, [tension], StudyFacts(), spoken)
    assert rules_of(result) == {"placeholder-left", "critical-without-communication"}


def test_generated_text_of_a_finding_taken_back_cannot_be_signed() -> None:
    effusion = finding("pleural effusion", "left")
    draft = compose([effusion], StudyFacts(), "en")
    reopened = decide(effusion, Decision("reopen", "me", "2026-01-01T00:00:00Z"))
    found = check(draft.text, [reopened], StudyFacts(), "en", links=draft.links)
    assert "generated-without-acceptance" in rules_of(found)


def test_an_edit_makes_its_sentence_stale() -> None:
    effusion = finding("pleural effusion", "left")
    draft = compose([effusion], StudyFacts(), "en")
    bigger = finding("pleural effusion", "left", mm=(30.0,))
    edited = decide(effusion, Decision("edit", "me", "2026-01-01T00:00:00Z"), bigger.current)
    found = check(draft.text, [edited], StudyFacts(), "en", links=draft.links)
    assert rules_of(found) == {"stale-sentence"}


@pytest.mark.parametrize("language", ["en", "ru"])
def test_every_measurement_has_a_name_in_the_draft(language: Language) -> None:
    nameless = {"long_axis"}  # a size is written without a word
    words = phrases(language)
    assert {kind for kind in METHODS if not words.measure_name(kind)} == nameless


def test_messages_do_not_say_a_side_twice() -> None:
    lung = finding("left lung", "left", ru="левое лёгкое", state="proposed")
    text = "FINDINGS: Clear lungs.\nIMPRESSION: Normal."
    undecided = [
        item for item in check(text, [lung], StudyFacts(), "en").discrepancies
        if item.rule.startswith("undecided")
    ]  # fmt: skip
    assert "“left lung”" in undecided[0].message.en
    assert "«левое лёгкое»" in undecided[0].message.ru


def test_a_lobe_without_a_side_of_its_own_takes_the_finding_s() -> None:
    site = {"value": "", "meaning": "upper lobe", "meaning_ru": "верхняя доля"}
    nodule = finding("nodule", "right", ru="узел", site=site)
    assert finding_sentence(nodule, "en") == "There is a nodule in the right upper lobe."


def test_right_before_left_and_a_shared_ratio_once() -> None:
    ratio = {"kind": "area_ratio", "value": 0.9, "unit": "1"}
    rows = [
        finding(f"{side} lung", side, uid=uid, significance="descriptive",
                measurements=[{"kind": "area", "value": value, "unit": "cm2"}, ratio])
        for side, uid, value in (("left", "a", 180.0), ("right", "b", 200.0))
    ]  # fmt: skip
    text = compose(rows, StudyFacts(), "en").text
    assert text.index("Right lung") < text.index("Left lung")
    assert text.count("ratio") == 1
    assert "\n\nIMPRESSION" in text


def test_both_lungs_are_not_on_both_sides_again() -> None:
    lungs = finding(
        "both lungs", "bilateral", ru="оба лёгких", significance="descriptive",
        measurements=[{"kind": "volume", "value": 4231.0, "unit": "mL"}],
    )  # fmt: skip
    assert finding_sentence(lungs, "ru") == "Оба лёгких: объём 4231 мл."
    assert finding_sentence(lungs, "en") == "Both lungs: volume 4231 mL."
