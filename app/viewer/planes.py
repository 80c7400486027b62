"""The planes in which an image is looked at, as grids in the image's own space.

A plane grid is a ``Geometry``: i runs to the right of the screen (before rotation), j down, k from
image to image. Images without a place in patient space (projections, mere stacks) get a space of
their own, in millimetres where a pixel spacing is known and in pixels where not; its frame of
reference is empty, so nothing is ever linked to it (G14, G19).
"""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from app.core.geometry import Float64Array, Geometry
from app.core.volume import Volume

Plane = Literal["stack", "axial", "coronal", "sagittal"]
PLANES: Final[tuple[Plane, ...]] = ("stack", "axial", "coronal", "sagittal")

_X = (1.0, 0.0, 0.0)
_Y = (0.0, 1.0, 0.0)
_Z = (0.0, 0.0, 1.0)
_AXES: Final[dict[Plane, tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]]] = {
    # right of the screen, down the screen, from first image to last; LPS
    "axial": (_X, _Y, (0.0, 0.0, -1.0)),
    "coronal": (_X, (0.0, 0.0, -1.0), _Y),
    "sagittal": (_Y, (0.0, 0.0, -1.0), _X),
}
_ALIGNED: Final = 1e-4
"""Largest sine between axes that still count as parallel; 512 voxels drift 0.05 of one."""


def image_space(volume: Volume) -> Geometry:
    """The geometry of the volume, or a private space for images that have none."""
    if volume.geometry is not None:
        return volume.geometry
    return private_space(volume.voxels.shape, volume.pixel_spacing_mm, volume.pixel_aspect)


def private_space(
    shape_kji: tuple[int, ...],
    pixel_spacing_mm: tuple[float, float] | None,
    pixel_aspect: float = 1.0,
) -> Geometry:
    """A space of the image's own: x along a row, y down, z counts images; G17 keeps the aspect.

    Without a spacing a pixel is one unit wide and ``pixel_aspect`` high: a shape, no millimetres.
    """
    row_mm, column_mm = pixel_spacing_mm or (pixel_aspect, 1.0)
    k, j, i = shape_kji[:3]
    return Geometry.from_arrays((i, j, k), (column_mm, row_mm, 1.0), (0, 0, 0), np.eye(3), "")


def has_patient_axes(space: Geometry) -> bool:
    """Whether the space lies in a patient: only then are there axial planes and letters."""
    return bool(space.frame_of_reference_uid)


def plane_grid(space: Geometry, plane: Plane) -> Geometry:
    """The grid of images seen in ``plane``: pixels to the right, pixels down, images.

    ``stack`` is the acquired grid itself. The others follow the patient's axes; where these are
    the grid's own, every pixel centre is a voxel centre and no value is interpolated. An axial
    plane keeps the acquisition's order of images (G02).
    """
    if plane == "stack":
        return space
    axes = np.asarray(_AXES[plane], dtype=np.float64).T
    slices = space.direction_matrix[:, 2]
    if plane == "axial" and abs(slices[2]) > 0.5:
        axes[:, 2] = (0.0, 0.0, np.sign(slices[2]))
    overlap = np.abs(axes.T @ space.direction_matrix)
    nearest = overlap.argmax(axis=1)
    spacing_ijk = np.asarray(space.spacing_ijk)
    if np.allclose(overlap.max(axis=1), 1.0, atol=_ALIGNED):
        spacing = spacing_ijk[nearest]
    else:
        finest = float(spacing_ijk.min())
        spacing = np.asarray((finest, finest, spacing_ijk[nearest[2]]))
    return _covering_grid(space, axes, spacing)


def _covering_grid(space: Geometry, axes: Float64Array, spacing: Float64Array) -> Geometry:
    projected = space.corners_lps() @ axes
    low, high = projected.min(axis=0), projected.max(axis=0)
    size = np.floor((high - low) / spacing + 0.5 + 1e-6).astype(int) + 1
    return Geometry.from_arrays(size, spacing, axes @ low, axes, space.frame_of_reference_uid)


def nearest_index(grid: Geometry, point_lps: npt.ArrayLike) -> int:
    """The image of ``grid`` nearest to the point, kept inside the grid."""
    index = int(np.floor(grid.lps_to_ijk(point_lps)[2] + 0.5))
    return max(0, min(index, grid.size_ijk[2] - 1))
