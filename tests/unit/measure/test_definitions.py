"""The registry of definitions is whole, in two languages, and its page is the one in docs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.core.measurement import Measurement
from app.measure.anatomy import Person, Protocol
from app.measure.definitions import definition_of, definitions, unit_of
from app.measure.definitions_page import reference_page
from app.measure.methods import METHODS, OF_ONE_MASK, RATIOS, REGIONAL
from app.measure.reference_ranges import ranges, reference_for
from app.measure.regional import GROUPS
from app.measure.roles import parse_roles, presets, role_name

CHECKOUT = Path(__file__).resolve().parents[3]
# measured on points or numbers, by functions of their own
WITHOUT_MASKS = {
    "cardiothoracic_ratio_of_lines", "adrenal_washout_absolute", "adrenal_washout_relative",
    "midline_shift", "volume_change", "volume_doubling_time", "recist_sum",
}  # fmt: skip


def test_every_kind_has_one_definition_and_one_function():
    defined = [kind.kind for entry in definitions() for kind in entry.kinds]
    assert sorted(defined) == sorted(METHODS)
    assert all(definition_of(kind).id == method for kind, method in METHODS.items())
    measured = [kind for group in GROUPS for kind in group.kinds]
    assert len(measured) == len(set(measured))
    assert set(REGIONAL) - set(measured) <= WITHOUT_MASKS
    assert set(measured) <= set(REGIONAL)
    assert not set(OF_ONE_MASK) & set(REGIONAL)
    assert not set(RATIOS) & set(REGIONAL)


@pytest.mark.parametrize("entry", definitions(), ids=lambda entry: entry.id)
def test_definitions_speak_both_languages_and_name_their_source(entry):
    texts = [entry.formula, entry.gate, *(kind.name for kind in entry.kinds)]
    assert all(text.en and text.ru for text in texts)
    assert not any(re.search("[а-яё]", text.en, re.IGNORECASE) for text in texts)
    assert all(
        re.search("[а-яё]", text.ru, re.IGNORECASE) or re.fullmatch(r"[\d\W\w]{0,40}", text.ru)
        for text in texts
    )
    assert entry.source
    assert entry.mark in ("read", "textbook")
    for kind in entry.kinds:  # a method and a unit that a measurement takes
        Measurement(kind.kind, 1.0, kind.unit, entry.id)


def test_the_page_in_docs_is_current():
    written = (CHECKOUT / "docs" / "measurements-reference.md").read_text(encoding="utf-8")
    assert written == reference_page(), "overread measure --list --markdown > docs/..."


def test_ranges_are_of_known_kinds_in_their_units():
    for entry in ranges():
        assert unit_of(entry.kind) == entry.unit
        assert entry.low is not None or entry.high is not None
        assert entry.low is None or entry.high is None or entry.low < entry.high
        assert entry.source
        assert entry.population_en
        assert entry.population_ru
        assert entry.mark in ("read", "textbook")


def test_no_range_outside_of_its_population():
    man, woman = Person(age_years=30, sex="M"), Person(age_years=30, sex="F")
    image = Protocol(contrast=False)
    index = "muscle_index"
    if index in METHODS:
        assert reference_for(index, "vertebrae_l3", man, image).low == 45.4
        assert reference_for(index, "vertebrae_l3", woman, image).low == 34.4
        assert reference_for(index, "vertebrae_l2", man, image) is None
        assert reference_for(index, "vertebrae_l3", Person(age_years=70, sex="M"), image) is None
        assert reference_for(index, "vertebrae_l3", Person(age_years=30), image) is None
    assert reference_for("liver_hu", "liver", man, Protocol(contrast=None)) is None
    assert reference_for("liver_hu", "liver", man, image).low == 40
    film = Protocol(view_position="PA")
    assert "textbook" in reference_for("cardiothoracic_ratio", "heart", man, film).source
    assert reference_for("cardiothoracic_ratio", "heart", man, Protocol(view_position="AP")) is None


def test_roles():
    numbering = presets()["totalsegmentator"]
    assert len(numbering) == 117
    assert numbering["aorta"] == (52,)
    assert numbering["vertebrae_l1"] == (31,)
    assert numbering["rib_12_left"] == (103,)
    assert len(presets()["totalsegmentator-mr"]) == 50
    assert role_name("Right lung") == role_name("lung_right") == role_name("right-lung")
    roles, is_preset = parse_roles("totalsegmentator,nodule=200+201")
    assert is_preset
    assert roles["nodule"] == (200, 201)
    assert parse_roles("heart=3,right_lung=1")[0] == {"heart": (3,), "lung_right": (1,)}
