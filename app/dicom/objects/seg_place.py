"""Where the frames of a segmentation come to lie: on a volume, on single images, on their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from app.core.errors import GeometryError
from app.core.geometry import Box, Geometry
from app.core.report import Message
from app.core.study import SeriesRef, Study, StudyWarning
from app.dicom.objects.object_reading import word_of
from app.dicom.objects.seg_frames import SegFrames
from app.dicom.objects.source_stack import (
    SourceStack,
    find_source,
    named_stack,
    referenced_instances,
    referenced_series,
    require_same_frame_of_reference,
)
from app.dicom.stacks.frame_planes import (
    Pixels,
    Plane,
    PlaneSet,
    declared_step_mm,
    planes_of_grid,
    planes_of_stack,
)
from app.dicom.wording import warning

ReadPixels = Callable[[Iterable[int]], Iterator[tuple[int, npt.NDArray[Any]]]]

_OWN_GRID = Message(
    "The images of this segmentation are not in the study; it is shown on its own grid.",
    "Снимков этой сегментации в исследовании нет; она показана на собственной сетке.",
)
_RESAMPLED = Message(
    "The segmentation has a grid of its own; its nearest voxels are shown on that of the images.",
    "У сегментации своя сетка; на сетке снимков показаны её ближайшие воксели.",
)


@dataclass(frozen=True, slots=True)
class PlacedLayer:
    """Values on the grid inside ``box``.

    ``lost`` set voxels of the object found no place on the grid; ``repeated`` frames lay where
    another one lay already.
    """

    box: Box
    values: Pixels
    lost: int
    repeated: int = 0


class Target:
    """The grid on which masks are laid; makes layers of frames. Made by ``target_for``."""

    def __init__(
        self,
        source: SeriesRef,
        planes: Sequence[Plane | None],
        shape_kji: tuple[int, int, int],
        geometry: Geometry | None,
    ) -> None:
        self.source = source
        self.geometry = geometry
        self.shape_kji = shape_kji
        self.is_resampled = False
        self.warnings: tuple[StudyWarning, ...] = ()
        self._planes = planes
        self._sets: list[tuple[PlaneSet, frozenset[int]]] = []
        self._by_reference: dict[int, int] = {}

    def place_by_reference(self, slices: dict[int, int]) -> None:
        """Frames go to the images they name: ``slices`` is the image (from 0) of each frame."""
        self._by_reference = slices

    def place_in_space(self, sets: Sequence[PlaneSet]) -> None:
        """Frames go where they lie."""
        self._sets = [(one, frozenset(one.slot_of)) for one in sets]
        here = [plane for plane in self._planes if plane is not None]
        self.is_resampled = not all(one.is_same_grid(here) for one in sets)
        if self.is_resampled:
            self.warnings += (warning("D01", _RESAMPLED),)

    def lay(self, frames: Iterable[int], pixels: ReadPixels, *, background: int = 0) -> PlacedLayer:
        """The layer that the given frames make together."""
        wanted = list(frames)
        if self._by_reference:
            return self._lay_by_reference(wanted, pixels, background)
        layers = [
            self._lay_in_space(one, [n for n in wanted if n in own], pixels, background)
            for one, own in self._sets
        ]
        return _united([layer for layer in layers if layer is not None], background)

    def _lay_by_reference(
        self, frames: Sequence[int], pixels: ReadPixels, background: int
    ) -> PlacedLayer:
        slices = [self._by_reference[n] for n in frames]
        low, high = min(slices), max(slices) + 1
        _, rows, columns = self.shape_kji
        values: Pixels | None = None
        for n, frame in pixels(frames):
            if values is None:
                values = np.full((high - low, rows, columns), background, frame.dtype)
            _put(values[self._by_reference[n] - low], frame, background)
        if values is None:
            values = np.zeros((high - low, rows, columns), np.uint8)
        return PlacedLayer(Box((0, 0, low), (columns, rows, high)), values, 0)

    def _lay_in_space(
        self, planes: PlaneSet, frames: Sequence[int], pixels: ReadPixels, background: int
    ) -> PlacedLayer | None:
        images: dict[int, Pixels] = {}
        corners = []
        repeated = 0
        for n, frame in pixels(frames):
            part = _set_part(frame, background)
            if part is None:
                continue
            slot = planes.slot_of[n]
            if slot in images:
                _put(images[slot], frame, background)
                repeated += 1
            else:
                images[slot] = frame
            corners.append(planes.slab_corners_lps(slot, part))
        if not images:
            return None
        total = sum(int(np.count_nonzero(image != background)) for image in images.values())
        box = self._box_around(np.concatenate(corners))
        if box is None:
            return PlacedLayer(Box((0, 0, 0), (0, 0, 0)), np.zeros((0, 0, 0), np.uint8), total)
        dtype = next(iter(images.values())).dtype
        (i0, j0, k0), (i1, j1, k1) = box.lower_ijk, box.upper_ijk
        values = np.full((k1 - k0, j1 - j0, i1 - i0), background, dtype)
        for k in range(k0, k1):
            plane = self._planes[k]
            if plane is not None:
                planes.carry(images, plane, (j0, j1, i0, i1), values[k - k0])
        lost = 0 if self.is_resampled else total - int(np.count_nonzero(values != background))
        return PlacedLayer(box, values, max(0, lost), repeated)

    def _box_around(self, corners_lps: npt.NDArray[np.float64]) -> Box | None:
        """The part of the grid that can hold what lies between the corners, or None."""
        slices, rows, columns = self.shape_kji
        if self.geometry is None:
            return Box((0, 0, 0), (columns, rows, slices))
        index = self.geometry.lps_to_ijk(corners_lps)
        lower = np.maximum(np.floor(index.min(axis=0)), 0).astype(int)
        upper = np.minimum(np.ceil(index.max(axis=0)) + 1, (columns, rows, slices)).astype(int)
        if np.any(lower >= upper):
            return None
        return Box(
            (int(lower[0]), int(lower[1]), int(lower[2])),
            (int(upper[0]), int(upper[1]), int(upper[2])),
        )


def target_for(ds: Dataset, frames: SegFrames, study: Study, onto: SeriesRef | None) -> Target:
    """The grid for the masks of a segmentation, ready to take its frames."""
    source = _source(ds, frames, study, onto)
    in_space = {n: plane for n, plane in enumerate(frames.planes) if plane is not None}
    complete = len(in_space) == frames.count
    if source is None:
        if not complete:
            raise _no_place()
        return _own_grid(ds, frames, study, in_space)
    stack = source.stack
    size = (len(stack.frames), stack.rows, stack.columns)
    if complete and (stack.geometry is not None or source.is_referenced or onto is not None):
        require_same_frame_of_reference(word_of(ds, "FrameOfReferenceUID"), source)
    if stack.is_volume and stack.geometry is not None:
        if not complete:
            return _on_images(frames, source, study, size)
        geometry = stack.geometry
        grid = planes_of_grid(geometry)
        acquired: Sequence[Plane] = grid
        if stack.verdict == "resampled":
            acquired = [plane for plane in planes_of_stack(stack) if plane is not None]
        target = Target(source.ref(study), grid, geometry.shape_kji, geometry)
        target.place_in_space(_plane_sets(ds, in_space, acquired))
        target.warnings += _elsewhere(frames, source, geometry, in_space)
        return target
    slices = _slices_named(frames, source)
    if slices is not None and _same_size(frames, source):
        return _on_images(frames, source, study, size)
    planes = planes_of_stack(stack)
    if not complete or all(plane is None for plane in planes):
        return _on_images(frames, source, study, size)
    target = Target(source.ref(study), planes, size, None)
    known = [plane for plane in planes if plane is not None]
    target.place_in_space(_plane_sets(ds, in_space, known))
    return target


def _source(
    ds: Dataset, frames: SegFrames, study: Study, onto: SeriesRef | None
) -> SourceStack | None:
    if onto is not None:
        return named_stack(study, onto)
    references = [reference for one in frames.references for reference in one]
    return find_source(
        study,
        references=references or referenced_instances(ds),
        series_uids=referenced_series(ds),
        frame_of_reference_uid=word_of(ds, "FrameOfReferenceUID"),
    )


def _own_grid(ds: Dataset, frames: SegFrames, study: Study, planes: dict[int, Plane]) -> Target:
    """The planes of the object itself, one slice for each place where it has a frame."""
    sets = _plane_sets(ds, planes, ())
    if len(sets) > 1:
        raise GeometryError(
            "The segmentation has frames of several orientations, and its images are not here.",
            ru="В сегментации кадры разной ориентации, а её снимков здесь нет.",
            hint="Open it together with the images it was made from.",
            hint_ru="Откройте её вместе со снимками, по которым она сделана.",
        )
    (own,) = sets
    raster = own.raster
    slices = [
        Plane(origin, raster.column_step_lps, raster.row_step_lps, raster.columns, raster.rows)
        for origin in own.origins_lps
    ]
    geometry = own.grid(word_of(ds, "FrameOfReferenceUID"))
    if geometry is not None:
        slices = list(planes_of_grid(geometry))
    ref = SeriesRef(study.study_instance_uid, word_of(ds, "SeriesInstanceUID"))
    target = Target(ref, slices, (len(slices), frames.rows, frames.columns), geometry)
    target.place_in_space(sets)
    target.warnings += (warning("D01", _OWN_GRID),)
    return target


def _on_images(
    frames: SegFrames, source: SourceStack, study: Study, size: tuple[int, int, int]
) -> Target:
    """Frames without a place in space go to the images they name (projection images)."""
    slices = _slices_named(frames, source)
    if slices is None and len(source.stack.frames) == 1:
        slices = dict.fromkeys(range(frames.count), 0)
    if slices is None or not _same_size(frames, source):
        raise _no_place()
    target = Target(source.ref(study), [None] * size[0], size, None)
    target.place_by_reference(slices)
    return target


def _slices_named(frames: SegFrames, source: SourceStack) -> dict[int, int] | None:
    """The image of each frame by the frame's reference, or None where one names none here."""
    places = {
        (ref.instance.sop_instance_uid, ref.frame): n for n, ref in enumerate(source.stack.frames)
    }
    found: dict[int, int] = {}
    for n in range(frames.count):
        references = frames.references[n] if n < len(frames.references) else ()
        for reference in references:
            for frame in reference.frames or (1,):
                place = places.get((reference.sop_instance_uid, frame))
                if place is not None:
                    found.setdefault(n, place)
    return found if len(found) == frames.count else None


def _elsewhere(
    frames: SegFrames, source: SourceStack, geometry: Geometry, planes: dict[int, Plane]
) -> tuple[StudyWarning, ...]:
    """Whether frames name other images than those at their place: the place counts, but say so."""
    if len(source.stack.frames) != geometry.size_ijk[2]:
        return ()
    places = {
        (ref.instance.sop_instance_uid, ref.frame): k for k, ref in enumerate(source.stack.frames)
    }
    count = 0
    for n, plane in planes.items():
        references = frames.references[n] if n < len(frames.references) else ()
        named = [
            places[one.sop_instance_uid, frame]
            for one in references
            for frame in one.frames or (1,)
            if (one.sop_instance_uid, frame) in places
        ]
        middle = plane.at((plane.columns - 1) / 2, (plane.rows - 1) / 2)
        k = float(geometry.lps_to_ijk(middle)[2])
        if named and min(abs(k - other) for other in named) > 1.0:
            count += 1
    if not count:
        return ()
    words = Message(
        f"{count} frames of the segmentation name other images than those at their place; they are"
        " shown at their place.",
        f"Кадров сегментации, которые называют другие снимки, чем в их месте: {count}; они"
        " показаны в своём месте.",
    )
    return (warning("D01", words),)


def _same_size(frames: SegFrames, source: SourceStack) -> bool:
    return (frames.rows, frames.columns) == (source.stack.rows, source.stack.columns)


def _plane_sets(ds: Dataset, planes: dict[int, Plane], acquired: Sequence[Plane]) -> list[PlaneSet]:
    """Frames of one raster together; an object may hold several."""
    groups: list[dict[int, Plane]] = []
    for n, plane in planes.items():
        for group in groups:
            if next(iter(group.values())).same_raster(plane):
                group[n] = plane
                break
        else:
            groups.append({n: plane})
    step = declared_step_mm(ds)
    return [PlaneSet(group, acquired=acquired, declared_mm=step) for group in groups]


def _set_part(frame: Pixels, background: int) -> tuple[int, int, int, int] | None:
    """Rows and columns (half open) of the set pixels, or None."""
    inside = frame != background
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if rows.size == 0:
        return None
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def _put(below: Pixels, frame: Pixels, background: int) -> None:
    """Lay a frame over another at the same place: what is set in it counts."""
    np.copyto(below, frame, where=frame != background)


def _united(layers: Sequence[PlacedLayer], background: int) -> PlacedLayer:
    """Layers of several orientations as one."""
    if not layers:
        return PlacedLayer(Box((0, 0, 0), (0, 0, 0)), np.zeros((0, 0, 0), np.uint8), 0)
    if len(layers) == 1:
        return layers[0]
    filled = [layer for layer in layers if layer.values.size] or list(layers[:1])
    lower = np.min([layer.box.lower_ijk for layer in filled], axis=0)
    upper = np.max([layer.box.upper_ijk for layer in filled], axis=0)
    box = Box(
        (int(lower[0]), int(lower[1]), int(lower[2])),
        (int(upper[0]), int(upper[1]), int(upper[2])),
    )
    values = np.full(tuple(int(n) for n in (upper - lower)[::-1]), background,
                     filled[0].values.dtype)  # fmt: skip
    for layer in filled:
        start = np.asarray(layer.box.lower_ijk) - lower
        i, j, k = (
            slice(int(a), int(a) + n) for a, n in zip(start, layer.values.shape[::-1], strict=True)
        )
        _put(values[k, j, i], layer.values, background)
    lost, repeated = sum(one.lost for one in layers), sum(one.repeated for one in layers)
    return PlacedLayer(box, values, lost, repeated)


def _no_place() -> GeometryError:
    return GeometryError(
        "The frames of the segmentation name neither a place in space nor the images they lie on.",
        ru="Кадры сегментации не называют ни места в пространстве, ни своих снимков.",
        hint="Open it together with the images it was made from.",
        hint_ru="Откройте её вместе со снимками, по которым она сделана.",
    )
