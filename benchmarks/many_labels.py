"""Peak memory of a run with many labels: ``python -m benchmarks.many_labels --size 512``.

A real graph (one convolution, a channel for each class) on noise, through the inference process;
no resampling, so that the sums of patches are as large as they get.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from app.core.geometry import Geometry
from app.core.volume import Rescale, Volume
from app.inference.pack_store import PackStore
from app.inference.worker import InferenceProcess
from app.workflow.bench_model import peak_mb
from benchmarks.sides import say


def write_pack(folder: Path, classes: int, patch: int, overlap: float) -> None:
    """A pack of one pointwise convolution with a label for each class."""
    from tests.support import tiny_pack

    target = folder / "many"
    target.mkdir(parents=True)
    rng = np.random.default_rng(0)
    weights = rng.normal(0, 1, (classes, 1, 1, 1, 1)).astype(np.float32)
    bias = rng.normal(0, 0.5, classes).astype(np.float32)
    space = ["d", "h", "w"]
    graph = helper.make_graph(
        [helper.make_node("Conv", ["image", "w", "b"], ["logits"])],
        "many",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 1, *space])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", classes, *space])],
        [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(bias, "b")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, target / "model.onnx")
    (target / "card.md").write_text("# Many\n", encoding="utf-8")
    manifest = tiny_pack.volume_manifest("many", patch)
    manifest["onnx"]["outputs"][0]["shape"][1] = classes
    manifest["input"]["steps"] = [
        {"step": "clip", "low": -1000.0, "high": 1000.0},
        {"step": "normalize", "mean": 0.0, "std": 500.0},
    ]
    manifest["infer"]["mirror_axes"] = []
    manifest["infer"]["overlap"] = overlap
    label = manifest["output"]["labels"][0]
    manifest["output"] = {
        "labels": [
            label | {"index": n, "name": {"en": f"label {n}", "ru": f"метка {n}"}}
            for n in range(1, classes)
        ]
    }
    tiny_pack.write_manifest(target, json.loads(json.dumps(manifest)))


def main() -> None:
    """One run; memory of the model process and of this one."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--size", type=int, default=512)
    options.add_argument("--classes", type=int, default=117)
    options.add_argument("--patch", type=int, default=128)
    options.add_argument("--overlap", type=float, default=0.5, help="memory does not depend on it")
    args = options.parse_args()
    n = args.size
    rng = np.random.default_rng(1)
    plane = rng.integers(-1000, 1000, (n, n), dtype=np.int16)
    voxels = np.stack([np.roll(plane, 3 * k, axis=1) for k in range(n)])
    geometry = Geometry.from_arrays((n, n, n), (1, 1, 1), (0, 0, 0), np.eye(3), "1.2")
    from app.core.study import SeriesRef

    volume = Volume(voxels, geometry, Rescale(), "HU", SeriesRef("1.2", "1.3", 0))
    with tempfile.TemporaryDirectory() as folder:
        write_pack(Path(folder) / "models", args.classes, args.patch, args.overlap)
        installed = PackStore(Path(folder) / "models", Path(folder) / "user").get("many")
        process = InferenceProcess(device="cpu")
        try:
            begin = time.perf_counter()
            result = process.run(installed, volume)
            took = time.perf_counter() - begin
            peak = peak_mb(process.process_id)
        finally:
            process.close()
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    voxels_of = {index: int(np.count_nonzero(mask)) for index, mask in result.masks}
    say(
        f"{args.classes} classes, {n}^3, patch {args.patch}: {took:.0f} s, load "
        f"{os.getloadavg()[0]:.1f}, {result.patches} patches, seconds {result.seconds}"
    )
    say(f"model process at most {peak} MB, this process {own:.0f} MB")
    say(
        f"labels with voxels: {sum(count > 0 for count in voxels_of.values())}; notes: "
        f"{[note.en for note in result.notes]}"
    )


if __name__ == "__main__":
    main()
