"""What a crop may look like elsewhere: geometry, margins, contrast, uneven field, noise, blur.

Mirrored left to right half of the time: anterior and posterior do not depend on the side, and the
network has to serve both. Which side it is, is said by geometry, never by the network.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as functional
from torch import Tensor

CLASSES = 3
Size = tuple[int, int, int]
Box = tuple[slice, slice, slice]


def uniform(low: float, high: float) -> float:
    """A number between ``low`` and ``high``."""
    return float(torch.rand(1)) * (high - low) + low


def augment(values: Tensor, labels: Tensor, size: Size, strength: float) -> tuple[Tensor, Tensor]:
    """One crop [z, y, x] and its labels; gives [1, *size] normalised values and long [*size].

    What lies outside the crop, or outside a random smaller box in it, is 0 and background.
    """
    places = _places(size, strength)
    box: Box = tuple(slice(0, n) for n in values.shape)  # type: ignore[assignment]
    if torch.rand(1) < 0.5 * strength:
        box = _smaller_box(labels)
    inside = _is_inside(places, box, values.shape)
    extent = torch.tensor(list(values.shape[::-1]), dtype=torch.float32)
    stack = torch.stack([values, (labels == 1).float(), (labels == 2).float()])[None]
    grid = (places * 2 / extent)[None]
    sampled = functional.grid_sample(stack, grid, align_corners=False, padding_mode="border")[0]
    background = (1 - sampled[1] - sampled[2])[None]
    target = torch.cat([background, sampled[1:]]).argmax(0)
    x = _appearance(sampled[0], strength)
    return _normalised(x, inside)[None], torch.where(inside, target, torch.zeros_like(target))


def _places(size: Size, strength: float) -> Tensor:
    """[*size, 3] (x, y, z) mm from the crop's centre: turned, scaled, shifted, warped, mirrored."""
    turn = torch.eye(3)
    for axis, angle in enumerate(torch.randn(3) * 10 * strength * math.pi / 180):
        a, b = [k for k in range(3) if k != axis]
        step = torch.eye(3)
        step[a, a] = step[b, b] = math.cos(float(angle))
        step[a, b], step[b, a] = -math.sin(float(angle)), math.sin(float(angle))
        turn = turn @ step
    scale = math.exp(uniform(-0.16, 0.16) * strength) * torch.exp(torch.randn(3) * 0.05 * strength)
    if torch.rand(1) < 0.5:
        turn[0] = -turn[0]
    shift = torch.tensor([uniform(-5, 5), uniform(-6, 6), uniform(-5, 5)]) * strength
    axes = [torch.arange(n) - (n - 1) / 2 for n in size]
    z, y, x = torch.meshgrid(*axes, indexing="ij")
    places = torch.stack([x, y, z], -1) @ (turn * scale[None]).T + shift
    if torch.rand(1) < 0.6 * strength:
        knots = torch.randn(1, 3, 4, 5, 4) * uniform(0.5, 2.2)
        warp = functional.interpolate(knots, size, mode="trilinear", align_corners=True)
        places = places + warp[0].permute(1, 2, 3, 0)
    return places


def _smaller_box(labels: Tensor) -> Box:
    """Margins of another width: at most up to 2 mm from the labelled voxels."""
    where = labels.nonzero()
    low, high = where.amin(0), where.amax(0)
    bounds = []
    for axis, size in enumerate(labels.shape):
        room_low = max(int(low[axis]) - 2, 0)
        room_high = max(size - 1 - int(high[axis]) - 2, 0)
        bounds.append(slice(int(uniform(0, room_low + 1)), size - int(uniform(0, room_high + 1))))
    return (bounds[0], bounds[1], bounds[2])


def _is_inside(places: Tensor, box: Box, shape: torch.Size) -> Tensor:
    result = torch.ones(places.shape[:3], dtype=torch.bool)
    for axis, bounds in enumerate(box):
        along = places[..., 2 - axis] + shape[axis] / 2
        result &= (along >= bounds.start) & (along <= bounds.stop)
    return result


def _appearance(x: Tensor, strength: float) -> Tensor:
    """Contrast, uneven field, blur, thick slices, noise; each with a probability of its own."""
    low, high = torch.quantile(x.flatten()[::7], torch.tensor([0.005, 0.995]))
    x = ((x - low) / (high - low).clamp_min(1e-6)).clamp(0, 1)
    chance = torch.rand(6) / strength
    if chance[0] < 0.6:
        x = x ** math.exp(uniform(-0.5, 0.5))
    if chance[1] < 0.5:
        knots = torch.randn(1, 1, 3, 3, 3) * uniform(0.02, 0.2)
        field = functional.interpolate(knots, x.shape, mode="trilinear", align_corners=True)
        x = x * torch.exp(field[0, 0])
    if chance[2] < 0.25:
        sigma = uniform(0.3, 1.0)
        kernel = torch.exp(-(torch.arange(-2, 3) ** 2) / (2 * sigma**2))
        kernel = kernel / kernel.sum()
        y = x[None, None]
        for axis in range(3):
            shape = [1, 1, 1, 1, 1]
            shape[2 + axis] = 5
            pad = [0] * 6
            pad[2 * (2 - axis)] = pad[2 * (2 - axis) + 1] = 2
            y = functional.conv3d(functional.pad(y, pad, mode="replicate"), kernel.view(shape))
        x = y[0, 0]
    if chance[3] < 0.2:
        axis = int(torch.randint(3, (1,)))
        size = [int(n) for n in x.shape]
        size[axis] = int(size[axis] / uniform(1.2, 2.0))
        small = functional.interpolate(x[None, None], size, mode="trilinear", align_corners=False)
        x = functional.interpolate(small, x.shape, mode="trilinear", align_corners=False)[0, 0]
    if chance[4] < 0.5:
        x = x + torch.randn_like(x) * uniform(0.005, 0.08)
    if chance[5] < 0.15:  # a sharpened picture
        y = functional.avg_pool3d(x[None, None], 3, 1, 1, count_include_pad=False)[0, 0]
        x = x + (x - y) * uniform(0.2, 1.0)
    return x


def _normalised(x: Tensor, inside: Tensor) -> Tensor:
    """As the pack does it: percentiles, mean and deviation of what is inside; 0 elsewhere."""
    values = x[inside]
    low, high = torch.quantile(values, torch.tensor([0.005, 0.995]))
    values = values.clamp(low, high)
    mean, deviation = values.mean(), values.std().clamp_min(1e-6)
    return torch.where(inside, (x.clamp(low, high) - mean) / deviation, torch.zeros_like(x))
