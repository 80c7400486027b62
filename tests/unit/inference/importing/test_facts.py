"""The side file, names of classes, the card, and what the gate makes of what nobody stated."""

from __future__ import annotations

import json

import pytest

from app.core.errors import BundleRefused, InputError
from app.inference.gate import judge
from app.inference.importing.facts import read_facts
from app.inference.importing.label_names import display_name, local_code, pack_id, side_of
from app.inference.importing.nnunet import NnunetRequest, import_nnunet
from app.inference.importing.pack_file import card, write_pack, write_template
from tests.support.foreign_models import nnunet_dataset, write_nnunet
from tests.unit.inference.test_gate import volume_study


@pytest.mark.parametrize(
    ("name", "others", "side"),
    [
        ("kidney_left", (), "left"),
        ("Right Lung", (), "right"),
        ("KidneyLeft", (), "left"),
        ("левая почка", (), "left"),
        ("kidney_l", ("kidney_r",), "left"),
        ("vertebra_L", (), None),
        ("vertebrae_L1", ("vertebrae_R1",), None),
        ("left and right lung", (), None),
        ("bright spot", (), None),
        ("leftover", (), None),
    ],
)
def test_sides_come_from_whole_words(name, others, side):
    assert side_of(name, others) == side


def test_names_as_people_write_them():
    assert display_name("kidney_left") == "left kidney"
    assert display_name("pulmonary-vein") == "pulmonary vein"
    assert pack_id("Dataset001_Größe ../x", "m") == "dataset001-gr-e-x"
    assert pack_id("!!", "fallback") == "fallback"
    assert local_code("A") == local_code(" a ") | {"meaning": "A"}


def test_a_template_can_be_given_back_as_it_is_and_filled_in(tmp_path):
    draft = import_nnunet(NnunetRequest(folder=write_nnunet(tmp_path)))
    path = tmp_path / "facts.json"
    write_template(draft, path)
    empty = read_facts(path)
    assert empty.licence is None
    assert empty.intended_use is None
    assert empty.labels["nodule"].code is None
    data = json.loads(path.read_text("utf-8"))
    data["licence"] = "CC0-1.0"
    data["labels"]["nodule"]["code"] = {"value": "27925004", "scheme": "SCT", "meaning": "Nodule"}
    path.write_text(json.dumps(data), encoding="utf-8")
    again = import_nnunet(NnunetRequest(folder=draft.weights[0][1].parents[1],
                                        facts=read_facts(path)))  # fmt: skip
    unknown = again.manifest["imported"]["unknown"]
    assert "licence" not in unknown
    assert "codes" not in unknown
    assert "intended_use" in unknown


def test_toml_facts(tmp_path):
    path = tmp_path / "facts.toml"
    path.write_text('licence = "MIT"\n[intended_use]\nen = "x"\nru = "ы"\n', encoding="utf-8")
    facts = read_facts(path)
    assert facts.licence == "MIT"
    assert facts.intended_use is not None
    path.write_text("licence = \n", encoding="utf-8")
    with pytest.raises(BundleRefused, match="not valid TOML"):
        read_facts(path)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('{"licence": 5}', "licence"),
        ('{"licens": "MIT"}', "licens"),
        ('{"orientation": "XYZ"}', "orientation"),
        ('{"labels": {"a": {"code": {"value": "1"}}}}', "labels.a.code"),
        ('{"series": {"modality": []}, "version": "1"}', "version"),
    ],
)
def test_facts_that_are_wrong_are_named(tmp_path, text, word):
    path = tmp_path / "facts.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BundleRefused, match=word):
        read_facts(path)


def test_facts_about_a_label_that_the_model_does_not_have(tmp_path):
    path = tmp_path / "facts.json"
    path.write_text('{"labels": {"spleen": {"significance": "critical"}}}', encoding="utf-8")
    request = NnunetRequest(folder=write_nnunet(tmp_path), facts=read_facts(path))
    with pytest.raises(BundleRefused, match='"spleen", which the model does not have'):
        import_nnunet(request)


def test_a_pack_with_unknowns_is_at_most_limited(tmp_path):
    draft = import_nnunet(NnunetRequest(folder=write_nnunet(tmp_path)))
    pack = write_pack(draft, tmp_path / "a.overreadpack")
    study = volume_study()
    series = study.series[0]
    fit = judge(pack, study, series, series.stacks[0])
    reason = next(reason for reason in fit.reasons if reason.rule == "imported")
    assert fit.verdict == "limited"
    assert not reason.ok
    assert "intended use" in reason.text.en
    assert "назначение" in reason.text.ru
    known = pack.model_copy(update={"imported": pack.imported.model_copy(update={"unknown": ()})})
    assert judge(known, study, series, series.stacks[0]).verdict == "suitable"


def test_the_card_names_what_is_unknown_and_keeps_names_harmless(tmp_path):
    labels = {"background": 0, "a | b": 1}
    draft = import_nnunet(
        NnunetRequest(folder=write_nnunet(tmp_path, dataset=nnunet_dataset(labels)))
    )
    text = card(draft)
    assert "| 1 | a / b |" in text
    assert "--facts" in text
    assert "Nothing about the quality" in text


def test_nothing_is_written_over(tmp_path):
    draft = import_nnunet(NnunetRequest(folder=write_nnunet(tmp_path)))
    out = tmp_path / "a.overreadpack"
    first = write_pack(draft, out)
    content = out.read_bytes()
    with pytest.raises(InputError, match="exists already"):
        write_pack(draft, out)
    other = tmp_path / "b.overreadpack"
    assert write_pack(draft, other) == first
    assert other.read_bytes() == content
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith(".")) == []
