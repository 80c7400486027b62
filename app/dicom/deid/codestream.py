"""Comments inside compressed frames: JPEG and JPEG 2000 streams have room for text of their own.

Comment and application segments are cut from the stream's header (ITU-T T.81 B.2.4, ISO 15444-1
A.9.2); the coded image behind it stays byte for byte.
"""

from __future__ import annotations

from typing import Final

from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames

from app.dicom.deid.forms import is_encapsulated
from app.dicom.tolerant import MALFORMED, integer_of

_JPEG_START: Final = b"\xff\xd8"
_JPEG_2000_START: Final = b"\xff\x4f\xff\x51"
_COMMENT: Final = 0xFE
_COMMENT_2000: Final = 0x64
# Where the coded image begins: start of scan, start of a tile part.
_SCAN: Final = 0xDA
_TILE: Final = 0x90
# JFIF and Adobe (the colour transform), SPIFF of JPEG-LS: without them colours may be wrong.
_NEEDED_APPLICATIONS: Final = {0: b"JFIF", 14: b"Adobe", 8: b"mrfx"}


def without_comments(stream: bytes) -> bytes:
    """One frame's codestream without comments and foreign segments; any other bytes as given."""
    if stream.startswith(_JPEG_START):
        return _kept(stream, len(_JPEG_START), _SCAN)
    if stream.startswith(_JPEG_2000_START):
        return _kept(stream, 2, _TILE)
    return stream


def clean_streams(ds: Dataset) -> bool:
    """Cut the comments from all encapsulated frames in place; whether anything was cut.

    Streams that cannot be taken apart stay as they are.
    """
    if not is_encapsulated(ds) or "PixelData" not in ds:
        return False
    try:
        frames = list(
            generate_frames(
                ds.PixelData, number_of_frames=max(1, integer_of(ds, "NumberOfFrames", 1))
            )
        )
    except MALFORMED:
        return False
    cleaned = [without_comments(frame) for frame in frames]
    if cleaned == frames:
        return False
    ds.PixelData = encapsulate(cleaned)
    for keyword in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths"):
        if keyword in ds:
            delattr(ds, keyword)
    return True


def _kept(stream: bytes, at: int, end_marker: int) -> bytes:
    """The stream with its header's segments filtered; unchanged where the header is broken."""
    parts = [stream[:at]]
    while at + 4 <= len(stream) and stream[at] == 0xFF:
        marker = stream[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        if marker == end_marker:
            return b"".join([*parts, stream[at:]])
        length = int.from_bytes(stream[at + 2 : at + 4], "big")
        segment = stream[at : at + 2 + length]
        if length < 2 or len(segment) < 2 + length:
            return stream
        if not _is_foreign(marker, segment[4:], end_marker):
            parts.append(segment)
        at += 2 + length
    return stream


def _is_foreign(marker: int, content: bytes, end_marker: int) -> bool:
    if end_marker == _TILE:
        return marker == _COMMENT_2000
    if marker == _COMMENT:
        return True
    needed = _NEEDED_APPLICATIONS.get(marker - 0xE0, b"")
    return 0xE0 <= marker <= 0xEF and not (needed and content.startswith(needed))
