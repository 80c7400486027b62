"""Permuting and flipping array axes so that an image lies as a model was trained, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from app.core.errors import ModelPackError
from app.core.geometry import Geometry

_AXIS = {"L": (0, 1), "R": (0, -1), "P": (1, 1), "A": (1, -1), "S": (2, 1), "I": (2, -1)}


@dataclass(frozen=True, slots=True)
class AxisMove:
    """``permutation`` of array axes (empty: none), then ``flips`` of the axes after it."""

    permutation: tuple[int, ...] = ()
    flips: tuple[int, ...] = ()

    def order(self, dimensions: int) -> tuple[int, ...]:
        """Which old axis each new axis is."""
        return self.permutation or tuple(range(dimensions))

    def apply(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The array as the model wants it (a view)."""
        return np.flip(np.transpose(array, self.order(array.ndim)), self.flips)

    def revert(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The array as it was (a view)."""
        return np.transpose(np.flip(array, self.flips), np.argsort(self.order(array.ndim)))

    def revert_points(
        self, points: npt.NDArray[np.float64], shape: tuple[int, ...]
    ) -> npt.NDArray[np.float64]:
        """Index coordinates ``[n, axes]`` of the moved array, of ``shape``, as those of before."""
        moved = points.copy()
        for axis in self.flips:
            moved[:, axis] = shape[axis] - 1 - moved[:, axis]
        before = np.empty_like(moved)
        before[:, list(self.order(points.shape[1]))] = moved
        return before


def move_for(geometry: Geometry | None, axes: str) -> AxisMove:
    """The move to the closest orientation in which i, j, k grow towards ``axes`` (``LPS``).

    Letters name where an index grows to, in patient terms: L left, P back, S head.
    """
    if geometry is None:
        raise ModelPackError(
            "The images are no volume with a place in the patient, and this model needs one.",
            ru="Изображения не образуют объём с положением в теле, а модели он нужен.",
        )
    wanted = [_AXIS[letter] for letter in axes]
    if len({axis for axis, _ in wanted}) != 3:
        raise ModelPackError(
            f'The orientation "{axes}" names an axis twice.',
            ru=f"Ориентация «{axes}» называет одну ось дважды.",
        )
    matrix = geometry.direction_matrix
    taken = _closest_axes(matrix)  # patient axis -> index axis
    permutation_ijk = [taken[axis] for axis, _ in wanted]
    flip_ijk = [
        n
        for n, (axis, sign) in enumerate(wanted)
        if float(np.sign(matrix[axis, taken[axis]])) != sign
    ]
    # arrays are [k, j, i]: reverse the order of axes and their numbers
    permutation = tuple(2 - permutation_ijk[2 - n] for n in range(3))
    return AxisMove(permutation, tuple(sorted(2 - n for n in flip_ijk)))


def _closest_axes(matrix: npt.NDArray[np.float64]) -> list[int]:
    """Per patient axis (x, y, z) the index axis that runs along it best, each used once."""
    strength = np.abs(matrix).copy()
    taken = [0, 0, 0]
    for _ in range(3):
        row, column = np.unravel_index(int(np.argmax(strength)), strength.shape)
        taken[int(row)] = int(column)
        strength[row, :] = -1.0
        strength[:, column] = -1.0
    return taken
