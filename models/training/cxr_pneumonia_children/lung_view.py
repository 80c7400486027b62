"""The film as the classifier sees it: the box of the lungs, stretched to a square.

Inside the graph a small network finds the lungs; the box follows from the moments of what it
found, so that the film's borders, its aspect and what stands beside the chest have no part in the
answer. Only plain arithmetic (no GridSample), so that every runtime can do it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from models.training.cxr_pneumonia_children.box import HALF_HEIGHT, HALF_WIDTH


def boxes_of(probability: Tensor) -> Tensor:
    """[n, h, w] probability of lung to boxes [n, 4]: x, y, half width, half height, all 0..1.

    A faint prior at the middle of the film keeps the box sane where no lung is found.
    """
    height, width = probability.shape[-2:]
    weight = probability * probability + 1e-3
    total = weight.sum((1, 2))
    x = ((torch.arange(width) + 0.5) / width).to(weight)
    y = ((torch.arange(height) + 0.5) / height).to(weight)
    columns, rows = weight.sum(1) / total[:, None], weight.sum(2) / total[:, None]
    middle_x, middle_y = (columns * x).sum(1), (rows * y).sum(1)
    spread_x = ((columns * x * x).sum(1) - middle_x**2).clamp_min(1e-4).sqrt()
    spread_y = ((rows * y * y).sum(1) - middle_y**2).clamp_min(1e-4).sqrt()
    return torch.stack([middle_x, middle_y, spread_x * HALF_WIDTH, spread_y * HALF_HEIGHT], 1)


def weights_along(middle: Tensor, half: Tensor, source: int, target: int) -> Tensor:
    """[n, target, source]: each target pixel as a triangle-weighted mean of the source's pixels.

    The triangle is as wide as a target pixel, at least as a source pixel: an anti-aliased linear
    resampling, as Pillow's. What lies outside the source counts as nothing (black).
    """
    steps = (torch.arange(target) + 0.5) / target * 2 - 1
    wanted = (middle[:, None] + half[:, None] * steps.to(middle)[None]) * source
    place = (torch.arange(source) + 0.5).to(middle)
    width = (2 * half * source / target).clamp_min(1.0)[:, None, None]
    triangle = (1 - (wanted[:, :, None] - place[None, None]).abs() / width).clamp_min(0)
    inside = ((wanted > 0) & (wanted < source)).to(middle)[:, :, None]
    return triangle / triangle.sum(2, keepdim=True).clamp_min(1e-6) * inside


def look_at(films: Tensor, boxes: Tensor, size: int) -> Tensor:
    """Films [n, 1, h, w] inside ``boxes`` [n, 4] as [n, 1, size, size]."""
    height, width = films.shape[-2:]
    down = weights_along(boxes[:, 1], boxes[:, 3], height, size)
    across = weights_along(boxes[:, 0], boxes[:, 2], width, size)
    return (down @ films[:, 0] @ across.transpose(1, 2))[:, None]


def put_back(maps: Tensor, boxes: Tensor, size: int) -> Tensor:
    """Maps [n, s, s] over ``boxes`` on the film's own square [n, size, size]; 0 outside."""
    side = maps.shape[-1]

    def weights(middle: Tensor, half: Tensor) -> Tensor:
        return weights_along((0.5 - middle) / half * 0.5 + 0.5, 0.25 / half, side, size)

    down = weights(boxes[:, 1], boxes[:, 3])
    across = weights(boxes[:, 0], boxes[:, 2])
    return down @ maps @ across.transpose(1, 2)


def standardised(views: Tensor) -> Tensor:
    """Each view [n, 1, s, s] with mean 0 and standard deviation 1."""
    mean = views.mean((1, 2, 3), keepdim=True)
    spread = ((views - mean) ** 2).mean((1, 2, 3), keepdim=True).sqrt()
    return (views - mean) / (spread + 1e-3)
