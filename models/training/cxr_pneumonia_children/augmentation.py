"""Changes that take away what tells the classes apart without being in the lungs.

In these films aspect, borders, markers and sharpness differ between the classes. So each view is
stretched, turned, shifted, blurred, sharpened, coarsened, covered at corners and edges at random,
the same way for both classes.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as functional
from torch import Tensor

from models.training.cxr_lung_fields.augmentation import uniform
from models.training.cxr_pneumonia_children.data import WIDER
from models.training.cxr_pneumonia_children.lung_view import standardised


def augment(views: Tensor, size: int, strength: float = 1.0) -> Tensor:
    """Wide views uint8 [n, 320, 320] to standardised views [n, 1, size, size]."""
    films = views[:, None].float() / 255
    grid = _random_grid(len(films), size, strength)
    x = functional.grid_sample(films, grid, align_corners=False)
    for n in range(len(x)):
        _change(x[n], size, strength)
    return standardised(x)


def plain(views: Tensor, size: int, scale: float = 1.0) -> Tensor:
    """The same without any change, the box ``scale`` times as wide and high."""
    count = len(views)
    theta = torch.tensor([[scale / WIDER, 0, 0], [0, scale / WIDER, 0]]).expand(count, 2, 3)
    grid = functional.affine_grid(theta, [count, 1, size, size], align_corners=False)
    films = views[:, None].float() / 255
    return standardised(functional.grid_sample(films, grid, align_corners=False))


def _random_grid(count: int, size: int, strength: float) -> Tensor:
    """Rotation, scale, aspect, shift and mirror: the box found at use is never quite the same."""
    angle = (torch.randn(count) * 6 * strength).clamp(-18, 18) * math.pi / 180
    scale = torch.exp(uniform(count, math.log(0.82), math.log(1.3)) * strength) / WIDER
    aspect = torch.exp(uniform(count, -0.14, 0.14) * strength)
    shift_x = uniform(count, -0.08, 0.08) * strength
    shift_y = uniform(count, -0.08, 0.08) * strength
    mirror = 1 - 2 * (torch.rand(count) < 0.3).float()
    cos, sin = torch.cos(angle), torch.sin(angle)
    across, down = scale * aspect, scale / aspect
    first = torch.stack([cos * across * mirror, -sin * down, shift_x], 1)
    second = torch.stack([sin * across * mirror, cos * down, shift_y], 1)
    theta = torch.stack([first, second], 1)
    grid = functional.affine_grid(theta, [count, 1, size, size], align_corners=False)
    if torch.rand(1) < 0.3 * strength:
        knots = torch.randn(count, 2, 5, 5) * 0.02
        warp = functional.interpolate(knots, (size, size), mode="bicubic", align_corners=True)
        grid = grid + warp.permute(0, 2, 3, 1)
    return grid


def _change(view: Tensor, size: int, strength: float) -> None:
    """In place, [1, size, size]: each change with a probability of its own."""
    chance = torch.rand(8) / strength
    if chance[0] < 0.7:  # exposure
        view.copy_(view.clamp(0, 1) ** float(torch.exp(uniform(1, -0.6, 0.6))))
    if chance[1] < 0.3:  # uneven field
        field = torch.randn(1, 1, 3, 3) * 0.12
        view.add_(
            functional.interpolate(field, (size, size), mode="bicubic", align_corners=True)[0]
        )
    if chance[2] < 0.6:  # sharpness: from a film of half the pixels to an edge-enhanced one
        _resharpen(view, size)
    if chance[3] < 0.5:
        view.add_(torch.randn_like(view) * float(uniform(1, 0.005, 0.05)))
    if chance[4] < 0.5:
        _cover_edges(view, size)
    if chance[5] < 0.4:
        _cover_patches(view, size)
    if chance[6] < 0.25:  # local contrast enhancement as some vendors do
        small = functional.avg_pool2d(view[None], 8)
        broad = functional.avg_pool2d(small, 7, 1, 3, count_include_pad=False)
        mean = functional.interpolate(broad, (size, size), mode="bilinear", align_corners=False)
        view.sub_(mean[0] * float(uniform(1, 0.2, 0.7)))
    if chance[7] < 0.25:  # bones and soft parts saturated, or the lungs
        low, high = float(uniform(1, 0, 0.15)), float(uniform(1, 0.8, 1))
        view.clamp_(low, high)


def _resharpen(view: Tensor, size: int) -> None:
    side = int(uniform(1, 0.4, 0.95) * size)
    small = functional.interpolate(view[None], (side, side), mode="bilinear", antialias=True)
    soft = functional.interpolate(small, (size, size), mode="bilinear", align_corners=False)[0]
    if torch.rand(1) < 0.3:
        view.add_(view - soft, alpha=float(uniform(1, 0.3, 1.2)))
    else:
        view.copy_(soft)


def _cover_edges(view: Tensor, size: int) -> None:
    """Borders of one value or of noise, as wide as the box's margin and a little of the lungs."""
    inset = (uniform(4, -0.08, 0.12).clamp_min(0) * size).long()
    top, bottom, left, right = (int(v) for v in inset)
    outside = torch.ones(size, size, dtype=torch.bool)
    outside[top : size - bottom, left : size - right] = False
    value = float(torch.rand(1)) if torch.rand(1) < 0.5 else 0.0
    view[0][outside] = value
    if torch.rand(1) < 0.5:  # a corner
        side = int(uniform(1, 0.05, 0.22) * size)
        rows = slice(0, side) if torch.rand(1) < 0.5 else slice(size - side, size)
        columns = slice(0, side) if torch.rand(1) < 0.5 else slice(size - side, size)
        view[0, rows, columns] = float(torch.rand(1))


def _cover_patches(view: Tensor, size: int) -> None:
    """Markers, labels, electrodes: small, of any grey."""
    for _ in range(int(torch.randint(1, 4, (1,)))):
        height, width = (int(v) for v in torch.randint(3, size // 8, (2,)))
        top = int(torch.randint(0, size - height, (1,)))
        left = int(torch.randint(0, size - width, (1,)))
        view[0, top : top + height, left : left + width] = float(torch.rand(1)) * 1.1
