"""The pixels of one DICOM object in memory: its frames, stored and as modality values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame

from app.core.errors import DicomReadError
from app.core.study import Instance
from app.dicom.functional_groups import FunctionalGroups
from app.dicom.pixels.decode_pool import decode_frame
from app.dicom.pixels.decoders import NATIVE, NotDecoded, refusal
from app.dicom.pixels.frame_bytes import image_header
from app.dicom.pixels.stored_frame import BIG_ENDIAN, PixelLayout, StoredArray, layout_of
from app.dicom.pixels.value_facts import ValueFacts as ValueFacts
from app.dicom.pixels.value_facts import modality_table, rescale_of, through_table
from app.dicom.pixels.value_facts import value_facts as value_facts
from app.dicom.stacks.mosaic import tile_of
from app.dicom.tolerant import MALFORMED, integer_of, number_of, quiet, value_of

_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")


class ImageObject:
    """One instance; reads and decodes its frames one by one. Not thread-safe.

    Frames are read from the file when they are asked for; only of objects that do not hold them as
    they are (deflated as a whole, big endian) are all pixels in memory.
    """

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        header = image_header(instance.path)
        self._dataset, self._place = header.dataset, header.place
        self._swapped: bytes | None = None
        self._picture: StoredArray | None = None
        with quiet():
            complete_pixel_module(self._dataset)
            self._groups = FunctionalGroups(self._dataset)
            self.layout: PixelLayout = layout_of(self._dataset)
            self._modality_table = modality_table(self._dataset)

    @property
    def dataset(self) -> Dataset:
        """The dataset, in general without its pixels; not to be changed."""
        return self._dataset

    def stored_frame(self, index: int) -> StoredArray:
        """Stored values ``[row, column]`` of frame ``index`` (from 0), or uint8 RGB ``[r, c, 3]``.

        Integers hold BitsStored bits with their sign extended (I08). Raises ``DicomReadError``.
        """
        per_row = self._instance.mosaic_per_row
        if per_row:
            # A mosaic is one picture; its slices count as frames.
            if self._picture is None:
                self._picture = self._whole_frame(0)
            return tile_of(self._picture, per_row, index)
        return self._whole_frame(index)

    def _whole_frame(self, index: int) -> StoredArray:
        try:
            with quiet():
                data, first_bit = self._frame_bytes(index)
            return decode_frame(self.layout, data, first_bit)
        except NotDecoded as error:
            raise unreadable_frame(self._instance, error) from error
        except (*MALFORMED, OSError) as error:
            raise unreadable_frame(self._instance, error) from error

    def modality_frame(self, index: int, stored: StoredArray) -> npt.NDArray[np.float32]:
        """Modality values of stored values by table (I04) or by the frame's own rescale (I07)."""
        if self._modality_table is not None:
            return through_table(self._modality_table, stored)
        rescale = rescale_of(self._dataset, self._groups, index)
        values = stored.astype(np.float64) * rescale.slope + rescale.intercept
        return np.asarray(values, dtype=np.float32)

    def _frame_bytes(self, index: int) -> tuple[bytes, int]:
        """The bytes of a frame, and at which bit of the first byte it begins."""
        layout = self.layout
        frames = integer_of(self._dataset, "NumberOfFrames", 1)
        if self._place is not None and self._place.is_encapsulated:
            why = refusal(layout.transfer_syntax_uid)
            if why is not None:
                raise NotDecoded(why, layout.transfer_syntax_uid)
            return self._place.codestream(index, frames), 0
        if self._place is not None:
            return self._place.native_frame(index, layout.frame_bits)
        raw = self._raw()
        if layout.transfer_syntax_uid in NATIVE:
            start = index * layout.frame_bits
            end = -(-(start + layout.frame_bits) // 8)
            return raw[start // 8 : end], start % 8
        why = refusal(layout.transfer_syntax_uid)
        if why is not None:
            raise NotDecoded(why, layout.transfer_syntax_uid)
        tables = value_of(self._dataset, "ExtendedOffsetTable")
        lengths = value_of(self._dataset, "ExtendedOffsetTableLengths")
        offsets = (tables, lengths) if tables and lengths else None
        return get_frame(raw, index, number_of_frames=frames, extended_offsets=offsets), 0

    def _raw(self) -> bytes:
        for keyword in _PIXELS:
            if keyword in self._dataset:
                element = self._dataset[keyword]
                if isinstance(element.value, bytes):
                    return self._in_byte_order(element.value, element.VR)
        raise EOFError("no pixel data")

    def _in_byte_order(self, raw: bytes, vr: str) -> bytes:
        """Bytes written as big-endian words lie in swapped pairs (PS3.5 section 8.1.1, D)."""
        layout = self.layout
        if layout.transfer_syntax_uid != BIG_ENDIAN or layout.bits_allocated > 8 or vr != "OW":
            return raw
        if self._swapped is None:
            even = raw + b"\0" * (len(raw) % 2)
            self._swapped = np.frombuffer(even, "<u2").byteswap().tobytes()
        return self._swapped


def unreadable_frame(instance: Instance, error: Exception) -> DicomReadError:
    """The error for a frame that cannot be shown: which image, why, and what to do."""
    number = instance.instance_number
    name = instance.path.name if number is None else f"Image {number}"
    name_ru = instance.path.name if number is None else f"Снимок {number}"
    why, why_ru = "its pixels cannot be decoded", "пиксельные данные не читаются"
    detail = type(error).__name__
    if isinstance(error, NotDecoded):
        why, why_ru, detail = error.why.en, error.why.ru, error.detail
    return DicomReadError(
        f"{name} cannot be shown: {why}.",
        ru=f"{name_ru} нельзя показать: {why_ru}.",
        hint="Ask the source for it again, uncompressed if possible.",
        hint_ru="Запросите его у источника ещё раз, по возможности без сжатия.",
        technical_detail=f"{detail} {instance.transfer_syntax_uid}".strip(),
    )


def complete_pixel_module(ds: Dataset) -> None:
    """Defaults for what old or careless writers leave out; without them nothing decodes."""
    defaults: Sequence[tuple[str, Any]] = (
        ("SamplesPerPixel", 1),
        ("PhotometricInterpretation", "MONOCHROME2"),
        ("BitsAllocated", 16),
        ("PixelRepresentation", 0),
    )
    for keyword, value in defaults:
        if value_of(ds, keyword) is None:
            _replace(ds, keyword, value)
    if number_of(ds, "NumberOfFrames") is None:
        _replace(ds, "NumberOfFrames", None)  # not a number: one frame, as grouping counted


def _replace(ds: Dataset, keyword: str, value: int | str | None) -> None:
    """Set an element whatever is there now; what cannot be parsed cannot be assigned to either."""
    if keyword in ds:
        delattr(ds, keyword)
    if value is not None:
        setattr(ds, keyword, value)
