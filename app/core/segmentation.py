"""Masks: segments, labelmaps and the patches by which they are edited."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from app.core.codes import ANATOMICAL_STRUCTURE, Code
from app.core.geometry import Box
from app.core.study import SeriesRef
from app.core.volume import frozen

MaskArray = npt.NDArray[np.uint8]
AlgorithmType = Literal["AUTOMATIC", "SEMIAUTOMATIC", "MANUAL"]


@dataclass(frozen=True, slots=True)
class Segment:
    """One structure of a segmentation (PS3.3 C.8.20.2): number from 1, label, codes, colour."""

    number: int
    label: str
    property_type: Code
    category: Code = ANATOMICAL_STRUCTURE
    laterality: Code | None = None
    color_rgb: tuple[int, int, int] = (255, 200, 0)


@dataclass(frozen=True, slots=True)
class Mask:
    """A binary mask ``[k, j, i]`` (0 or 1) on the grid of ``source``; read-only.

    One mask per finding: masks of different findings may overlap (D02), so they are never kept in
    one shared labelmap.
    """

    voxels: MaskArray
    source: SeriesRef

    def __post_init__(self) -> None:
        if self.voxels.ndim != 3 or self.voxels.dtype != np.uint8:
            raise ValueError("a mask is a uint8 array [k, j, i]")
        frozen(self.voxels)

    @property
    def is_empty(self) -> bool:
        """Whether no voxel is set."""
        return not bool(self.voxels.any())


@dataclass(frozen=True, slots=True)
class MaskPatch:
    """What one brush stroke changed: a box, and its voxels before and after (``[k, j, i]``)."""

    box: Box
    before: MaskArray
    after: MaskArray

    def __post_init__(self) -> None:
        if self.before.shape != self.after.shape:
            raise ValueError("patch sides differ in shape")
        frozen(self.before)
        frozen(self.after)

    @property
    def size_bytes(self) -> int:
        """Memory held by this patch."""
        return int(self.before.nbytes + self.after.nbytes)

    def apply(self, mask: Mask) -> Mask:
        """A new mask with the patch applied."""
        return self._write(mask, self.after)

    def revert(self, mask: Mask) -> Mask:
        """A new mask with the patch undone."""
        return self._write(mask, self.before)

    def _write(self, mask: Mask, values: MaskArray) -> Mask:
        voxels = mask.voxels.copy()
        voxels[self.box.slices_kji] = values
        return Mask(voxels, mask.source)
