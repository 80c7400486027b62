"""Directions in the patient as letters, and the one conversion between LPS and RAS (G13, G14)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from app.core.geometry import Geometry

_LETTERS = (("L", "R"), ("P", "A"), ("S", "I"))
_OPPOSITE = {"L": "R", "R": "L", "P": "A", "A": "P", "S": "I", "I": "S", "H": "F", "F": "H"}


def orientation_letters(
    direction_lps: npt.ArrayLike, *, head_foot: bool = False, limit: int = 3
) -> str:
    """Where a direction points, strongest first: ``L``, ``PL``, ``SAR``...

    ``direction_lps`` is a vector in LPS of any length; components below a tenth of the largest are
    not named. With ``head_foot`` the letters are H and F, as in PatientOrientation, else S and I.
    """
    vector = np.asarray(direction_lps, dtype=np.float64)
    largest = float(np.abs(vector).max(initial=0.0))
    if vector.shape != (3,) or not np.isfinite(largest) or largest == 0.0:
        return ""
    order = sorted(range(3), key=lambda axis: (-abs(vector[axis]), axis))
    letters = ""
    for axis in order[:limit]:
        if abs(vector[axis]) >= 0.1 * largest:
            letters += _LETTERS[axis][0 if vector[axis] > 0 else 1]
    return letters.replace("S", "H").replace("I", "F") if head_foot else letters


def opposite_letters(letters: str) -> str:
    """The letters of the opposite direction, for the other edge of the image."""
    return "".join(_OPPOSITE.get(letter, letter) for letter in letters)


def axis_code(geometry: Geometry) -> str:
    """Where the axes i, j, k point, one letter each: ``LPS`` for an axial head-first stack."""
    matrix = geometry.direction_matrix
    free = [0, 1, 2]
    code = ""
    # Each axis gets the strongest direction still free, so oblique grids name each once.
    for column in range(3):
        axis = max(free, key=lambda row: abs(matrix[row, column]))
        free.remove(axis)
        code += _LETTERS[axis][0 if matrix[axis, column] > 0 else 1]
    return code


def reorient(
    voxels: npt.NDArray[Any], geometry: Geometry, code: str = "LPS"
) -> tuple[npt.NDArray[Any], Geometry]:
    """The same voxels with axes permuted and flipped so that i, j, k point along ``code``.

    No interpolation: every voxel keeps its value and its place in the patient. ``voxels`` is
    ``[k, j, i]``; the result is a view where possible.
    """
    present = axis_code(geometry)
    if sorted(_axis_of(c) for c in code) != [0, 1, 2]:
        raise ValueError(f"{code!r} does not name three different axes")
    order = [next(n for n in range(3) if _axis_of(present[n]) == _axis_of(c)) for c in code]
    flips = [present[source] != wanted for source, wanted in zip(order, code, strict=True)]
    matrix = geometry.direction_matrix[:, order]
    size = [geometry.size_ijk[n] for n in order]
    spacing = [geometry.spacing_ijk[n] for n in order]
    first = [0.0, 0.0, 0.0]
    moved = voxels.transpose([2 - order[2 - axis] for axis in range(3)])
    for n, flip in enumerate(flips):
        if flip:
            first[order[n]] = geometry.size_ijk[order[n]] - 1.0
            matrix[:, n] *= -1.0
            moved = np.flip(moved, axis=2 - n)
    origin = geometry.ijk_to_lps(first)
    return moved, Geometry.from_arrays(
        size, spacing, origin, matrix, geometry.frame_of_reference_uid
    )


def affine_ras(geometry: Geometry) -> npt.NDArray[np.float64]:
    """4x4 matrix from (i, j, k, 1) to RAS millimetres, the convention of NIfTI."""
    return np.asarray(np.diag([-1.0, -1.0, 1.0, 1.0]) @ geometry.affine_lps)


def _axis_of(letter: str) -> int:
    return {"L": 0, "R": 0, "P": 1, "A": 1, "S": 2, "I": 2}[letter]
