"""The pack's graph: find the lungs, look at them four times, average."""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from models.training.cxr_lung_fields.network import LungNet
from models.training.cxr_pneumonia_children.finder import lung_probability
from models.training.cxr_pneumonia_children.lung_view import (
    boxes_of,
    look_at,
    put_back,
    standardised,
)
from models.training.cxr_pneumonia_children.network import OpacityNet

FILM = 320
VIEW = 160
MAP = 80
SCALES = (0.94, 1.08)  # of the lung box; each also mirrored
LEAST_LUNG = 0.05  # share of the square below which no lungs were found


class PneumoniaGraph(nn.Module):
    """Film [1, 1, 320, 320] 0..1 to logit [1, 1], attention [1, 1, 80, 80] and unlike [1, 1].

    Attention is the evidence of each place, 0..1, where the four looks were, 0 elsewhere.
    ``unlike`` is 0 on a film whose lungs were found, and grows to 1 where there are none.
    """

    def __init__(self, finder: LungNet, nets: list[OpacityNet]) -> None:
        super().__init__()
        self.finder = finder
        self.nets = nn.ModuleList(nets)

    def forward(self, film: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The averaged answer."""
        probability = lung_probability(self.finder, functional.avg_pool2d(film, 2))
        box = boxes_of(probability)
        scale = torch.tensor(SCALES)[:, None]
        boxes = torch.cat([box[:, :2].expand(len(SCALES), 2), box[:, 2:] * scale], 1)
        views = standardised(look_at(film.expand(len(SCALES), 1, FILM, FILM), boxes, VIEW))
        views = torch.cat([views, views.flip(-1)])
        answers = [net(views) for net in self.nets]
        logit = torch.stack([scores[:, :1].mean() for _, scores in answers]).mean()
        maps = torch.stack([maps[:, 0] for maps, _ in answers]).mean(0)
        count = len(SCALES)
        evidence = torch.sigmoid((maps[:count] + maps[count:].flip(-1)) / 2)
        attention = put_back(evidence, boxes, MAP).mean(0, keepdim=True)
        unlike = (1 - probability.mean((1, 2)) / LEAST_LUNG).clamp(0, 1)
        return logit[None, None], attention[:, None], unlike[:, None]
