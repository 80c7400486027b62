"""Which way up a film is, and whether it is a whole frontal chest film in the usual polarity.

A film can lie in eight ways (four turns, each mirrored or not). The trained network looks at one
way and answers which of the eight it is; in the pack it looks at all eight and the answers, each
brought back, are averaged. So no way up is favoured.
"""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from models.training.cxr_pneumonia_children.network import CHANNELS, Encoder

WAYS = 8  # number = turns by 90 degrees counter-clockwise, plus 4 where mirrored before turning
INVERTED, CUT_OFF, NOT_CHEST = 0, 1, 2
OTHERS = 3


def laid(films: Tensor, way: int) -> Tensor:
    """Upright films [..., s, s] laid the given way."""
    x = films.flip(-1) if way >= 4 else films
    if way % 4 >= 2:
        x = x.flip((-2, -1))
    if way % 2:
        x = x.transpose(-2, -1).flip(-2)
    return x


def after(second: int, first: int) -> int:
    """The way a film lies when laid ``first`` and then ``second``."""
    mark = torch.arange(9).reshape(3, 3)
    result = laid(laid(mark, first), second)
    return next(way for way in range(WAYS) if torch.equal(laid(mark, way), result))


class FilmNet(nn.Module):
    """Films [n, 1, s, s] 0..1 to logits: ways [n, 8], others [n, 3]."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.drop = nn.Dropout(0.2)
        self.ways = nn.Linear(2 * CHANNELS[-1], WAYS)
        self.others = nn.Linear(2 * CHANNELS[-1], OTHERS)

    def forward(self, films: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of one look."""
        features = self.encoder(films)
        pooled = torch.cat([features.mean((2, 3)), features.amax((2, 3))], 1)
        pooled = self.drop(pooled)
        return self.ways(pooled), self.others(pooled)


class EightLooks(nn.Module):
    """One film [1, 1, s, s] to seven logits [1, 7].

    Turned by 90, 180, 270 degrees, mirrored, inverted, lung cut off, no frontal chest film. What
    is no chest film has no right way up: the first six are damped there.
    """

    def __init__(self, net: FilmNet) -> None:
        super().__init__()
        self.net = net
        back = [[after(look, way) for way in range(WAYS)] for look in range(WAYS)]
        self.register_buffer("back", torch.tensor(back))

    def forward(self, film: Tensor) -> Tensor:
        """The averaged answer."""
        looks = torch.cat([laid(film, look) for look in range(WAYS)])
        ways, others = self.net(looks)
        ways = functional.log_softmax(ways, 1).gather(1, self.back)
        way = functional.softmax(ways.mean(0), 0)
        other = torch.sigmoid(others.mean(0))
        chest = 1 - other[NOT_CHEST]
        turned = [way[turns] + way[turns + 4] for turns in (1, 2, 3)]
        mirrored = way[4:].sum()
        doubts = torch.stack([*turned, mirrored, other[INVERTED], other[CUT_OFF]]) * chest
        chances = torch.cat([doubts, other[NOT_CHEST][None]]).clamp(1e-6, 1 - 1e-6)
        return torch.log(chances / (1 - chances))[None]
