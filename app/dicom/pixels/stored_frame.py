"""One frame's bytes to stored values: the only place where pixels of a DICOM object are decoded.

A pure function of a small description and bytes, so that it can run in a worker process.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from app.core.report import Message
from app.core.volume import ColorTable
from app.dicom.pixels.color import (
    palette_of,
    rgb_to_8_bits,
    spread_422,
    ybr_to_rgb,
)
from app.dicom.pixels.decoders import NATIVE, Decoded, EncodedFrame, NotDecoded, decode, plain_bytes
from app.dicom.pixels.value_facts import padding_of
from app.dicom.tolerant import integer_of, number_of, text_words_upper, value_of

StoredArray = npt.NDArray[Any]

BIG_ENDIAN: Final = "1.2.840.10008.1.2.2"
_NATIVE_KINDS: Final = {1: "u1", 8: "u1", 16: "u2", 32: "u4", 64: "u8"}
_MAXIMUM_FRAME_BYTES: Final = 4 * 2**30


@dataclass(frozen=True, slots=True)
class PixelLayout:
    """How the pixels of an object lie in its bytes (PS3.3 C.7.6.3, PS3.5 section 8).

    ``float_bytes`` is 4 or 8 for Float and Double Float Pixel Data, else 0. ``wide_padding``: a
    padding value that needs more than BitsStored bits, so whole words are compared with it (I09).
    Small and picklable.
    """

    rows: int
    columns: int
    samples: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    is_signed: bool
    photometric: str
    is_planar: bool
    transfer_syntax_uid: str
    float_bytes: int = 0
    palette: ColorTable | None = None
    wide_padding: int | None = None

    @property
    def is_color(self) -> bool:
        """Whether a frame is RGB once decoded."""
        return self.samples > 1 or self.photometric == "PALETTE COLOR"

    @property
    def is_subsampled(self) -> bool:
        """Whether native pixels share their colour in pairs: two bytes per pixel, not three."""
        return self.photometric in ("YBR_FULL_422", "YBR_PARTIAL_422")

    @property
    def frame_bits(self) -> int:
        """The length of one native frame; a one-bit frame may begin inside a byte (D04)."""
        samples = 2 if self.is_subsampled and self.samples == 3 else self.samples
        return self.rows * self.columns * samples * self.bits_allocated


def layout_of(ds: Dataset) -> PixelLayout:
    """The layout of a dataset, with the defaults that careless writers leave out."""
    float_bytes = 4 if "FloatPixelData" in ds else 8 if "DoubleFloatPixelData" in ds else 0
    allocated = float_bytes * 8 or integer_of(ds, "BitsAllocated", 16)
    stored = integer_of(ds, "BitsStored", allocated)
    if not 0 < stored <= allocated:
        stored = allocated
    photometric = (text_words_upper(ds, "PhotometricInterpretation") or ("MONOCHROME2",))[0]
    is_signed = integer_of(ds, "PixelRepresentation", 0) == 1
    samples = max(integer_of(ds, "SamplesPerPixel", 1), 1)
    layout = PixelLayout(
        rows=integer_of(ds, "Rows", 0),
        columns=integer_of(ds, "Columns", 0),
        samples=samples,
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=integer_of(ds, "HighBit", stored - 1),
        is_signed=is_signed,
        photometric=photometric,
        is_planar=integer_of(ds, "PlanarConfiguration", 0) == 1,
        transfer_syntax_uid=str(ds.file_meta.TransferSyntaxUID),
        float_bytes=float_bytes,
        palette=palette_of(ds, is_signed=is_signed) if photometric == "PALETTE COLOR" else None,
        wide_padding=_wide_padding(ds, stored) if is_signed and allocated == 16 else None,
    )
    return _believable(layout, ds)


def frame_of(layout: PixelLayout, data: bytes, first_bit: int = 0) -> StoredArray:
    """Stored values ``[row, column]`` of one frame, or uint8 RGB ``[row, column, 3]``.

    ``data`` is the frame as it lies in the file: native bytes, with the frame beginning at bit
    ``first_bit`` of the first byte, or one codestream. Integers hold BitsStored bits with their
    sign extended; other bits may hold overlays and are cleared (I08). Raises ``NotDecoded``.
    """
    if layout.rows <= 0 or layout.columns <= 0 or layout.frame_bits // 8 > _MAXIMUM_FRAME_BYTES:
        raise NotDecoded(_IMPLAUSIBLE)
    if layout.transfer_syntax_uid in NATIVE:
        return _native(layout, data, first_bit)
    plain = plain_bytes(data, layout.transfer_syntax_uid, -(-layout.frame_bits // 8))
    if plain is not None:
        return _native(layout, plain, 0)
    decoded = decode(
        EncodedFrame(
            data,
            layout.transfer_syntax_uid,
            layout.rows,
            layout.columns,
            layout.samples,
            layout.bits_allocated,
        )
    )
    if decoded.samples.shape[:2] != (layout.rows, layout.columns):
        raise NotDecoded(_OTHER_SIZE)
    return _shown(layout, decoded)


_IMPLAUSIBLE: Final = Message("its size is not plausible", "размер изображения неправдоподобен")
_OTHER_SIZE: Final = Message(
    "its pixels have another size than its header says",
    "размер изображения не совпадает с заголовком",
)
_TOO_SHORT: Final = Message("its pixel data ends early", "пиксельные данные обрываются")
_ODD_BITS: Final = Message(
    "its number of bits per pixel is not supported", "такая разрядность не поддерживается"
)
_OTHER_COLORS: Final = Message(
    "it uses a retired kind of colours", "используется устаревшее представление цвета"
)
_NO_PALETTE: Final = Message(
    "its palette is missing or damaged", "палитра отсутствует или повреждена"
)


def significant_bits(
    values: StoredArray, *, bits: int, is_signed: bool, shift: int = 0
) -> StoredArray:
    """The ``bits`` bits above ``shift``, sign extended, as the smallest type that holds them."""
    allocated = values.dtype.itemsize * 8
    kind = np.dtype(f"{'i' if is_signed else 'u'}{values.dtype.itemsize}")
    if bits >= allocated and shift <= 0:
        return values.view(kind)
    low = -(1 << (bits - 1)) if is_signed else 0
    high = (1 << (bits - 1)) - 1 if is_signed else (1 << bits) - 1
    as_stated = values.view(kind)
    if shift <= 0 and int(as_stated.min()) >= low and int(as_stated.max()) <= high:
        return as_stated
    cleared = values.astype(np.int64) >> max(shift, 0)
    cleared &= (1 << bits) - 1
    if is_signed:
        cleared -= (cleared >> (bits - 1)) << bits
    return cleared.astype(kind)


def _native(layout: PixelLayout, data: bytes, first_bit: int) -> StoredArray:
    if layout.bits_allocated not in _NATIVE_KINDS:
        raise NotDecoded(_ODD_BITS, f"{layout.bits_allocated} bits")
    if len(data) * 8 - first_bit < layout.frame_bits:
        raise NotDecoded(_TOO_SHORT)
    order = ">" if layout.transfer_syntax_uid == BIG_ENDIAN else "<"
    count = layout.frame_bits // layout.bits_allocated
    if layout.float_bytes:
        kind = np.dtype(f"{order}f{layout.float_bytes}")
        values = np.frombuffer(data, kind, count).reshape(layout.rows, layout.columns)
        return values.astype(np.float32 if layout.float_bytes == 4 else np.float64)
    if layout.bits_allocated == 1:
        packed = np.frombuffer(data, np.uint8)
        bits = np.unpackbits(packed, bitorder="little")[first_bit : first_bit + count]
        return bits.reshape(layout.rows, layout.columns)
    kind = np.dtype(order + _NATIVE_KINDS[layout.bits_allocated])
    flat = np.frombuffer(data, kind, count)
    if not kind.isnative:
        flat = flat.astype(kind.newbyteorder("="))
    if layout.samples == 1:
        pixels = flat.reshape(layout.rows, layout.columns)
        stored = _stored(pixels, layout, shift=layout.high_bit + 1 - layout.bits_stored)
        if layout.wide_padding is not None:
            is_padding = pixels.view(np.int16) == layout.wide_padding
            stored = np.where(is_padding, np.int16(layout.wide_padding), stored)
        return _through_palette(stored, layout)
    return _rgb(layout, _interleaved(flat, layout), is_rgb=None)


def _interleaved(flat: StoredArray, layout: PixelLayout) -> StoredArray:
    shape = layout.rows, layout.columns
    if layout.is_subsampled and layout.samples == 3:
        return spread_422(flat, *shape)
    if layout.is_planar:
        return flat.reshape(layout.samples, *shape).transpose(1, 2, 0)
    return flat.reshape(*shape, layout.samples)


def _shown(layout: PixelLayout, decoded: Decoded) -> StoredArray:
    samples = decoded.samples
    if samples.ndim == 3:
        if samples.shape[-1] < 3:
            return _stored(np.ascontiguousarray(samples[..., 0]), layout, decoded.precision)
        bits = decoded.precision or layout.bits_stored
        return _rgb(layout, samples, is_rgb=decoded.is_rgb, bits=bits)
    # Words that are not coded by their precision (RLE) lie as HighBit says, like native ones.
    shift = 0 if decoded.precision else layout.high_bit + 1 - layout.bits_stored
    return _through_palette(_stored(samples, layout, decoded.precision, shift=shift), layout)


def _stored(
    values: StoredArray, layout: PixelLayout, precision: int = 0, *, shift: int = 0
) -> StoredArray:
    """Signs by PixelRepresentation, whatever the codestream thinks of them (I08).

    Bits of a codestream above BitsStored are believed in unsigned images: nothing else can lie
    there. In signed ones the sign is in the highest bit that both agree on.
    """
    bits = layout.bits_stored
    if precision and layout.is_signed:
        bits = min(bits, precision)
    elif precision:
        bits = max(bits, precision)
    stored = significant_bits(values, bits=bits, is_signed=layout.is_signed, shift=shift)
    if precision > 15 >= layout.bits_stored and not layout.is_signed:
        # The header promised 15 bits at most, so 16-bit signed voxels wait for these.
        return np.minimum(stored, np.iinfo(np.int16).max)
    return stored


def _rgb(
    layout: PixelLayout, samples: StoredArray, *, is_rgb: bool | None, bits: int = 0
) -> StoredArray:
    """RGB by what the codestream says, else by the header (I12)."""
    if layout.photometric in _RETIRED_COLORS and not is_rgb:
        raise NotDecoded(_OTHER_COLORS, layout.photometric)
    bits = bits or layout.bits_stored
    if samples.dtype.kind == "i":
        samples = samples.view(f"u{samples.dtype.itemsize}")
    is_ybr = layout.photometric in _YBR if is_rgb is None else not is_rgb
    if is_ybr:
        is_partial = layout.photometric in ("YBR_PARTIAL_422", "YBR_PARTIAL_420")
        return ybr_to_rgb(samples[..., :3], bits=bits, is_partial=is_partial)
    return rgb_to_8_bits(samples, bits=bits)


_RETIRED_COLORS: Final = frozenset({"ARGB", "CMYK", "HSV"})
# YBR_ICT and YBR_RCT exist inside JPEG 2000 only and are undone there.
_YBR: Final = frozenset({"YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_422", "YBR_PARTIAL_420"})


def _through_palette(stored: StoredArray, layout: PixelLayout) -> StoredArray:
    if layout.photometric != "PALETTE COLOR":
        return stored
    if layout.palette is None:
        raise NotDecoded(_NO_PALETTE)
    return layout.palette.colors(stored)


def _wide_padding(ds: Dataset, bits_stored: int) -> int | None:
    """The padding value of signed words where it lies outside of what BitsStored bits can say."""
    padding = padding_of(ds)
    if padding is None or padding[0] != padding[1]:
        return None
    limit = 1 << (bits_stored - 1)
    return None if -limit <= padding[0] < limit or abs(padding[0]) > 1 << 15 else padding[0]


def _believable(layout: PixelLayout, ds: Dataset) -> PixelLayout:
    """Stale attributes put right where the length of the data proves them wrong."""
    raw = value_of(ds, "PixelData")
    if not isinstance(raw, (bytes, bytearray)) or layout.transfer_syntax_uid not in NATIVE:
        return layout
    if layout.is_subsampled and layout.samples == 3:
        frames = max(int(number_of(ds, "NumberOfFrames") or 1), 1)
        full = layout.rows * layout.columns * 3 * layout.bits_allocated // 8 * frames
        if len(raw) >= full:
            return replace(layout, photometric=layout.photometric.replace("_422", ""))
    return layout
