"""The local model for language inference: a real tokenizer and a real graph, made here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.core.errors import ModelPackError
from app.inference.text.nli import NliModel
from tests.support.tiny_nli import write_tiny_nli


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("nli")
    write_tiny_nli(made)
    return made


def test_a_denial_contradicts_in_both_languages(folder: Path) -> None:
    model = NliModel(folder)
    denied = model.judge("No pleural effusion is seen.", "Right pleural effusion.")
    stated = model.judge("There is a right pleural effusion.", "Right pleural effusion.")
    russian = model.judge("Выпота не выявлено.", "Выпот справа.")
    assert denied.contradiction > 0.9
    assert russian.contradiction > 0.9
    assert stated.entailment > 0.9
    assert sum((denied.entailment, denied.neutral, denied.contradiction)) == pytest.approx(1.0)


def test_the_same_pair_gives_the_same_numbers(folder: Path) -> None:
    one, other = NliModel(folder), NliModel(folder)
    pair = ("There is no fracture of the ribs.", "Rib fracture.")
    assert one.judge(*pair) == other.judge(*pair)


def test_long_texts_are_cut_to_what_the_model_takes(folder: Path) -> None:
    model = NliModel(folder)
    found = model.judge("The lungs are clear. " * 400, "No pulmonary nodule. " * 400)
    assert found.contradiction > 0.5
    assert model.judge("", "").entailment > 0.0


@pytest.mark.parametrize("broken", ["model.onnx", "spm.model", "nli.json"])
def test_a_folder_that_is_not_whole_is_refused(folder: Path, tmp_path: Path, broken: str) -> None:
    for name in ("model.onnx", "spm.model", "nli.json"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    (tmp_path / broken).write_bytes(b"not this")
    with pytest.raises(ModelPackError):
        NliModel(tmp_path)
    (tmp_path / broken).unlink()
    with pytest.raises(ModelPackError):
        NliModel(tmp_path)


def test_labels_must_be_the_three(folder: Path, tmp_path: Path) -> None:
    for name in ("model.onnx", "spm.model", "nli.json"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    form = json.loads((tmp_path / "nli.json").read_text("utf-8"))
    form["labels"] = ["neutral", "neutral", "contradiction"]
    (tmp_path / "nli.json").write_text(json.dumps(form))
    with pytest.raises(ModelPackError):
        NliModel(tmp_path)
