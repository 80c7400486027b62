"""Training of the lung-field network on the CPU.

    python train.py teacher WORK --minutes 40   children with masks, 192 then 256 pixels
    python train.py student WORK --minutes 25   from the teacher, with adult pseudo-labels mixed in
    python train.py finish WORK --minutes 20    from the student, with milder augmentation
    python train.py renew WORK --minutes 85     from the shipped weights (warm_start.py), mild
    ... --init FILE                             start from other weights
    ... --threads N                             threads of one operator

The schedule runs over time, not steps: cosine learning rate, exponential moving average of the
weights, which is what is kept. bfloat16 autocast uses AMX where the processor has it.
"""

from __future__ import annotations

import argparse
import copy
import math
import queue
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as functional
from augmentation import augment
from data import load_children
from network import CLASSES, LungNet
from torch import Tensor, nn

BATCH = 16
ADULT_WEIGHT = 3.0  # an adult film is drawn this many times as often as a child's
STARTS_FROM = {"student": "teacher", "finish": "student", "renew": "shipped"}
PEAK_RATE = {"teacher": 2e-3, "student": 1e-3, "finish": 5e-4, "renew": 1.2e-3}
STRENGTH = {"teacher": 1.0, "student": 1.0, "finish": 0.5, "renew": 0.4}
SMALL_SHARE = 0.65  # of the teacher's time is spent on small pictures


def training_set(work: Path, with_adults: bool) -> tuple[Tensor, Tensor, npt.NDArray[np.float64]]:
    """Films, masks and the probability with which each is drawn."""
    children = load_children(work)
    films = children.films[~children.is_held_out]
    masks = children.masks[~children.is_held_out]
    weights = np.ones(len(films))
    if with_adults:
        pseudo = np.load(work / "pseudo.npz")
        films = np.concatenate([films, pseudo["films"]])
        masks = np.concatenate([masks, pseudo["masks"]])
        weights = np.concatenate([weights, np.full(len(pseudo["films"]), ADULT_WEIGHT)])
    return torch.from_numpy(films), torch.from_numpy(masks), weights / weights.sum()


def batches(
    films: Tensor,
    masks: Tensor,
    weights: npt.NDArray[np.float64],
    size: Callable[[], int],
    strength: float,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Augmented batches for ever, made in a thread of their own while the network works."""
    random = np.random.default_rng(1)
    ready: queue.Queue[tuple[Tensor, Tensor]] = queue.Queue(maxsize=4)

    def fill() -> None:
        while True:
            chosen = random.choice(len(films), BATCH, p=weights)
            ready.put(augment(films[chosen], masks[chosen], size(), strength))

    threading.Thread(target=fill, daemon=True).start()
    while True:
        yield ready.get()


def loss_of(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross entropy plus soft Dice of the two lungs over the batch."""
    probability = logits.softmax(1)
    truth = functional.one_hot(labels, CLASSES).permute(0, 3, 1, 2).float()
    overlap = (probability * truth).sum((0, 2, 3))[1:]
    total = (probability + truth).sum((0, 2, 3))[1:]
    dice = 1 - (2 * overlap + 1) / (total + 1)
    return functional.cross_entropy(logits, labels) + dice.mean()


def train(work: Path, stage: str, minutes: float, start: Path | None = None) -> None:
    """Run one stage and keep its averaged weights as WORK/<stage>.pt."""
    torch.manual_seed(1)
    is_teacher = stage == "teacher"
    films, masks, weights = training_set(work, with_adults=not is_teacher)
    net = LungNet().to(memory_format=torch.channels_last)
    if start is None and not is_teacher:
        start = work / f"{STARTS_FROM[stage]}.pt"
    if start is not None:
        net.load_state_dict(torch.load(start))
    average = copy.deepcopy(net).eval()
    peak = PEAK_RATE[stage]
    optimizer = torch.optim.AdamW(net.parameters(), peak, weight_decay=1e-4)
    started = time.monotonic()

    def elapsed() -> float:
        return (time.monotonic() - started) / (minutes * 60)

    def size() -> int:
        return 192 if is_teacher and elapsed() < SMALL_SHARE else 256

    endless = batches(films, masks, weights, size, STRENGTH[stage])
    for step, (x, labels) in enumerate(endless, 1):
        done = elapsed()
        if done >= 1:
            break
        rate = peak * min(1, step / 100) * (0.5 + 0.5 * math.cos(math.pi * done)) + 1e-5
        for group in optimizer.param_groups:
            group["lr"] = rate
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = net(x.to(memory_format=torch.channels_last))
        loss = loss_of(logits.float(), labels)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 2.0)
        optimizer.step()
        _average(average, net, min(0.998, (1 + step) / (10 + step)))
        if step % 50 == 0:
            print(
                f"{stage} step {step} {done:.2f} size {x.shape[-1]} loss {loss.item():.3f}",
                flush=True,
            )
        if step % 300 == 0:
            torch.save(average.state_dict(), work / f"{stage}.pt")
    torch.save(average.state_dict(), work / f"{stage}.pt")


@torch.no_grad()
def _average(average: nn.Module, net: nn.Module, keep: float) -> None:
    pairs = zip(average.state_dict().values(), net.state_dict().values(), strict=True)
    for kept, fresh in pairs:
        if kept.dtype.is_floating_point:
            kept.mul_(keep).add_(fresh, alpha=1 - keep)
        else:
            kept.copy_(fresh)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage", choices=tuple(PEAK_RATE))
    parser.add_argument("work", type=Path)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--init", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    train(options.work, options.stage, options.minutes, options.init)
