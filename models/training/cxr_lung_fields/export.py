"""The finished weights as the pack's ONNX file, checked against the network.

python export.py WORK PACK_FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from network import LungNet

SIZE = 256
TOLERANCE = 1e-3


def main(work: Path, pack: Path, weights: str = "finish.pt") -> None:
    """Write model.onnx; raises when onnxruntime answers differently from the network."""
    net = LungNet()
    net.load_state_dict(torch.load(work / weights))
    net.eval()
    film = torch.rand(1, 1, SIZE, SIZE)
    target = pack / "model.onnx"
    torch.onnx.export(
        net, (film,), str(target), input_names=["film"], output_names=["logits"],
        opset_version=17, dynamo=False,
    )  # fmt: skip
    onnx.checker.check_model(str(target))
    session = onnxruntime.InferenceSession(str(target), providers=["CPUExecutionProvider"])
    (answer,) = session.run(None, {"film": film.numpy()})
    difference = float(np.abs(answer - net(film).detach().numpy()).max())
    if difference > TOLERANCE:
        raise SystemExit(f"onnxruntime differs from the network by {difference}")
    print(f"{target}: {target.stat().st_size / 2**20:.1f} MiB, largest difference {difference:.1e}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
