"""The bytes of one frame, straight from its file: what is not shown is not read (D19)."""

from __future__ import annotations

import functools
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame

from app.core.errors import DicomReadError
from app.dicom.files.headers import read_dataset
from app.dicom.files.quick_header import FIRST_BYTES, quick_header
from app.dicom.pixels.decoders import NATIVE
from app.dicom.tolerant import MALFORMED, quiet, value_of

_PIXEL_DATA: Final = 0x7FE00010
_UNDEFINED: Final = 0xFFFFFFFF
_ITEM, _SEQUENCE_END = (0xFFFE, 0xE000), (0xFFFE, 0xE0DD)
_LONG_VRS: Final = (b"OB", b"OW", b"UN")
_IN_WORDS: Final = ("1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99")
"""Big-endian words, and datasets deflated as a whole: no frame of theirs lies in the file as is."""


@dataclass(frozen=True, slots=True)
class PixelPlace:
    """Where the value of the pixel data element lies in a file.

    ``length`` is that of the value, or of what is left of the file. ``offsets`` are the extended
    offset table and its lengths, where the object has them.
    """

    path: Path
    offset: int
    length: int
    is_encapsulated: bool
    offsets: tuple[bytes, bytes] | None = None

    def native_frame(self, index: int, frame_bits: int) -> tuple[bytes, int]:
        """The bytes of native frame ``index`` and at which bit of the first one it begins."""
        start = index * frame_bits
        first, end = start // 8, -(-(start + frame_bits) // 8)
        if end > self.length:
            raise EOFError("the pixel data ends early")
        with self.path.open("rb", buffering=0) as file:
            file.seek(self.offset + first)
            data = file.read(end - first)
        if len(data) != end - first:
            raise EOFError("the pixel data ends early")
        return data, start % 8

    def codestream(self, index: int, frames: int) -> bytes:
        """The fragments of encapsulated frame ``index`` of ``frames``, joined."""
        with self.path.open("rb") as file:
            if frames > 1:
                status = os.fstat(file.fileno())
                found = _fragments(self.path, self.offset, frames, status.st_mtime_ns)
                if found and index < len(found):
                    return _exactly(file, *found[index])
            file.seek(self.offset)
            return bytes(
                get_frame(file, index, number_of_frames=frames, extended_offsets=self.offsets)
            )

    def read_into(self, index: int, plane: npt.NDArray[np.generic]) -> None:
        """Fill ``plane`` with native frame ``index``, which has just its bytes."""
        if (index + 1) * plane.nbytes > self.length:
            raise EOFError("the pixel data ends early")
        target = plane.reshape(-1).view(np.uint8).data
        with self.path.open("rb", buffering=0) as file:
            file.seek(self.offset + index * plane.nbytes)
            done = 0
            while done < len(target):
                count = file.readinto(target[done:])
                if not count:
                    raise EOFError("the pixel data ends early")
                done += count


@functools.lru_cache(maxsize=8)
def _fragments(
    path: Path, offset: int, frames: int, _changed_ns: int
) -> tuple[tuple[int, int], ...]:
    """Where each fragment begins and its length, where there are as many as ``frames``.

    Each frame is one fragment then, whatever the offset tables say; else nothing, and the tables
    and the codestreams have to tell. Without this the n-th frame is looked for from the first.
    """
    found: list[tuple[int, int]] = []
    with path.open("rb") as file:
        at = offset
        while len(found) <= frames + 1:
            file.seek(at)
            item = file.read(8)
            if len(item) < 8:
                return ()
            group, element, length = struct.unpack("<HHL", item)
            if (group, element) == _SEQUENCE_END:
                break
            if (group, element) != _ITEM or length == _UNDEFINED:
                return ()
            found.append((at + 8, length))
            at += 8 + length
    # The first item is the basic offset table.
    return tuple(found[1:]) if len(found) == frames + 1 else ()


def _exactly(file: BinaryIO, offset: int, length: int) -> bytes:
    if offset + length > os.fstat(file.fileno()).st_size:
        raise EOFError("the pixel data ends early")
    file.seek(offset)
    return file.read(length)


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """The dataset of an image; without its pixels where ``place`` says where they lie.

    ``place`` is None where they do not lie in the file as they are: the dataset then holds them.
    A dataset with a place may share values with others: it is not to be changed.
    """

    dataset: Dataset
    place: PixelPlace | None


def quick_image_header(path: Path) -> ImageHeader | None:
    """The header of an ordinary file, or None: ``image_header`` reads all files."""
    try:
        with path.open("rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            head = b""
            for length in (FIRST_BYTES, 16 * FIRST_BYTES):
                head += file.read(length - len(head)) or b""
                found = quick_header(head, size)
                if found is not None:
                    element = head[found.end : found.end + 12]
                    if len(element) < 12:
                        file.seek(found.end)
                        element = file.read(12) or b""
                    place = _place(element, found.end, size, path, found.dataset)
                    return ImageHeader(found.dataset, place) if place else None
    except OSError as error:
        raise _unreadable(path, error) from error
    return None


def image_header(path: Path) -> ImageHeader:
    """The header of any image. Raises ``DicomReadError``."""
    try:
        with quiet(), path.open("rb") as file:
            dataset = pydicom.dcmread(file, force=True, stop_before_pixels=True)
            place = None
            syntax = str(dataset.file_meta.get("TransferSyntaxUID", ""))
            if syntax and syntax not in _IN_WORDS:
                start, size = file.tell(), os.fstat(file.fileno()).st_size
                place = _place(file.read(12), start, size, path, dataset)
            if place is not None:
                return ImageHeader(dataset, place)
    except (*MALFORMED, OSError) as error:
        raise _unreadable(path, error) from error
    return ImageHeader(read_dataset(path), None)


def _place(
    element: bytes, start: int, size: int, path: Path, dataset: Dataset
) -> PixelPlace | None:
    """What the 12 bytes at ``start`` say, where reading ended; None where it is no pixel data."""
    syntax = str(dataset.file_meta.TransferSyntaxUID)
    try:
        group, number, length = struct.unpack_from("<HHL", element)
        value_at = start + 8
        # The element itself tells how it is written: files exist whose transfer syntax names the
        # other way. A length of four bytes is even, so that it is never taken for a VR.
        if element[4:6] in _LONG_VRS:
            value_at = start + 12
            (length,) = struct.unpack_from("<L", element, 8)
        elif length % 2 and length != _UNDEFINED:
            return None
    except struct.error:
        return None
    if group << 16 | number != _PIXEL_DATA:
        return None
    is_encapsulated = length == _UNDEFINED
    if is_encapsulated == (syntax in NATIVE):
        return None
    if not is_encapsulated and "422" in str(value_of(dataset, "PhotometricInterpretation")):
        return None  # only the length of the data tells whether it is so
    left = size - value_at
    offsets = value_of(dataset, "ExtendedOffsetTable")
    lengths = value_of(dataset, "ExtendedOffsetTableLengths")
    return PixelPlace(
        path=path,
        offset=value_at,
        length=left if is_encapsulated else min(length, left),
        is_encapsulated=is_encapsulated,
        offsets=(offsets, lengths) if offsets and lengths else None,
    )


def _unreadable(path: Path, error: Exception) -> DicomReadError:
    return DicomReadError(
        f"{path.name} cannot be read as DICOM.",
        ru=f"{path.name} не читается как DICOM.",
        hint="Copy the file again from its source.",
        hint_ru="Скопируйте файл из источника ещё раз.",
        technical_detail=type(error).__name__,
    )
