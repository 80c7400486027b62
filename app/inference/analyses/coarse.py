"""A coarse copy of a CT on which shapes are found; densities are always read at full resolution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from app.imaging.morphology import block_mean, block_repeat


@dataclass(frozen=True, slots=True)
class Coarse:
    """Block means of HU ``[k, j, i]`` of about 2 mm; ``shape`` is that of the full grid."""

    hu: npt.NDArray[np.float32]
    spacing_ijk: tuple[float, float, float]
    factors_kji: tuple[int, int, int]
    shape: tuple[int, int, int]

    @property
    def voxel_ml(self) -> float:
        """Volume of a coarse voxel."""
        i, j, k = self.spacing_ijk
        return i * j * k / 1000.0

    def full(self, mask: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """A coarse mask or label map on the full grid, each voxel over its block."""
        return block_repeat(mask, self.factors_kji, self.shape)

    def voxel_of(self, index_kji: npt.ArrayLike) -> tuple[int, int, int]:
        """The coarse voxel that holds a full voxel."""
        k, j, i = (
            min(max(int(n) // f, 0), size - 1)
            for n, f, size in zip(
                np.asarray(index_kji), self.factors_kji, self.hu.shape, strict=True
            )
        )
        return k, j, i


def coarse_copy(
    hu: npt.NDArray[np.float32], spacing_ijk: tuple[float, float, float], target_mm: float = 2.0
) -> Coarse:
    """Shrink by whole factors to about ``target_mm``; axes that are coarser already stay."""
    i, j, k = (max(1, round(target_mm / s)) for s in spacing_ijk)
    si, sj, sk = spacing_ijk
    shape = hu.shape
    return Coarse(
        block_mean(hu, (k, j, i)), (si * i, sj * j, sk * k), (k, j, i),
        (shape[0], shape[1], shape[2]),
    )  # fmt: skip
