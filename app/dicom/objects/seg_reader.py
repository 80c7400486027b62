"""Segmentations of any maker as one mask per segment on the grid of the images (PS3.3 A.51).

Binary, fractional and label map objects. Frames are placed by their own position and orientation,
never by order or number (D01); segments may overlap (D02) or be empty (D03).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from app.core.geometry import Box, Geometry
from app.core.report import Message
from app.core.segmentation import Mask
from app.core.study import SeriesRef, Study, StudyWarning
from app.core.volume import frozen
from app.dicom.character_sets import display_name, text_of
from app.dicom.objects.object_kinds import SEGMENTATION
from app.dicom.objects.object_reading import made_at, maker_of, reading, word_of
from app.dicom.objects.seg_frames import SegFrames
from app.dicom.objects.seg_place import PlacedLayer, Target, target_for
from app.dicom.objects.segment_facts import SegmentFacts
from app.dicom.wording import warning
from app.imaging.labelmap import bounding_boxes

FRACTION_OF_A_MASK: Final = 0.5
"""From which fraction on a voxel of a fractional segmentation belongs to the mask (D05)."""


@dataclass(frozen=True, slots=True)
class ReadSegment:
    """One segment: its facts and its voxels, kept only inside ``box`` (None: it is empty, D03).

    ``voxels`` is 0 or 1, ``fractions`` 0.0 to 1.0 for fractional objects; both ``[k, j, i]``.
    """

    facts: SegmentFacts
    box: Box | None = None
    voxels: npt.NDArray[np.uint8] = field(default_factory=lambda: np.zeros((0, 0, 0), np.uint8))
    fractions: npt.NDArray[np.float32] | None = None

    @property
    def voxel_count(self) -> int:
        """How many voxels the mask has."""
        return int(np.count_nonzero(self.voxels))

    def full(self, shape_kji: tuple[int, int, int]) -> npt.NDArray[np.uint8]:
        """The mask on the whole grid."""
        mask = np.zeros(shape_kji, np.uint8)
        if self.box is not None:
            mask[self.box.slices_kji] = self.voxels
        return mask


@dataclass(frozen=True, slots=True)
class ReadSegmentation:
    """A segmentation laid on the images named by ``source``.

    ``geometry`` is the grid of the masks, None where the images have no place in space.
    ``is_resampled``: the object has a grid of its own, and the nearest of its voxels were taken.
    ``threshold`` is the fraction that makes a mask of a fractional object. ``overlaps`` are the
    pairs of segment numbers that share voxels (D02). ``warnings`` say all this in words.
    """

    kind: str
    fractional_type: str
    threshold: float | None
    segments: tuple[ReadSegment, ...]
    source: SeriesRef
    geometry: Geometry | None
    shape_kji: tuple[int, int, int]
    is_resampled: bool
    overlaps: tuple[tuple[int, int], ...]
    warnings: tuple[StudyWarning, ...]
    sop_instance_uid: str
    series_instance_uid: str
    label: str
    description: str
    creator: str
    made_by: str
    at: str

    def segment(self, number: int) -> ReadSegment:
        """The segment with this number; ``KeyError`` where there is none."""
        for segment in self.segments:
            if segment.facts.number == number:
                return segment
        raise KeyError(number)

    def mask(self, number: int) -> Mask:
        """The whole mask of a segment on the grid of the source."""
        return Mask(self.segment(number).full(self.shape_kji), self.source)


def read_segmentation(
    path: Path, study: Study, *, onto: SeriesRef | None = None
) -> ReadSegmentation:
    """A segmentation on the images it was made from, or on the stack named by ``onto``.

    Where its images are not in the study the masks keep their own grid. Raises ``DicomReadError``,
    ``FrameOfReferenceMismatch``, ``GeometryError`` (its frames cannot be placed). Any thread.
    """
    with reading(SEGMENTATION):
        frames = SegFrames(path)
        ds = frames.dataset
        target = target_for(ds, frames, study, onto)
        warnings = [*_about_frames(frames), *target.warnings]
        segments = tuple(_segments(frames, target, warnings))
        fractional = frames.kind == "FRACTIONAL"
        return ReadSegmentation(
            kind=frames.kind,
            fractional_type=frames.fractional_type,
            threshold=FRACTION_OF_A_MASK if fractional else None,
            segments=segments,
            source=target.source,
            geometry=target.geometry,
            shape_kji=target.shape_kji,
            is_resampled=target.is_resampled,
            overlaps=_overlaps(segments),
            warnings=tuple(warnings),
            sop_instance_uid=word_of(ds, "SOPInstanceUID"),
            series_instance_uid=word_of(ds, "SeriesInstanceUID"),
            label=text_of(ds, "ContentLabel"),
            description=text_of(ds, "ContentDescription") or text_of(ds, "SeriesDescription"),
            creator=display_name(text_of(ds, "ContentCreatorName")),
            made_by=maker_of(ds),
            at=made_at(ds),
        )


def _about_frames(frames: SegFrames) -> Iterable[StudyWarning]:
    if frames.kind == "FRACTIONAL":
        percent = f"{FRACTION_OF_A_MASK:.0%}"
        yield warning(
            "D05",
            Message(
                f"Fractional segmentation: voxels of at least {percent} are shown as the mask.",
                f"Дробная сегментация: в маску входят воксели с долей не меньше {percent}.",
            ),
        )


def _segments(
    frames: SegFrames, target: Target, warnings: list[StudyWarning]
) -> Iterable[ReadSegment]:
    if frames.kind == "LABELMAP":
        yield from _of_label_map(frames, target, warnings)
        return
    for facts in frames.segments:
        own = frames.frames_of(facts.number)
        layer = target.lay(own, frames.pixels) if own else None
        _tell_lost(layer, facts.label, warnings)
        if layer is None or not layer.values.any():
            yield ReadSegment(facts)
        elif frames.kind == "FRACTIONAL":
            yield _fractional(facts, layer, frames.maximum_fraction)
        else:
            yield _binary(facts, layer.box, layer.values != 0)


def _binary(facts: SegmentFacts, box: Box, inside: npt.NDArray[np.bool_]) -> ReadSegment:
    return ReadSegment(facts, box, _frozen(inside.astype(np.uint8)))


def _fractional(facts: SegmentFacts, layer: PlacedLayer, maximum: float) -> ReadSegment:
    fractions = (layer.values / np.float32(maximum)).astype(np.float32)
    mask = (fractions >= FRACTION_OF_A_MASK).astype(np.uint8)
    return ReadSegment(facts, layer.box, _frozen(mask), _frozen(fractions))


def _of_label_map(
    frames: SegFrames, target: Target, warnings: list[StudyWarning]
) -> Iterable[ReadSegment]:
    layer = target.lay(range(frames.count), frames.pixels, background=frames.background)
    _tell_lost(layer, SEGMENTATION.en, warnings)
    boxes = bounding_boxes(layer.values, frames.background)
    described = {facts.number: facts for facts in frames.segments}
    unknown = sorted(set(boxes) - set(described))
    for number in unknown:
        described[number] = SegmentFacts(number, str(number), is_described=False)
        warnings.append(
            warning(
                "D05",
                Message(
                    f"The label map holds the value {number}, which no segment describes.",
                    f"В карте меток есть значение {number}, которое не описано.",
                ),
            )
        )
    for number, facts in described.items():
        inner = boxes.get(number)
        if inner is None:
            yield ReadSegment(facts)
            continue
        lower = np.asarray(layer.box.lower_ijk)
        first, last = (
            tuple(int(n) for n in lower + np.asarray(end))
            for end in (inner.lower_ijk, inner.upper_ijk)
        )
        box = Box((first[0], first[1], first[2]), (last[0], last[1], last[2]))
        yield _binary(facts, box, layer.values[inner.slices_kji] == number)


def _tell_lost(layer: PlacedLayer | None, name: str, warnings: list[StudyWarning]) -> None:
    """Say what of a segment cannot be shown on the images, or only together."""
    if layer is not None and layer.repeated:
        warnings.append(
            warning(
                "D01",
                Message(
                    f"{name}: {layer.repeated} frames lie where others lie too (time points?);"
                    " they are shown as one.",
                    f"{name}: кадров в одном месте с другими (моменты времени?):"
                    f" {layer.repeated}; они показаны вместе.",
                ),
            )
        )
    if layer is not None and layer.lost:
        warnings.append(
            warning(
                "D01",
                Message(
                    f"{layer.lost} voxels of {name} lie outside the images and are not shown.",
                    f"Вокселей вне снимков ({name}): {layer.lost}; они не показаны.",
                ),
            )
        )


def _overlaps(segments: tuple[ReadSegment, ...]) -> tuple[tuple[int, int], ...]:
    return tuple(
        (first.facts.number, second.facts.number)
        for first, second in combinations(segments, 2)
        if _share_voxels(first, second)
    )


def _share_voxels(first: ReadSegment, second: ReadSegment) -> bool:
    if first.box is None or second.box is None:
        return False
    lower = np.maximum(first.box.lower_ijk, second.box.lower_ijk)
    upper = np.minimum(first.box.upper_ijk, second.box.upper_ijk)
    if np.any(lower >= upper):
        return False
    parts = []
    for one in (first, second):
        start = lower - np.asarray(one.box.lower_ijk if one.box else 0)
        stop = upper - np.asarray(one.box.lower_ijk if one.box else 0)
        i, j, k = (slice(int(a), int(b)) for a, b in zip(start, stop, strict=True))
        parts.append(one.voxels[k, j, i])
    return bool(np.any(parts[0] & parts[1]))


def _frozen(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return frozen(np.ascontiguousarray(array))
