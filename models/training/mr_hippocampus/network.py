"""A compact residual 3D U-Net: 16-32-64-96 channels, skips added."""

from __future__ import annotations

import itertools

import torch.nn.functional as functional
from torch import Tensor, nn

CHANNELS = (16, 32, 64, 96)
CLASSES = 3  # background, anterior, posterior


class ResidualBlock(nn.Module):
    """Two 3x3x3 convolutions with batch normalisation and a shortcut."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = nn.Conv3d(inputs, outputs, 3, padding=1, bias=False)
        self.first_norm = nn.BatchNorm3d(outputs)
        self.second = nn.Conv3d(outputs, outputs, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm3d(outputs)
        self.shortcut: nn.Module = nn.Identity()
        if inputs != outputs:
            self.shortcut = nn.Conv3d(inputs, outputs, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """[n, inputs, z, y, x] to [n, outputs, z, y, x]."""
        y = functional.relu(self.first_norm(self.first(x)))
        y = self.second_norm(self.second(y))
        return functional.relu(y + self.shortcut(x))


class Stem(nn.Module):
    """One 3x3x3 convolution: at full size a second one would take a fifth of all the time."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.convolution = nn.Conv3d(1, outputs, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm3d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """[n, 1, z, y, x] to [n, outputs, z, y, x]."""
        return functional.relu(self.norm(self.convolution(x)))


class HippocampusNet(nn.Module):
    """[n, 1, z, y, x] normalised values to [n, 3, z, y, x] logits; sizes multiples of 8."""

    def __init__(self, channels: tuple[int, ...] = CHANNELS) -> None:
        super().__init__()
        pairs = itertools.pairwise(channels)
        self.down = nn.ModuleList([Stem(channels[0]), *(ResidualBlock(a, b) for a, b in pairs)])
        levels = list(reversed(range(len(channels) - 1)))
        self.narrow = nn.ModuleList(
            nn.Conv3d(channels[k + 1], channels[k], 1, bias=False) for k in levels
        )
        self.up = nn.ModuleList(ResidualBlock(channels[k], channels[k]) for k in levels)
        self.head = nn.Conv3d(channels[0], CLASSES, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of background, anterior, posterior."""
        skips: list[Tensor] = []
        for level, block in enumerate(self.down):
            x = block(x)
            if level < len(self.down) - 1:
                skips.append(x)
                x = functional.max_pool3d(x, 2)
        for narrow, block, skip in zip(self.narrow, self.up, reversed(skips), strict=True):
            x = functional.interpolate(
                narrow(x), scale_factor=2.0, mode="trilinear", align_corners=False
            )
            x = block(x + skip)
        result: Tensor = self.head(x)
        return result
