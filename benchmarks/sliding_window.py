"""The sliding window of the engine beside MONAI's, same ONNX session, same patches, same weights.

Needs ``monai`` and ``torch`` (neither is part of the program): ``python -m
benchmarks.sliding_window`` in an environment that has them. The volume is the CT of the
development data, slices repeated, else a synthetic one.
"""

from __future__ import annotations

import argparse
import os
import resource
import threading
import time
from dataclasses import dataclass

import numpy as np
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

from app.inference.accumulate import Accumulator
from app.inference.manifest_parts import Infer
from app.inference.sinks import WholeSink
from app.inference.sliding_window import sweep, window_of
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


def ours(values: np.ndarray, run: Timed, infer: Infer, batch: int) -> np.ndarray:
    """The engine's window, logits kept whole as MONAI keeps them."""
    sink = WholeSink(values.shape)
    window = window_of(values.shape, infer, batch=batch)
    sweep(values[None], run, window, Accumulator(window.grid, sink, 4 << 30), lambda *_: None)
    return sink.values


def monai_window(values: np.ndarray, run: Timed, infer: Infer, batch: int) -> np.ndarray:
    """MONAI's sliding_window_inference with Gaussian weights."""
    import torch
    from monai.inferers import sliding_window_inference

    def predictor(tensor: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(run(tensor.numpy()))

    with torch.no_grad():
        made = sliding_window_inference(
            torch.from_numpy(values)[None, None], infer.patch, batch, predictor,
            overlap=infer.overlap, mode="gaussian", sigma_scale=infer.window.sigma,
        )  # fmt: skip
    return made[0].numpy()


def main() -> None:
    """Both in turn; medians and ratios."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--shape", default="275,512,512")
    options.add_argument("--patch", default="96,96,96")
    options.add_argument("--channels", type=int, default=8)
    options.add_argument("--classes", type=int, default=3)
    options.add_argument("--batch", type=int, default=1)
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--rounds", type=int, default=2)
    args = options.parse_args()
    import torch

    torch.set_num_threads(args.threads)
    shape = tuple(int(n) for n in args.shape.split(","))
    patch = tuple(int(n) for n in args.patch.split(","))
    infer = Infer(patch=patch, mirror_axes=())
    values = volume(shape)
    plan = ort.SessionOptions()
    plan.intra_op_num_threads = args.threads
    session = ort.InferenceSession(
        unet(args.channels, args.classes), plan, providers=["CPUExecutionProvider"]
    )
    ways = {"Overread": ours, "MONAI": monai_window}
    rows: dict[str, list[tuple[float, float, float]]] = {name: [] for name in ways}
    made: dict[str, np.ndarray] = {}
    for turn in range(args.rounds):
        for name in list(ways)[:: 1 if turn % 2 == 0 else -1]:
            run = Timed(session)
            begin, busy = time.perf_counter(), time.process_time()
            made[name] = ways[name](values, run, infer, args.batch)
            wall, cpu = time.perf_counter() - begin, time.process_time() - busy
            rows[name].append((wall, cpu, run.seconds))
            say(
                f"{name}: {wall:.2f} s, processor {cpu:.2f} s, model {run.seconds:.2f} s "
                f"({run.seconds / wall:.0%}), {run.runs} runs, load {os.getloadavg()[0]:.1f}"
            )
    same = np.mean(made["Overread"].argmax(0) == made["MONAI"].argmax(0))
    best = {name: np.median([row[0] for row in found]) for name, found in rows.items()}
    cpu = {name: np.median([row[1] for row in found]) for name, found in rows.items()}
    say(f"labels equal: {same:.6f}")
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
