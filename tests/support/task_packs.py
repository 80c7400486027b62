"""Tiny packs of every task, with graphs of a few nodes that really compute what they claim.

Each is made of ``tiny_pack``'s film or ball, so that the right answer is known to a pixel.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.support import tiny_pack

SIDE = tiny_pack.SIDE
PATCH = 16
FILM_AXES = ["batch", "channel", "row", "column"]
VOLUME_AXES = ["batch", "channel", "depth", "row", "column"]
# The film of 150 x 200 in a square of 64: its two ellipses, as (x0, y0, x1, y1) of the tensor.
_BOX_2D, _STRIDE_2D = (20, 34), 2
_BOX_3D, _STRIDE_3D = 12, 2


def film_detector(folder: Path, *, change: Any = None) -> Path:
    """2D boxes: windows of one size, the score is how bright the image is inside."""
    width, height = _BOX_2D
    corners = [
        (x, y, x + width, y + height)
        for y in range(0, SIDE - height + 1, _STRIDE_2D)
        for x in range(0, SIDE - width + 1, _STRIDE_2D)
    ]
    masks = np.zeros((len(corners), SIDE, SIDE), np.float32)
    for mask, (x0, y0, x1, y1) in zip(masks, corners, strict=True):
        mask[y0:y1, x0:x1] = 1.0 / (width * height)
    graph = _window_graph(np.asarray(corners, np.float32), masks, [1, 1, SIDE, SIDE])
    manifest = tiny_pack.film_manifest("tiny-boxes") | {"task": "detection", "measurements": []}
    _set_outputs(
        manifest,
        {"boxes": (["batch", "class"], [len(corners), 4]), "scores": (["batch"], [len(corners)])},
    )
    manifest["output"] = {
        "labels": [_lesion(1, "bright spot", "светлое пятно")],
        "boxes": {"boxes": "boxes", "scores": "scores", "labels": "", "axes": "xy"},
        "post": [{"step": "nms", "iou": 0.1, "score": 0.4}],
    }
    return _write(folder, manifest, graph, change)


def ball_detector(folder: Path, *, change: Any = None) -> Path:
    """3D boxes found patch by patch at 2 mm; corners are (k, j, i), centre and size."""
    places = list(itertools.product(range(0, PATCH - _BOX_3D + 1, _STRIDE_3D), repeat=3))
    half = _BOX_3D / 2
    rows = [(*(p + half for p in place), *(_BOX_3D,) * 3) for place in places]
    masks = np.zeros((len(places), PATCH, PATCH, PATCH), np.float32)
    for mask, (k, j, i) in zip(masks, places, strict=True):
        mask[k : k + _BOX_3D, j : j + _BOX_3D, i : i + _BOX_3D] = 1.0 / _BOX_3D**3
    graph = _window_graph(np.asarray(rows, np.float32), masks, [1, 1, PATCH, PATCH, PATCH])
    manifest = tiny_pack.volume_manifest("tiny-ball-boxes", PATCH)
    manifest |= {"task": "detection", "measurements": []}
    manifest["onnx"]["inputs"][0]["shape"] = [1, 1, PATCH, PATCH, PATCH]
    manifest["input"]["steps"] = [
        {"step": "orient_volume", "axes": "RAS"},
        {"step": "clip", "low": 0.0, "high": 300.0},
        {"step": "scale"},
        {"step": "resample", "spacing_kji": [2.0, 2.0, 2.0], "order": 1},
    ]
    manifest["infer"] = {"patch": [PATCH] * 3, "overlap": 0.75, "mirror_axes": []}
    _set_outputs(
        manifest,
        {"boxes": (["batch", "class"], [len(places), 6]), "scores": (["batch"], [len(places)])},
    )
    manifest["output"] = {
        "labels": [_lesion(1, "ball", "шар")],
        "boxes": {
            "boxes": "boxes", "scores": "scores", "axes": "zyx", "form": "center_size",
            "activation": "none",
        },
        "post": [{"step": "nms", "iou": 0.1, "score": 0.4}],
    }  # fmt: skip
    return _write(folder, manifest, graph, change)


def film_landmarks(folder: Path, *, change: Any = None) -> Path:
    """Heat maps: the image blurred by a wide mean, its left half and its right half."""
    left = (np.arange(SIDE) < SIDE / 2).astype(np.float32)
    constants = {"left": left, "right": 1 - left}
    nodes = [
        helper.make_node(
            "AveragePool", ["image"], ["blurred"], kernel_shape=[33, 15], pads=[16, 7, 16, 7],
            count_include_pad=1,
        ),
        helper.make_node("Mul", ["blurred", "left"], ["one"]),
        helper.make_node("Mul", ["blurred", "right"], ["two"]),
        helper.make_node("Concat", ["one", "two"], ["maps"], axis=1),
    ]  # fmt: skip
    graph = make_graph(nodes, constants, [1, 1, SIDE, SIDE], {"maps": [1, 2, SIDE, SIDE]})
    manifest = tiny_pack.film_manifest("tiny-marks") | {"task": "landmarks", "measurements": []}
    _set_outputs(manifest, {"maps": (FILM_AXES, [1, 2, SIDE, SIDE])})
    manifest["output"] = {
        "labels": [
            _lesion(1, "right middle", "середина справа"),
            _lesion(2, "left middle", "середина слева"),
        ],
        "points": {"form": "heatmap", "points": "maps", "min_score": 0.2},
    }
    return _write(folder, manifest, graph, change)


def ball_centroid(folder: Path, *, change: Any = None) -> Path:
    """Coordinates: the centre of gravity of what is bright, as fractions in the order x, y, z."""
    shape = [1, 1, 36, 33, 30]
    grid = np.stack(np.meshgrid(*[(np.arange(n) + 0.5) / n for n in shape[2:]], indexing="ij"))
    constants = {
        "grid": grid[::-1].reshape(1, 3, *shape[2:]).astype(np.float32),
        "whole": np.asarray([1, 1, 3], np.int64),
    }
    nodes = [
        helper.make_node("Mul", ["image", "grid"], ["weighted"]),
        helper.make_node("ReduceMean", ["weighted"], ["sums"], axes=[2, 3, 4], keepdims=0),
        helper.make_node("ReduceMean", ["image"], ["mass"], axes=[2, 3, 4], keepdims=0),
        helper.make_node("Div", ["sums", "mass"], ["flat"]),
        helper.make_node("Reshape", ["flat", "whole"], ["points"]),
    ]
    graph = make_graph(nodes, constants, shape, {"points": [1, 1, 3]})
    manifest = tiny_pack.volume_manifest("tiny-centroid", None)
    manifest |= {"task": "landmarks", "measurements": []}
    manifest["onnx"]["inputs"][0]["shape"] = shape
    manifest["input"]["steps"] = [
        {"step": "orient_volume", "axes": "LPS"},
        {"step": "clip", "low": 0.0, "high": 300.0},
        {"step": "scale"},
        {"step": "resample", "spacing_kji": [2.0, 2.0, 2.0], "order": 1},
    ]
    manifest["infer"] = {"mirror_axes": [], "activation": "none"}
    _set_outputs(manifest, {"points": (["batch", "class", "column"], [1, 1, 3])})
    manifest["output"] = {
        "labels": [_lesion(1, "middle of the ball", "середина шара")],
        "points": {"form": "coordinates", "points": "points", "axes": "xyz", "unit": "fraction"},
    }
    return _write(folder, manifest, graph, change)


def film_value(folder: Path, *, change: Any = None) -> Path:
    """A regression: the mean of the image between 0 and 1, times 100."""
    nodes = [
        helper.make_node("GlobalAveragePool", ["image"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["value"]),
    ]
    graph = make_graph(nodes, {}, [1, 1, SIDE, SIDE], {"value": [1, 1]})
    manifest = tiny_pack.film_manifest("tiny-value") | {"task": "regression", "measurements": []}
    _set_outputs(manifest, {"value": (["batch", "class"], [1, 1])})
    manifest["infer"] = {"mirror_axes": [], "activation": "none"}
    manifest["output"] = {
        "labels": [_lesion(1, "brightness", "яркость")],
        "values": [
            {
                "label": 1, "kind": "mean_brightness", "unit": "%", "scale": 100.0,
                "method": "mean-brightness-tiny@1", "low": 0.0, "high": 100.0,
            }
        ],
    }  # fmt: skip
    return _write(folder, manifest, graph, change)


def film_regions(folder: Path, *, change: Any = None) -> Path:
    """nnU-Net's regions: channel 0 is both ellipses, channel 1 the one at the right."""
    half = np.where(np.arange(SIDE) < SIDE / 2, -100.0, 0.0)
    constants = {
        "half": np.asarray(0.5, np.float32),
        "gain": np.asarray(20.0, np.float32),
        "right": np.broadcast_to(half, (1, 1, SIDE, SIDE)).astype(np.float32),
    }
    nodes = [
        helper.make_node("Sub", ["image", "half"], ["above"]),
        helper.make_node("Mul", ["above", "gain"], ["all"]),
        helper.make_node("Add", ["all", "right"], ["some"]),
        helper.make_node("Concat", ["all", "some"], ["logits"], axis=1),
    ]
    graph = make_graph(nodes, constants, [1, 1, SIDE, SIDE], {"logits": [1, 2, SIDE, SIDE]})
    manifest = tiny_pack.film_manifest("tiny-regions") | {"measurements": []}
    _set_outputs(manifest, {"logits": (FILM_AXES, [1, 2, SIDE, SIDE])})
    manifest["infer"] = {"mirror_axes": [], "activation": "sigmoid"}
    manifest["output"]["post"] = [{"step": "regions", "order": [1, 2]}]
    manifest["output"]["quality"] = []
    return _write(folder, manifest, graph, change)


def film_channels(folder: Path, *, change: Any = None) -> Path:
    """Two channels of one film with windows of their own; bright in the one but not the other."""
    constants = {"gain": np.asarray(20.0, np.float32), "zero": np.asarray(0.0, np.float32),
                 "half": np.asarray(0.5, np.float32)}  # fmt: skip
    nodes = [
        helper.make_node("Split", ["image"], ["low", "high"], axis=1),
        helper.make_node("Sub", ["low", "high"], ["between"]),
        helper.make_node("Sub", ["between", "half"], ["above"]),
        helper.make_node("Mul", ["above", "gain"], ["one"]),
        helper.make_node("Mul", ["above", "zero"], ["background"]),
        helper.make_node("Concat", ["background", "one"], ["logits"], axis=1),
    ]
    graph = make_graph(nodes, constants, [1, 2, SIDE, SIDE], {"logits": [1, 2, SIDE, SIDE]})
    manifest = tiny_pack.film_manifest("tiny-channels") | {"measurements": []}
    manifest["onnx"]["inputs"][0]["shape"] = [1, 2, SIDE, SIDE]
    _set_outputs(manifest, {"logits": (FILM_AXES, [1, 2, SIDE, SIDE])})
    manifest["input"]["steps"] = [
        {"step": "orient_film"},
        {"step": "channels"},
        {"step": "letterbox", "size": [SIDE, SIDE]},
    ]
    manifest["input"]["channels"] = [
        {"steps": [{"step": "clip", "low": 500.0, "high": 1500.0},
                   {"step": "normalize", "mean": 500.0, "std": 1000.0}]},
        {"steps": [{"step": "clip", "low": 2000.0, "high": 2500.0},
                   {"step": "normalize", "mean": 2000.0, "std": 500.0}]},
    ]  # fmt: skip
    manifest["output"] = {
        "labels": [_lesion(1, "in between", "между")],
        "post": [{"step": "argmax"}],
    }
    return _write(folder, manifest, graph, change)


def make_graph(
    nodes: list[Any], constants: dict[str, Any], in_shape: list[int], outputs: dict[str, list[int]]
) -> bytes:
    """A checked model of opset 13 with the input ``image``."""
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, in_shape)],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in outputs.items()],
        [numpy_helper.from_array(np.ascontiguousarray(v), k) for k, v in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def _window_graph(boxes: np.ndarray, masks: np.ndarray, in_shape: list[int]) -> bytes:
    """Fixed boxes; the score of each is the sum of the image times its mask."""
    constants = {
        "fixed": boxes,
        "masks": masks.reshape(len(masks), -1).T,
        "flat": np.asarray([1, -1], np.int64),
        "count": np.asarray([len(masks)], np.int64),
    }
    nodes = [
        helper.make_node("Reshape", ["image", "flat"], ["row"]),
        helper.make_node("MatMul", ["row", "masks"], ["sums"]),
        helper.make_node("Reshape", ["sums", "count"], ["scores"]),
        helper.make_node("Identity", ["fixed"], ["boxes"]),
    ]
    outputs = {"boxes": list(boxes.shape), "scores": [len(masks)]}
    return make_graph(nodes, constants, in_shape, outputs)


def _set_outputs(manifest: dict[str, Any], outputs: dict[str, tuple[list[str], list[int]]]) -> None:
    manifest["onnx"]["outputs"] = [
        {"name": name, "axes": axes, "shape": shape} for name, (axes, shape) in outputs.items()
    ]


def _lesion(index: int, en: str, ru: str) -> dict[str, Any]:
    return {
        "index": index,
        "name": {"en": en, "ru": ru},
        "code": {"value": "27925004", "scheme": "SCT", "meaning": "Nodule"},
        "category": {"value": "49755003", "scheme": "SCT",
                     "meaning": "Morphologically Abnormal Structure"},
        "significance": "significant",
        "rgb": [200, 60, 60],
    }  # fmt: skip


def _write(folder: Path, manifest: dict[str, Any], graph: bytes, change: Any) -> Path:
    target = folder / manifest["id"]
    target.mkdir(parents=True)
    (target / "model.onnx").write_bytes(graph)
    (target / "card.md").write_text("# Tiny\n", encoding="utf-8")
    if change is not None:
        change(manifest)
    tiny_pack.write_manifest(target, manifest)
    return target
