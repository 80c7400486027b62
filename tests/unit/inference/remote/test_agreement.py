"""Is the model on a server the one of the pack."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.inference.manifest import ModelPack
from app.inference.pack_store import PackStore
from app.inference.remote.agreement import disagreements, fits, stated_weights
from app.inference.remote.protocol import ModelFacts, TensorFacts
from tests.support import tiny_pack

SIDE = tiny_pack.SIDE
IMAGE = TensorFacts("image", "FP32", (-1, 1, SIDE, SIDE))
LOGITS = TensorFacts("logits", "FP32", (-1, 3, SIDE, SIDE))


@pytest.fixture
def pack(tmp_path) -> ModelPack:
    tiny_pack.write_film_pack(tmp_path / "models")
    return PackStore(tmp_path / "models", tmp_path / "user").get("tiny-lungs").pack


@pytest.fixture
def facts(pack) -> ModelFacts:
    stated = {"overread_weights_sha256": pack.weights_sha256}
    return ModelFacts("lungs", "onnxruntime", ("1", "2"), (IMAGE,), (LOGITS,), stated)


def test_the_same(pack, facts):
    assert disagreements(pack, facts) == ()
    assert disagreements(pack, facts, version="2") == ()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"parameters": {}}, "does not say which weights"),
        ({"parameters": {"overread_weights_sha256": "0" * 64}}, "other weights"),
        ({"parameters": {}, "name": "lungs-" + "0" * 12}, "other weights"),
        ({"inputs": (replace(IMAGE, name="x"),)}, 'no input "image"'),
        ({"inputs": (replace(IMAGE, datatype="FP16"),)}, "is FP16, not FP32"),
        ({"inputs": (replace(IMAGE, shape=(1, SIDE, SIDE)),)}, "has the shape 1×64×64"),
        ({"inputs": (IMAGE, replace(IMAGE, name="age"))}, "wants more inputs: age"),
        ({"outputs": (replace(LOGITS, shape=(-1, 4, SIDE, SIDE)),)}, "has the shape ?×4×64×64"),
        ({"outputs": ()}, 'no output "logits"'),
    ],
)
def test_what_speaks_against_it(pack, facts, change, words):
    found = disagreements(pack, replace(facts, **change))
    assert any(words in message.en for message in found)
    assert all(message.ru != message.en for message in found)


def test_another_version(pack, facts):
    assert "not 3" in disagreements(pack, facts, version="3")[0].en


def test_the_name_may_say_the_weights(pack, facts):
    named = replace(facts, parameters={}, name=f"lungs-{pack.weights_sha256[:16]}")
    assert stated_weights(named) == pack.weights_sha256[:16]
    assert disagreements(pack, named) == ()
    assert stated_weights(replace(facts, parameters={}, name="lungs-2024")) == ""
    unsaid = replace(facts, parameters={})
    assert disagreements(pack, unsaid, unproven_weights=True) == ()


def test_shapes():
    assert fits((1, 3, -1), (-1, 3, 5))
    assert not fits((1, 3), (1, 3, 1))
    assert not fits((1, 3), (1, 4))
