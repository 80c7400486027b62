"""Training of the film check on one CPU core.

    python -m models.training.cxr_film_check.train WORK LUNG_WEIGHTS.pt --minutes 40

The encoder starts from the shipped lung-field network (``shipped.pt`` of
``cxr_lung_fields.warm_start``). That network had seen adult films of this set with outlines that
it made itself; held-out children it had never seen.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor

from models.training.cxr_film_check.augmentation import Sample, sample_as
from models.training.cxr_film_check.cuts import area_of
from models.training.cxr_film_check.network import FilmNet
from models.training.cxr_film_check.splits import TRAIN
from models.training.fitting import Averaged, prefetched

BATCH = 32
SMALL, FULL = 112, 144
SMALL_SHARE = 0.7  # of the time is spent on small pictures
# How often each kind is drawn.
CHILDREN, ADULTS, PHANTOMS, OTHERS = 0.55, 0.29, 0.02, 0.14


def training_set(work: Path) -> tuple[list[Sample], list[float]]:
    """The samples and the probability with which each is drawn."""
    data = np.load(work / "films.npz")
    films, lungs, sizes, groups = (data[key] for key in ("films", "lungs", "size", "group"))
    samples, kinds = [], []
    for n in np.flatnonzero(data["split"] == TRAIN):
        samples.append(Sample(torch.from_numpy(films[n]), lungs[n], area_of(*sizes[n])))
        kinds.append(int(groups[n]))
    data = np.load(work / "negatives.npz")
    films, sizes = data["films"], data["size"]
    for n in np.flatnonzero(data["split"] == TRAIN):
        samples.append(Sample(torch.from_numpy(films[n]), None, area_of(*sizes[n])))
        kinds.append(3)
    share = (CHILDREN, ADULTS, PHANTOMS, OTHERS)
    counts = np.bincount(kinds, minlength=4)
    print(f"children, adults, phantoms, others: {counts.tolist()}", flush=True)
    chances = np.array([share[kind] / counts[kind] for kind in kinds])
    return samples, list(chances / chances.sum())


def loss_of(answer: tuple[Tensor, Tensor], way: Tensor, others: Tensor) -> Tensor:
    """Cross entropy of the way and of the others, each where it is known."""
    ways, logits = answer
    loss = functional.cross_entropy(ways.float(), way, ignore_index=-1)
    known = ~others.isnan()
    return loss + functional.binary_cross_entropy_with_logits(
        logits.float()[known], others[known]
    ) * len(known[0])


def train(work: Path, teacher: Path, minutes: float) -> None:
    """Keep the averaged weights as WORK/film.pt."""
    torch.manual_seed(1)
    samples, chances = training_set(work)
    net = FilmNet()
    known = torch.load(teacher)
    wanted = net.encoder.state_dict()
    net.encoder.load_state_dict({name: known[name] for name in wanted})
    run = Averaged(net.to(memory_format=torch.channels_last), peak=1.5e-3, decay=2e-3)
    random = np.random.default_rng(1)
    started = time.monotonic()

    def done() -> float:
        return (time.monotonic() - started) / (minutes * 60)

    def batch() -> tuple[Tensor, Tensor, Tensor]:
        size = SMALL if done() < SMALL_SHARE else FULL
        chosen = random.choice(len(samples), BATCH, p=chances)
        made = [sample_as(samples[n], size) for n in chosen]
        return (
            torch.stack([item.picture for item in made]),
            torch.tensor([item.way for item in made]),
            torch.stack([item.others for item in made]),
        )

    net.train()
    for step, (x, way, others) in enumerate(prefetched(batch), 1):
        if done() >= 1:
            break
        with torch.autocast("cpu", dtype=torch.bfloat16):
            answer = net(x.to(memory_format=torch.channels_last))
        loss = loss_of(answer, way, others)
        run.step(loss, done())
        if step % 50 == 0:
            seen = way >= 0
            right = (answer[0].argmax(1) == way)[seen].float().mean()
            print(f"step {step} {done():.2f} loss {loss.item():.3f} way {right:.2f}", flush=True)
        if step % 300 == 0:
            torch.save(run.average.state_dict(), work / "film.pt")
    torch.save(run.average.state_dict(), work / "film.pt")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Path)
    parser.add_argument("teacher", type=Path)
    parser.add_argument("--minutes", type=float, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    train(options.work, options.teacher, options.minutes)
