"""Strict parsing: what is wrong is named, what is unknown is refused."""

from __future__ import annotations

import json

import pytest

from app.core.errors import ModelPackError
from app.inference.manifest import parse_manifest
from tests.support import tiny_pack


@pytest.fixture
def manifest(tmp_path):
    folder = tiny_pack.write_film_pack(tmp_path)
    return json.loads((folder / "manifest.json").read_text("utf-8"))


def parse(data):
    return parse_manifest(json.dumps(data).encode())


def test_a_valid_manifest(manifest):
    pack = parse(manifest)
    assert pack.weights.path == "model.onnx"
    assert pack.label(2).laterality == "left"
    assert pack.operating_point(1) is None


@pytest.mark.parametrize(
    ("place", "key"),
    [((), "colour"), (("input",), "preprocess"), (("input", "series", 0), "vendor")],
)
def test_unknown_keys_are_refused_and_named(manifest, place, key):
    part = manifest
    for step in place:
        part = part[step]
    part[key] = 1
    with pytest.raises(ModelPackError, match=f'unknown key ".*{key}"') as caught:
        parse(manifest)
    assert key in caught.value.ru


def test_an_unknown_step_is_refused(manifest):
    manifest["input"]["steps"].append({"step": "python", "code": "1"})
    with pytest.raises(ModelPackError, match="python"):
        parse(manifest)


def test_missing_and_wrong_values(manifest):
    broken = dict(manifest)
    del broken["licence"]
    with pytest.raises(ModelPackError, match='"licence" is missing'):
        parse(broken)
    with pytest.raises(ModelPackError, match="version"):
        parse(manifest | {"version": 1})
    with pytest.raises(ModelPackError, match="schema"):
        parse(manifest | {"schema": "overread.pack/9"})


@pytest.mark.parametrize("path", ["../model.onnx", "/etc/passwd", "a\\b", "a/../b", ".hidden"])
def test_paths_stay_in_the_pack(manifest, path):
    manifest["files"][0]["path"] = path
    with pytest.raises(ModelPackError, match="path"):
        parse(manifest)


def test_contradictions(manifest):
    manifest["output"]["quality"][0]["first"] = 7
    with pytest.raises(ModelPackError, match="label 7"):
        parse(manifest)


def test_trap_10_sides_and_mirroring_exclude_each_other(manifest):
    manifest["infer"]["mirror_axes"] = [1]
    with pytest.raises(ModelPackError, match="mirror"):
        parse(manifest)
    del manifest["infer"]["mirror_axes"]
    with pytest.raises(ModelPackError, match="mirror_axes"):
        parse(manifest)


def test_trap_15_calibration_belongs_to_its_weights(manifest):
    manifest["calibration"] = {"method": "platt", "params": [1.0, 0.0], "weights_sha256": "0" * 64}
    with pytest.raises(ModelPackError, match="other weights"):
        parse(manifest)


def test_unknown_definition(manifest):
    manifest["measurements"][0]["definition_id"] = "volume-by-magic@1"
    with pytest.raises(ModelPackError, match="volume-by-magic@1"):
        parse(manifest)


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe", b"[1]", b"{", b'{"schema": 1, "schema": 2}', b"[" * 100000]
)
def test_nonsense(content):
    with pytest.raises(ModelPackError, match="manifest"):
        parse_manifest(content)
