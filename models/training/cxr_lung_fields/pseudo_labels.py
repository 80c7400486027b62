"""Masks for the unlabelled adult films, by the teacher, kept only where it is sure.

Each film is read under rotations, scales and exposures; the probabilities are averaged. A film is
kept when the answers agree, both lungs are there, in the right order, of plausible size, and each
is one piece. The sheets are for a person's eye: films named in ``rejected.txt`` are left out.

    python pseudo_labels.py WORK
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as functional
from augmentation import renormalised
from data import CANVAS
from network import LungNet
from PIL import Image
from scipy import ndimage
from torch import Tensor

SIZE = 256
# Rotation in degrees, scale, gamma of each view.
VIEWS = ((0, 1.0, 1.0), (0, 1.15, 0.7), (0, 0.88, 1.4), (-6, 1.0, 1.0), (6, 1.0, 1.0))
LEAST_AGREEMENT = 0.93
AREA_RANGE = (0.03, 0.33)  # of the canvas, for one lung
RATIO_RANGE = (0.45, 1.5)  # left to right


@dataclass(frozen=True)
class PseudoLabel:
    """A mask [320, 320] and how well the views agree on it (mean Dice with the average)."""

    mask: npt.NDArray[np.uint8]
    agreement: float


def probabilities(net: LungNet, film: Tensor) -> list[Tensor]:
    """Softmax [3, 320, 320] of each view, brought back to the film's own place."""
    answers = []
    for degrees, scale, gamma in VIEWS:
        angle = math.radians(degrees)
        cos, sin = math.cos(angle), math.sin(angle)
        there = torch.tensor([[[cos * scale, -sin * scale, 0], [sin * scale, cos * scale, 0]]])
        back = torch.tensor([[[cos / scale, sin / scale, 0], [-sin / scale, cos / scale, 0]]])
        shape = [1, 1, CANVAS, CANVAS]
        grid = functional.affine_grid(there, shape, align_corners=False)
        view = functional.grid_sample(film[None, None] ** gamma, grid, align_corners=False)
        view = functional.interpolate(view, (SIZE, SIZE), mode="bilinear", antialias=True)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = net(renormalised(view)).float()
        full = functional.interpolate(logits, (CANVAS, CANVAS), mode="bilinear").softmax(1)
        grid = functional.affine_grid(back, [1, 3, CANVAS, CANVAS], align_corners=False)
        answers.append(functional.grid_sample(full, grid, align_corners=False)[0])
    return answers


def label(net: LungNet, film: npt.NDArray[np.uint8]) -> PseudoLabel | None:
    """The pseudo-label of one film, or None where the teacher is not sure."""
    answers = probabilities(net, torch.from_numpy(film).float() / 255)
    mask = torch.stack(answers).mean(0).argmax(0).numpy().astype(np.uint8)
    agreement = float(np.mean([_dice(answer.argmax(0).numpy(), mask) for answer in answers]))
    clean = np.zeros_like(mask)
    for lung in (1, 2):
        piece = _largest(mask == lung)
        if piece is None or piece.sum() < 0.95 * (mask == lung).sum():
            return None
        clean[ndimage.binary_fill_holes(piece)] = lung
    return PseudoLabel(clean, agreement) if _plausible(clean, agreement) else None


def _plausible(mask: npt.NDArray[np.uint8], agreement: float) -> bool:
    right, left = (mask == 1), (mask == 2)
    areas = right.mean(), left.mean()
    columns = np.arange(CANVAS)
    right_x = float((right.sum(0) * columns).sum() / right.sum())
    left_x = float((left.sum(0) * columns).sum() / left.sum())
    return bool(
        agreement >= LEAST_AGREEMENT
        and all(AREA_RANGE[0] <= area <= AREA_RANGE[1] for area in areas)
        and RATIO_RANGE[0] <= areas[1] / areas[0] <= RATIO_RANGE[1]
        and right_x < left_x
    )


def _largest(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_] | None:
    parts, count = ndimage.label(mask)
    if count == 0:
        return None
    sizes = ndimage.sum(mask, parts, range(1, count + 1))
    return np.asarray(parts == 1 + int(np.argmax(sizes)))


def _dice(a: npt.NDArray[np.int64], b: npt.NDArray[np.uint8]) -> float:
    same = ((a == b) & (b > 0)).sum()
    return float(2 * same / max(1, (a > 0).sum() + (b > 0).sum()))


def contact_sheets(
    films: npt.NDArray[np.uint8], masks: npt.NDArray[np.uint8], folder: Path
) -> None:
    """Sheets of 48 films with the masks' outlines; the number of the film is its place."""
    for page in range(0, len(films), 48):
        tiles = []
        for film, mask in zip(films[page : page + 48], masks[page : page + 48], strict=True):
            tile = np.repeat(film[::2, ::2, None], 3, axis=2)
            for lung, color in ((1, (255, 80, 80)), (2, (80, 160, 255))):
                area = mask[::2, ::2] == lung
                tile[area & ~ndimage.binary_erosion(area)] = color
            tiles.append(tile)
        tiles += [np.zeros_like(tiles[0])] * (48 - len(tiles))
        rows = [np.concatenate(tiles[row : row + 8], axis=1) for row in range(0, 48, 8)]
        Image.fromarray(np.concatenate(rows)).save(folder / f"sheet-{page // 48:02d}.png")


def main(work: Path) -> None:
    """Write pseudo.npz and the contact sheets."""
    torch.set_num_threads(2)
    net = LungNet()
    net.load_state_dict(torch.load(work / "teacher.pt"))
    net.eval()
    films = np.load(work / "adults.npz")["films"]
    rejected = work / "rejected.txt"
    by_eye = {int(n) for n in rejected.read_text().split()} if rejected.exists() else set()
    kept: list[int] = []
    masks = []
    with torch.no_grad():
        for number, film in enumerate(films):
            found = None if number in by_eye else label(net, film)
            if found is not None:
                kept.append(number)
                masks.append(found.mask)
    chosen = films[kept]
    np.savez(work / "pseudo.npz", films=chosen, masks=np.stack(masks), numbers=np.array(kept))
    contact_sheets(chosen, np.stack(masks), work)
    print(f"kept {len(kept)} of {len(films)} adult films")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
