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
from network import HippocampusNet

SIZE = (48, 64, 48)
TOLERANCE = 2e-3


def main(work: Path, pack: Path) -> None:
    """Write model.onnx; raises when onnxruntime answers differently from the network."""
    net = HippocampusNet().eval()
    net.load_state_dict(torch.load(work / "hippocampus.pt"))
    crop = torch.rand(1, 1, *SIZE) * 4 - 2
    target = pack / "model.onnx"
    torch.onnx.export(
        net, (crop,), target, input_names=["crop"], output_names=["logits"],
        opset_version=17, dynamo=False,
    )  # fmt: skip
    onnx.checker.check_model(onnx.load(target))
    session = onnxruntime.InferenceSession(target, providers=["CPUExecutionProvider"])
    answer = session.run(None, {"crop": crop.numpy()})[0]
    difference = float(np.abs(answer - net(crop).detach().numpy()).max())
    if difference > TOLERANCE:
        raise SystemExit(f"onnxruntime differs from the network by {difference}")
    print(f"{target}: {target.stat().st_size / 2**20:.1f} MiB, largest difference {difference:.1e}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
