"""Cutting films so that it is known how much lung is gone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

CANVAS = 320
CUT_SHARE = 0.10  # of one lung, from which on a film counts as cut off
SIDES = ("top", "bottom", "left", "right")
Lungs = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Area:
    """A rectangle on the canvas, in pixels; ``bottom`` and ``right`` are outside it."""

    top: float
    bottom: float
    left: float
    right: float


def area_of(height: int, width: int) -> Area:
    """Where a film of this size lies on the canvas."""
    top, left = (CANVAS - height) // 2, (CANVAS - width) // 2
    return Area(top, top + height, left, left + width)


def cut_share(lungs: Lungs, area: Area) -> float:
    """The share of the more affected lung that lies outside ``area``."""
    rows = slice(round(area.top), round(area.bottom))
    columns = slice(round(area.left), round(area.right))
    shares = [
        1 - (lungs[rows, columns] == lung).sum() / max(1, (lungs == lung).sum()) for lung in (1, 2)
    ]
    return float(max(shares))


def touches_edge(lungs: Lungs, area: Area) -> bool:
    """Whether lung lies along an edge of the film for more than 6 % of the film's side."""
    inner = lungs[int(area.top) : int(area.bottom), int(area.left) : int(area.right)] > 0
    lines = (inner[0], inner[-1], inner[:, 0], inner[:, -1])
    return any(line.mean() > 0.06 for line in lines)


def cut_to(lungs: Lungs, area: Area, side: str, share: float) -> Area:
    """The film without that much of the more affected lung at ``side``."""
    axis = 1 if side in ("top", "bottom") else 0
    profiles = np.stack([(lungs == lung).sum(axis) for lung in (1, 2)]).astype(float)
    profiles /= profiles.sum(1, keepdims=True).clip(1)
    if side in ("bottom", "right"):
        line = profiles.shape[1] - int(np.argmax(profiles[:, ::-1].cumsum(1).max(0) >= share))
    else:
        line = int(np.argmax(profiles.cumsum(1).max(0) >= share))
    edges = {"top": area.top, "bottom": area.bottom, "left": area.left, "right": area.right}
    edges[side] = float(line)
    return Area(**edges)
