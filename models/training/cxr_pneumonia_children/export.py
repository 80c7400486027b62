"""The finished weights as the pack's ONNX file, checked against the network.

    python -m models.training.cxr_pneumonia_children.export WORK PACK opacity-1.pt [more.pt ...]

WORK holds finder.pt too. Several classifiers are averaged.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from models.training.cxr_lung_fields.network import LungNet
from models.training.cxr_pneumonia_children.finder import FINDER_CHANNELS
from models.training.cxr_pneumonia_children.graph import FILM, PneumoniaGraph
from models.training.cxr_pneumonia_children.network import OpacityNet
from models.training.fitting import write_onnx


def built(work: Path, weights: list[str]) -> PneumoniaGraph:
    """The graph with these classifiers."""
    finder = LungNet(FINDER_CHANNELS)
    finder.load_state_dict(torch.load(work / "finder.pt"))
    nets = []
    for name in weights:
        net = OpacityNet()
        net.load_state_dict(torch.load(work / name))
        nets.append(net)
    return PneumoniaGraph(finder, nets).eval()


if __name__ == "__main__":
    graph = built(Path(sys.argv[1]), sys.argv[3:])
    outputs = ["opacity", "attention", "unlike"]
    write_onnx(graph, (1, 1, FILM, FILM), Path(sys.argv[2]) / "model.onnx", outputs)
