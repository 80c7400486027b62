"""What the trainings of classifiers of chest films share: first weights, batches, averages."""

from __future__ import annotations

import copy
import math
import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import onnx
import onnxruntime
import torch
from onnx import numpy_helper
from torch import Tensor, nn

T = TypeVar("T")
OPSET = 17
TOLERANCE = 2e-3


def start_from_lungs(encoder: nn.Module, lungs: Path, sample: Tensor) -> int:
    """Give ``encoder.down`` the weights of the lung-field pack; returns how many convolutions.

    The pack's batch normalisation is folded into its convolutions. Each fresh normalisation is set
    so that on ``sample`` [n, 1, h, w] it adds the folded bias and changes nothing else.
    """
    graph = onnx.load(lungs).graph
    values = {item.name: torch.tensor(numpy_helper.to_array(item)) for item in graph.initializer}
    found = {
        node.name.strip("/").removesuffix("/Conv").replace("/", "."): node.input
        for node in graph.node
        if node.op_type == "Conv"
    }
    count = 0
    handles = []
    modules = dict(encoder.named_modules())
    for name, module in modules.items():
        inputs = found.get(name)
        if inputs is None or not isinstance(module, nn.Conv2d):
            continue
        weight = values[inputs[1]]
        if weight.shape != module.weight.shape:
            continue
        module.weight.data.copy_(weight)
        count += 1
        norm = modules.get(f"{name}_norm")
        if isinstance(norm, nn.BatchNorm2d) and len(inputs) > 2:
            handles.append(norm.register_forward_pre_hook(_neutral(values[inputs[2]])))
    with torch.no_grad():
        encoder.eval()
        encoder(sample)
        encoder.train()
    for handle in handles:
        handle.remove()
    return count


def _neutral(bias: Tensor) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
    def set_norm(norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        assert isinstance(norm, nn.BatchNorm2d)
        mean = inputs[0].mean((0, 2, 3))
        variance = inputs[0].var((0, 2, 3)) + 1e-4
        norm.running_mean, norm.running_var = mean, variance
        norm.weight.data.copy_((variance + norm.eps).sqrt())
        norm.bias.data.copy_(bias + mean)

    return set_norm


def prefetched(make: Callable[[], T], depth: int = 4) -> Iterator[T]:
    """What ``make`` gives, for ever, made in a thread of its own while the network works."""
    ready: queue.Queue[T] = queue.Queue(maxsize=depth)

    def fill() -> None:
        while True:
            ready.put(make())

    threading.Thread(target=fill, daemon=True).start()
    while True:
        yield ready.get()


@dataclass
class Averaged:
    """A network in training, the moving average of its weights, and a rate that follows time.

    ``done`` runs from 0 to 1: warm-up over the first 100 steps, then a cosine down to nothing.
    """

    net: nn.Module
    peak: float
    decay: float = 1e-3
    keep: float = 0.998

    def __post_init__(self) -> None:
        self.average = copy.deepcopy(self.net).eval()
        self.optimizer = torch.optim.AdamW(
            self.net.parameters(), self.peak, weight_decay=self.decay
        )
        self.step_count = 0

    def step(self, loss: Tensor, done: float) -> None:
        """One step of the optimiser and of the average."""
        self.step_count += 1
        cosine = 0.5 + 0.5 * math.cos(math.pi * min(1.0, done))
        rate = self.peak * min(1, self.step_count / 100) * cosine + 1e-5
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), 2.0)
        self.optimizer.step()
        self._follow(min(self.keep, (1 + self.step_count) / (10 + self.step_count)))

    @torch.no_grad()
    def _follow(self, keep: float) -> None:
        kept = self.average.state_dict().values()
        for old, new in zip(kept, self.net.state_dict().values(), strict=True):
            if old.dtype.is_floating_point:
                old.mul_(keep).add_(new, alpha=1 - keep)
            else:
                old.copy_(new)


def write_onnx(graph: nn.Module, shape: tuple[int, ...], target: Path, outputs: list[str]) -> None:
    """Export with the input ``film``; raises when onnxruntime answers otherwise than torch."""
    film = torch.rand(shape)
    target.parent.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        graph, (film,), str(target), input_names=["film"], output_names=outputs,
        opset_version=OPSET, dynamo=False,
    )  # fmt: skip
    onnx.checker.check_model(str(target))
    session = onnxruntime.InferenceSession(str(target), providers=["CPUExecutionProvider"])
    answers = session.run(None, {"film": film.numpy()})
    with torch.no_grad():
        wanted = graph(film)
    wanted = wanted if isinstance(wanted, tuple) else (wanted,)
    off = max(float(abs(a - b.numpy()).max()) for a, b in zip(answers, wanted, strict=True))
    if off > TOLERANCE:
        raise SystemExit(f"onnxruntime differs from the network by {off}")
    print(f"{target}: {target.stat().st_size / 2**20:.1f} MiB, largest difference {off:.1e}")
