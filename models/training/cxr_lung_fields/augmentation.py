"""What a film may look like elsewhere: geometry, exposure, markers, tubes, collimation.

Never a mirror image: the side is what the labels mean, and the heart is the cue for it.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as functional
from torch import Tensor


def uniform(count: int, low: float, high: float) -> Tensor:
    """``count`` numbers between ``low`` and ``high``."""
    return torch.rand(count) * (high - low) + low


def renormalised(films: Tensor) -> Tensor:
    """1st to 99th percentile of each film [n, 1, s, s] to 0..1, from every 37th pixel."""
    sample = films.flatten(1)[:, ::37]
    low = torch.quantile(sample, 0.01, 1)[:, None, None, None]
    high = torch.quantile(sample, 0.99, 1)[:, None, None, None]
    return ((films - low) / (high - low).clamp_min(1e-3)).clamp(0, 1)


def augment(
    films: Tensor, masks: Tensor, size: int, strength: float = 1.0
) -> tuple[Tensor, Tensor]:
    """Films and masks, uint8 [n, 320, 320]; gives films [n, 1, size, size] and label masks.

    ``strength`` scales the geometric ranges and how often the appearance changes.
    """
    grid = _random_grid(len(films), size, strength)
    x = functional.grid_sample(films[:, None].float() / 255, grid, align_corners=False)
    labels = functional.grid_sample(
        masks[:, None].float(), grid, mode="nearest", align_corners=False
    )[:, 0].long()
    for n in range(len(x)):
        _change_appearance(x[n], size, strength)
        _collimate(x[n], labels[n], size, strength)
    return renormalised(x), labels


def _random_grid(count: int, size: int, strength: float) -> Tensor:
    """Rotation (sd 8 degrees), scale, aspect, shift, shear, and at times a gentle warp."""
    angle = (torch.randn(count) * 8 * strength).clamp(-22, 22) * math.pi / 180
    scale = torch.exp(uniform(count, math.log(0.72), math.log(1.5)) * strength)
    aspect = torch.exp(uniform(count, -0.17, 0.17) * strength)
    shift_x = uniform(count, -0.14, 0.14) * strength
    shift_y = uniform(count, -0.14, 0.14) * strength
    shear = torch.randn(count) * 0.04 * strength
    cos, sin = torch.cos(angle), torch.sin(angle)
    across, down = scale * aspect, scale / aspect
    first = torch.stack([cos * across, -sin * down + shear, shift_x], 1)
    second = torch.stack([sin * across, cos * down, shift_y], 1)
    theta = torch.stack([first, second], 1)
    grid = functional.affine_grid(theta, [count, 1, size, size], align_corners=False)
    if torch.rand(1) < 0.4 * strength:
        knots = torch.randn(count, 2, 5, 5) * 0.025
        warp = functional.interpolate(knots, (size, size), mode="bicubic", align_corners=True)
        grid = grid + warp.permute(0, 2, 3, 1)
    return grid


def _change_appearance(film: Tensor, size: int, strength: float) -> None:
    """In place, [1, size, size]: each change with a probability of its own."""
    chance = torch.rand(8) / strength
    if chance[0] < 0.25:  # wrong polarity
        film.copy_(1 - film)
    if chance[1] < 0.7:  # exposure
        film.copy_(film.clamp(0, 1) ** float(torch.exp(uniform(1, -0.9, 0.9))))
    if chance[2] < 0.35:  # uneven field
        field = functional.interpolate(
            torch.randn(1, 1, 3, 3) * 0.18, (size, size), mode="bicubic", align_corners=True
        )
        film.add_(field[0])
    if chance[3] < 0.3:  # low resolution
        factor = int(torch.randint(2, 5, (1,)))
        small = functional.interpolate(film[None], scale_factor=1 / factor, mode="area")
        film.copy_(
            functional.interpolate(small, (size, size), mode="bilinear", align_corners=False)[0]
        )
    if chance[4] < 0.5:
        film.add_(torch.randn_like(film) * float(uniform(1, 0.01, 0.09)))
    if chance[5] < 0.15:  # low exposure: little contrast, much noise
        film.mul_(float(uniform(1, 0.15, 0.6))).add_(torch.randn_like(film) * 0.03)
    if chance[6] < 0.5:
        _draw_patches(film, size)
    if chance[7] < 0.3:
        _draw_lines(film, size)
    if torch.rand(1) < 0.2 * strength:  # local contrast enhancement as some vendors do
        small = functional.avg_pool2d(film[None], 8)
        broad = functional.avg_pool2d(small, 7, 1, 3, count_include_pad=False)
        mean = functional.interpolate(broad, (size, size), mode="bilinear", align_corners=False)
        film.sub_(mean[0] * float(uniform(1, 0.4, 0.9)))


def _draw_patches(film: Tensor, size: int) -> None:
    """Markers, labels, devices, dense areas."""
    for _ in range(int(torch.randint(1, 4, (1,)))):
        height, width = (int(v) for v in torch.randint(3, size // 5, (2,)))
        top, left = (
            int(torch.randint(0, size - height, (1,))),
            int(torch.randint(0, size - width, (1,))),
        )
        patch = film[0, top : top + height, left : left + width]
        patch.mul_(float(torch.rand(1))).add_(float(torch.rand(1)) * float(torch.rand(1)))


def _draw_lines(film: Tensor, size: int) -> None:
    """Leads and tubes: bent bright lines two pixels wide."""
    along = torch.linspace(0, 1, 2 * size)
    for _ in range(int(torch.randint(1, 4, (1,)))):
        ends = torch.randint(0, size, (4,)).float()
        bend = float(uniform(1, -30, 30)) * torch.sin(along * math.pi)
        y = (ends[0] + (ends[1] - ends[0]) * along + bend).long().clamp(0, size - 2)
        x = (ends[2] + (ends[3] - ends[2]) * along).long().clamp(0, size - 2)
        value = float(uniform(1, 0.6, 1.2))
        film[0, y, x] = value
        film[0, y + 1, x] = value


def _collimate(film: Tensor, labels: Tensor, size: int, strength: float) -> None:
    """Now and then cut the film by black or white borders; what is cut is no lung any more."""
    if torch.rand(1) > 0.2 * strength:
        return
    top, bottom, left, right = (int(v) for v in (uniform(4, 0, 0.16) * size).long())
    outside = torch.ones(size, size, dtype=torch.bool)
    outside[top : size - bottom, left : size - right] = False
    film[0][outside] = float(torch.rand(1) < 0.25)
    labels[outside] = 0
