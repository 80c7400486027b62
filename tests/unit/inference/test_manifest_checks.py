"""What the parts of a manifest say against each other is one sentence each."""

from __future__ import annotations

import json

import pytest

from app.core.errors import ModelPackError
from app.inference.manifest import parse_manifest
from tests.support import task_packs, tiny_pack


def refusal(folder, change):
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    change(manifest)
    with pytest.raises(ModelPackError) as raised:
        parse_manifest(json.dumps(manifest).encode())
    assert raised.value.ru != raised.value.message
    return raised.value.message


def point(**entries):
    return {"name": "a", "finding": 1, "threshold": 0.5, **entries}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda m: m["output"]["boxes"].update(boxes="other"), '"other" is no output'),
        (lambda m: m["output"]["boxes"].update(axes="xyz"), "dimensions of the input"),
        (lambda m: m["output"].pop("boxes"), "goes with the task detection"),
        (lambda m: m.update(task="classification"), "goes with the task detection"),
        (lambda m: m["infer"].update(mirror_axes=[1]), "not read from mirrored images"),
        (lambda m: m["output"]["labels"].append(dict(m["output"]["labels"][0])), "index twice"),
        (lambda m: m.update(default_operating_point="x"), 'no operating point "x"'),
        (lambda m: m.update(operating_points=[point(), point()]), "names a point of one label"),
        (lambda m: m.update(operating_points=[point(finding=9)]), "label 9 is used"),
        (
            lambda m: m.update(operating_points=[point(sens={"value": 0.9, "low": 0.95})]),
            "outside its own interval",
        ),
        (lambda m: m["onnx"].update(folds=["card.md", "card.md"]), "names a file twice"),
        (lambda m: m["onnx"].update(folds=["none.onnx"]), '"none.onnx" is not listed'),
        (lambda m: m.update(ood={"method": "output", "threshold": 1.0}), "goes with the method"),
        (
            lambda m: m.update(ood={"method": "output", "threshold": 1.0, "output": "x"}),
            "no output of the graph",
        ),
        (lambda m: m["output"].update(boxes={"boxes": "boxes", "labels": "l", "axes": "xy"}),
         "need an output of scores"),
        (lambda m: m["files"].append({"path": "signature.json", "sha256": "0" * 64, "bytes": 1}),
         "must not list signature"),
        (lambda m: m["output"].update(extra=1), 'unknown key "output.extra"'),
    ],
)  # fmt: skip
def test_a_detector_that_contradicts_itself(tmp_path, change, words):
    assert words in refusal(task_packs.film_detector(tmp_path), change)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda m: m["infer"].update(activation="softmax"), "regions need the activation sigmoid"),
        (lambda m: m["output"]["post"][0].update(order=[1]), "regions must order every label"),
        (lambda m: m["output"]["post"][0].update(order=[1, 1]), "regions names a label twice"),
        (lambda m: m["output"]["post"].append({"step": "nms"}), 'step "nms" is for boxes'),
        (
            lambda m: m["output"]["post"].append(
                {"step": "restrict_to", "labels": [1], "inside": 7}
            ),
            "label 7 is used",
        ),
        (lambda m: m["input"]["steps"].append({"step": "channels"}), "input.channels needs"),
        (lambda m: m["input"].update(channels=[{}]), "input.channels needs"),
    ],
)
def test_regions_and_channels_that_contradict_themselves(tmp_path, change, words):
    assert words in refusal(task_packs.film_regions(tmp_path), change)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda m: m["input"]["channels"].pop(), "takes 2 channels, and the input has 1"),
        (lambda m: m["input"]["channels"][0].update(role="T2"), '"T2" is not that of a series'),
        (
            lambda m: m["input"]["steps"].append({"step": "crop_nonzero"}),
            'must stand before "channels"',
        ),
    ],
)
def test_channels(tmp_path, change, words):
    assert words in refusal(task_packs.film_channels(tmp_path), change)


def test_a_segmentation_with_too_few_channels(tmp_path):
    folder = tiny_pack.write_film_pack(tmp_path)
    said = refusal(folder, lambda m: m["onnx"]["outputs"][0].update(shape=[1, 2, 64, 64]))
    assert "has 2 output channels, and the labels need 3" in said


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("temperature", []), ("temperature", [0.0]), ("platt", [1.0]), ("platt", []),
        ("isotonic", [0.0, 0.0]), ("isotonic", [0.0, 0.5, 0.0, 1.0]),
        ("isotonic", [0.0, 0.5, 1.0, 0.2]),
    ],
)  # fmt: skip
def test_a_calibration_that_is_none(tmp_path, method, params):
    folder = tiny_pack.write_score_pack(tmp_path)
    weights = json.loads((folder / "manifest.json").read_text("utf-8"))["files"][1]["sha256"]
    entry = {"method": method, "params": params, "weights_sha256": weights}
    assert method in refusal(folder, lambda m: m.update(calibration=entry))


def test_trap_02_an_unknown_label_never_becomes_a_spleen(tmp_path):
    """No code, no pack: there is no default that a label could silently take."""
    folder = tiny_pack.write_film_pack(tmp_path)
    assert 'code" is missing' in refusal(folder, lambda m: m["output"]["labels"][0].pop("code"))


def test_trap_04_expressions_are_words(tmp_path):
    folder = tiny_pack.write_film_pack(tmp_path)
    step = {"step": "clip", "low": "$import('os')", "high": 1.0}
    assert "low" in refusal(folder, lambda m: m["input"]["steps"].append(step))
    assert "step" in refusal(folder, lambda m: m["input"]["steps"].append({"step": "python"}))


def test_trap_10_sides_and_mirroring_exclude_each_other(tmp_path):
    folder = tiny_pack.write_film_pack(tmp_path)
    assert "must not mirror" in refusal(folder, lambda m: m["infer"].update(mirror_axes=[1]))
    assert "mirror_axes" in refusal(folder, lambda m: m["infer"].pop("mirror_axes"))
