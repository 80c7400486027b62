"""What viewports share: one crosshair, inside one frame of reference only (G19)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.core.geometry import Geometry, Triple
from app.viewer.planes import nearest_index
from app.viewer.viewport import ViewportState


@dataclass(frozen=True, slots=True)
class Crosshair:
    """A point in patient space and the frame of reference in which it means something."""

    point_lps: Triple
    frame_of_reference_uid: str
    series_instance_uid: str = ""

    def applies_to(self, grid: Geometry, series_instance_uid: str) -> bool:
        """Whether the point may be shown on this grid: same frame, or the very same series."""
        if series_instance_uid and series_instance_uid == self.series_instance_uid:
            return True
        frame = self.frame_of_reference_uid
        return bool(frame) and frame == grid.frame_of_reference_uid


def crosshair_at(
    point_lps: npt.ArrayLike, grid: Geometry, series_instance_uid: str = ""
) -> Crosshair:
    """A crosshair at a point of ``grid``."""
    x, y, z = (float(v) for v in np.asarray(point_lps).reshape(3))
    return Crosshair((x, y, z), grid.frame_of_reference_uid, series_instance_uid)


def followed(
    states: Sequence[ViewportState], grids: Sequence[Geometry | None], crosshair: Crosshair
) -> tuple[ViewportState, ...]:
    """``states`` scrolled to the image that holds the crosshair, where it applies."""
    moved = []
    for state, grid in zip(states, grids, strict=True):
        series = state.ref.series_instance_uid if state.ref else ""
        if grid is None or not crosshair.applies_to(grid, series):
            moved.append(state)
        else:
            index = nearest_index(grid, crosshair.point_lps)
            moved.append(state.jumped(index, grid.size_ijk[2]))
    return tuple(moved)


@dataclass(frozen=True, slots=True)
class LinkEnd:
    """A viewport in a link by hand: its grid and the image that it showed when the link began."""

    grid: Geometry
    start_index: int

    def linked_index(self, leader: LinkEnd, leader_index: int) -> int:
        """The image to show when ``leader`` shows ``leader_index``: as many millimetres on.

        Needs no common frame of reference: two studies are scrolled side by side from where the
        reader matched them. Images that run the other way are followed the other way.
        """
        way_mm = (leader_index - leader.start_index) * leader.grid.spacing_ijk[2]
        normals = leader.grid.direction_matrix[:, 2] @ self.grid.direction_matrix[:, 2]
        step = way_mm / self.grid.spacing_ijk[2] * (-1.0 if normals < 0 else 1.0)
        index = self.start_index + int(np.floor(step + 0.5))
        return max(0, min(index, self.grid.size_ijk[2] - 1))
