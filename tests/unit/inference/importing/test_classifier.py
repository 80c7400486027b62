"""Classifiers with untrained heads and operating thresholds as packs."""

from __future__ import annotations

import json

import numpy as np
import pytest

from app.core.errors import BundleRefused
from app.inference.head_scores import calibrated, head_scores
from app.inference.importing.classifier import ClassifierRequest, import_classifier
from app.inference.importing.pack_file import write_pack
from tests.support.foreign_models import score_graph

HEADS = ["Atelectasis", "", "Effusion", "Made Up"]


def write(tmp_path, content, *, heads=4, size=224, channels=1):
    graph, labels = tmp_path / "m.onnx", tmp_path / "labels.json"
    graph.write_bytes(score_graph(heads, size, channels=channels))
    labels.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return ClassifierRequest(graph, labels)


def refused(tmp_path, content, **graph):
    with pytest.raises(BundleRefused) as caught:
        import_classifier(write(tmp_path, content, **graph))
    assert caught.value.ru != caught.value.message
    return caught.value.message


def test_heads_without_a_name_give_no_score(tmp_path):
    """TorchXRayVision: heads that were not trained have an empty name (trap 8)."""
    pack = write_pack(
        import_classifier(write(tmp_path, {"pathologies": HEADS})), tmp_path / "a.overreadpack"
    )
    assert pack.output.valid_heads == (1, 3, 4)
    assert [label.index for label in pack.output.labels] == [1, 3, 4]
    scores = head_scores(pack, np.asarray([[0.0, 9.0, 2.0, -2.0]], np.float32))
    assert set(scores) == {"atelectasis", "pleural effusion", "Made Up"}
    assert scores["pleural effusion"] == pytest.approx(0.880797)


def test_known_heads_have_their_codes_and_unknown_ones_their_own(tmp_path):
    pack = write_pack(
        import_classifier(write(tmp_path, {"pathologies": HEADS})), tmp_path / "a.overreadpack"
    )
    assert pack.label(3).code.value == "60046008"
    assert pack.label(3).name.ru == "плевральный выпот"
    assert pack.label(4).code.scheme == "99OVERREAD"
    assert pack.imported is not None
    assert "codes" in pack.imported.unknown


def test_scores_are_relative_to_their_thresholds_and_no_probabilities(tmp_path):
    content = {"pathologies": HEADS, "op_threshs": [0.07422872, None, 0.1, None]}
    draft = import_classifier(write(tmp_path, content))
    pack = write_pack(draft, tmp_path / "a.overreadpack")
    assert not pack.is_calibrated
    assert any("not probabilities" in note.en for note in draft.notes)
    assert {p.finding: p.threshold for p in pack.operating_points} == {1: 0.5, 3: 0.5}
    at = np.log(0.1 / 0.9)
    scores = head_scores(pack, np.asarray([0.0, 0.0, at, 0.0], np.float32))
    assert scores["pleural effusion"] == pytest.approx(0.5, abs=1e-6)
    assert scores["atelectasis"] == pytest.approx(1 - 0.5 / (2 * (1 - 0.07422872)))
    assert scores["Made Up"] == pytest.approx(0.5)


def test_relative_scores_rise_without_a_jump(tmp_path):
    content = {"pathologies": ["Mass"], "op_threshs": [0.02]}
    pack = write_pack(import_classifier(write(tmp_path, content, heads=1)), tmp_path / "a.zip")
    logits = np.linspace(-9, 9, 400, dtype=np.float32)
    scores = [
        float(calibrated(logits[n : n + 1], "sigmoid", pack.calibration)[0]) for n in range(400)
    ]
    assert np.all(np.diff(scores) > 0)
    assert np.max(np.diff(scores)) < 0.08


def test_steps_make_the_input_that_the_source_makes(tmp_path):
    steps = import_classifier(write(tmp_path, {"pathologies": HEADS})).manifest["input"]["steps"]
    assert [step["step"] for step in steps] == [
        "invert_monochrome1", "orient_film", "scale", "crop_center", "resize",
    ]  # fmt: skip
    content = {"pathologies": HEADS, "input": {"max_value": 255, "resize": "gaussian"}}
    steps = import_classifier(write(tmp_path, content)).manifest["input"]["steps"]
    normalize = steps[2]
    assert (0 - normalize["mean"]) / normalize["std"] == pytest.approx(-1024)
    assert (255 - normalize["mean"]) / normalize["std"] == pytest.approx(1024)
    assert steps[-1] == {"step": "resize", "size": [224, 224], "filter": "gaussian"}


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ({"pathologies": HEADS[:3]}, "4 heads"),
        ({"pathologies": ["", "", "", ""]}, "no head"),
        ({"pathologies": ["Mass", "Mass", "", ""]}, "one name"),
        ({"pathologies": ["a/../b\x00", "", "", ""]}, "plain text"),
        ({"pathologies": {}}, "no list"),
        ({"pathologies": HEADS, "op_threshs": [0.1]}, "one number for each"),
        ({"pathologies": HEADS, "op_threshs": [0.1, None, 1.5, 0.2]}, "between 0 and 1"),
        ({"pathologies": HEADS, "output": "softmax"}, "not known"),
        ({"pathologies": HEADS, "code": "import os"}, 'the key "code"'),
        ({"pathologies": HEADS, "input": {"size": 512}}, "input.size says 512"),
        ({"pathologies": HEADS, "input": {"range": [5, 5]}}, "does not rise"),
        ('{"pathologies": ["a"', "not whole"),
        ('{"pathologies": HEADS, "op_threshs": [NaN]}', "not whole"),
    ],
)
def test_files_that_are_wrong(tmp_path, content, word):
    assert word in refused(tmp_path, content)


def test_graphs_that_do_not_fit(tmp_path):
    assert "3 channels" in refused(tmp_path, {"pathologies": HEADS}, channels=3)
    assert "any size" in refused(tmp_path, {"pathologies": HEADS}, size=None)
    made = import_classifier(
        write(tmp_path, {"pathologies": HEADS, "input": {"size": 224}}, size=None)
    )
    assert made.manifest["input"]["steps"][-1]["size"] == [224, 224]
