"""nnU-Net's inference, written plainly from the text of copilot-practice 2.1, for comparison.

Slow, whole arrays, double precision, one patch at a time; shares no code with the engine. Needs
scipy, which the program does not have: ``python -m tests.support.plain_nnunet`` (in an environment
with scipy, onnx and onnxruntime) makes the fixture that is compared everywhere.
"""

# ruff: noqa: B905 - shapes of equal length throughout
from __future__ import annotations

import io
import itertools
import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

FIXTURE = Path(__file__).with_name("plain_nnunet.npz")


@dataclass(frozen=True)
class Case:
    """One network and image: what the plans of an nnU-Net say."""

    name: str
    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    target: tuple[float, ...]
    patch: tuple[int, ...]
    scheme: str = "ct"
    mirror: tuple[int, ...] = ()
    folds: int = 1
    regions: bool = False
    classes: int = 3
    margin: int = 0
    order: int = 3


CASES = (
    Case("isotropic", (22, 30, 26), (1.5, 1.0, 1.0), (1.2, 1.2, 1.2), (16, 16, 16), margin=2),
    Case("anisotropic", (9, 40, 36), (5.0, 0.8, 0.8), (4.0, 1.0, 1.0), (6, 20, 16), "zscore"),
    Case("mirrored", (18, 21, 24), (1.0, 1.0, 1.0), (1.0, 1.0, 1.0), (12, 12, 12),
         mirror=(0, 1, 2)),
    Case("smaller than the patch", (9, 14, 30), (2.0, 2.0, 2.0), (2.0, 2.0, 2.0), (16, 16, 16)),
    Case("slices", (7, 33, 29), (4.0, 1.0, 1.0), (1.3, 1.3), (16, 12), mirror=(0, 1)),
    Case("folds", (14, 18, 20), (1.0, 1.4, 1.4), (1.5, 1.5, 1.5), (8, 10, 10), folds=3),
    Case("masked", (16, 24, 22), (1.0, 1.0, 1.0), (1.6, 1.6, 1.6), (10, 12, 8), "zscore-mask",
         margin=3),
    Case("many classes", (15, 26, 28), (3.0, 1.5, 1.5), (2.0, 2.0, 2.0), (10, 16, 16), classes=40),
)  # fmt: skip
CLIP, MEAN, STD = (-300.0, 500.0), 80.0, 130.0


def image_of(case: Case) -> np.ndarray:
    """Smooth noise in HU; ``margin`` voxels of zeros around it, and a hole of zeros inside."""
    rng = np.random.default_rng(sum(map(ord, case.name)))
    coarse = rng.normal(0, 1, [max(3, n // 4) for n in case.shape])
    grid = np.meshgrid(*(np.linspace(0, m - 1, n) for n, m in zip(case.shape, coarse.shape)),
                       indexing="ij")  # fmt: skip
    low = [np.minimum(g.astype(int), m - 2) for g, m in zip(grid, coarse.shape)]
    smooth = np.zeros(case.shape)
    for corner in itertools.product((0, 1), repeat=3):
        weight = np.ones(case.shape)
        for g, base, c in zip(grid, low, corner):
            weight *= (g - base) if c else 1 - (g - base)
        smooth += weight * coarse[tuple(base + c for base, c in zip(low, corner))]
    values = np.round(smooth * 200 + 60 + rng.normal(0, 25, case.shape)).astype(np.int16)
    values[values == 0] = 1
    m = case.margin
    if m:
        inside = np.zeros(case.shape, dtype=bool)
        inside[m:-m, m : -m - 1, m + 1 : -m] = True
        values[~inside] = 0
        k, j, i = (n // 2 for n in case.shape)
        values[k - 1 : k + 2, j - 2 : j + 2, i - 2 : i + 1] = 0
    return values


def graph_of(case: Case, fold: int) -> bytes:
    """Two convolutions with random weights; free sizes."""
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(100 * fold + len(case.name))
    flat = len(case.patch) == 2
    kernel = (3, 3) if flat else (3, 3, 3)
    w1 = rng.normal(0, 1.2 / math.sqrt(np.prod(kernel)), (4, 1, *kernel)).astype(np.float32)
    w2 = rng.normal(0, 2.0 / math.sqrt(4 * np.prod(kernel)), (case.classes, 4, *kernel))
    b2 = rng.normal(0, 0.3, case.classes)
    pads = {"pads": [1] * (2 * len(kernel))}
    nodes = [
        helper.make_node("Conv", ["image", "w1"], ["a"], **pads),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "w2", "b2"], ["logits"], **pads),
    ]
    space = ["d", "h", "w"][: len(kernel)]
    constants = {"w1": w1, "w2": w2.astype(np.float32), "b2": b2.astype(np.float32)}
    graph = helper.make_graph(
        nodes,
        "plain",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 1, *space])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", case.classes, *space])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return bytes(model.SerializeToString())


def infer(case: Case, volume: np.ndarray, runs: list[Callable[[np.ndarray], np.ndarray]]) -> Any:
    """Logits on the grid of the image and labels, step by step as 2.1 lists them."""
    from scipy import ndimage

    data = volume.astype(np.float64)
    occupied = ndimage.binary_fill_holes(data != 0)
    where = np.nonzero(occupied)
    box = tuple(slice(int(w.min()), int(w.max()) + 1) for w in where)
    data, occupied = data[box], occupied[box]
    if case.scheme == "ct":
        data = (np.clip(data, *CLIP) - MEAN) / max(STD, 1e-8)
    elif case.scheme == "zscore":
        data = (data - data.mean()) / max(data.std(), 1e-8)
    else:
        mean, std = data[occupied].mean(), data[occupied].std()
        data[occupied] = (data[occupied] - mean) / max(std, 1e-8)
    spacing = (*case.spacing[: 3 - len(case.target)], *case.target)
    shape = [round(o / t * n) for o, t, n in zip(case.spacing, spacing, data.shape)]
    before = data.shape
    data = resample(data, shape, case.spacing, spacing, case.order)
    logits = sum(sweep(case, data, run) for run in runs) / len(runs)
    back = np.stack([resample(c, before, spacing, case.spacing, 1) for c in logits])
    labels = np.zeros(volume.shape, np.uint8)
    if case.regions:
        for n, channel in enumerate(back, 1):
            labels[box][1 / (1 + np.exp(-channel)) > 0.5] = n
    else:
        labels[box] = back.argmax(0)
    return back, labels


def sweep(case: Case, data: np.ndarray, run: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """One network over the image: padding, starts, weights, mirroring."""
    flat = len(case.patch) == 2
    patch = (1, *case.patch) if flat else case.patch
    pads = [(max(0, p - n) // 2, max(0, p - n) - max(0, p - n) // 2)
            for n, p in zip(data.shape, patch)]  # fmt: skip
    padded = np.pad(data, pads)
    firsts = []
    for axis, (n, p) in enumerate(zip(padded.shape, patch)):
        if flat and axis == 0:
            firsts.append(list(range(n)))
            continue
        count = math.ceil((n - p) / (p * 0.5)) + 1
        step = (n - p) / (count - 1) if count > 1 else 0
        firsts.append([int(np.round(step * i)) for i in range(count)])
    weight = gaussian(patch)
    total: Any = 0
    weights = np.zeros(padded.shape)
    for corner in itertools.product(*firsts):
        where = tuple(slice(c, c + p) for c, p in zip(corner, patch))
        piece = padded[where].astype(np.float32)[None, None]
        made: Any = 0
        subsets = [s for r in range(len(case.mirror) + 1)
                   for s in itertools.combinations(case.mirror, r)]  # fmt: skip
        for subset in subsets:
            axes = tuple(a + 2 for a in subset)
            given = piece[:, :, 0] if flat else piece
            out = run(np.ascontiguousarray(np.flip(given, axes)))
            out = np.flip(out, axes).astype(np.float64)
            made = made + (out[:, :, None] if flat else out)
        if isinstance(total, int):
            total = np.zeros((made.shape[1], *padded.shape))
        total[(slice(None), *where)] += made[0] / len(subsets) * weight
        weights[where] += weight
    inner = tuple(slice(b, b + n) for (b, _), n in zip(pads, data.shape))
    return (total / weights)[(slice(None), *inner)]


def gaussian(patch: tuple[int, ...]) -> np.ndarray:
    """A delta at the centre, blurred with a sigma of an eighth of the patch, scaled to 10."""
    from scipy import ndimage

    weight = np.zeros(patch)
    weight[tuple(p // 2 for p in patch)] = 1
    weight = ndimage.gaussian_filter(weight, [p / 8 for p in patch], mode="constant")
    weight = weight / weight.max() * 10
    weight[weight == 0] = weight[weight > 0].min()
    return weight


def resample(data: np.ndarray, shape: Any, old: Any, new: Any, order: int) -> np.ndarray:
    """nnU-Net's resampling; a coarse axis (ratio above 3) on its own, order 0."""
    from scipy import ndimage

    shape = tuple(shape)
    if data.shape == shape:
        return data
    axis = None
    for spacing in (old, new):
        if max(spacing) / min(spacing) > 3:
            coarse = [n for n, mm in enumerate(spacing) if mm == max(spacing)]
            axis = coarse[0] if len(coarse) == 1 else None
            break

    def resize(values: np.ndarray, to: tuple[int, ...]) -> np.ndarray:
        if values.shape == to:
            return values
        zoom = [b / a for a, b in zip(values.shape, to)]
        made = ndimage.zoom(values, zoom, order=order, mode="nearest", grid_mode=True)
        return np.clip(made, values.min(), values.max())

    if axis is None:
        return resize(data, shape)
    plane = tuple(n for a, n in enumerate(shape) if a != axis)
    stack = np.stack([resize(part, plane) for part in np.moveaxis(data, axis, 0)], axis)
    if stack.shape == shape:
        return stack
    scale = [a / b for a, b in zip(stack.shape, shape)]
    grid = np.meshgrid(*(s * (np.arange(n) + 0.5) - 0.5 for s, n in zip(scale, shape)),
                       indexing="ij")  # fmt: skip
    return ndimage.map_coordinates(stack, np.stack(grid), order=0, mode="nearest")


def make() -> None:
    """Write the fixture: graphs, images, labels, and the logits of some voxels."""
    import onnxruntime

    arrays: dict[str, np.ndarray] = {}
    for n, case in enumerate(CASES):
        graphs = [graph_of(case, fold) for fold in range(case.folds)]
        sessions = [onnxruntime.InferenceSession(g, providers=["CPUExecutionProvider"])
                    for g in graphs]  # fmt: skip
        runs = [lambda x, s=s: s.run(None, {"image": x})[0] for s in sessions]
        image = image_of(case)
        _, labels = infer(case, image, runs)
        arrays[f"image{n}"], arrays[f"labels{n}"] = image, labels
        for fold, graph in enumerate(graphs):
            arrays[f"graph{n}.{fold}"] = np.frombuffer(graph, np.uint8)
    arrays["cases"] = np.frombuffer(json.dumps([asdict(c) for c in CASES]).encode(), np.uint8)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    FIXTURE.write_bytes(buffer.getvalue())


if __name__ == "__main__":
    make()
