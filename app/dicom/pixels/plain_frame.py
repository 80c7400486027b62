"""Ordinary uncompressed frames: read from disk into their place in the volume, without a copy."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from app.core.study import FrameRef
from app.dicom.files.header_memory import remembered
from app.dicom.functional_groups import FunctionalGroups
from app.dicom.pixels.decoders import NATIVE
from app.dicom.pixels.frame_bytes import ImageHeader, PixelPlace
from app.dicom.pixels.stored_frame import BIG_ENDIAN, PixelLayout, layout_of
from app.dicom.pixels.value_facts import ValueFacts, value_facts

_WHOLE_BYTES = (8, 16, 32)


@dataclass(frozen=True, slots=True)
class PlainFrame:
    """A frame of one sample per pixel whose bytes are its stored values."""

    place: PixelPlace
    layout: PixelLayout
    index: int

    def read_into(self, plane: npt.NDArray[Any]) -> bool:
        """Fill ``plane`` where it has the size of the frame; False where that is not enough.

        It is not where other bits than those of the value are set (overlays, I08), or where the
        file has changed: the general reader then clears the bits, or says what is wrong.
        """
        layout = self.layout
        if plane.shape != (layout.rows, layout.columns) or not plane.flags.c_contiguous:
            return False
        if plane.dtype.kind not in "iu" or plane.dtype.itemsize * 8 != layout.bits_allocated:
            return False
        try:
            self.place.read_into(self.index, plane)
        except (OSError, EOFError):
            return False
        bits = layout.bits_stored
        if bits == layout.bits_allocated:
            return (plane.dtype.kind == "i") == layout.is_signed
        as_stated = plane.view(f"{'i' if layout.is_signed else 'u'}{plane.dtype.itemsize}")
        low, high = (
            (-(1 << bits - 1), (1 << bits - 1) - 1) if layout.is_signed else (0, (1 << bits) - 1)
        )
        return bool(low <= as_stated.min() and as_stated.max() <= high)


def plain_frame(header: ImageHeader, ref: FrameRef) -> PlainFrame | None:
    """How the frame is read without a copy, or None where its bytes are not its stored values."""
    place = header.place
    if place is None or place.is_encapsulated or ref.instance.mosaic_per_row:
        return None
    syntax = str(header.dataset.file_meta.TransferSyntaxUID)
    layout = _layout(header.dataset, syntax)
    if (
        syntax not in NATIVE
        or syntax == BIG_ENDIAN
        or not np.little_endian
        or layout.is_color
        or layout.float_bytes
        or layout.bits_allocated not in _WHOLE_BYTES
        or layout.high_bit != layout.bits_stored - 1
    ):
        return None
    return PlainFrame(place, layout, ref.frame - 1)


@remembered
def only_frame_values(ds: Dataset) -> ValueFacts:
    """How the values of an object with one frame are to be read."""
    return value_facts(ds, FunctionalGroups(ds), 0)


@remembered
def _layout(ds: Dataset, transfer_syntax_uid: str) -> PixelLayout:
    """The layout; the transfer syntax is no part of the dataset and so has to be named."""
    return replace(layout_of(ds), transfer_syntax_uid=transfer_syntax_uid)
