"""The body in a CT: without the table, clothes and cables, with the arms told apart.

Works on a coarse copy with axes towards L, P, S.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from app.imaging.labelmap import connected_components
from app.imaging.morphology import dilate, filled_per_slice, opened
from app.inference.analyses.coarse import Coarse

BoolArray = npt.NDArray[np.bool_]
_SKIN_HU: Final = -300.0
_THIN_MM: Final = 4.0
_LEAST_SHARE: Final = 0.02


@dataclass(frozen=True, slots=True)
class Body:
    """``trunk``: the largest piece, filled per slice; ``solid``: the same before filling."""

    trunk: BoolArray
    solid: BoolArray


def find_body(coarse: Coarse) -> Body | None:
    """The trunk (or head) of the patient; None where nothing large enough is there.

    Thin things (table top, blanket, cables) go by an opening; arms and table that do not touch
    the trunk go as smaller components.
    """
    dense = coarse.hu > _SKIN_HU
    core = opened(dense, _THIN_MM, coarse.spacing_ijk)
    numbers, counts = connected_components(core)
    if not counts or counts[0] < _LEAST_SHARE * core.size:
        return None
    largest = numbers == 1
    # The opening rounded the skin off: bring it back, no farther than it reached.
    solid = dense & dilate(largest, _THIN_MM / 2, coarse.spacing_ijk)
    return Body(filled_per_slice(solid), solid)
