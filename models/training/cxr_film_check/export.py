"""The finished weights as the pack's ONNX file, checked against the network.

python -m models.training.cxr_film_check.export WORK PACK
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from models.training.cxr_film_check.network import EightLooks, FilmNet
from models.training.fitting import write_onnx

SIZE = 144

if __name__ == "__main__":
    net = FilmNet()
    net.load_state_dict(torch.load(Path(sys.argv[1]) / "film.pt"))
    graph = EightLooks(net.eval()).eval()
    write_onnx(graph, (1, 1, SIZE, SIZE), Path(sys.argv[2]) / "model.onnx", ["suspicions"])
