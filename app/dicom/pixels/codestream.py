"""What a compressed frame says of itself: size, precision, signedness, colour transform.

Read from the first bytes, without decoding. The codestream is believed before the attributes of
the dataset, which rewriting software often forgets to adapt (I12); and a size that differs from
the header's is refused before any memory is taken (D19).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["jpeg", "jpeg-ls", "jpeg 2000"]

ALWAYS_LOSSY: Final = frozenset(
    f"1.2.840.10008.1.2.4.{n}" for n in (50, 51, 52, 53, 54, 55, 56, 59, 60, 61, 62, 63, 64)
)
"""JPEG processes that lose information whatever the header says (I16)."""

_SOF_LS: Final = 0xF7
_SOF_DCT: Final = frozenset({0xC0, 0xC1, 0xC2})
_SOF: Final = frozenset({*range(0xC0, 0xD0), _SOF_LS}) - {0xC4, 0xC8, 0xCC}
_BARE_MARKERS: Final = frozenset({0x01, *range(0xD0, 0xD9)})
_J2K_START: Final = b"\xff\x4f\xff\x51"


@dataclass(frozen=True, slots=True)
class Codestream:
    """``is_signed`` None: this kind of stream does not say. ``is_transformed`` (colour only): the
    samples are YCbCr in the stream (True), RGB (False), or the stream does not say (None); for
    JPEG 2000 whether the decoder undoes a transform itself. ``process`` is the JPEG frame marker.
    """

    kind: Kind
    rows: int
    columns: int
    components: int
    precision: int
    is_signed: bool | None = None
    is_transformed: bool | None = None
    process: int = 0


def codestream_of(data: bytes) -> Codestream | None:
    """The facts of a JPEG, JPEG-LS or JPEG 2000 stream; None where it is none of these."""
    try:
        if data[:2] == b"\xff\xd8":
            return _jpeg(data)
        start = data[:4096].find(_J2K_START)
        return _jpeg_2000(data, start) if start >= 0 else None
    except (IndexError, struct.error):
        return None


def _jpeg(data: bytes) -> Codestream | None:
    """Walks the markers up to the first scan (ITU-T T.81 B.1.1, T.87 C.1)."""
    at, is_jfif, adobe = 2, False, -1
    found: Codestream | None = None
    ids: tuple[int, ...] = ()
    is_subsampled = False
    while at + 4 <= len(data):
        if data[at] != 0xFF or data[at + 1] in (0xFF, 0x00):
            at += 1
            continue
        marker = data[at + 1]
        if marker in _BARE_MARKERS:
            at += 2
            continue
        length = struct.unpack_from(">H", data, at + 2)[0]
        body = at + 4
        if marker == 0xE0 and data[body : body + 5] == b"JFIF\0":
            is_jfif = True
        elif marker == 0xEE and data[body : body + 5] == b"Adobe" and length >= 14:
            adobe = data[body + 11]
        elif marker in _SOF:
            precision, rows, columns, count = struct.unpack_from(">BHHB", data, body)
            parts = [struct.unpack_from("BBB", data, body + 6 + 3 * n) for n in range(count)]
            ids = tuple(part[0] for part in parts)
            is_subsampled = len({part[1] for part in parts}) > 1
            kind: Kind = "jpeg-ls" if marker == _SOF_LS else "jpeg"
            found = Codestream(kind, rows, columns, count, precision, process=marker)
        elif marker == 0xDA:
            break
        at += 2 + length
    if found is None or found.components < 3 or found.process not in _SOF_DCT:
        return found
    transformed: bool | None = None
    if adobe >= 0:
        transformed = adobe != 0
    elif is_jfif:
        transformed = True
    elif ids == (0x52, 0x47, 0x42):
        transformed = False
    elif is_subsampled:
        transformed = True
    return Codestream(
        found.kind, found.rows, found.columns, found.components, found.precision,
        is_transformed=transformed, process=found.process,
    )  # fmt: skip


def _jpeg_2000(data: bytes, start: int) -> Codestream:
    """SIZ and COD segments (ITU-T T.800 A.5.1, A.6.1)."""
    width, height, left, top = struct.unpack_from(">IIII", data, start + 8)
    count, depth = struct.unpack_from(">HB", data, start + 40)
    at = start + 4 + struct.unpack_from(">H", data, start + 4)[0]
    has_transform = False
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] not in (0x90, 0x93):
        if data[at + 1] == 0x52:
            has_transform = data[at + 8] == 1
        at += 2 + struct.unpack_from(">H", data, at + 2)[0]
    return Codestream(
        "jpeg 2000", height - top, width - left, count, (depth & 0x7F) + 1,
        is_signed=bool(depth & 0x80), is_transformed=has_transform,
    )  # fmt: skip


def with_adobe_marker(data: bytes, *, is_transformed: bool) -> bytes:
    """The JPEG stream saying plainly whether it is YCbCr or RGB, so that any decoder obeys.

    Application markers that said something else are left out.
    """
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF and 0xE0 <= data[at + 1] <= 0xEF:
        at += 2 + struct.unpack_from(">H", data, at + 2)[0]
    marker = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00" + bytes([int(is_transformed)])
    return data[:2] + marker + data[at:]
