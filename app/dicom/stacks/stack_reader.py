"""Any frame of a stack, from its files; and what the images of the stack have in common.

Slopes that differ between slices (I07), and modality tables (I04), are applied here and the
rescale becomes identity.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from app.core.errors import DicomReadError
from app.core.geometry import Triple
from app.core.report import Message
from app.core.study import Instance, Series, SeriesRef, Stack, Study, StudyWarning
from app.core.ultrasound import UsRegion
from app.core.volume import Rescale, Volume, Window
from app.dicom import wording
from app.dicom.files.headers import read_dataset
from app.dicom.files.record import is_projection
from app.dicom.functional_groups import FunctionalGroups
from app.dicom.pixels.acquisition_facts import AcquisitionFacts, acquisition_facts, loss_of
from app.dicom.pixels.decoders import NotDecoded
from app.dicom.pixels.frame_bytes import ImageHeader, quick_image_header
from app.dicom.pixels.image_object import ImageObject, unreadable_frame
from app.dicom.pixels.overlay_planes import graphics_of
from app.dicom.pixels.plain_frame import PlainFrame, only_frame_values, plain_frame
from app.dicom.pixels.suv import acquisition_start_of
from app.dicom.pixels.us_regions import merged, regions_of
from app.dicom.pixels.value_facts import ValueFacts, is_polarity_inverted, value_facts
from app.dicom.stacks.pixel_spacing import pixel_spacing_of
from app.dicom.stacks.plane import orientation_of, position_of
from app.dicom.tolerant import integer_of, quiet, text_words_upper, value_of, words_of

# Outside of what was acquired, in modality values.
NO_IMAGE_FLOAT: Final = -1_000_000


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What the images of a stack have in common; the same fields as those of ``Volume``."""

    rescale: Rescale
    quantity: str
    windows: tuple[Window, ...]
    padding: tuple[int, int] | None
    polarity_inverted: bool
    pixel_spacing_mm: tuple[float, float] | None
    spacing_source: str
    patient_orientation: tuple[str, str] | None
    dtype: np.dtype[Any]
    is_color: bool
    acquisition: AcquisitionFacts
    frame_windows: tuple[tuple[Window, ...], ...] = ()
    warnings: tuple[StudyWarning, ...] = ()
    graphics: tuple[bytes | None, ...] = ()


_OTHER_COLORS: Final = Message(
    "its colours are not those that its header states", "его цветность не та, что в заголовке"
)
_NO_HEADER: Final = ImageHeader(Dataset(), None)


class StackReader:
    """Gives any frame of a stack at once, in any thread; each keeps its last object open.

    Making a reader reads the headers of the stack; ``series`` and ``stack`` come from ``group``.
    """

    def __init__(self, study: Study, series: Series, stack: Stack) -> None:
        self.ref = SeriesRef(study.study_instance_uid, series.series_instance_uid, stack.index)
        self._series = series
        self.stack = stack
        self._open = threading.local()
        self._values: list[ValueFacts] = []
        self._regions: list[tuple[UsRegion, ...]] = []
        self._losses: set[float] = set()
        self._starts: set[datetime | None] = set()
        self._graphics: list[bytes | None] = []
        self._plain: list[PlainFrame | None] = []
        self.positions_lps: list[Triple | None] = []
        with quiet():
            first = self._read_headers()
            self._converts = self._needs_conversion(first)
            self.facts = self._facts(first)

    @property
    def frame_count(self) -> int:
        """How many frames the stack has."""
        return len(self.stack.frames)

    def windows(self, n: int) -> tuple[Window, ...]:
        """The windows that the header of frame ``n`` names, first the default (I11)."""
        return self._values[n].windows

    def read_frame(self, n: int) -> npt.NDArray[Any]:
        """Stored values ``[row, column]`` of frame ``n`` (from 0, stack order); RGB ``[.., 3]``.

        Raises ``DicomReadError`` for a frame that cannot be decoded.
        """
        ref = self.stack.frames[n]
        image = self._object(ref.instance)
        stored = image.stored_frame(ref.frame - 1)
        if (stored.ndim == 3) != self.facts.is_color:
            raise unreadable_frame(ref.instance, NotDecoded(_OTHER_COLORS))
        if not self._converts or self.facts.is_color:
            return stored.astype(self.facts.dtype, copy=False)
        values = image.modality_frame(ref.frame - 1, stored)
        padding = self._values[n].padding
        if padding is not None:
            values[(stored >= padding[0]) & (stored <= padding[1])] = NO_IMAGE_FLOAT
        return values

    def read_into(self, n: int, plane: npt.NDArray[Any]) -> None:
        """``read_frame`` into ``plane``, of the facts' type: without a copy where that is possible.

        Any thread. Raises ``DicomReadError``.
        """
        plain = None if self._converts else self._plain[n]
        if plain is not None and plain.read_into(plane):
            return
        plane[...] = self.read_frame(n)

    def dataset(self, n: int) -> Dataset:
        """The dataset of the object of frame ``n``; not to be changed."""
        return self._object(self.stack.frames[n].instance).dataset

    def _object(self, instance: Instance) -> ImageObject:
        known: tuple[Instance, ImageObject] | None = getattr(self._open, "image", None)
        if known is None or known[0] != instance:
            known = self._open.image = instance, ImageObject(instance)
        return known[1]

    def _read_headers(self) -> Dataset:
        first: Dataset | None = None
        header, groups, opened = _NO_HEADER, FunctionalGroups(_NO_HEADER.dataset), None
        regions: tuple[UsRegion, ...] = ()
        for ref in self.stack.frames:
            if opened != ref.instance:
                header = quick_image_header(ref.instance.path) or ImageHeader(
                    read_dataset(ref.instance.path, pixels=False), None
                )
                groups, opened = FunctionalGroups(header.dataset), ref.instance
                regions = regions_of(header.dataset)
                self._losses.add(loss_of(header.dataset, ref.instance.transfer_syntax_uid))
                self._starts.add(acquisition_start_of(header.dataset))
            first = header.dataset if first is None else first
            index, count = ref.frame - 1, ref.instance.number_of_frames
            values = only_frame_values(header.dataset) if count == 1 else None
            self._values.append(values or value_facts(header.dataset, groups, index))
            self._regions.append(regions)
            shape = (self.stack.rows, self.stack.columns)
            self._graphics.append(graphics_of(header.dataset, index, shape))
            self._plain.append(plain_frame(header, ref))
            self.positions_lps.append(position_of(header.dataset, groups, index, count))
        if first is None:
            raise DicomReadError("The stack has no images.", ru="В стопке нет снимков.")
        return first

    def _needs_conversion(self, first: Dataset) -> bool:
        if any(facts.has_table for facts in self._values):
            return True
        if len({facts.rescale for facts in self._values}) > 1:
            return True
        paddings = {facts.padding for facts in self._values}
        return len(paddings) > 1 and integer_of(first, "SamplesPerPixel", 1) == 1

    def _facts(self, first: Dataset) -> ImageFacts:
        middle = self._values[len(self._values) // 2]
        photometric = (text_words_upper(first, "PhotometricInterpretation") or ("",))[0]
        is_color = integer_of(first, "SamplesPerPixel", 1) > 1 or photometric == "PALETTE COLOR"
        padding = middle.padding
        if self._converts:
            has_padding = any(facts.padding for facts in self._values)
            padding = (NO_IMAGE_FLOAT, NO_IMAGE_FLOAT) if has_padding else None
        index = self.stack.frames[0].frame - 1
        spacing = pixel_spacing_of(
            FunctionalGroups(first).holder(index, "PixelSpacing"),
            first,
            in_patient=_is_in_patient(first, index, self._series.modality),
        )
        orientation = words_of(first, "PatientOrientation")
        frames = self.stack.frames
        is_one_object = len({ref.instance for ref in frames}) == 1
        own_windows = tuple(facts.windows for facts in self._values)
        return ImageFacts(
            rescale=Rescale() if self._converts or is_color else middle.rescale,
            quantity=self.stack.quantity,
            windows=() if is_color else middle.windows,
            padding=None if is_color else padding,
            polarity_inverted=is_polarity_inverted(first),
            pixel_spacing_mm=spacing.row_column_mm,
            spacing_source=spacing.source,
            patient_orientation=(orientation[0], orientation[1]) if len(orientation) == 2 else None,
            dtype=_dtype(first, is_color, self._converts),
            is_color=is_color,
            acquisition=acquisition_facts(
                first,
                [ref.frame - 1 for ref in frames] if is_one_object else (),
                merged(self._regions),
                self._losses,
                self._starts,
            ),
            frame_windows=() if is_color or len(set(own_windows)) == 1 else own_windows,
            warnings=_table_warnings(self._values),
            graphics=tuple(self._graphics) if any(self._graphics) else (),
        )


@dataclass(frozen=True, slots=True)
class Holes:
    """The images of a stack that could not be decoded (from 0), and the warning about them."""

    images: tuple[int, ...] = ()
    warnings: tuple[StudyWarning, ...] = ()


NO_HOLES: Final = Holes()


def make_volume(
    facts: ImageFacts,
    voxels: npt.NDArray[Any],
    source: SeriesRef,
    *,
    stack: Stack | None = None,
    padding: tuple[int, int] | None = None,
    holes: Holes = NO_HOLES,
) -> Volume:
    """Voxels with all that ``facts`` say of them; ``stack`` gives geometry and warnings.

    ``padding`` replaces that of the facts, where places were filled that hold no image.
    """
    extra = facts.acquisition
    is_volume = stack is not None and stack.is_volume
    is_resampled = stack is not None and stack.verdict == "resampled"
    return Volume(
        voxels=voxels,
        geometry=stack.geometry if stack is not None and is_volume else None,
        rescale=facts.rescale,
        quantity=facts.quantity,
        source=source,
        windows=facts.windows,
        padding=padding or facts.padding,
        polarity_inverted=facts.polarity_inverted,
        pixel_spacing_mm=facts.pixel_spacing_mm,
        spacing_source=facts.spacing_source,
        patient_orientation=facts.patient_orientation,
        warnings=(*(stack.warnings if stack else ()), *facts.warnings, *holes.warnings),
        frame_windows=() if is_resampled else facts.frame_windows,
        pixel_aspect=extra.pixel_aspect,
        lossy=extra.lossy,
        frame_times_s=extra.frame_times_s,
        suv=extra.suv,
        suv_missing=extra.suv_missing,
        us_regions=extra.us_regions,
        supplement=extra.supplement,
        unreadable=holes.images,
        graphics=() if is_resampled or len(facts.graphics) != len(voxels) else facts.graphics,
    )


def _dtype(ds: Dataset, is_color: bool, converts: bool) -> np.dtype[Any]:
    """int16 wherever all stored values fit; uint16, int32 and floats where they do not."""
    if is_color:
        return np.dtype(np.uint8)
    if converts or (value_of(ds, "BitsStored") is None and _is_float(ds)):
        return np.dtype(np.float32)
    bits = integer_of(ds, "BitsStored", integer_of(ds, "BitsAllocated", 16))
    if integer_of(ds, "PixelRepresentation", 0) == 1:
        return np.dtype(np.int16 if bits <= 16 else np.int32)
    if bits <= 15:
        return np.dtype(np.int16)
    return np.dtype(np.uint16 if bits <= 16 else np.uint32)


def _is_float(ds: Dataset) -> bool:
    return integer_of(ds, "BitsAllocated", 16) in (32, 64)


def _table_warnings(values: Sequence[ValueFacts]) -> tuple[StudyWarning, ...]:
    bad = max((facts.bad_tables for facts in values), default=0)
    return (wording.warning("I03", wording.BAD_TABLE),) if bad else ()


def _is_in_patient(ds: Dataset, index: int, modality: str) -> bool:
    holder = FunctionalGroups(ds).holder(index, "ImageOrientationPatient")
    sop_class = "".join(words_of(ds, "SOPClassUID")[:1])
    return orientation_of(holder) is not None and not is_projection(modality, sop_class)
