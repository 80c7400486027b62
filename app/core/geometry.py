"""Where voxels are: the one place in which index space becomes patient space and back.

Frame: LPS millimetres (DICOM patient coordinates, PS3.3 C.7.6.2.1.1). Vectors are ``(i, j, k)``
with ``i`` along a row (column index), ``j`` down the rows, ``k`` from slice to slice. Arrays are
``[k, j, i]``; nothing outside this module reverses the two.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from app.core.errors import FrameOfReferenceMismatch, GeometryError

Float64Array = npt.NDArray[np.float64]
Triple = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Geometry:
    """A regular grid in patient space.

    ``direction`` holds nine numbers row-major; its columns are the unit vectors of i, j and k in
    LPS (ITK's convention). ``origin_lps`` is the centre of voxel (0, 0, 0).
    """

    size_ijk: tuple[int, int, int]
    spacing_ijk: Triple
    origin_lps: Triple
    direction: tuple[float, float, float, float, float, float, float, float, float]
    frame_of_reference_uid: str

    def __post_init__(self) -> None:
        if any(n < 1 for n in self.size_ijk):
            raise GeometryError(
                f"A grid needs at least one voxel per axis, not {self.size_ijk}.",
                ru=f"Сетке нужен хотя бы один воксель по каждой оси, а не {self.size_ijk}.",
            )
        if any(not np.isfinite(s) or s <= 0 for s in self.spacing_ijk):
            raise GeometryError(
                f"Spacing must be positive, not {self.spacing_ijk}.",
                ru=f"Шаг сетки должен быть положительным, а не {self.spacing_ijk}.",
            )
        matrix = self.direction_matrix
        if not np.allclose(matrix.T @ matrix, np.eye(3), atol=1e-3):
            raise GeometryError(
                "The axes of the grid are not orthonormal.", ru="Оси сетки не ортонормированы."
            )

    @classmethod
    def from_arrays(
        cls,
        size_ijk: Iterable[int],
        spacing_ijk: Iterable[float],
        origin_lps: Iterable[float],
        direction: npt.ArrayLike,
        frame_of_reference_uid: str,
    ) -> Self:
        """Build from any sequences; ``direction`` may be 3x3 or nine numbers, row-major."""
        n = [int(v) for v in size_ijk]
        s = [float(v) for v in spacing_ijk]
        o = [float(v) for v in origin_lps]
        d = [float(v) for v in np.asarray(direction, dtype=np.float64).reshape(9)]
        return cls(
            (n[0], n[1], n[2]),
            (s[0], s[1], s[2]),
            (o[0], o[1], o[2]),
            (d[0], d[1], d[2], d[3], d[4], d[5], d[6], d[7], d[8]),
            frame_of_reference_uid,
        )

    @property
    def direction_matrix(self) -> Float64Array:
        """3x3 matrix whose columns are the unit vectors of i, j, k in LPS."""
        return np.asarray(self.direction, dtype=np.float64).reshape(3, 3)

    @property
    def shape_kji(self) -> tuple[int, int, int]:
        """Shape of the voxel array."""
        i, j, k = self.size_ijk
        return k, j, i

    @property
    def voxel_volume_mm3(self) -> float:
        """Volume of one voxel, from the affine and never from SliceThickness (M08)."""
        i, j, k = self.spacing_ijk
        return float(i * j * k * abs(np.linalg.det(self.direction_matrix)))

    @property
    def affine_lps(self) -> Float64Array:
        """4x4 matrix from (i, j, k, 1) to LPS millimetres."""
        affine = np.eye(4)
        affine[:3, :3] = self.direction_matrix * np.asarray(self.spacing_ijk)
        affine[:3, 3] = self.origin_lps
        return affine

    def ijk_to_lps(self, index_ijk: npt.ArrayLike) -> Float64Array:
        """Continuous indices, shape (..., 3), to LPS millimetres of the same shape."""
        index = np.asarray(index_ijk, dtype=np.float64)
        matrix = self.affine_lps
        return np.asarray(index @ matrix[:3, :3].T + matrix[:3, 3], dtype=np.float64)

    def lps_to_ijk(self, point_lps: npt.ArrayLike) -> Float64Array:
        """LPS millimetres, shape (..., 3), to continuous indices of the same shape."""
        point = np.asarray(point_lps, dtype=np.float64)
        inverse = np.linalg.inv(self.affine_lps[:3, :3])
        return np.asarray((point - np.asarray(self.origin_lps)) @ inverse.T, dtype=np.float64)

    def contains(self, point_lps: npt.ArrayLike) -> bool:
        """Whether the point lies in the volume, half a voxel of margin included."""
        index = self.lps_to_ijk(point_lps)
        return bool(np.all(index >= -0.5) and np.all(index <= np.asarray(self.size_ijk) - 0.5))

    def corners_lps(self) -> Float64Array:
        """The eight outermost voxel centres, shape (8, 3), LPS."""
        i, j, k = (n - 1 for n in self.size_ijk)
        index = [(a, b, c) for c in (0, k) for b in (0, j) for a in (0, i)]
        return self.ijk_to_lps(index)

    def same_grid(self, other: Geometry, tolerance_mm: float = 0.01) -> bool:
        """Same size, frame of reference, and every corner within ``tolerance_mm``."""
        if self.size_ijk != other.size_ijk:
            return False
        if self.frame_of_reference_uid != other.frame_of_reference_uid:
            return False
        distance = np.linalg.norm(self.corners_lps() - other.corners_lps(), axis=1)
        return bool(distance.max() <= tolerance_mm)

    def require_same_frame(self, other: Geometry) -> None:
        """Raise ``FrameOfReferenceMismatch`` unless both lie in one frame of reference (G19)."""
        if self.frame_of_reference_uid != other.frame_of_reference_uid:
            raise FrameOfReferenceMismatch(
                "The two images have no common frame of reference.",
                ru="У двух изображений нет общей системы координат.",
                hint="Register them first, or compare them side by side.",
                hint_ru="Сначала совместите их или сравните рядом.",
            )


@dataclass(frozen=True, slots=True)
class Box:
    """An index box, half open: ``lower_ijk <= index < upper_ijk``."""

    lower_ijk: tuple[int, int, int]
    upper_ijk: tuple[int, int, int]

    def __post_init__(self) -> None:
        if any(a > b for a, b in zip(self.lower_ijk, self.upper_ijk, strict=True)):
            raise GeometryError(
                f"Box {self.lower_ijk}..{self.upper_ijk} is inside out.",
                ru=f"Рамка {self.lower_ijk}..{self.upper_ijk} вывернута.",
            )

    @property
    def slices_kji(self) -> tuple[slice, slice, slice]:
        """Slices that cut this box from a ``[k, j, i]`` array."""
        (i0, j0, k0), (i1, j1, k1) = self.lower_ijk, self.upper_ijk
        return slice(k0, k1), slice(j0, j1), slice(i0, i1)
