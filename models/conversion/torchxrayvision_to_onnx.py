"""One ONNX file and the JSON file of its heads from a TorchXRayVision classifier.

python torchxrayvision_to_onnx.py WEIGHTS OUT   (WEIGHTS: densenet121-res224-all, ...)

OUT then holds model.onnx (raw logits of the heads) and labels.json, and
``overread packs import classifier OUT/model.onnx --labels OUT/labels.json --out FILE.overreadpack``
makes the pack. Weights are pickles that the library downloads: load only what you trust, and mind
the terms of the data sets that they were trained on. Needs torch, torchvision, torchxrayvision.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import torch
from nnunet_to_onnx import export


class Logits(torch.nn.Module):
    """The classifier before its sigmoid and its operating thresholds."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.features = model.features
        self.classifier = model.classifier

    def forward(self, film: torch.Tensor) -> torch.Tensor:
        """Raw outputs ``[batch, head]`` of a film ``[batch, 1, row, column]``."""
        features = torch.relu(self.features(film))
        pooled = torch.nn.functional.adaptive_avg_pool2d(features, (1, 1))
        return self.classifier(pooled.flatten(1))


def convert(model: Any, name: str, size: int, out: Path, given: dict[str, Any]) -> None:
    """Write both files; ``given`` joins ``input`` of labels.json."""
    out.mkdir(parents=True, exist_ok=True)
    difference = export(Logits(model).eval(), (1, 1, size, size), out / "model.onnx")
    thresholds = getattr(model, "op_threshs", None)
    labels = {
        "name": name,
        "pathologies": list(model.pathologies),
        "op_threshs": None if thresholds is None else [
            None if math.isnan(value) else value for value in thresholds.tolist()
        ],
        "output": "logits",
        "input": {"range": [-1024, 1024], "size": size, "resize": "gaussian"} | given,
    }  # fmt: skip
    (out / "labels.json").write_text(json.dumps(labels, indent=1) + "\n", encoding="utf-8")
    print(f"{out}: difference {difference:.1e}")


def main(weights: str, out: Path) -> None:
    """Convert one of the library's classifiers."""
    import torchxrayvision

    model = torchxrayvision.models.get_model(weights)
    convert(model, weights, int(getattr(model, "input_resolution", 224)), out, {})


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
