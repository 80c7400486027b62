"""Regions of structured reports on the images of the open study: in the patient, or on a film."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from app.core.finding import Region, SliceRef
from app.core.geometry import Float64Array, Triple
from app.core.study import FrameRef, Series, SeriesRef, Stack, Study
from app.dicom.files.headers import read_dataset
from app.dicom.files.record import is_projection
from app.dicom.objects.object_reading import ObjectReference
from app.dicom.objects.source_stack import image_stacks
from app.dicom.objects.sr_measurements import SrRegion
from app.dicom.stacks.frame_planes import Plane, planes_of

_MIDDLE_OF_FIRST_PIXEL: Final = 0.5


@dataclass(frozen=True, slots=True)
class PlacedRegion:
    """A region of a finding and the stack on which it lies."""

    region: Region
    source: SeriesRef


@dataclass(frozen=True, slots=True)
class _Image:
    series: Series
    stack: Stack
    frame: FrameRef


class ImagePlaces:
    """Finds images of a study by reference and places points on them. Any thread."""

    def __init__(self, study: Study) -> None:
        self._study = study
        self._planes: dict[str, tuple[Plane | None, ...]] = {}
        self._images = {
            (frame.instance.sop_instance_uid, frame.frame): _Image(series, stack, frame)
            for series, stack in image_stacks(study)
            for frame in stack.frames
        }

    def image(self, reference: ObjectReference) -> PlacedRegion | None:
        """The whole image, or None where the study does not have it."""
        found = self._find(reference)
        if found is None:
            return None
        return PlacedRegion(Region("image", slice=_slice(found.frame)), self._ref(found))

    def region(self, region: SrRegion) -> PlacedRegion | None:
        """A box around the region, or its only point; None where its images are not here."""
        if region.image is None:
            return self._in_space(region)
        found = self._find(region.image)
        if found is None or not region.points:
            return None
        pixels = _outline_pixels(region)
        plane = self._plane(found)
        is_pixels = plane is None
        points = _on_film(pixels) if plane is None else _in_patient(pixels, plane)
        placed = _box(points, _slice(found.frame), is_pixels=is_pixels)
        return PlacedRegion(placed, self._ref(found))

    def points_of(self, region: SrRegion) -> tuple[Triple, ...]:
        """The region's points in LPS millimetres, of a film as (column, row, 0) in pixels."""
        if region.image is None:
            return tuple((p[0], p[1], p[2]) for p in region.points if len(p) == 3)
        found = self._find(region.image)
        if found is None:
            return ()
        pixels = np.asarray(region.points, dtype=np.float64).reshape(-1, 2)
        pixels = pixels - _MIDDLE_OF_FIRST_PIXEL
        plane = self._plane(found)
        return _triples(_on_film(pixels) if plane is None else _in_patient(pixels, plane))

    def _in_space(self, region: SrRegion) -> PlacedRegion | None:
        points = np.asarray([p for p in region.points if len(p) == 3], dtype=np.float64)
        if not len(points):
            return None
        for series, stack in image_stacks(self._study):
            geometry = stack.geometry
            if geometry is None or not stack.is_volume:
                continue
            same = geometry.frame_of_reference_uid == region.frame_of_reference_uid
            if same and geometry.contains(points.mean(axis=0)):
                k = round(float(geometry.lps_to_ijk(points.mean(axis=0))[2]))
                is_whole = len(stack.frames) == geometry.size_ijk[2]
                where = _slice(stack.frames[k]) if is_whole and 0 <= k < len(stack.frames) else None
                ref = SeriesRef(
                    self._study.study_instance_uid, series.series_instance_uid, stack.index
                )
                return PlacedRegion(_box(points, where, is_pixels=False), ref)
        return None

    def _find(self, reference: ObjectReference) -> _Image | None:
        frames = reference.frames or (1,)
        return self._images.get((reference.sop_instance_uid, frames[0]))

    def _plane(self, image: _Image) -> Plane | None:
        """Where the image lies in the patient; None for a film."""
        instance = image.frame.instance
        if is_projection(image.series.modality):
            return None
        if instance.sop_instance_uid not in self._planes:
            header = read_dataset(instance.path, pixels=False)
            self._planes[instance.sop_instance_uid] = planes_of(header)
        planes = self._planes[instance.sop_instance_uid]
        return planes[image.frame.frame - 1] if image.frame.frame <= len(planes) else None

    def _ref(self, image: _Image) -> SeriesRef:
        return SeriesRef(
            self._study.study_instance_uid, image.series.series_instance_uid, image.stack.index
        )


def _outline_pixels(region: SrRegion) -> Float64Array:
    """Points that span the region, (n, 2) column and row from the middle of the first pixel.

    A circle is given by its centre and a point on it, an ellipse by the ends of its axes.
    """
    points = np.asarray(region.points, dtype=np.float64).reshape(-1, 2) - _MIDDLE_OF_FIRST_PIXEL
    if region.graphic_type == "CIRCLE" and len(points) == 2:
        center, radius = points[0], float(np.linalg.norm(points[1] - points[0]))
        return np.stack([center - radius, center + radius])
    return points


def _in_patient(pixels: Float64Array, plane: Plane) -> Float64Array:
    return np.asarray(
        plane.origin_lps
        + pixels[:, :1] * plane.column_step_lps
        + pixels[:, 1:] * plane.row_step_lps
    )


def _on_film(pixels: Float64Array) -> Float64Array:
    return np.concatenate([pixels, np.zeros((len(pixels), 1))], axis=1)


def _box(points: Float64Array, where: SliceRef | None, *, is_pixels: bool) -> Region:
    if len(points) == 1:
        return Region("point", box_lps=_triples(points), slice=where, box_is_pixels=is_pixels)
    corners = np.stack([points.min(axis=0), points.max(axis=0)])
    return Region("box", box_lps=_triples(corners), slice=where, box_is_pixels=is_pixels)


def _triples(points: Float64Array) -> tuple[Triple, ...]:
    return tuple((float(p[0]), float(p[1]), float(p[2])) for p in points)


def _slice(frame: FrameRef) -> SliceRef:
    return SliceRef(frame.instance.sop_instance_uid, frame.frame)
