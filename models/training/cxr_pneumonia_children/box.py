"""The box of the lungs: centre and half size from the moments of a mask."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

HALF_WIDTH = 2.0  # in standard deviations of the lungs' columns and rows: the lungs and a margin
HALF_HEIGHT = 2.35


@dataclass(frozen=True)
class Box:
    """Centre and half size, in pixels or as shares of the film."""

    x: float
    y: float
    half_width: float
    half_height: float


def box_of(lungs: npt.NDArray[np.bool_]) -> Box:
    """The view of a mask [h, w], in pixels (centres at half integers)."""
    rows, columns = np.nonzero(lungs)
    return Box(
        float(columns.mean() + 0.5),
        float(rows.mean() + 0.5),
        float(columns.std() * HALF_WIDTH),
        float(rows.std() * HALF_HEIGHT),
    )
