"""The classifier: the encoder of the lung-field network, and a map whose pooled value is the score.

``CLASSES``: pneumonia-type opacity (the head that ships), and two helpers that only shape the
features in training: bacterial and viral cause.
"""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from models.training.cxr_lung_fields.network import ContextBlock, ResidualBlock

CHANNELS = (16, 32, 64, 128, 192)
CLASSES = 3
SHARPNESS = 2.0  # of the pooling: 0 would be the mean of the map, infinity its peak


class Encoder(nn.Module):
    """[n, 1, s, s] to [n, 192, s / 16, s / 16]; modules named as in the lung-field network."""

    def __init__(self, channels: tuple[int, ...] = CHANNELS) -> None:
        super().__init__()
        inputs = (1, *channels[:-1])
        self.down = nn.ModuleList(
            ResidualBlock(a, b) for a, b in zip(inputs, channels, strict=True)
        )
        self.context = ContextBlock(channels[-1])

    def forward(self, x: Tensor) -> Tensor:
        """Features at a sixteenth of the size."""
        for level, block in enumerate(self.down):
            x = block(x)
            if level < len(self.down) - 1:
                x = functional.max_pool2d(x, 2)
        return self.context(x)


class OpacityNet(nn.Module):
    """Standardised lung views [n, 1, s, s] to maps [n, CLASSES, s / 16, s / 16] and scores."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.drop = nn.Dropout2d(0.3)
        self.head = nn.Conv2d(CHANNELS[-1], CLASSES, 1)

    def forward(self, views: Tensor) -> tuple[Tensor, Tensor]:
        """Evidence per place, and its soft maximum per class [n, CLASSES]."""
        maps = self.head(self.drop(self.encoder(views)))
        pooled = torch.logsumexp(SHARPNESS * maps.flatten(2).float(), 2)
        places = maps.shape[-1] * maps.shape[-2]
        scores = (pooled - torch.log(torch.tensor(float(places)))) / SHARPNESS
        return maps, scores
