"""Outlines of masks on the images of a plane: ordered lines, so that dashes run along them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkFiltersCore import vtkFlyingEdges2D, vtkStripper

from app.core.geometry import Float64Array, Geometry
from app.rendering.slice_renderer import Reslicer
from app.rendering.vtk_bridge import image_from_array, points_from_vtk

_LONGEST_LINE = 1_000_000


class MaskSlicer:
    """Outlines of one mask array ([k, j, i], 0 or 1) on ``space``. Main thread, or one of its own.

    ``touch`` after the array was painted on.
    """

    def __init__(self, voxels: npt.NDArray[np.uint8], space: Geometry) -> None:
        self._reslicer = Reslicer(voxels, space, background=0.0, nearest=True)

    def outlines(self, grid: Geometry, index: int) -> tuple[Float64Array, ...]:
        """Closed lines around the mask on image ``index``: pixel positions (n, 2), u then v."""
        return outlines(self._reslicer.cut(grid, index))

    def touch(self) -> None:
        """Say that the mask has new values."""
        self._reslicer.touch()


def outlines(mask_vu: npt.NDArray[np.uint8]) -> tuple[Float64Array, ...]:
    """Closed lines around the set pixels of ``mask_vu``; positions (n, 2) in pixels, u then v."""
    rows, columns = np.flatnonzero(mask_vu.any(axis=1)), np.flatnonzero(mask_vu.any(axis=0))
    if rows.size == 0:
        return ()
    v0, v1, u0, u1 = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    # A rim of zeros closes the lines of what touches the edge of the image.
    cropped = np.pad(mask_vu[v0:v1, u0:u1], 1).astype(np.uint8)
    edges = vtkFlyingEdges2D()
    edges.SetInputData(image_from_array(cropped[None], (1.0, 1.0, 1.0)))
    edges.SetValue(0, 0.5)
    stripper = vtkStripper()
    stripper.SetInputConnection(edges.GetOutputPort())
    stripper.SetMaximumLength(_LONGEST_LINE)
    stripper.JoinContiguousSegmentsOn()
    stripper.Update()
    found = stripper.GetOutput()
    if found.GetNumberOfLines() == 0:
        return ()
    points = points_from_vtk(found.GetPoints())[:, :2] + (u0 - 1, v0 - 1)
    lines = found.GetLines()
    offsets = vtk_to_numpy(lines.GetOffsetsArray())
    order = vtk_to_numpy(lines.GetConnectivityArray())
    return tuple(points[order[a:b]] for a, b in itertools.pairwise(offsets.tolist()) if b - a > 1)


def dashes(line: npt.ArrayLike, on: float, off: float) -> Iterator[Float64Array]:
    """The pieces of a polyline (n, 2) that are drawn when dashed, in the unit of its points."""
    points = np.asarray(line, dtype=np.float64)
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    along = np.concatenate(([0.0], np.cumsum(steps)))
    total, period = float(along[-1]), on + off
    for start in np.arange(0.0, total, period):
        end = min(start + on, total)
        inner = points[(along > start) & (along < end)]
        ends = [
            np.array([np.interp(at, along, points[:, axis]) for axis in (0, 1)])
            for at in (start, end)
        ]
        yield np.vstack((ends[0], inner, ends[1]))
