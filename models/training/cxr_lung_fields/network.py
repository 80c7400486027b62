"""A compact residual U-Net for one film, with a wide view at its narrowest level.

Which lung is the right one cannot be seen from a patch: the context block sees nearly the whole
film, and where in the film it stands.
"""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

CHANNELS = (16, 32, 64, 128, 192)
CLASSES = 3  # background, right lung, left lung


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with batch normalisation and a shortcut."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(outputs)
        self.shortcut: nn.Module = nn.Identity()
        if inputs != outputs:
            self.shortcut = nn.Conv2d(inputs, outputs, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """[n, inputs, h, w] to [n, outputs, h, w]."""
        y = functional.relu(self.first_norm(self.first(x)), inplace=True)
        y = self.second_norm(self.second(y))
        return functional.relu(y + self.shortcut(x), inplace=True)


class ContextBlock(nn.Module):
    """Dilated convolutions over features and their place in the film; starts as the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels + 2, channels, 3, padding=2, dilation=2, bias=False)
        self.first_norm = nn.BatchNorm2d(channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=4, dilation=4, bias=False)
        self.second_norm = nn.BatchNorm2d(channels)
        nn.init.zeros_(self.second_norm.weight)

    def forward(self, x: Tensor) -> Tensor:
        """[n, channels, h, w] to the same shape."""
        height, width = x.shape[-2:]
        rows = torch.linspace(-1, 1, height)[None, None, :, None]
        columns = torch.linspace(-1, 1, width)[None, None, None, :]
        place = torch.cat(
            [
                rows.expand(x.shape[0], 1, height, width),
                columns.expand(x.shape[0], 1, height, width),
            ],
            1,
        ).to(x.dtype)
        y = functional.relu(self.first_norm(self.first(torch.cat([x, place], 1))), inplace=True)
        return functional.relu(x + self.second_norm(self.second(y)), inplace=True)


class LungNet(nn.Module):
    """[n, 1, s, s] film values 0..1 to [n, 3, s, s] logits; s a multiple of 16."""

    def __init__(self, channels: tuple[int, ...] = CHANNELS) -> None:
        super().__init__()
        inputs = (1, *channels[:-1])
        self.down = nn.ModuleList(
            ResidualBlock(a, b) for a, b in zip(inputs, channels, strict=True)
        )
        self.context = ContextBlock(channels[-1])
        self.up = nn.ModuleList(
            ResidualBlock(channels[k + 1] + channels[k], channels[k])
            for k in reversed(range(len(channels) - 1))
        )
        self.head = nn.Conv2d(channels[0], CLASSES, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of background, right lung (image left), left lung."""
        skips: list[Tensor] = []
        for level, block in enumerate(self.down):
            x = block(x)
            if level < len(self.down) - 1:
                skips.append(x)
                x = functional.max_pool2d(x, 2)
        x = self.context(x)
        for block, skip in zip(self.up, reversed(skips), strict=True):
            x = functional.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
            x = block(torch.cat([x, skip], 1))
        result: Tensor = self.head(x)
        return result
