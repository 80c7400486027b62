"""The weights of a shipped ONNX file back in a network that can be trained further.

Export folds every batch normalisation into its convolution. Here each gets back the statistics of
the training films, with the scale and the shift that undo them, so that the network answers as the
file does and can be trained on.

    python warm_start.py MODEL.onnx WORK            writes WORK/shipped.pt
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from augmentation import augment
from data import load_children
from network import LungNet
from onnx import numpy_helper
from torch import Tensor, nn

FILMS = 192
TOLERANCE = 1e-2


def folded_convolutions(model: Path) -> list[tuple[Tensor, Tensor | None]]:
    """Weight and bias of every convolution, in the order in which they run."""
    graph = onnx.load(str(model)).graph
    stored = {entry.name: numpy_helper.to_array(entry) for entry in graph.initializer}
    found = []
    for node in graph.node:
        if node.op_type == "Conv":
            weight, *bias = (torch.from_numpy(np.array(stored[n])) for n in node.input[1:])
            found.append((weight, bias[0] if bias else None))
    return found


def convolutions_as_run(net: LungNet) -> list[nn.Conv2d]:
    """The convolutions of the network in the order in which they run."""
    order: list[nn.Conv2d] = []
    hooks = [
        module.register_forward_hook(lambda m, *_: order.append(m))
        for module in net.modules()
        if isinstance(module, nn.Conv2d)
    ]
    net(torch.zeros(1, 1, 64, 64))
    for hook in hooks:
        hook.remove()
    return order


@torch.no_grad()
def main(model: Path, work: Path) -> None:
    """Write shipped.pt; raises where the network answers otherwise than the file."""
    torch.manual_seed(1)
    net = LungNet().eval()
    norms = {
        id(getattr(block, name)): getattr(block, f"{name}_norm")
        for block in net.modules()
        for name in ("first", "second")
        if hasattr(block, f"{name}_norm")
    }
    for conv, (weight, bias) in zip(
        convolutions_as_run(net), folded_convolutions(model), strict=True
    ):
        conv.weight.copy_(weight)
        norm = norms.get(id(conv))
        if norm is None:
            if bias is not None:
                conv.bias.copy_(bias)
            continue
        norm.running_mean.zero_()
        norm.running_var.fill_(1 - norm.eps)
        norm.weight.fill_(1)
        norm.bias.copy_(bias)
    children = load_children(work)
    chosen = np.random.default_rng(1).choice(np.flatnonzero(~children.is_held_out), FILMS, False)
    films, _ = augment(
        torch.from_numpy(children.films[chosen]), torch.from_numpy(children.masks[chosen]), 256, 0.5
    )
    _give_statistics(net, films)
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    (answer,) = session.run(None, {"film": films[:1].numpy()})
    difference = float(np.abs(answer - net(films[:1]).numpy()).max())
    if difference > TOLERANCE:
        raise SystemExit(f"the network differs from the file by {difference}")
    torch.save(net.state_dict(), work / "shipped.pt")
    print(f"largest difference {difference:.1e}")


def _give_statistics(net: LungNet, films: Tensor) -> None:
    """Mean and variance of what enters each normalisation, undone by its scale and shift."""

    def measure(norm: nn.BatchNorm2d, inputs: tuple[Tensor, ...]) -> None:
        mean = inputs[0].mean((0, 2, 3))
        variance = inputs[0].var((0, 2, 3), unbiased=False)
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
        norm.weight.copy_((variance + norm.eps).sqrt())
        norm.bias.add_(mean)

    hooks = [
        module.register_forward_pre_hook(measure)
        for module in net.modules()
        if isinstance(module, nn.BatchNorm2d)
    ]
    net(films)
    for hook in hooks:
        hook.remove()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
