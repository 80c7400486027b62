"""A CT as the analyses read it: HU with axes towards L, P, S, proven to be HU, and the way back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from app.core.errors import ResultRefused
from app.core.geometry import Geometry
from app.inference.analyses.contract import AnalysisInput
from app.inference.volume_axes import AxisMove, move_for

Float32Array = npt.NDArray[np.float32]
PADDING_HU: Final = -1500.0
_AIR_HU: Final = -900.0
_LEAST_AIR: Final = 0.002
_SOFT_HU: Final = (-150.0, 150.0)
_LEAST_SOFT: Final = 0.03
_LEAST_SLICES: Final = 3


@dataclass(frozen=True, slots=True)
class CtImage:
    """``hu`` ``[k, j, i]`` with i to the left, j to the back, k to the head; padding is -1024.

    ``padding`` is True where there is no image, on the same axes, or None.
    """

    hu: Float32Array
    padding: npt.NDArray[np.bool_] | None
    spacing_ijk: tuple[float, float, float]
    geometry: Geometry
    move: AxisMove

    @property
    def voxel_mm3(self) -> float:
        """Volume of a voxel."""
        return self.geometry.voxel_volume_mm3

    def to_image(self, mask: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """A mask on the axes of the image as it was given."""
        return np.ascontiguousarray(self.move.revert(mask))

    def index_of(self, point_lps: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Continuous (k, j, i) on these axes of a point in the patient."""
        given = self.geometry.lps_to_ijk(point_lps)[::-1]
        moved = given[list(self.move.order(3))]
        for axis in self.move.flips:
            moved[axis] = self.hu.shape[axis] - 1 - moved[axis]
        return np.asarray(moved, dtype=np.float64)


def read_ct(given: AnalysisInput) -> CtImage:
    """Turn and check an image. Raises ``ResultRefused`` with the reason where it is no CT in HU."""
    values, geometry = given.values, given.geometry
    if min(values.shape) < 2 or values.shape[0] < _LEAST_SLICES:
        raise refusal(
            "There are too few slices for an analysis.", "Для анализа слишком мало срезов."
        )
    move = move_for(geometry, "LPS")
    order = move.order(3)
    by_axis = [geometry.spacing_ijk[2 - axis] for axis in order]  # (k, j, i) after the move
    if max(n * s for n, s in zip(np.transpose(values, order).shape, by_axis, strict=True)) > 2500:
        raise refusal("The image is larger than a person.", "Изображение больше человека.")
    turned = np.ascontiguousarray(move.apply(values))
    padding = np.isnan(turned) | (turned < PADDING_HU)
    hu = np.where(padding, np.float32(-1024), turned) if padding.any() else turned
    _require_hounsfield(hu, padding)
    return CtImage(
        hu,
        padding if padding.any() else None,
        (by_axis[2], by_axis[1], by_axis[0]),
        geometry,
        move,
    )


def _require_hounsfield(hu: Float32Array, padding: npt.NDArray[np.bool_]) -> None:
    """Air must lie near -1000 and soft tissue near 0; a shift by 1024 or an MR fails both."""
    steps = tuple(slice(None, None, max(1, n // 96)) for n in hu.shape)
    inside = hu[steps][~padding[steps]]
    if inside.size == 0:
        raise refusal("The image is empty.", "Изображение пустое.")
    if float(np.ptp(inside)) < 50:
        raise refusal("The image is empty: all values are alike.",
                      "Изображение пустое: все значения одинаковы.")  # fmt: skip
    soft = float(np.mean((inside > _SOFT_HU[0]) & (inside < _SOFT_HU[1])))
    air = float(np.mean(inside < _AIR_HU))
    if soft < _LEAST_SOFT or air < _LEAST_AIR:
        raise refusal(
            "The values are not Hounsfield units: there is no air near -1000 HU or no soft tissue "
            "near 0 HU.",
            "Значения не в единицах Хаунсфилда: нет воздуха около -1000 HU или мягких тканей "
            "около 0 HU.",
            "Check the rescale of the images; a shift by 1024 is the usual reason.",
            "Проверьте пересчёт значений (rescale); обычная причина — сдвиг на 1024.",
        )


def refusal(en: str, ru: str, hint: str = "", hint_ru: str = "") -> ResultRefused:
    """The error with which an analysis says that it has no result, and why."""
    return ResultRefused(en, ru=ru, hint=hint, hint_ru=hint_ru)
