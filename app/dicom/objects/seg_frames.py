"""The frames of a segmentation object: their segments, planes and pixels; nothing is placed yet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy.typing as npt
from pydicom.dataset import Dataset

from app.core.errors import DicomReadError
from app.dicom.objects.object_reading import image_object, require_described_frames, word_of
from app.dicom.objects.segment_facts import segment_facts
from app.dicom.objects.source_stack import frame_references
from app.dicom.stacks.frame_planes import planes_of
from app.dicom.tolerant import integer_of, items_of, number_of

_LABELMAP: Final = "1.2.840.10008.5.1.4.1.1.66.7"
_LARGEST_FRAME: Final = 2**28


class SegFrames:
    """Reads a segmentation frame by frame. Raises ``DicomReadError`` for what is no segmentation.

    ``background`` is the value of a label map that means no segment (PS3.3 C.8.20.2.3).
    """

    def __init__(self, path: Path) -> None:
        self._image = image_object(path)
        # The palette of a label map only says how to show it: its values are segment numbers.
        self._image.layout = replace(self._image.layout, photometric="MONOCHROME2", palette=None)
        ds = self._image.dataset
        self.kind = word_of(ds, "SegmentationType").upper()
        if word_of(ds, "SOPClassUID") == _LABELMAP:
            self.kind = "LABELMAP"
        if self.kind not in ("BINARY", "FRACTIONAL", "LABELMAP"):
            raise DicomReadError(
                "The segmentation does not say of which type it is.",
                ru="В сегментации не указан её тип.",
                hint="Ask its source to send it again.",
                hint_ru="Запросите её у источника ещё раз.",
            )
        self.fractional_type = word_of(ds, "SegmentationFractionalType").upper()
        self.maximum_fraction = number_of(ds, "MaximumFractionalValue") or 255.0
        self.count = max(1, integer_of(ds, "NumberOfFrames", 1))
        self.rows, self.columns = integer_of(ds, "Rows", 0), integer_of(ds, "Columns", 0)
        if not 0 < self.rows * self.columns < _LARGEST_FRAME:
            raise DicomReadError(
                "The size of the segmentation is not plausible.",
                ru="Размер сегментации неправдоподобен.",
            )
        if "TILED" in word_of(ds, "DimensionOrganizationType") or _is_of_slide(ds):
            raise DicomReadError(
                "It is a segmentation of a whole slide; microscopy is not supported.",
                ru="Это сегментация микропрепарата; микроскопия не поддерживается.",
            )
        require_described_frames(ds)
        self.planes = planes_of(ds)
        self.references = frame_references(ds)
        self.segments = tuple(segment_facts(item) for item in items_of(ds, "SegmentSequence"))
        self.background = self._background(ds)
        self.segments = tuple(
            facts
            for facts in self.segments
            if self.kind != "LABELMAP" or facts.number != self.background
        )
        self._numbers = self._segment_numbers(ds)

    @property
    def dataset(self) -> Dataset:
        """The object without its pixels; not to be changed."""
        return self._image.dataset

    def frames_of(self, number: int) -> tuple[int, ...]:
        """Indices (from 0) of the frames of a segment; empty for an empty one."""
        return tuple(n for n, own in enumerate(self._numbers) if own == number)

    def pixels(self, indices: Iterable[int]) -> Iterator[tuple[int, npt.NDArray[Any]]]:
        """Index and stored values ``[row, column]`` of the frames, in the order given."""
        for index in indices:
            yield index, self._image.stored_frame(index)

    def _background(self, ds: Dataset) -> int:
        """The value that belongs to no segment; one that is not used where all are described."""
        if self.kind != "LABELMAP":
            return 0
        padding = number_of(ds, "PixelPaddingValue")
        if padding is not None:
            return int(padding)
        described = {facts.number for facts in self.segments}
        if 0 not in described:
            return 0
        highest = (1 << integer_of(ds, "BitsAllocated", 8)) - 1
        return max(set(range(1, highest + 1)) - described, default=highest)

    def _segment_numbers(self, ds: Dataset) -> tuple[int, ...]:
        """The segment of each frame; a single segment may be named once for all of them."""
        shared = items_of(ds, "SharedFunctionalGroupsSequence")
        common = _segment_number(shared[0]) if shared else None
        if common is None and len(self.segments) == 1:
            common = self.segments[0].number
        own = [
            _segment_number(item)
            for item in items_of(ds, "PerFrameFunctionalGroupsSequence")[: self.count]
        ]
        own += [None] * (self.count - len(own))
        numbers = tuple(common if number is None else number for number in own)
        described = {facts.number for facts in self.segments}
        if self.kind != "LABELMAP" and not described.issuperset(numbers):
            raise DicomReadError(
                "Frames of the segmentation belong to segments that it does not describe.",
                ru="Кадры сегментации относятся к сегментам, которых нет в её описании.",
                hint="Ask its source to send it again.",
                hint_ru="Запросите её у источника ещё раз.",
            )
        return tuple(number or 0 for number in numbers)


def _segment_number(groups: Dataset) -> int | None:
    for item in items_of(groups, "SegmentIdentificationSequence"):
        number = integer_of(item, "ReferencedSegmentNumber", 0)
        return number or None
    return None


def _is_of_slide(ds: Dataset) -> bool:
    if items_of(ds, "TotalPixelMatrixOriginSequence"):
        return True
    return any(
        items_of(item, "PlanePositionSlideSequence")
        for item in items_of(ds, "PerFrameFunctionalGroupsSequence")[:1]
    )
