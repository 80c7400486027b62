"""Pixels of a de-identified object: regions blacked out, graphics in unused bits cleared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from app.core.errors import DeidentifyError
from app.core.study import Instance
from app.dicom.deid.burned_in_text import TextBox
from app.dicom.deid.forms import is_encapsulated
from app.dicom.files.headers import read_dataset
from app.dicom.pixels.image_object import ImageObject
from app.dicom.pixels.stored_frame import BIG_ENDIAN, StoredArray
from app.dicom.tolerant import integer_of

_PALETTE: Final = [
    f"{color}PaletteColorLookupTable{part}"
    for color in ("Red", "Green", "Blue", "Alpha")
    for part in ("Descriptor", "Data")
]
_OTHER_PIXELS: Final = ("ExtendedOffsetTable", "ExtendedOffsetTableLengths")
_MARGIN_PIXELS: Final = 2


def blacked_out(instance: Instance, boxes: Sequence[TextBox]) -> Dataset:
    """The instance with ``boxes`` set to the least value of each frame, in all frames.

    All other values stay exactly as they decode; what was compressed is written uncompressed.
    Raises ``DicomReadError``, and ``DeidentifyError`` for pixels that are no plain raster.
    """
    image = ImageObject(instance)
    ds = read_dataset(instance.path)
    allocated = integer_of(ds, "BitsAllocated", 16)
    if "PixelData" not in ds or allocated not in (8, 16, 32) or instance.mosaic_per_row:
        raise DeidentifyError(
            "Regions of these images cannot be blacked out: their pixels are of a special kind.",
            ru="На этих снимках нельзя закрасить области: пиксели особого вида.",
            hint="Leave the series out, or accept the text after a look at the images.",
            hint_ru="Исключите серию или примите надписи, просмотрев снимки.",
        )
    count = max(1, integer_of(ds, "NumberOfFrames", 1))
    frames = [_with_boxes(image.stored_frame(n), boxes) for n in range(count)]
    _put_pixels(ds, frames, allocated)
    return ds


def clear_unused_bits(ds: Dataset) -> None:
    """Clear in place the bits that hold overlays (PS3.5 8.1.2, retired): text may be drawn there.

    Native pixels of whole bytes only; compressed ones hold no overlays.
    """
    stored, allocated = integer_of(ds, "BitsStored", 0), integer_of(ds, "BitsAllocated", 0)
    has_room = 0 < stored < allocated and allocated in (8, 16)
    if is_encapsulated(ds) or not has_room or "PixelData" not in ds or not _has_overlay(ds):
        return
    shift = integer_of(ds, "HighBit", stored - 1) - stored + 1
    if shift < 0 or shift + stored > allocated:
        return
    order = (
        ">"
        if str(ds.file_meta.TransferSyntaxUID) == BIG_ENDIAN and ds["PixelData"].VR == "OW"
        else "<"
    )
    values = np.frombuffer(ds.PixelData, dtype=f"{order}u{allocated // 8}")
    mask = ((1 << stored) - 1) << shift
    if integer_of(ds, "PixelRepresentation", 0) == 1:
        # the sign may have been extended into the unused bits: extended again below
        sign = (values >> (shift + stored - 1)) & 1
        above = ((1 << allocated) - 1) & ~((1 << (shift + stored)) - 1)
        values = (values & mask) | np.where(sign == 1, above, 0).astype(values.dtype)
    else:
        values = values & mask
    ds.PixelData = values.astype(f"{order}u{allocated // 8}").tobytes()


def _has_overlay(ds: Dataset) -> bool:
    return any(tag.group & 0xFF00 == 0x6000 for tag in ds.keys())  # noqa: SIM118


def _with_boxes(frame: StoredArray, boxes: Sequence[TextBox]) -> StoredArray:
    masked = frame.copy()
    least = 0 if frame.ndim == 3 else frame.min()
    for box in boxes:
        rows = slice(max(0, box.top - _MARGIN_PIXELS), box.bottom + _MARGIN_PIXELS)
        columns = slice(max(0, box.left - _MARGIN_PIXELS), box.right + _MARGIN_PIXELS)
        masked[rows, columns] = least
    return masked


def _put_pixels(ds: Dataset, frames: Sequence[StoredArray], allocated: int) -> None:
    """Native pixels in place of whatever there was, the pixel module made to fit them."""
    is_color = frames[0].ndim == 3
    if is_color:
        kind, allocated = "<u1", 8
        ds.SamplesPerPixel, ds.PlanarConfiguration = 3, 0
        ds.PhotometricInterpretation = "RGB"
        ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 8, 7, 0
    else:
        is_signed = integer_of(ds, "PixelRepresentation", 0) == 1
        kind = f"<{'i' if is_signed else 'u'}{allocated // 8}"
        ds.HighBit = integer_of(ds, "BitsStored", allocated) - 1
    ds.BitsAllocated = allocated
    pixels: npt.NDArray[np.generic] = np.stack(frames).astype(kind)
    raw = pixels.tobytes()
    for keyword in (*_PALETTE, *_OTHER_PIXELS) if is_color else _OTHER_PIXELS:
        if keyword in ds:
            delattr(ds, keyword)
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    del ds.PixelData
    ds.add_new("PixelData", "OB" if allocated == 8 else "OW", raw + b"\0" * (len(raw) % 2))
