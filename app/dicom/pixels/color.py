"""Colour to 8-bit RGB: all forms of YBR, bit depths, palettes (PS3.3 C.7.6.3.1.2, C.7.6.3.1.5)."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from app.core.volume import ColorTable
from app.dicom.pixels.lookup_table import LookupTable, read_lookup_table
from app.dicom.tolerant import MALFORMED, integer_of, text_words_upper, value_of

RgbArray = npt.NDArray[np.uint8]

# PS3.3 C.7.6.3.1.2: rows give R, G, B from Y, Cb, Cr (full range).
_FULL: Final = np.array(
    [
        [1.0, 0.0, 1.402],
        [1.0, -0.114 * 1.772 / 0.587, -0.299 * 1.402 / 0.587],
        [1.0, 1.772, 0.0],
    ],
    dtype=np.float32,
)
_FULL_ZERO: Final = np.array([0, 128, 128], dtype=np.float32)
# The partial range of ITU-R BT.601: Y in 16..235, Cb and Cr in 16..240 of 256 levels.
_PARTIAL_ZERO: Final = np.array([16, 128, 128], dtype=np.float32)
_PARTIAL_SCALE: Final = np.array([255 / 219, 255 / 224, 255 / 224], dtype=np.float32)


def palette_of(ds: Dataset, *, is_signed: bool) -> ColorTable | None:
    """The palette of a dataset, plain or segmented, or None where it is missing or broken."""
    tables = []
    for name in ("Red", "Green", "Blue"):
        table = _palette_channel(ds, name, is_signed=is_signed)
        if table is None:
            return None
        tables.append(table)
    if len({(table.first, len(table.entries)) for table in tables}) != 1:
        return None
    channels = [_to_8_bits(table) for table in tables]
    return ColorTable(tables[0].first, np.stack(channels, axis=-1).tobytes())


def supplement_of(ds: Dataset) -> ColorTable | None:
    """The Supplemental Palette of a grey image whose high values are colours (PS3.3 C.8.16.2)."""
    if text_words_upper(ds, "PixelPresentation")[:1] not in (("COLOR",), ("MIXED",)):
        return None
    if text_words_upper(ds, "PhotometricInterpretation")[:1] != ("MONOCHROME2",):
        return None
    return palette_of(ds, is_signed=integer_of(ds, "PixelRepresentation", 0) == 1)


def ybr_to_rgb(samples: npt.NDArray[Any], *, bits: int, is_partial: bool = False) -> RgbArray:
    """RGB ``[r, c, 3]`` uint8 from Y, Cb, Cr of ``bits`` bits, full or partial range."""
    values = samples.astype(np.float32) * np.float32(255.0 / ((1 << bits) - 1))
    if is_partial:
        values = (values - _PARTIAL_ZERO) * _PARTIAL_SCALE
    else:
        values -= _FULL_ZERO
    rgb = values @ _FULL.T
    return np.asarray(np.clip(np.floor(rgb + 0.5), 0, 255), dtype=np.uint8)


def rgb_to_8_bits(samples: npt.NDArray[Any], *, bits: int) -> RgbArray:
    """RGB with ``bits`` bits per sample as uint8; alpha channels are left out."""
    rgb = samples[..., :3]
    if bits > 8:
        rgb = rgb >> (bits - 8)
    return np.ascontiguousarray(rgb, dtype=np.uint8)


def spread_422(data: npt.NDArray[Any], rows: int, columns: int) -> npt.NDArray[Any]:
    """Y, Cb, Cr ``[rows, columns, 3]`` from Y1 Y2 Cb Cr per pair of pixels (PS3.3 C.7.6.3.1.2)."""
    pairs = data[: rows * columns * 2].reshape(rows, columns // 2, 4)
    full = np.empty((rows, columns, 3), dtype=data.dtype)
    full[:, 0::2, 0], full[:, 1::2, 0] = pairs[..., 0], pairs[..., 1]
    full[..., 1] = np.repeat(pairs[..., 2], 2, axis=1)
    full[..., 2] = np.repeat(pairs[..., 3], 2, axis=1)
    return full


def _palette_channel(ds: Dataset, name: str, *, is_signed: bool) -> LookupTable | None:
    descriptor = f"{name}PaletteColorLookupTableDescriptor"
    plain, segmented = (
        f"{name}PaletteColorLookupTableData",
        f"Segmented{name}PaletteColorLookupTableData",
    )
    if value_of(ds, plain) is not None:
        return read_lookup_table(ds, descriptor, plain, is_signed=is_signed)
    if value_of(ds, segmented) is None:
        return None
    try:
        return read_lookup_table(ds, descriptor, segmented, is_signed=is_signed, is_segmented=True)
    except MALFORMED:
        return None


def _to_8_bits(table: LookupTable) -> RgbArray:
    """16-bit entries keep their high byte; those that never use it hold 8 bits in truth."""
    entries: npt.NDArray[Any] = table.entries
    if table.bits > 8 and int(entries.max(initial=0)) > 255:
        entries = entries >> 8
    return np.asarray(np.minimum(entries, 255), dtype=np.uint8)
