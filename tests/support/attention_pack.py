"""A real, tiny classifier of films whose attention is the film itself, eight times coarser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.support import tiny_pack

SIDE = tiny_pack.SIDE


def write_attention_pack(folder: Path, **changes: Any) -> Path:
    """Two heads: the first grows with the mean of the film, the second falls; one map each."""
    target = folder / "tiny-attention"
    target.mkdir(parents=True)
    (target / "model.onnx").write_bytes(_graph())
    (target / "card.md").write_text("# Tiny\n", encoding="utf-8")
    manifest = tiny_pack.film_manifest("tiny-attention")
    manifest |= {"task": "classification", "measurements": []}
    axes = ["batch", "channel", "row", "column"]
    manifest["onnx"]["outputs"] = [
        {"name": "logits", "axes": ["batch", "class"], "shape": [1, 2]},
        {"name": "attention", "axes": axes, "shape": [1, 2, SIDE // 8, SIDE // 8]},
    ]
    manifest["infer"] = {"mirror_axes": [], "activation": "sigmoid"}
    labels = manifest["output"]["labels"]
    for label, name in zip(labels, (("bright", "светлый"), ("dark", "тёмный")), strict=True):
        label["name"], label["laterality"] = {"en": name[0], "ru": name[1]}, None
    manifest["output"] = {"labels": labels, "attention": "attention"}
    manifest["operating_points"] = [
        {"name": "balanced", "finding": 1, "threshold": 0.2},
        {"name": "strict", "finding": 1, "threshold": 0.9},
        {"name": "balanced", "finding": 2, "threshold": 0.9},
    ]
    manifest["default_operating_point"] = "balanced"
    tiny_pack.write_manifest(target, manifest | changes)
    return target


def _graph() -> bytes:
    constants = {
        "half": np.asarray(0.5, np.float32),
        "one": np.asarray(1.0, np.float32),
        "gains": np.asarray([[4.0, -4.0]], np.float32),
        "shape": np.asarray([1, 1], np.int64),
    }
    nodes = [
        helper.make_node("GlobalAveragePool", ["image"], ["pooled"]),
        helper.make_node("Reshape", ["pooled", "shape"], ["mean"]),
        helper.make_node("Sub", ["mean", "half"], ["over"]),
        helper.make_node("Mul", ["over", "gains"], ["logits"]),
        helper.make_node("AveragePool", ["image"], ["bright"], kernel_shape=[8, 8], strides=[8, 8]),
        helper.make_node("Sub", ["one", "bright"], ["dark"]),
        helper.make_node("Concat", ["bright", "dark"], ["attention"], axis=1),
    ]
    coarse = [1, 2, SIDE // 8, SIDE // 8]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 1, SIDE, SIDE])],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 2]),
            helper.make_tensor_value_info("attention", TensorProto.FLOAT, coarse),
        ],
        [numpy_helper.from_array(np.ascontiguousarray(v), k) for k, v in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
