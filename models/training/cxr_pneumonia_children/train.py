"""Training of the classifier on one CPU core.

    python -m models.training.cxr_pneumonia_children.train WORK LUNG_FIELD_PACK --minutes 45
    ... --minutes 18 --start WORK/opacity-1.pt --seed 2      from its weights, full size, low rate

The encoder starts from the lung-field network. Both classes are drawn equally often. Label
smoothing, dropout, weight decay, a moving average of the weights. ``--seed`` makes another one;
the pack averages the networks that export.py is given.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from models.training.cxr_pneumonia_children.augmentation import augment, plain
from models.training.cxr_pneumonia_children.data import CALIBRATION, TRAIN
from models.training.cxr_pneumonia_children.network import OpacityNet
from models.training.figures import area_under
from models.training.fitting import Averaged, prefetched, start_from_lungs

BATCH = 32
SMALL, FULL = 128, 160
SMALL_SHARE = 0.6  # of the time is spent on small views
PEAK_RATE, LATER_RATE = 1.5e-3, 7e-4
SMOOTHING = 0.05
CAUSE_WEIGHT = 0.25
# How often a class is drawn: normal, bacterial, viral. Viral opacities are the faint ones.
DRAWN = (0.5, 0.25, 0.25)


def loss_of(scores: Tensor, cause: Tensor) -> Tensor:
    """Smoothed cross entropy of the opacity; that of the cause on the ill films, lightly."""
    ill = (cause > 0).float()
    target = ill * (1 - 2 * SMOOTHING) + SMOOTHING
    loss = functional.binary_cross_entropy_with_logits(scores[:, 0], target)
    if ill.any():
        kind = functional.cross_entropy(scores[cause > 0, 1:], cause[cause > 0] - 1)
        loss = loss + CAUSE_WEIGHT * kind
    return loss


@torch.no_grad()
def scores_on(net: nn.Module, views: Tensor, size: int) -> npt.NDArray[np.float64]:
    """Logit of the opacity for wide views."""
    found = []
    for start in range(0, len(views), 32):
        x = plain(views[start : start + 32], size)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found.append(net(x.to(memory_format=torch.channels_last))[1][:, 0].float())
    return torch.cat(found).double().numpy()


def train(work: Path, lungs: Path, minutes: float, seed: int, start: Path | None = None) -> None:
    """Keep the averaged weights as WORK/opacity-<seed>.pt."""
    torch.manual_seed(seed)
    data = np.load(work / "views.npz")
    split, causes = data["split"], data["cause"]
    views = torch.from_numpy(data["views"][split == TRAIN])
    cause = torch.from_numpy(causes[split == TRAIN]).long()
    held = np.flatnonzero(split == CALIBRATION)
    check_views, check_ill = torch.from_numpy(data["views"][held]), causes[held] > 0
    chance = np.array([DRAWN[c] / (cause == c).sum() for c in cause.tolist()])
    chance /= chance.sum()
    net = OpacityNet()
    if start is not None:
        net.load_state_dict(torch.load(start))
    else:
        copied = start_from_lungs(net.encoder, lungs / "model.onnx", plain(views[::150], SMALL))
        print(f"{len(views)} films, {copied} convolutions from the lung fields", flush=True)
    peak = PEAK_RATE if start is None else LATER_RATE
    run = Averaged(net.to(memory_format=torch.channels_last), peak=peak, decay=5e-3)
    random = np.random.default_rng(seed)
    started = time.monotonic()

    def done() -> float:
        return (time.monotonic() - started) / (minutes * 60)

    def batch() -> tuple[Tensor, Tensor]:
        chosen = random.choice(len(views), BATCH, p=chance)
        size = SMALL if start is None and done() < SMALL_SHARE else FULL
        strength = 1.0 if done() < 0.85 else 0.7
        return augment(views[chosen], size, strength), cause[chosen]

    net.train()
    for step, (x, wanted) in enumerate(prefetched(batch), 1):
        if done() >= 1:
            break
        with torch.autocast("cpu", dtype=torch.bfloat16):
            _, scores = net(x.to(memory_format=torch.channels_last))
        loss = loss_of(scores.float(), wanted)
        run.step(loss, done())
        if step % 50 == 0:
            print(f"step {step} {done():.2f} size {x.shape[-1]} loss {loss.item():.3f}", flush=True)
        if step % 500 == 0:
            torch.save(run.average.state_dict(), work / f"opacity-{seed}.pt")
            area = area_under(scores_on(run.average, check_views, x.shape[-1]), check_ill)
            print(f"step {step} calibration films: area {area:.4f}", flush=True)
    torch.save(run.average.state_dict(), work / f"opacity-{seed}.pt")
    area = area_under(scores_on(run.average, check_views, FULL), check_ill)
    print(f"calibration films: area {area:.4f}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Path)
    parser.add_argument("lungs", type=Path)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--start", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    train(options.work, options.lungs, options.minutes, options.seed, options.start)
