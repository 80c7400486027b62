"""The tables of the lexicon: whole, consistent, and wide enough."""

from __future__ import annotations

import collections

import pytest

from app.core.report import Language
from app.reporting.reading.lexicon import (
    concept_names,
    concepts,
    heads,
    lies_within,
    regions_of_anatomy,
)
from app.reporting.reading.patterns import parse, spelled_out
from app.reporting.reading.tables import (
    anatomy_rows,
    concept_rows,
    items,
    regions,
    resource,
    rows,
    term_rows,
)

_AREAS = {
    "abdomen", "breast", "chest", "general", "head", "musculoskeletal", "neck", "pelvis", "spine",
    "vascular",
}  # fmt: skip


def test_every_area_is_covered() -> None:
    assert set(regions()) == _AREAS
    assert len(concepts()) >= 350
    count = collections.Counter(one.region for one in concepts().values())
    assert min(count[area] for area in _AREAS) >= 15


def test_a_concept_stands_in_one_table_only() -> None:
    names = [row["concept"] for area in regions() for row in rows(f"concepts/{area}")]
    assert len(names) == len(set(names)) == len(concept_rows())


@pytest.mark.parametrize("language", ["en", "ru"])
def test_every_concept_can_be_said(language: Language) -> None:
    said = {row["concept"] for row in term_rows(language) if row["terms"]}
    said |= {name for head in heads().values() for name in (*head.organs.values(), head.default)}
    said |= {name for head in heads().values() for name in head.regions.values()}
    label = "label_ru" if language == "ru" else "label_en"
    said |= {name for name, row in concept_rows().items() if " " in row[label]}
    assert set(concepts()) - said == set()


@pytest.mark.parametrize("language", ["en", "ru"])
def test_every_pattern_is_well_formed(language: Language) -> None:
    texts = [
        text
        for row in term_rows(language)
        for column in ("terms", "denied_by")
        for text in items(row[column])
    ]
    texts += [text for row in anatomy_rows().values() for text in items(row[language])]
    texts += [text for row in rows(f"normal.{language}") for text in items(row["statements"])]
    texts += [text for texts_ in resource("cues")[language].values() for text in texts_]
    for whole in texts:
        assert whole == whole.lower(), whole
        for text in spelled_out(whole):
            for item in parse("concept", "x", text).items:
                assert "" not in item.stems


def test_everything_named_exists() -> None:
    known, places = set(concepts()), set(anatomy_rows())
    for one in concepts().values():
        assert one.near | one.parents <= known, one.id
        assert not one.anatomy or one.anatomy in places, one.id
        assert one.id not in one.parents
    for head in heads().values():
        assert set(head.organs) <= places, head.id
        assert {*head.organs.values(), *head.regions.values(), head.default} - {""} <= known
    for language in ("en", "ru"):
        for row in rows(f"normal.{language}"):
            assert set(items(row["denies"])) <= known


def test_codes_and_labels_mean_one_concept() -> None:
    labels = [one.label.en.lower() for one in concepts().values()]
    labels += [one.label.ru.lower() for one in concepts().values()]
    assert [label for label, n in collections.Counter(labels).items() if n > 1] == []
    codes = [one.code.value for one in concepts().values() if one.code]
    assert len(codes) == len(set(codes))
    names = concept_names()
    assert all(names[one.label.en.lower()] == one.id for one in concepts().values())


def test_anatomy_is_a_tree() -> None:
    chains = regions_of_anatomy()
    assert all(chain[-1] == "body" for chain in chains.values())
    assert lies_within("lung_s3", "lobe_upper")
    assert lies_within("lung_s3", "lung")
    assert lies_within("disc_l4_l5", "spine")
    assert lies_within("bowel_sigmoid", "abdomen")
    assert not lies_within("liver_s7", "lung")
