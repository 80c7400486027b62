"""The folder that Triton reads. That Triton really takes it: tests/flows/test_model_servers.py."""

from __future__ import annotations

import hashlib

import pytest

from app.core.errors import HashMismatch, InputError, UsageFault
from app.inference.pack_store import PackStore
from app.inference.remote.triton_repository import triton_config, write_triton_model
from tests.support import tiny_pack


@pytest.fixture
def installed(tmp_path):
    tiny_pack.write_volume_pack(tmp_path / "models")
    return PackStore(tmp_path / "models", tmp_path / "user").get("tiny-ball")


def test_config(installed):
    assert triton_config(installed, "ball-2").splitlines()[1:] == [
        'name: "ball-2"',
        'backend: "onnxruntime"',
        "max_batch_size: 0",
        'input { name: "image" data_type: TYPE_FP32 dims: [ 1, 1, -1, -1, -1 ] }',
        'output { name: "logits" data_type: TYPE_FP32 dims: [ 1, 2, -1, -1, -1 ] }',
        'parameters { key: "overread_weights_sha256" value '
        f'{{ string_value: "{installed.pack.weights_sha256}" }} }}',
        'parameters { key: "overread_manifest_sha256" value '
        f'{{ string_value: "{installed.manifest_sha256}" }} }}',
        'parameters { key: "overread_pack" value { string_value: "tiny-ball 1.0.0" } }',
    ]


def test_files_and_what_is_there_already(installed, tmp_path):
    (folder,) = write_triton_model(installed, tmp_path / "triton")
    weights = (folder / "1" / "model.onnx").read_bytes()
    assert hashlib.sha256(weights).hexdigest() == installed.pack.weights_sha256
    assert sorted(p.name for p in folder.rglob("*")) == ["1", "config.pbtxt", "model.onnx"]
    with pytest.raises(InputError, match="exists already"):
        write_triton_model(installed, tmp_path / "triton")
    (folder / "old").touch()
    write_triton_model(installed, tmp_path / "triton", replace=True)
    assert not (folder / "old").exists()
    with pytest.raises(UsageFault):
        write_triton_model(installed, tmp_path / "triton", "../outside")


def test_changed_weights_are_not_exported(installed, tmp_path):
    installed.weights_path.write_bytes(b"other")
    with pytest.raises(HashMismatch):
        write_triton_model(installed, tmp_path / "repository")
    assert not (tmp_path / "repository").exists()
