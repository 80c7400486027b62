"""What a regional method measures on: named structures, image values, and what is known besides.

Structures go by role ("kidney_right", "lungs"), never by number. A role that is not named may be
made of others: the lungs of the two lungs, a lung of its lobes. Each structure is cut to its box,
so that a method works on an organ and not on the whole volume.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from app.core.geometry import Box, Geometry
from app.imaging.labelmap import bounding_box, largest_component

BoolArray = npt.NDArray[np.bool_]
Float64Array = npt.NDArray[np.float64]
Point = tuple[float, float, float]

BORDER_VOXELS: Final = 3
_LOBES: Final = {
    "lung_left": ("lung_upper_lobe_left", "lung_lower_lobe_left"),
    "lung_right": ("lung_upper_lobe_right", "lung_middle_lobe_right", "lung_lower_lobe_right"),
}
_PARTS: Final = _LOBES | {
    "lungs": ("lung_left", "lung_right", *_LOBES["lung_left"], *_LOBES["lung_right"]),
    "pleural_effusion": ("pleural_effusion_left", "pleural_effusion_right"),
    "hippocampus": ("anterior_hippocampus", "posterior_hippocampus"),
    "hippocampus_left": ("anterior_hippocampus_left", "posterior_hippocampus_left"),
    "hippocampus_right": ("anterior_hippocampus_right", "posterior_hippocampus_right"),
    "heart": (
        "heart_myocardium", "heart_atrium_left", "heart_ventricle_left",
        "heart_atrium_right", "heart_ventricle_right",
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Person:
    """What is known about the patient; None or empty: not known."""

    age_years: float | None = None
    sex: Literal["F", "M", ""] = ""
    height_m: float | None = None
    weight_kg: float | None = None

    @property
    def body_surface_m2(self) -> float | None:
        """Body surface after Mosteller: sqrt(height in cm x weight in kg / 3600)."""
        if self.height_m is None or self.weight_kg is None:
            return None
        return float(np.sqrt(self.height_m * 100.0 * self.weight_kg / 3600.0))


@dataclass(frozen=True, slots=True)
class Protocol:
    """What is known about how the image was made; None or empty: not known."""

    modality: str = ""
    tube_kv: float | None = None
    contrast: bool | None = None
    slice_mm: float | None = None
    kernel: Literal["soft", "sharp", ""] = ""
    gated: bool | None = None
    inspiration: bool | None = None
    view_position: str = ""
    supine: bool | None = None


@dataclass(frozen=True, slots=True)
class Structure:
    """One structure: ``mask`` ``[k, j, i]`` is cut to ``box`` of an image of ``image_shape``.

    ``geometry`` is that of the cut. ``role`` may be a made-up one, for a part of a structure.
    """

    role: str
    mask: BoolArray
    geometry: Geometry
    box: Box
    image_shape: tuple[int, ...]

    @property
    def voxels(self) -> int:
        """How many voxels are set."""
        return int(np.count_nonzero(self.mask))

    @property
    def volume_ml(self) -> float:
        """Voxels times |det(affine)|."""
        return self.voxels * self.geometry.voxel_volume_mm3 / 1000.0

    @property
    def is_truncated(self) -> bool:
        """Whether it comes within three voxels of the border of the image (3.0)."""
        return is_near_border(self.box, self.image_shape)

    def points_lps(self) -> Float64Array:
        """The centres of its voxels, shape (n, 3)."""
        return self.geometry.ijk_to_lps(np.argwhere(self.mask)[:, ::-1])

    def centroid_lps(self) -> Float64Array:
        """The mean of the centres of its voxels."""
        return np.asarray(self.points_lps().mean(axis=0))

    def with_mask(self, mask: BoolArray) -> Structure:
        """The same place with other voxels; not cut again."""
        return Structure(self.role, mask, self.geometry, self.box, self.image_shape)


@dataclass(frozen=True, slots=True)
class Anatomy:
    """Everything that is measured at once. ``labels`` ``[k, j, i]`` with ``roles`` naming their
    numbers, or ``masks`` by role where structures overlap; ``values`` are un-resampled modality
    values of the same shape. ``points`` are points that the reader gave, LPS.
    """

    geometry: Geometry
    labels: npt.NDArray[np.integer[Any]] | None = None
    roles: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    masks: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    values: npt.NDArray[Any] | None = None
    quantity: str = "HU"
    person: Person = Person()
    protocol: Protocol = Protocol()
    points: Mapping[str, Point] = field(default_factory=dict)
    _found: dict[str, Structure | None] = field(default_factory=dict)

    def is_named(self, role: str) -> bool:
        """Whether there is a mask or a number for the role, or for what it is made of."""
        own = role in self.masks or role in self.roles
        return own or any(part in self.masks or part in self.roles for part in _PARTS.get(role, ()))

    def numbers_of(self, role: str) -> tuple[int, ...]:
        """The label numbers of a role, or of what it is made of."""
        if role in self.roles:
            return self.roles[role]
        parts = [self.roles[part] for part in _PARTS.get(role, ()) if part in self.roles]
        return tuple(sorted({number for numbers in parts for number in numbers}))

    def structure(self, role: str) -> Structure | None:
        """The structure of a role; None where it is not named or has no voxel."""
        if role not in self._found:
            self._found[role] = self._cut(role)
        return self._found[role]

    def present(self, role: str) -> bool:
        """Whether the role has voxels."""
        return self.structure(role) is not None

    def values_in(self, structure: Structure) -> npt.NDArray[Any]:
        """Modality values in a structure; NaN is padding and no value (I09)."""
        found = np.asarray(self.values_around(structure)[structure.mask])
        return found[~np.isnan(found)] if found.dtype.kind == "f" else found

    def values_around(self, structure: Structure) -> npt.NDArray[Any]:
        """Modality values in the box of a structure. Raises ``ValueError`` without values."""
        if self.values is None:
            raise ValueError("no values were given")
        return np.asarray(self.values[structure.box.slices_kji])

    def mask_in(self, role: str, structure: Structure) -> BoolArray:
        """The voxels of another role in the box of a structure; none where it is not there."""
        found = np.zeros(structure.mask.shape, dtype=np.bool_)
        other = self.structure(role)
        if other is None:
            return found
        here, there = [], []
        for mine, its in zip(structure.box.slices_kji, other.box.slices_kji, strict=True):
            low, high = max(mine.start, its.start), min(mine.stop, its.stop)
            if low >= high:
                return found
            here.append(slice(low - mine.start, high - mine.start))
            there.append(slice(low - its.start, high - its.start))
        found[tuple(here)] = other.mask[tuple(there)]
        return found

    def _cut(self, role: str) -> Structure | None:
        if role in self.masks:
            whole = np.asarray(self.masks[role]) != 0
        elif any(part in self.masks for part in _PARTS.get(role, ())):
            parts = [self.masks[part] for part in _PARTS[role] if part in self.masks]
            whole = np.logical_or.reduce([np.asarray(part) != 0 for part in parts])
        else:
            numbers = self.numbers_of(role)
            if self.labels is None or not numbers:
                return None
            whole = np.isin(self.labels, numbers)
        box = bounding_box(whole)
        if box is None:
            return None
        mask = np.ascontiguousarray(whole[box.slices_kji])
        return Structure(role, mask, part_of(self.geometry, box), box, whole.shape)


def part_of(geometry: Geometry, box: Box) -> Geometry:
    """The grid of a box of a grid."""
    size = [high - low for low, high in zip(box.lower_ijk, box.upper_ijk, strict=True)]
    return Geometry.from_arrays(
        size,
        geometry.spacing_ijk,
        geometry.ijk_to_lps(box.lower_ijk),
        geometry.direction,
        geometry.frame_of_reference_uid,
    )


def structure_of(
    mask: npt.NDArray[Any], geometry: Geometry, role: str = "structure"
) -> Structure | None:
    """One mask ``[k, j, i]`` as a structure; None for an empty one."""
    return Anatomy(geometry, masks={role: mask}).structure(role)


def main_part(structure: Structure) -> Structure:
    """Its largest component only: stray voxels have no length."""
    return structure.with_mask(largest_component(structure.mask).astype(np.bool_))


def touches_border(mask: npt.NDArray[Any]) -> bool:
    """Whether a mask ``[k, j, i]`` comes near the border of its image (``is_near_border``)."""
    box = bounding_box(mask)
    return box is not None and is_near_border(box, mask.shape)


def is_near_border(box: Box, image_shape: tuple[int, ...], margin: int = BORDER_VOXELS) -> bool:
    """Whether a box comes within ``margin`` voxels of the border of an image ``[k, j, i]``.

    Axes of up to ``2 * margin`` voxels count only when touched; single slices not at all.
    """
    for occupied, length in zip(box.slices_kji, image_shape, strict=True):
        width = margin if length > 2 * margin else 1
        if length > 1 and (occupied.start < width or occupied.stop > length - width):
            return True
    return False
