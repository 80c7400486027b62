"""The sliding window of the engine beside MONAI's, same ONNX session, same patches, same weights.

Needs ``monai`` and ``torch`` (neither is part of the program): ``python -m
benchmarks.sliding_window`` in an environment that has them. The volume is the CT of the
development data, slices repeated, else a synthetic one.

The two are the same computation only if told so. MONAI moves by a whole step and shifts the last
patch back, nnU-Net spreads the starts evenly: ``--shape`` is reached by whole steps of ``--patch``,
or the engine is told to place them as MONAI does (``--weights monai``). MONAI's Gaussian stands
half a voxel beside nnU-Net's for an even patch and is lifted to a thousandth far out: it is given
nnU-Net's (``--weights nnunet``), or the engine takes MONAI's. ``--plain`` adds nnU-Net's inference
written plainly, in double precision, on the same session (needs scipy).
"""

from __future__ import annotations

import argparse
import os
import resource
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

from app.inference.accumulate import Accumulator
from app.inference.label_field import LabelField
from app.inference.manifest_parts import Infer, Window
from app.inference.patch_grid import gaussian
from app.inference.sinks import LabelSink, WholeSink
from app.inference.sliding_window import sweep, window_of
from app.inference.way_back import ResampleBack
from benchmarks.sides import say


def unet(channels: int, classes: int, seed: int = 0) -> bytes:
    """A small 3D U-Net of one level with random weights; inputs and outputs of free size."""
    rng = np.random.default_rng(seed)
    c, d = channels, 2 * channels

    def weights(*shape: int) -> np.ndarray:
        fan = np.prod(shape[1:])
        return (rng.normal(0, 1, shape) * np.sqrt(2 / fan)).astype(np.float32)

    tensors = {
        "w1": weights(c, 1, 3, 3, 3), "w2": weights(d, c, 3, 3, 3), "w3": weights(d, d, 3, 3, 3),
        "w4": weights(d, c, 2, 2, 2), "w5": weights(classes, 2 * c, 1, 1, 1),
    }  # fmt: skip
    pad = {"pads": [1] * 6}
    nodes = [
        helper.make_node("Conv", ["image", "w1"], ["a"], **pad),
        helper.make_node("Relu", ["a"], ["a1"]),
        helper.make_node("Conv", ["a1", "w2"], ["b"], strides=[2, 2, 2], **pad),
        helper.make_node("Relu", ["b"], ["b1"]),
        helper.make_node("Conv", ["b1", "w3"], ["c"], **pad),
        helper.make_node("Relu", ["c"], ["c1"]),
        helper.make_node("ConvTranspose", ["c1", "w4"], ["up"], strides=[2, 2, 2]),
        helper.make_node("Concat", ["a1", "up"], ["both"], axis=1),
        helper.make_node("Conv", ["both", "w5"], ["logits"]),
    ]
    space = ["d", "h", "w"]
    graph = helper.make_graph(
        nodes,
        "unet",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 1, *space])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", classes, *space])],
        [numpy_helper.from_array(value, name) for name, value in tensors.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return bytes(model.SerializeToString())


@dataclass
class Timed:
    """A session that counts the time in the model."""

    session: ort.InferenceSession
    seconds: float = 0.0
    runs: int = 0

    def __call__(self, tensor: np.ndarray) -> np.ndarray:
        begin = time.perf_counter()
        output: np.ndarray = self.session.run(None, {"image": tensor})[0]
        self.seconds += time.perf_counter() - begin
        self.runs += 1
        return output


def volume(shape: tuple[int, int, int]) -> np.ndarray:
    """The CT, slices repeated, cut to ``shape``, normalised."""
    import tempfile
    from pathlib import Path

    import pydicom

    from benchmarks.ct_series import write_ct

    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder) / "ct"
        say(f"volume: {write_ct(where, shape[0])}")
        slices = [pydicom.dcmread(path) for path in where.iterdir()]
    slices.sort(key=lambda ds: float(ds.ImagePositionPatient[2]))
    pixels = np.stack([ds.pixel_array for ds in slices]).astype(np.float32) - 1024
    return np.ascontiguousarray(np.clip(pixels, -1000, 1000)[:, : shape[1], : shape[2]] / 500)


@dataclass(frozen=True)
class Work:
    """What both have to do: ``labels`` instead of logits, patches at a time, whose weights."""

    values: np.ndarray
    infer: Infer
    batch: int
    labels: bool

    @property
    def nnunet_weights(self) -> bool:
        """Whether MONAI is given the engine's weights, not the engine MONAI's."""
        return self.infer.window.kind == "gaussian"


def ours(work: Work, run: Timed) -> np.ndarray:
    """The engine: labels as the program makes them, or logits kept whole as MONAI keeps them."""
    shape = work.values.shape
    window = window_of(shape, work.infer, batch=work.batch)
    whole, field = WholeSink(shape), LabelField.empty(shape)
    labels = LabelSink(ResampleBack(shape, shape, None).grids, field.labels, field.probability)
    sink = labels if work.labels else whole
    sweep(work.values[None], run, window, Accumulator(window.grid, sink, 4 << 30), lambda *_: None)
    return field.labels if work.labels else whole.values


def monai_window(work: Work, run: Timed) -> np.ndarray:
    """MONAI's sliding_window_inference, and the largest channel."""
    import torch
    from monai.inferers import sliding_window_inference

    def predictor(tensor: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(run(tensor.numpy()))

    infer, given = work.infer, {}
    if work.nnunet_weights:
        weights = gaussian(tuple(infer.patch), infer.window.sigma, 10.0)
        given = {"roi_weight_map": torch.from_numpy(weights)}
    with torch.no_grad():
        made = sliding_window_inference(
            torch.from_numpy(work.values)[None, None], infer.patch, work.batch, predictor,
            overlap=infer.overlap, mode="gaussian", sigma_scale=infer.window.sigma, **given,
        )[0]  # fmt: skip
        return made.argmax(0).numpy() if work.labels else made.numpy()


def plain(work: Work, run: Timed) -> np.ndarray:
    """Labels of nnU-Net's inference written plainly."""
    from tests.support import plain_nnunet

    shape = work.values.shape
    ones = (1.0, 1.0, 1.0)
    case = plain_nnunet.Case("benchmark", shape, ones, ones, tuple(work.infer.patch))
    return np.asarray(plain_nnunet.sweep(case, work.values, run).argmax(0))


def report_equality(made: dict[str, np.ndarray]) -> None:
    """How many voxels have the same label; how far logits are apart."""
    first = made["Overread"]
    for name, other in made.items():
        if other is first:
            continue
        if first.ndim == 4 and other.ndim == 4:
            apart = max(float(np.abs(a - b).max()) for a, b in zip(first, other, strict=True))
            say(f"largest difference of logits to {name}: {apart:.2g}")
        labels = [x.argmax(0) if x.ndim == 4 else x for x in (first, other)]
        say(f"labels equal to {name}: {np.mean(labels[0] == labels[1]):.6f}")


def main() -> None:
    """Both in turn; medians and ratios."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--shape", default="275,512,512")
    options.add_argument("--patch", default="110,128,128")
    options.add_argument("--channels", type=int, default=4)
    options.add_argument("--classes", type=int, default=3)
    options.add_argument("--batch", type=int, default=1)
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--rounds", type=int, default=2)
    options.add_argument("--result", choices=("labels", "logits"), default="labels")
    options.add_argument("--weights", choices=("nnunet", "monai"), default="nnunet")
    options.add_argument("--plain", action="store_true")
    args = options.parse_args()
    import monai.inferers  # noqa: F401 - its import is no part of the work
    import torch

    torch.set_num_threads(args.threads)
    shape = tuple(int(n) for n in args.shape.split(","))
    patch = tuple(int(n) for n in args.patch.split(","))
    infer = Infer(patch=patch, mirror_axes=())
    if args.weights == "monai":
        theirs = Window(kind="gaussian_middle", sigma=0.125)
        infer = Infer(patch=patch, mirror_axes=(), placement="interval", window=theirs)
    work = Work(volume(shape), infer, args.batch, args.result == "labels")
    plan = ort.SessionOptions()
    plan.intra_op_num_threads = args.threads
    session = ort.InferenceSession(
        unet(args.channels, args.classes), plan, providers=["CPUExecutionProvider"]
    )
    ways: dict[str, Callable[[Work, Timed], np.ndarray]] = {"Overread": ours, "MONAI": monai_window}
    rows: dict[str, list[tuple[float, float, float]]] = {name: [] for name in ways}
    made: dict[str, np.ndarray] = {}
    for turn in range(args.rounds):
        for name in list(ways)[:: 1 if turn % 2 == 0 else -1]:
            run = Timed(session)
            begin, busy = time.perf_counter(), time.process_time()
            made[name] = ways[name](work, run)
            wall, cpu = time.perf_counter() - begin, time.process_time() - busy
            rows[name].append((wall, cpu, run.seconds))
            say(
                f"{name}: {wall:.2f} s, processor {cpu:.2f} s, model {run.seconds:.2f} s "
                f"({run.seconds / wall:.0%}), {run.runs} runs, load {os.getloadavg()[0]:.1f}"
            )
    if args.plain:
        made["plain nnU-Net"] = plain(work, Timed(session))
    report_equality(made)
    best = {name: np.median([row[0] for row in found]) for name, found in rows.items()}
    cpu = {name: np.median([row[1] for row in found]) for name, found in rows.items()}
    say(
        f"ratio of wall {best['Overread'] / best['MONAI']:.3f}, "
        f"of processor {cpu['Overread'] / cpu['MONAI']:.3f}"
    )
    say(
        f"peak of the process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB, "
        f"threads {threading.active_count()}"
    )


if __name__ == "__main__":
    main()
