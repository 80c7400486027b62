"""An object in another encoding with the same values: for peers that do not take its own.

Compressed pixels are decoded, never compressed again; big endian becomes little endian; explicit
and implicit VR are exchanged. The SOP instance stays the same one (PS3.4 B.2.2, PS3.5 8.2).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.filebase import DicomFileLike
from pydicom.filewriter import write_dataset
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian

from app.core.errors import DicomReadError
from app.core.report import Message
from app.dicom.files.headers import read_dataset
from app.dicom.pixels.decode_pool import decode_frame
from app.dicom.pixels.decoders import EncodedFrame, NotDecoded, decode, plain_bytes
from app.dicom.pixels.stored_frame import PixelLayout, layout_of
from app.dicom.tolerant import MALFORMED, integer_of, quiet, value_of
from app.network.file_head import FileHead

_WORD_BYTES: Final = {"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}


def rewrite(path: Path, transfer_syntax_uid: str, target: Path) -> None:
    """Write the object at ``path`` to ``target`` in an uncompressed little endian syntax.

    Raises ``DicomReadError`` where it cannot be read or its pixels cannot be decoded.
    """
    ds = read_dataset(path)
    try:
        with quiet():
            own = UID(ds.file_meta.TransferSyntaxUID)
            if own.is_encapsulated:
                _decode_pixels(ds)
            elif own == ExplicitVRBigEndian:
                _swap_words(ds)
            for _ in ds.iterall():
                pass  # every element is parsed, or those that stay raw are copied as they were
            head = FileHead(str(ds.SOPClassUID), str(ds.SOPInstanceUID), transfer_syntax_uid)
            with target.open("wb") as stream:
                stream.write(head.encoded())
                out = DicomFileLike(stream)
                out.is_implicit_VR = transfer_syntax_uid != ExplicitVRLittleEndian
                out.is_little_endian = True
                write_dataset(out, ds)
    except NotDecoded as error:
        raise _not_converted(path, error.why) from error
    except (*MALFORMED, OSError, zlib.error) as error:
        why = Message("it cannot be written in that form", "его нельзя записать в этом виде")
        raise _not_converted(path, why) from error


def _decode_pixels(ds: Dataset) -> None:
    """Native pixels in the place of compressed ones."""
    if "PixelData" not in ds:
        return
    layout = layout_of(ds)
    if layout.bits_allocated == 1:
        # One-bit frames follow each other without a gap, also inside a byte (PS3.5 8.1.1).
        bits = [decode_frame(layout, stream).ravel() for stream in _streams(ds)]
        data = np.packbits(np.concatenate(bits), bitorder="little").tobytes()
    else:
        data = b"".join(_native_frames(ds, layout))
    for keyword in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths"):
        if keyword in ds:
            delattr(ds, keyword)
    vr = "OB" if layout.bits_allocated <= 8 else "OW"
    ds["PixelData"] = DataElement("PixelData", vr, data + b"\0" * (len(data) % 2))


def _streams(ds: Dataset) -> Iterator[bytes]:
    """The codestream of each frame."""
    count = max(integer_of(ds, "NumberOfFrames", 1), 1)
    tables = value_of(ds, "ExtendedOffsetTable"), value_of(ds, "ExtendedOffsetTableLengths")
    offsets = tables if all(tables) else None
    yield from generate_frames(ds.PixelData, number_of_frames=count, extended_offsets=offsets)


def _native_frames(ds: Dataset, layout: PixelLayout) -> Iterator[bytes]:
    for stream in _streams(ds):
        plain = plain_bytes(stream, layout.transfer_syntax_uid, -(-layout.frame_bits // 8))
        if plain is not None:
            yield plain
        elif layout.samples == 1:
            yield _grey_frame(ds, layout, stream)
        else:
            yield _color_frame(ds, layout, stream)


def _grey_frame(ds: Dataset, layout: PixelLayout, stream: bytes) -> bytes:
    """Stored values, palette indices too, with the sign of the header."""
    values = decode_frame(replace(layout, photometric="MONOCHROME2", palette=None), stream)
    needed = int(values.max()).bit_length() + layout.is_signed
    ds.BitsStored = max(layout.bits_stored, min(needed, layout.bits_allocated))
    ds.HighBit = ds.BitsStored - 1
    kind = f"<{'i' if layout.is_signed else 'u'}{layout.bits_allocated // 8}"
    return values.astype(kind).tobytes()


def _color_frame(ds: Dataset, layout: PixelLayout, stream: bytes) -> bytes:
    """Samples as they lie in the codestream; the header is made to say what they are.

    The decoder has survived this stream in a process of its own before it runs here.
    """
    decode_frame(layout, stream)
    decoded = decode(
        EncodedFrame(
            stream,
            layout.transfer_syntax_uid,
            layout.rows,
            layout.columns,
            layout.samples,
            layout.bits_allocated,
        )
    )
    samples: npt.NDArray[Any] = decoded.samples
    if samples.shape != (layout.rows, layout.columns, layout.samples):
        raise NotDecoded(Message("its pixels have another size", "размер изображения другой"))
    if decoded.is_rgb is not None:
        ds.PhotometricInterpretation = "RGB" if decoded.is_rgb else "YBR_FULL"
    elif layout.photometric in ("YBR_ICT", "YBR_RCT"):
        ds.PhotometricInterpretation = "RGB"
    elif layout.photometric.startswith("YBR_"):
        ds.PhotometricInterpretation = "YBR_FULL"
    ds.PlanarConfiguration = 0
    return np.ascontiguousarray(samples).astype(f"<u{layout.bits_allocated // 8}").tobytes()


def _swap_words(ds: Dataset) -> None:
    """Binary values from big to little endian; numbers and texts are read by pydicom."""
    for element in ds:
        if element.VR == "SQ":
            for item in element.value:
                _swap_words(item)
            continue
        width = _WORD_BYTES.get(element.VR, 1)
        if element.keyword == "PixelData" and integer_of(ds, "BitsAllocated", 16) == 32:
            width = 4
        if width > 1 and isinstance(element.value, bytes):
            whole = len(element.value) // width * width
            words = np.frombuffer(element.value[:whole], f">u{width}")
            element.value = words.astype(f"<u{width}").tobytes()


def _not_converted(path: Path, why: Message) -> DicomReadError:
    return DicomReadError(
        f"{path.name} cannot be sent in another form: {why.en}.",
        ru=f"{path.name} нельзя передать в другом виде: {why.ru}.",
        hint="Ask the administrator of the peer to accept its transfer syntax.",
        hint_ru="Попросите администратора узла разрешить его синтаксис передачи.",
    )
