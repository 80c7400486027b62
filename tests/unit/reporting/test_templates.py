"""Templates: strict data, faults in words, fields in the text, the shelf."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.core.errors import TemplateRefused
from app.core.report import StudyFacts
from app.reporting.templates.fields import fields_in, filled, next_field
from app.reporting.templates.reading import (
    parse_template,
    problems_of,
    schema_text,
    template_of,
    template_text,
)
from app.reporting.templates.shelf import TemplateShelf, built_in

_PUBLISHED = Path(__file__).parents[3] / "docs" / "report-template.schema.json"


def own(**changes: Any) -> dict[str, Any]:
    data: dict[str, Any] = {
        "schema": "overread.report-template/1",
        "id": "own",
        "language": "en",
        "name": "Own",
        "sections": [
            {"id": "findings", "header": "FINDINGS", "parts": [
                {"organs": ["lung"], "statements": [{"text": "Density {field:density}."}]}]},
            {"id": "impression", "header": "IMPRESSION"},
        ],
        "fields": [{"name": "density", "label": "density", "options": ["a", "b"]}],
    }  # fmt: skip
    return data | changes


def test_the_published_schema_is_the_present_one() -> None:
    """Renew it with: overread templates schema > docs/report-template.schema.json"""
    assert _PUBLISHED.read_text("utf-8") == schema_text()


def test_every_shipped_template_exists_in_both_languages() -> None:
    keys = {one.template.key for one in built_in()}
    ids = {one.template.id for one in built_in()}
    assert keys == {f"{name}.{language}" for name in ids for language in ("en", "ru")}


def test_a_template_survives_its_file() -> None:
    for one in built_in():
        assert parse_template(template_text(one.template)) == one.template


@pytest.mark.parametrize(
    ("change", "place", "words"),
    [
        ({"colour": "red"}, "colour", ("not known", "нет")),
        ({"language": "de"}, "language", ("not allowed: 'en' or 'ru'", "недопустимо")),
        ({"name": ""}, "name", ("empty", "пуст")),
        ({"fields": []}, "", ("density is used and not described", "стоит в тексте и не описано")),
        ({"sections": [{"id": "findings", "header": "F1"}], "fields": []}, "",
         ("impression is missing", "нет раздела impression")),
    ],
)  # fmt: skip
def test_faults_are_told_with_their_place(
    change: dict[str, Any], place: str, words: tuple[str, str]
) -> None:
    found = problems_of(own(**change))
    assert found
    assert found[0].place == place
    assert words[0] in found[0].text.en
    assert words[1] in found[0].text.ru
    with pytest.raises(TemplateRefused):
        template_of(own(**change))


@pytest.mark.parametrize("text", ["{nonsense}", "{absent}", "[density]", "an open {brace", "__ mm"])
def test_places_that_nobody_could_fill_are_refused(text: str) -> None:
    data = own()
    data["sections"][1]["statements"] = [{"text": text}]
    assert problems_of(data)


def test_fields_are_found_chosen_and_filled() -> None:
    template = template_of(own())
    text = "Density [density]. See [1]. Nodule in [S3]. Side [which side]."
    found = fields_in(text, template.fields)
    assert [(one.label, one.options, one.is_known) for one in found] == [
        ("density", ("a", "b"), True), ("which side", (), False),
    ]  # fmt: skip
    assert next_field(text, found[0].start, template.fields) == found[1]
    assert next_field(text, len(text), template.fields) == found[0]
    assert next_field(text, found[1].start, template.fields, backwards=True) == found[0]
    assert filled(text, found[0], "b").startswith("Density b. See [1]")
    assert next_field("nothing", 0) is None


def test_the_site_s_template_stands_in_for_the_shipped_one(tmp_path: Path) -> None:
    shelf = TemplateShelf(tmp_path)
    shipped = shelf.get("ct-chest", "en")
    mine = shipped.model_copy(update={"name": "Ours"})
    shelf.add(mine)
    assert shelf.get("ct-chest", "en").name == "Ours"
    (tmp_path / "broken.en.json").write_text("{", "utf-8")
    (tmp_path / "other.en.json").write_text(json.dumps(own()), "utf-8")
    assert len(shelf.faults()) == 2
    shelf.remove("ct-chest", "en")
    assert shelf.get("ct-chest", "en") == shipped
    with pytest.raises(TemplateRefused):
        shelf.remove("ct-chest", "en")
    with pytest.raises(TemplateRefused):
        shelf.get("nothing", "en")


def test_the_template_follows_modality_and_body_part() -> None:
    shelf = TemplateShelf()
    for modality, part, said, wanted in (
        ("CT", "CHEST", (), "ct-chest"),
        ("CR", "CHEST", (), "cxr"),
        ("DX", "", ("Chest PA",), "cxr"),
        ("OT", "FOOT", (), "general"),
        ("", "", (), "general"),
    ):
        facts = StudyFacts(modality=modality, body_part=part)
        assert shelf.choose(facts, "ru", said).id == wanted
