"""Does a file hold the image that its header announces: half an image would look like a whole."""

from __future__ import annotations

from typing import BinaryIO, Final

import pydicom
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from app.core.errors import DicomReadError
from app.dicom.files.header_memory import remembered
from app.dicom.tolerant import integer_of, text_words_upper

NATIVE: Final = {
    str(ImplicitVRLittleEndian),
    str(ExplicitVRLittleEndian),
    str(ExplicitVRBigEndian),
}
"""Transfer syntaxes in which the size of the pixel data follows from the header."""

MOST_FRAMES: Final = 100_000
"""More frames than any image that is read frame by frame; whole slides are not."""

_MOST_DEFLATED_FRAMES: Final = 10_000  # where the size of the file tells nothing
_LEAST_ELEMENT_BYTES: Final = 8  # tag and length; the VR is not always there
_SEQUENCE_END: Final = b"\xfe\xff\xdd\xe0\0\0\0\0"
_SEQUENCE_END_EITHER: Final = (_SEQUENCE_END, b"\xff\xfe\xe0\xdd\0\0\0\0")
_FRAGMENT_BYTES: Final = 8  # at least the tag and the length of an item


def is_deflated(syntax: str) -> bool:
    """Whether the whole dataset is compressed, so that its size tells nothing."""
    return syntax == str(DeflatedExplicitVRLittleEndian)


def without_pixels(kind: str, *, is_image: bool) -> DicomReadError:
    """The error for an object of ``kind`` with nothing to show and no place to list it."""
    if is_image or kind == "Image":
        return DicomReadError(
            "It is an image without pixel data: the file is cut short.",
            ru="Это снимок без пиксельных данных: файл неполный.",
        )
    return DicomReadError(
        f"It is no image ({kind}) and names no study or series.",
        ru=f"Это не снимок ({kind}), и он не называет ни исследования, ни серии.",
    )


def ends_with_an_element(stream: BinaryIO, size_bytes: int) -> bool:
    """Whether the last element of a file without pixel data is all there.

    So a header that was stored alone (indexes of media, archives of headers) is told from a file
    that was cut short, of which the rest is missing.
    """
    stream.seek(0)
    ds = pydicom.dcmread(stream, force=True, stop_before_pixels=True)
    if not ds:
        return False
    last: object = ds.get_item(max(ds.keys()))
    if isinstance(last, RawDataElement):
        return bool(last.value_tell + last.length == size_bytes)
    stream.seek(max(size_bytes - len(_SEQUENCE_END), 0))
    return stream.read() in _SEQUENCE_END_EITHER


def require_plausible(frames: int, bytes_left: int, syntax: str) -> None:
    """Refuse a number of frames that the file cannot hold, before a list is made of them (D19)."""
    most = _MOST_DEFLATED_FRAMES if is_deflated(syntax) else MOST_FRAMES
    if syntax not in NATIVE and not is_deflated(syntax):
        most = min(most, bytes_left // _FRAGMENT_BYTES + 1)
    if frames > most:
        raise DicomReadError(
            f"It states {frames} frames, more than it can hold.",
            ru=f"В заголовке указано кадров: {frames}, больше, чем может быть в файле.",
        )


def require_complete(ds: Dataset, pixels: int, bytes_left: int) -> None:
    """Refuse a native image whose pixel data ends early: half an image would look like a whole.

    ``bytes_left`` counts from the element of the pixel data on.
    """
    if bytes_left - _LEAST_ELEMENT_BYTES < pixels * _bits_per_pixel(ds) // 8:
        raise DicomReadError(
            "The pixel data ends early: the file is cut short.",
            ru="Пиксельные данные обрываются: файл неполный.",
        )


def frames_beyond(ds: Dataset, stream: BinaryIO, end: int, size_bytes: int) -> int:
    """How many whole frames native pixel data holds beyond those that the header states.

    ``end`` is where its element begins. 0 for chroma-subsampled data, whose size proves nothing.
    """
    pixels = integer_of(ds, "Rows", 0) * integer_of(ds, "Columns", 0)
    frame_bits = pixels * _bits_per_pixel(ds)
    frames = max(1, integer_of(ds, "NumberOfFrames", 1))
    is_subsampled = "422" in "".join(text_words_upper(ds, "PhotometricInterpretation"))
    if is_subsampled or not frame_bits or (size_bytes - end) * 8 < (frames + 1) * frame_bits:
        return 0
    stream.seek(end)
    element = stream.read(12)
    is_big = str(ds.file_meta.TransferSyntaxUID) == str(ExplicitVRBigEndian)
    length = element[8:12] if element[4:6] in (b"OB", b"OW", b"UN") else element[4:8]
    held = int.from_bytes(length, "big" if is_big else "little") * 8 // frame_bits
    return max(held - frames, 0)


@remembered
def _bits_per_pixel(ds: Dataset) -> int:
    bits = max(integer_of(ds, "BitsAllocated", 16) * integer_of(ds, "SamplesPerPixel", 1), 1)
    if text_words_upper(ds, "PhotometricInterpretation")[:1] == ("YBR_FULL_422",):
        return bits * 2 // 3  # two pixels share their colour
    return bits
