"""Training of the small network that finds the lungs inside the pack's graph.

    python -m models.training.cxr_pneumonia_children.finder LUNGS WORK --minutes 8

LUNGS holds the ``children.npz`` of ``cxr_lung_fields.data``; its held-out patients are those that
are held out here. Half a network of the lung-field pack on a film of 160 pixels; only the moments
of what it finds are used.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor

from models.training.cxr_lung_fields.augmentation import augment
from models.training.cxr_lung_fields.data import load_children
from models.training.cxr_lung_fields.network import LungNet
from models.training.cxr_pneumonia_children.lung_view import boxes_of
from models.training.fitting import Averaged, prefetched

SIZE = 160
BATCH = 24
FINDER_CHANNELS = (8, 16, 32, 48, 64)


def lung_probability(finder: LungNet, films: Tensor) -> Tensor:
    """[n, 1, 160, 160] films 0..1 to the probability of either lung [n, 160, 160]."""
    return 1 - finder(films).softmax(1)[:, 0]


def train(lungs: Path, work: Path, minutes: float, start: Path | None = None) -> None:
    """Keep the averaged weights as WORK/finder.pt and say how far the boxes are off."""
    torch.manual_seed(1)
    children = load_children(lungs)
    films = torch.from_numpy(children.films[~children.is_held_out])
    masks = torch.from_numpy(children.masks[~children.is_held_out])
    net = LungNet(FINDER_CHANNELS)
    if start is not None:
        net.load_state_dict(torch.load(start))
    run = Averaged(net.to(memory_format=torch.channels_last), peak=3e-3, decay=1e-4)
    random = np.random.default_rng(1)
    started = time.monotonic()

    def done() -> float:
        return (time.monotonic() - started) / (minutes * 60)

    def batch() -> tuple[Tensor, Tensor]:
        chosen = random.choice(len(films), BATCH)
        return augment(films[chosen], masks[chosen], SIZE, 0.7)

    for step, (x, labels) in enumerate(prefetched(batch), 1):
        if done() >= 1:
            break
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = net(x.to(memory_format=torch.channels_last))
        loss = functional.cross_entropy(logits.float(), labels)
        run.step(loss, done())
        if step % 50 == 0:
            print(f"step {step} {done():.2f} loss {loss.item():.3f}", flush=True)
    torch.save(run.average.state_dict(), work / "finder.pt")
    held = np.flatnonzero(children.is_held_out)
    x = torch.from_numpy(children.films[held]).float()[:, None] / 255
    truth = torch.from_numpy(children.masks[held] > 0).float()
    with torch.no_grad():
        found = [
            lung_probability(run.average, functional.avg_pool2d(part, 2)) for part in x.split(32)
        ]
    probability = torch.cat(found)
    certainty = (probability**2).sum((1, 2)) / probability.sum((1, 2))
    print(f"lowest certainty inside the lungs: {certainty.min():.3f}")
    boxes, wanted = boxes_of(probability), boxes_of(truth)
    middle_off = (boxes - wanted)[:, :2].abs() / wanted[:, 2:]
    ratio = (boxes / wanted)[:, 2:]
    print(f"held-out films: middle off by {middle_off.mean():.3f} of the half box, at worst")
    print(f"{middle_off.max():.3f}; size ratio {ratio.min():.2f} to {ratio.max():.2f}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lungs", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--start", type=Path, help="go on from these weights")
    options = parser.parse_args()
    torch.set_num_threads(1)
    train(options.lungs, options.work, options.minutes, options.start)
