"""Good films made bad in known ways: laid otherwise, inverted, cut off, or only a piece of one."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as functional
from torch import Tensor

from models.training.cxr_film_check.cuts import (
    CANVAS,
    CUT_SHARE,
    SIDES,
    Area,
    cut_share,
    cut_to,
    touches_edge,
)
from models.training.cxr_film_check.network import CUT_OFF, INVERTED, NOT_CHEST, OTHERS, WAYS, laid
from models.training.cxr_lung_fields.augmentation import uniform

UNKNOWN = float("nan")


@dataclass(frozen=True)
class Sample:
    """A film or other picture on its canvas; ``lungs`` None where it is no chest film."""

    film: Tensor
    lungs: npt.NDArray[np.uint8] | None
    area: Area


def close_to(lungs: npt.NDArray[np.uint8], area: Area) -> Area:
    """Some edges moved towards the lungs, none into them."""
    rows, columns = np.nonzero(lungs)
    if rows.size == 0:
        return area
    near = Area(rows.min() - 1, rows.max() + 2, columns.min() - 1, columns.max() + 2)
    part = torch.rand(4).sqrt() * (torch.rand(4) < 0.6)

    def moved(edge: float, limit: float, how_far: float) -> float:
        return edge + (limit - edge) * how_far

    return Area(
        min(moved(area.top, near.top, float(part[0])), max(area.top, near.top)),
        max(moved(area.bottom, near.bottom, float(part[1])), min(area.bottom, near.bottom)),
        min(moved(area.left, near.left, float(part[2])), max(area.left, near.left)),
        max(moved(area.right, near.right, float(part[3])), min(area.right, near.right)),
    )


def a_piece(area: Area) -> Area:
    """A quarter of the film's side or so, anywhere."""
    height, width = area.bottom - area.top, area.right - area.left
    side = float(uniform(1, 0.12, 0.3)) * min(height, width)
    top = area.top + float(torch.rand(1)) * (height - side)
    left = area.left + float(torch.rand(1)) * (width - side)
    return Area(top, top + side, left, left + side * float(uniform(1, 0.8, 1.25)))


@dataclass
class Labelled:
    """A picture [1, s, s] 0..1, the way it lies (-1 unknown), the other truths (nan unknown)."""

    picture: Tensor
    way: int
    others: Tensor


def sample_as(sample: Sample, size: int, strength: float = 1.0) -> Labelled:
    """One augmented picture with its truths."""
    others = torch.full((OTHERS,), UNKNOWN)
    area, collimated = sample.area, None
    is_chest = sample.lungs is not None
    if sample.lungs is None:
        others[NOT_CHEST] = 1.0
        if torch.rand(1) < 0.5:
            area = _trimmed(area)
    else:
        area, collimated = _recut(sample, others)
        is_chest = others[NOT_CHEST].item() != 1.0
    if collimated is None:
        picture, inside = _drawn(sample.film, area, size, strength)
    else:
        picture, inside = _drawn(sample.film, collimated, size, strength, within=area)
    _change(picture, size, strength)
    picture = _normalised(picture, inside)
    inverted = bool(torch.rand(1) < 0.35)
    if inverted:
        picture = 1 - picture
    picture = torch.where(inside, picture, torch.zeros(()))
    way = int(torch.randint(WAYS, (1,)))
    if is_chest:
        others[INVERTED] = float(inverted)
    return Labelled(laid(picture, way), way if is_chest else -1, others)


def _recut(sample: Sample, others: Tensor) -> tuple[Area, Area | None]:
    """The part of the film that stays, and the whole where the rest is only collimated."""
    assert sample.lungs is not None
    area, lungs = sample.area, sample.lungs
    others[NOT_CHEST] = 0.0
    chance = float(torch.rand(1))
    known = bool((lungs == 1).any() and (lungs == 2).any())
    if chance < 0.05:
        piece = a_piece(area)
        if not known or cut_share(lungs, piece) > 0.9:
            others[NOT_CHEST] = 1.0
            return piece, None
    if not known:
        return area, None
    if chance < 0.4:
        side = SIDES[int(torch.multinomial(torch.tensor([0.25, 0.35, 0.2, 0.2]), 1))]
        cut = cut_to(lungs, area, side, float(uniform(1, 0.02, 0.5)))
    elif chance < 0.7:
        cut = close_to(lungs, area)
    else:
        cut = area
    share = cut_share(lungs, cut)
    if share >= CUT_SHARE:
        others[CUT_OFF] = 1.0
    elif share < 0.005 and not touches_edge(lungs, cut):
        others[CUT_OFF] = 0.0
    return cut, (area if cut != area and torch.rand(1) < 0.25 else None)


def _trimmed(area: Area) -> Area:
    height, width = area.bottom - area.top, area.right - area.left
    cut = uniform(4, 0, 0.25)
    return Area(
        area.top + float(cut[0]) * height, area.bottom - float(cut[1]) * height,
        area.left + float(cut[2]) * width, area.right - float(cut[3]) * width,
    )  # fmt: skip


def _drawn(
    film: Tensor, area: Area, size: int, strength: float, within: Area | None = None
) -> tuple[Tensor, Tensor]:
    """``area`` letterboxed to [1, size, size] and where the film is; black outside ``within``."""
    height, width = area.bottom - area.top, area.right - area.left
    stretched = width * math.exp(float(uniform(1, -0.12, 0.12)) * strength)
    longest = max(height, stretched)
    angle = float((torch.randn(1) * 3 * strength).clamp(-9, 9)) * math.pi / 180
    fine = 2 * size
    steps = (torch.arange(fine) + 0.5) / fine * 2 - 1
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    inside = (y.abs() <= height / longest) & (x.abs() <= stretched / longest)
    turned_x = x * math.cos(angle) - y * math.sin(angle)
    turned_y = x * math.sin(angle) + y * math.cos(angle)
    column = (area.left + area.right) / 2 + turned_x * longest / 2 * width / stretched
    row = (area.top + area.bottom) / 2 + turned_y * longest / 2
    grid = torch.stack([column, row], 2)[None] / CANVAS * 2 - 1
    picture = functional.grid_sample(film[None, None].float() / 255, grid, align_corners=False)[0]
    if within is not None:
        kept = (row >= within.top) & (row < within.bottom)
        kept = kept & (column >= within.left) & (column < within.right)
        picture = torch.where(kept, picture, torch.tensor(float(torch.rand(1) < 0.2)))
    picture = functional.avg_pool2d(picture[None], 2)[0]
    return picture, functional.max_pool2d(inside[None].float(), 2) > 0.5


def _change(picture: Tensor, size: int, strength: float) -> None:
    """Exposure, noise, sharpness, field, markers, in place."""
    chance = torch.rand(6) / strength
    if chance[0] < 0.6:
        picture.copy_(picture.clamp(0, 1) ** float(torch.exp(uniform(1, -0.7, 0.7))))
    if chance[1] < 0.3:
        field = functional.interpolate(
            torch.randn(1, 1, 3, 3) * 0.12, (size, size), mode="bicubic", align_corners=True
        )
        picture.add_(field[0])
    if chance[2] < 0.3:
        side = int(uniform(1, 0.4, 0.9) * size)
        small = functional.interpolate(
            picture[None], (side, side), mode="bilinear", antialias=True, align_corners=False
        )
        picture.copy_(
            functional.interpolate(small, (size, size), mode="bilinear", align_corners=False)[0]
        )
    if chance[3] < 0.4:
        picture.add_(torch.randn_like(picture) * float(uniform(1, 0.005, 0.05)))
    if chance[4] < 0.4:
        _cover(picture, size)
    if chance[5] < 0.2:
        small = functional.avg_pool2d(picture[None], 8)
        broad = functional.avg_pool2d(small, 7, 1, 3, count_include_pad=False)
        mean = functional.interpolate(broad, (size, size), mode="bilinear", align_corners=False)
        picture.sub_(mean[0] * float(uniform(1, 0.2, 0.8)))


def _cover(picture: Tensor, size: int) -> None:
    for _ in range(int(torch.randint(1, 4, (1,)))):
        height, width = (int(v) for v in torch.randint(2, size // 8, (2,)))
        top = int(torch.randint(0, size - height, (1,)))
        left = int(torch.randint(0, size - width, (1,)))
        picture[0, top : top + height, left : left + width] = float(torch.rand(1)) * 1.1


def _normalised(picture: Tensor, inside: Tensor) -> Tensor:
    """1st to 99th percentile of the film's own area to 0..1."""
    values = picture[inside][::7]
    low, high = torch.quantile(values, torch.tensor([0.01, 0.99]))
    return ((picture - low) / (high - low).clamp_min(1e-3)).clamp(0, 1)
