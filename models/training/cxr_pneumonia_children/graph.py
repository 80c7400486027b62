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
from models.training.cxr_pneumonia_children.network import SHARPNESS, OpacityNet

FILM = 320
VIEW = 160
MAP = 80
SCALES = (0.94, 1.08)  # of the lung box; each also mirrored


class PneumoniaGraph(nn.Module):
    """Film [1, 1, 320, 320] 0..1 to logit [1, 1], attention [1, 1, 80, 80] and unlike [1, 1].

    Attention is the weight with which each place enters the score (the derivative of the pooling),
    the largest being 1, times the score: faint where nothing is suspected, 0 outside the looks.
    ``unlike`` is the doubt about the lungs that were found: small on a film with clear lungs.
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
        evidence = (maps[:count] + maps[count:].flip(-1)) / 2
        weight = torch.exp(SHARPNESS * (evidence - evidence.amax((1, 2), keepdim=True)))
        attention = put_back(weight, boxes, MAP).mean(0, keepdim=True) * torch.sigmoid(logit)
        certainty = (probability * probability).sum((1, 2)) / probability.sum((1, 2)).clamp_min(
            1e-6
        )
        return logit[None, None], attention[:, None], (1 - certainty)[:, None]
