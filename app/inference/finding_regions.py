"""Where boxes and landmarks of a run lie, as regions of findings. Pure."""

from __future__ import annotations

import numpy as np

from app.core.finding import Region, SliceRef
from app.core.volume import Volume
from app.inference.result import DetectedBox, Landmark


def box_region(box: DetectedBox, volume: Volume, where: SliceRef | None, *, flat: bool) -> Region:
    """A box by two opposite corners: LPS mm, or pixels of a film that has no place in space.

    ``where`` is the image through its middle. ``flat``: the model reads single images.
    """
    ends = np.asarray([box.lower_ijk, box.upper_ijk], dtype=np.float64)
    if flat:
        ends[:, 2] = 0.0
    return _region("box", ends, volume, where)


def point_region(mark: Landmark, volume: Volume, where: SliceRef | None) -> Region:
    """A point, in LPS mm or pixels as a box."""
    return _region("point", np.asarray([mark.ijk], dtype=np.float64), volume, where)


def middle_slice(box: DetectedBox, count: int) -> int:
    """The slice through the middle of a box."""
    return min(max(0, round((box.lower_ijk[2] + box.upper_ijk[2]) / 2)), count - 1)


def _region(
    kind: str, ijk: np.ndarray[tuple[int, ...], np.dtype[np.float64]], volume: Volume,
    where: SliceRef | None,
) -> Region:  # fmt: skip
    pixels = volume.geometry is None
    points = ijk if volume.geometry is None else volume.geometry.ijk_to_lps(ijk)
    rows = tuple((float(x), float(y), 0.0 if pixels else float(z)) for x, y, z in points)
    return Region("box" if kind == "box" else "point", "", rows, where, pixels)
