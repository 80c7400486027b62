"""Frames of one object as planes in patient space, and their pixels carried to other planes.

Each frame is placed by its own position and orientation, never by its number (D01). A plane stands
for a slab: what lies between its neighbours belongs to the nearest of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from app.core.geometry import Float64Array, Geometry
from app.core.study import Stack
from app.dicom.files.headers import read_dataset
from app.dicom.functional_groups import FunctionalGroups
from app.dicom.stacks.plane import orientation_of, position_of
from app.dicom.tolerant import integer_of, number_of, numbers_of

Pixels = npt.NDArray[Any]

SAME_PLACE_MM: Final = 0.01
_SAME_PIXEL: Final = 0.1
"""Pixels: a grid whose centres lie this near to those of another is the same grid."""
_TIE: Final = 1e-4
"""Pixels: a centre exactly between two others belongs to the later one, whatever the rounding."""


@dataclass(frozen=True, slots=True)
class Plane:
    """One frame in space: centre of its first pixel, steps of a column and of a row, LPS mm."""

    origin_lps: Float64Array
    column_step_lps: Float64Array
    row_step_lps: Float64Array
    columns: int
    rows: int

    @property
    def normal(self) -> Float64Array:
        """Unit vector from slice to slice."""
        cross = np.cross(self.column_step_lps, self.row_step_lps)
        return np.asarray(cross / np.linalg.norm(cross), dtype=np.float64)

    def at(self, column: float, row: float) -> Float64Array:
        """The place of a (continuous) column and row, LPS."""
        return self.origin_lps + column * self.column_step_lps + row * self.row_step_lps

    def same_raster(self, other: Plane) -> bool:
        """Whether both have the same directions, spacing and size."""
        return (
            (self.columns, self.rows) == (other.columns, other.rows)
            and bool(np.allclose(self.column_step_lps, other.column_step_lps, atol=1e-4))
            and bool(np.allclose(self.row_step_lps, other.row_step_lps, atol=1e-4))
        )


def planes_of(ds: Dataset) -> tuple[Plane | None, ...]:
    """The plane of each frame of an object; None for a frame without a place in the patient."""
    groups = FunctionalGroups(ds)
    count = max(1, integer_of(ds, "NumberOfFrames", 1))
    return tuple(_plane(ds, groups, index, count) for index in range(count))


def planes_of_grid(geometry: Geometry) -> tuple[Plane, ...]:
    """The slices of a regular grid, in order."""
    affine = geometry.affine_lps
    columns, rows, slices = geometry.size_ijk
    return tuple(
        Plane(affine[:3, 3] + k * affine[:3, 2], affine[:3, 0], affine[:3, 1], columns, rows)
        for k in range(slices)
    )


def planes_of_stack(stack: Stack) -> tuple[Plane | None, ...]:
    """The planes of the images of a stack as they were acquired, read from their headers."""
    found: dict[str, tuple[Plane | None, ...]] = {}
    for ref in stack.frames:
        path = str(ref.instance.path)
        if path not in found:
            found[path] = planes_of(read_dataset(ref.instance.path, pixels=False))
    return tuple(
        planes[ref.frame - 1] if ref.frame <= len(planes) else None
        for ref in stack.frames
        for planes in (found[str(ref.instance.path)],)
    )


def declared_step_mm(ds: Dataset) -> float | None:
    """The distance between slices that the object states for all its frames, if it does."""
    step = number_of(FunctionalGroups(ds).holder(0, "PixelSpacing"), "SpacingBetweenSlices")
    return abs(step) if step else None


def _plane(ds: Dataset, groups: FunctionalGroups, index: int, count: int) -> Plane | None:
    position = position_of(ds, groups, index, count)
    orientation = orientation_of(groups.holder(index, "ImageOrientationPatient"))
    spacing = numbers_of(groups.holder(index, "PixelSpacing"), "PixelSpacing")
    if position is None or orientation is None or len(spacing) != 2 or min(spacing) <= 0:
        return None
    return Plane(
        np.asarray(position, dtype=np.float64),
        np.asarray(orientation[:3], dtype=np.float64) * spacing[1],
        np.asarray(orientation[3:], dtype=np.float64) * spacing[0],
        integer_of(ds, "Columns", 0),
        integer_of(ds, "Rows", 0),
    )


class PlaneSet:
    """Parallel planes of one raster, sorted along their normal; several frames may share one.

    ``slot_of`` gives the plane of a frame. ``acquired`` are the planes of the images from which the
    object was made: they say how thick a slab is where frames were left out.
    """

    def __init__(
        self,
        planes: Mapping[int, Plane],
        *,
        acquired: Sequence[Plane] = (),
        declared_mm: float | None = None,
    ) -> None:
        first = next(iter(planes.values()))
        self.raster = first
        self.normal = first.normal
        along = {frame: float(plane.origin_lps @ self.normal) for frame, plane in planes.items()}
        ordered = sorted(planes, key=lambda frame: along[frame])
        self.slot_of: dict[int, int] = {}
        origins: list[Float64Array] = []
        places: list[float] = []
        for frame in ordered:
            if not places or along[frame] - places[-1] > SAME_PLACE_MM:
                places.append(along[frame])
                origins.append(planes[frame].origin_lps)
            self.slot_of[frame] = len(places) - 1
        self.origins_lps = np.stack(origins)
        self.along_mm = np.asarray(places)
        self._low_mm, self._high_mm = self._slabs(acquired, declared_mm)

    def _slabs(
        self, acquired: Sequence[Plane], declared_mm: float | None
    ) -> tuple[Float64Array, Float64Array]:
        """Lower and upper end of each plane's slab along the normal."""
        gaps = np.diff(self.along_mm)
        if declared_mm is not None and gaps.size:
            multiples = gaps / declared_mm
            if np.any(np.rint(multiples) < 1) or np.any(
                np.abs(multiples - np.rint(multiples)) > 0.05
            ):
                declared_mm = None  # the positions say otherwise
        known = self._acquired_places(acquired)
        if known is not None:
            n = np.abs(known[:, None] - self.along_mm).argmin(axis=0)
            middles = (known[1:] + known[:-1]) / 2.0
            first, last = known[1] - known[0], known[-1] - known[-2]
            edges = np.concatenate(([known[0] - first / 2], middles, [known[-1] + last / 2]))
            thinner = declared_mm is None or declared_mm < 1.5 * float(np.median(np.diff(known)))
            if thinner:
                return edges[n], edges[n + 1]
        step = declared_mm or (float(gaps.min()) if gaps.size else 1.0)
        low, high = self.along_mm - step / 2, self.along_mm + step / 2
        if gaps.size:
            middles = (self.along_mm[1:] + self.along_mm[:-1]) / 2.0
            high[:-1] = np.minimum(high[:-1], middles)
            low[1:] = np.maximum(low[1:], middles)
        return low, high

    def _acquired_places(self, acquired: Sequence[Plane]) -> Float64Array | None:
        """Where the source's planes lie, if every plane of this set lies on one of them."""
        parallel = [p for p in acquired if abs(abs(float(p.normal @ self.normal)) - 1.0) < 1e-4]
        places = np.unique([float(plane.origin_lps @ self.normal) for plane in parallel])
        if places.size < 2:
            return None
        places = places[np.concatenate(([True], np.diff(places) > SAME_PLACE_MM))]
        if places.size < 2:
            return None
        tolerance = max(SAME_PLACE_MM, 0.1 * float(np.diff(places).min()))
        distance = np.abs(places[:, None] - self.along_mm).min(axis=0)
        return places if bool(np.all(distance <= tolerance)) else None

    def grid(self, frame_of_reference_uid: str) -> Geometry | None:
        """The planes as a regular grid that leaves out none, or None where they are uneven."""
        gaps = np.diff(self.along_mm)
        step = float((self._high_mm - self._low_mm).min())
        counts = np.rint(gaps / step)
        if gaps.size and float(np.abs(gaps - counts * step).max()) > max(
            SAME_PLACE_MM, 0.01 * step
        ):
            return None
        shift = self.origins_lps - self.origins_lps[0]
        aside = shift - np.outer(shift @ self.normal, self.normal)
        if float(np.abs(aside).max()) > SAME_PLACE_MM:
            return None
        column, row = self.raster.column_step_lps, self.raster.row_step_lps
        column_mm, row_mm = float(np.linalg.norm(column)), float(np.linalg.norm(row))
        return Geometry.from_arrays(
            (self.raster.columns, self.raster.rows, int(counts.sum()) + 1),
            (column_mm, row_mm, step),
            self.origins_lps[0],
            np.stack([column / column_mm, row / row_mm, self.normal], axis=1),
            frame_of_reference_uid,
        )

    def is_same_grid(self, targets: Sequence[Plane]) -> bool:
        """Whether every plane of the set lies pixel on pixel on one of ``targets``.

        A part of them, or of their rows and columns, is enough: cropped and sparse objects too.
        """
        for slot in range(len(self.origins_lps)):
            if not any(self._lies_on(slot, target) for target in targets):
                return False
        return all(
            np.count_nonzero((self._low_mm <= place) & (place < self._high_mm)) <= 1
            and (
                not np.any((self._low_mm <= place) & (place < self._high_mm))
                or np.abs(self.along_mm - place).min() <= self._tolerance_mm()
            )
            for place in (float(target.origin_lps @ self.normal) for target in targets)
        )

    def _tolerance_mm(self) -> float:
        return max(SAME_PLACE_MM, 0.1 * float((self._high_mm - self._low_mm).min()))

    def _lies_on(self, slot: int, target: Plane) -> bool:
        if abs(float((target.origin_lps - self.origins_lps[slot]) @ self.normal)) > (
            self._tolerance_mm()
        ):
            return False
        corners = np.array(
            [[0, 0], [target.columns - 1, 0], [0, target.rows - 1],
             [target.columns - 1, target.rows - 1]], dtype=np.float64,
        )  # fmt: skip
        points = (
            target.origin_lps
            + corners[:, :1] * target.column_step_lps
            + corners[:, 1:] * target.row_step_lps
        )
        column, row = self._in_raster(points, slot)
        steps = np.stack([column[1:3] - column[0], row[1:3] - row[0]])
        size = np.array([max(target.columns - 1, 1), max(target.rows - 1, 1)])
        unit = np.abs(steps / size)
        is_raster = np.allclose(unit, np.eye(2), atol=1e-2) or np.allclose(
            unit, np.eye(2)[::-1], atol=1e-2
        )
        both = np.concatenate([column, row])
        is_one = target.columns == 1 or target.rows == 1
        return (bool(is_raster) or is_one) and bool(
            np.all(np.abs(both - np.rint(both)) <= _SAME_PIXEL)
        )

    def _in_raster(self, points_lps: Float64Array, slot: int) -> tuple[Float64Array, Float64Array]:
        """Column and row (from 0, continuous) of points in the raster of one plane."""
        offset = points_lps - self.origins_lps[slot]
        c, r = self.raster.column_step_lps, self.raster.row_step_lps
        return offset @ (c / float(c @ c)), offset @ (r / float(r @ r))

    def slab_corners_lps(self, slot: int, box: tuple[int, int, int, int]) -> Float64Array:
        """Corners of a part of a plane's slab, (8, 3); ``box`` is rows and columns, half open."""
        row0, row1, column0, column1 = box
        corners = []
        for depth in (self._low_mm[slot], self._high_mm[slot]):
            for row in (row0 - 0.5, row1 - 0.5):
                for column in (column0 - 0.5, column1 - 0.5):
                    corners.append(
                        self.origins_lps[slot]
                        + column * self.raster.column_step_lps
                        + row * self.raster.row_step_lps
                        + (depth - self.along_mm[slot]) * self.normal
                    )
        return np.asarray(corners)

    def carry(
        self,
        images: Mapping[int, Pixels],
        target: Plane,
        window: tuple[int, int, int, int],
        out: Pixels,
    ) -> None:
        """Write the nearest pixels of ``images`` (by slot) into ``out``.

        ``out`` is the part ``window`` of the target plane (rows and columns, half open). Where no
        image lies it keeps what it has.
        """
        row0, row1, column0, column1 = window
        corner = target.origin_lps + row0 * target.row_step_lps + column0 * target.column_step_lps
        rows = np.arange(row1 - row0, dtype=np.float64)[:, None]
        columns = np.arange(column1 - column0, dtype=np.float64)[None, :]
        along = (
            float(corner @ self.normal)
            + rows * float(target.row_step_lps @ self.normal)
            + columns * float(target.column_step_lps @ self.normal)
        )
        lowest, highest = float(along.min()) - _TIE, float(along.max()) + _TIE
        for slot, image in images.items():
            low, high = self._low_mm[slot] - _TIE, self._high_mm[slot] - _TIE
            if highest < low or lowest >= high:
                continue
            column0_in, row0_in = self._in_raster(corner, slot)
            column_by, row_by = self._in_raster(
                self.origins_lps[slot] + target.column_step_lps, slot
            )
            column_down, row_down = self._in_raster(
                self.origins_lps[slot] + target.row_step_lps, slot
            )
            column = np.floor(column0_in + columns * column_by + rows * column_down + 0.5 + _TIE)
            row = np.floor(row0_in + columns * row_by + rows * row_down + 0.5 + _TIE)
            inside = (along >= low) & (along < high)
            inside &= (column >= 0) & (column < image.shape[1])
            inside &= (row >= 0) & (row < image.shape[0])
            out[inside] = image[row[inside].astype(np.intp), column[inside].astype(np.intp)]
