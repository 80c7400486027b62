"""Compressed frames to samples: which decoder for which transfer syntax, in which order.

``ORDER`` is the documented order of fallback. Every decoder is permissively licensed: Pillow
(libjpeg-turbo), CharLS, OpenJPEG, and last the GDCM inside SimpleITK, which alone knows JPEG with
more than 8 bits and lossless JPEG. No codec under the GPL is used.
"""

from __future__ import annotations

import io
import struct
import tempfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import jpeg_ls  # type: ignore[import-untyped]
import numpy as np
import numpy.typing as npt
from openjpeg.utils import decode as decode_jpeg_2000
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, SecondaryCaptureImageStorage

from app.core.report import Message
from app.dicom.pixels.codestream import Codestream, codestream_of, with_adobe_marker
from app.dicom.tolerant import MALFORMED

Samples = npt.NDArray[Any]

_JPEG: Final = ("pillow", "gdcm")
_LOSSLESS: Final = ("gdcm",)
_JPEG_LS: Final = ("charls", "gdcm")
_J2K: Final = ("openjpeg", "gdcm")
_HTJ2K: Final = ("openjpeg",)

ORDER: Final[Mapping[str, tuple[str, ...]]] = {
    "1.2.840.10008.1.2.1.98": ("raw",),  # encapsulated uncompressed
    "1.2.840.10008.1.2.8.1": ("deflate",),  # deflated image frames
    "1.2.840.10008.1.2.5": ("rle",),
    "1.2.840.10008.1.2.4.50": _JPEG,  # baseline
    "1.2.840.10008.1.2.4.51": _JPEG,  # extended, 8 or 12 bits
    "1.2.840.10008.1.2.4.53": _JPEG,  # spectral selection (retired)
    "1.2.840.10008.1.2.4.55": _JPEG,  # full progression (retired)
    "1.2.840.10008.1.2.4.57": _LOSSLESS,  # process 14
    "1.2.840.10008.1.2.4.70": _LOSSLESS,  # process 14, selection value 1
    "1.2.840.10008.1.2.4.80": _JPEG_LS,  # lossless
    "1.2.840.10008.1.2.4.81": _JPEG_LS,  # near-lossless
    "1.2.840.10008.1.2.4.90": _J2K,  # lossless only
    "1.2.840.10008.1.2.4.91": _J2K,
    "1.2.840.10008.1.2.4.201": _HTJ2K,  # lossless only
    "1.2.840.10008.1.2.4.202": _HTJ2K,  # lossless only, RPCL
    "1.2.840.10008.1.2.4.203": _HTJ2K,
}
"""Transfer syntax -> decoders; the first that gives pixels is taken."""

NATIVE: Final = frozenset(
    {"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"}
)
"""Transfer syntaxes whose pixels are not compressed one by one."""

_VIDEO: Final = Message(
    "it is a video, which is not played", "это видео, воспроизведение не поддерживается"
)
_ELSEWHERE: Final = Message(
    "its pixels are on a JPIP server, not in the file",
    "пиксели хранятся на сервере JPIP, в файле их нет",
)
_JPEG_XL: Final = Message(
    "it is compressed with JPEG XL, for which there is no decoder",
    "снимок сжат JPEG XL, такого декодера нет",
)
_RETIRED: Final = Message(
    "it uses a retired kind of JPEG, for which there is no decoder",
    "снимок сжат устаревшим видом JPEG, такого декодера нет",
)
_PART_2: Final = Message(
    "it uses JPEG 2000 Part 2, for which there is no decoder",
    "снимок сжат JPEG 2000 часть 2, такого декодера нет",
)
_UNKNOWN: Final = Message("its transfer syntax is not known", "синтаксис передачи неизвестен")

# Longest beginning first.
_REFUSALS: Final[tuple[tuple[str, Message], ...]] = (
    ("1.2.840.10008.1.2.4.204", _ELSEWHERE),
    ("1.2.840.10008.1.2.4.205", _ELSEWHERE),
    ("1.2.840.10008.1.2.4.10", _VIDEO),
    ("1.2.840.10008.1.2.4.11", _JPEG_XL),
    ("1.2.840.10008.1.2.4.94", _ELSEWHERE),
    ("1.2.840.10008.1.2.4.95", _ELSEWHERE),
    ("1.2.840.10008.1.2.4.92", _PART_2),
    ("1.2.840.10008.1.2.4.93", _PART_2),
    ("1.2.840.10008.1.2.4.5", _RETIRED),
    ("1.2.840.10008.1.2.4.6", _RETIRED),
    ("1.2.840.10008.1.2.7.", _VIDEO),
)


class NotDecoded(ValueError):
    """A frame cannot be decoded; ``why`` says so without patient data, in both languages."""

    def __init__(self, why: Message, detail: str = "") -> None:
        super().__init__(why.en)
        self.why = why
        self.detail = detail

    def __reduce__(self) -> tuple[type[NotDecoded], tuple[Message, str]]:
        return (NotDecoded, (self.why, self.detail))


@dataclass(frozen=True, slots=True)
class EncodedFrame:
    """One compressed frame and what the header says of it; sizes are checked against the stream."""

    data: bytes
    transfer_syntax_uid: str
    rows: int
    columns: int
    samples: int
    bits_allocated: int


@dataclass(frozen=True, slots=True)
class Decoded:
    """Samples ``[row, column]`` or ``[row, column, sample]`` as the codestream holds them.

    ``is_rgb``: True or False where the stream says what its three samples are, None where only
    the header can tell. ``precision``: bits per sample in the stream, 0 where it does not say.
    """

    samples: Samples
    is_rgb: bool | None = None
    precision: int = 0


def refusal(transfer_syntax_uid: str) -> Message | None:
    """Why frames of this transfer syntax cannot be shown; None where they can."""
    if transfer_syntax_uid in ORDER or transfer_syntax_uid in NATIVE:
        return None
    for beginning, why in _REFUSALS:
        if transfer_syntax_uid.startswith(beginning):
            return why
    return _UNKNOWN


def decode(frame: EncodedFrame) -> Decoded:
    """The samples of one compressed frame. Raises ``NotDecoded``.

    ``raw`` and ``deflate`` frames are no codestreams: ``plain_bytes`` gives their bytes.
    """
    why = refusal(frame.transfer_syntax_uid)
    if why is not None:
        raise NotDecoded(why, frame.transfer_syntax_uid)
    stream = codestream_of(frame.data)
    # The number of lines may be left to a later marker (0); then the decoder tells.
    if stream is not None and (stream.rows or frame.rows, stream.columns) != (
        frame.rows,
        frame.columns,
    ):
        raise NotDecoded(
            Message(
                "its pixels have another size than its header says",
                "размер изображения не совпадает с заголовком",
            )
        )
    failures = []
    for name in ORDER[frame.transfer_syntax_uid]:
        try:
            return _DECODERS[name](frame, stream)
        except (*MALFORMED, OSError) as error:
            failures.append(f"{name}: {type(error).__name__}")
    raise NotDecoded(
        Message("its pixels cannot be decoded", "пиксельные данные не читаются"),
        ", ".join(failures),
    )


def plain_bytes(data: bytes, transfer_syntax_uid: str, limit: int) -> bytes | None:
    """The native bytes of a frame that is only wrapped or deflated; None for a real codestream.

    No more than ``limit`` bytes are inflated. Raises ``NotDecoded``.
    """
    decoders = ORDER.get(transfer_syntax_uid, ())
    if decoders == ("raw",):
        return data
    if decoders != ("deflate",):
        return None
    try:
        inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        return inflate.decompress(data, limit)
    except zlib.error as error:
        raise NotDecoded(
            Message("its pixels cannot be decoded", "пиксельные данные не читаются"), "zlib"
        ) from error


def _pillow(frame: EncodedFrame, stream: Codestream | None) -> Decoded:
    """JPEG with 8 bits. The marker set here makes libjpeg undo what the stream has, or nothing."""
    if stream is None or stream.precision != 8:
        raise NotImplementedError("8 bits only")
    data = frame.data
    is_rgb: bool | None = None
    if stream.components == 3:
        # Not transformed and not known both leave the samples as they are.
        undo = stream.is_transformed is True
        data = with_adobe_marker(data, is_transformed=undo)
        is_rgb = None if stream.is_transformed is None else True
    with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
        samples = np.array(image)
    return Decoded(samples, is_rgb, 8)


def _charls(frame: EncodedFrame, stream: Codestream | None) -> Decoded:
    """JPEG-LS; a transform of its own (HP) is undone by CharLS, so the header tells the colours."""
    buffer, info = jpeg_ls.decode_pixel_data(frame.data)
    precision = int(info["bits_per_sample"])
    count = int(info["components"])
    kind = np.dtype("<u1" if precision <= 8 else "<u2")
    flat = np.frombuffer(buffer, dtype=kind)
    rows, columns = int(info["height"]), int(info["width"])
    if count == 1:
        return Decoded(flat.reshape(rows, columns), precision=precision)
    if int(info["interleave_mode"]) == 0:
        samples = flat.reshape(count, rows, columns).transpose(1, 2, 0)
    else:
        samples = flat.reshape(rows, columns, count)
    return Decoded(samples, precision=precision)


def _openjpeg(frame: EncodedFrame, stream: Codestream | None) -> Decoded:
    """JPEG 2000 and HTJ2K; a component transform is undone by the decoder and gives RGB."""
    data = frame.data
    start = data[:4096].find(b"\xff\x4f\xff\x51")
    samples = decode_jpeg_2000(data[max(start, 0) :], j2k_format=0)
    is_rgb = True if stream is not None and stream.is_transformed else None
    return Decoded(samples, is_rgb, stream.precision if stream else 0)


def _rle(frame: EncodedFrame, stream: Codestream | None) -> Decoded:
    """RLE (PS3.5 Annex G): byte planes from the highest to the lowest, sample after sample."""
    data = frame.data
    count, *offsets = struct.unpack_from("<16L", data)
    bits = frame.bits_allocated
    width = max(bits // 8, 1)
    if count != width * frame.samples or count > 15:
        raise ValueError("number of segments")
    pixels = frame.rows * frame.columns
    size = pixels if bits > 1 else -(-pixels // 8)
    ends = [*offsets[1:count], len(data)]
    planes = [_unpack_bits(data, offsets[n], ends[n], size) for n in range(count)]
    if bits == 1:
        packed = np.frombuffer(planes[0], np.uint8)
        flat = np.unpackbits(packed, bitorder="little")[:pixels]
        return Decoded(flat.reshape(frame.rows, frame.columns), precision=1)
    # Most significant byte first, sample after sample.
    words = np.zeros((frame.samples, pixels), dtype=f"u{width}")
    for n, plane in enumerate(planes):
        place = words[n // width]
        if width > 1:
            place <<= 8
        place |= np.frombuffer(plane, np.uint8)
    samples = words.reshape(frame.samples, frame.rows, frame.columns)
    return Decoded(samples[0] if frame.samples == 1 else samples.transpose(1, 2, 0))


def _unpack_bits(data: bytes, start: int, end: int, size: int) -> bytes:
    """One segment: literal runs, repeated bytes, no-ops. Raises ``ValueError`` if it ends early.

    What comes after ``size`` bytes is padding; a segment cannot grow more than 64 times.
    """
    segment = data[start:end]
    out = bytearray()
    at, length = 0, len(segment)
    while at < length:
        head = segment[at]
        if head < 128:
            out += segment[at + 1 : at + 2 + head]
            at += 2 + head
        elif head > 128:
            out += segment[at + 1 : at + 2] * (257 - head)
            at += 2
        else:
            at += 1
    if len(out) < size:
        raise ValueError("segment ends early")
    return bytes(out[:size])


def _gdcm(frame: EncodedFrame, stream: Codestream | None) -> Decoded:
    """Through SimpleITK, from a bare one-frame object: without rescale, sign or colour space.

    What GDCM would make of those is decided by this program for all decoders alike. The library is
    loaded here: it is large, and few images need it.
    """
    import SimpleITK as sitk

    precision = stream.precision if stream is not None else frame.bits_allocated
    count = stream.components if stream is not None else frame.samples
    bare = Dataset()
    bare.file_meta = FileMetaDataset()
    bare.file_meta.TransferSyntaxUID = UID(frame.transfer_syntax_uid)
    bare.SOPClassUID = bare.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    bare.SOPInstanceUID = bare.file_meta.MediaStorageSOPInstanceUID = UID("2.25.1")
    bare.Rows, bare.Columns, bare.SamplesPerPixel = frame.rows, frame.columns, count
    bare.PhotometricInterpretation = "RGB" if count == 3 else "MONOCHROME2"
    if count > 1:
        bare.PlanarConfiguration = 0
    bare.BitsAllocated = 8 if precision <= 8 else 16
    bare.BitsStored, bare.HighBit, bare.PixelRepresentation = precision, precision - 1, 0
    bare.PixelData = encapsulate([frame.data])
    bare["PixelData"].VR = "OB"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "frame.dcm")
        bare.save_as(path, enforce_file_format=True)
        reader = sitk.ImageFileReader()
        reader.SetImageIO("GDCMImageIO")
        reader.SetFileName(str(path))
        # A copy: a view would outlive the image that owns the memory.
        samples = sitk.GetArrayFromImage(reader.Execute())
    samples = samples.reshape(frame.rows, frame.columns, *((count,) if count > 1 else ()))
    is_rgb = None
    if stream is not None and stream.is_transformed is not None:
        is_rgb = not stream.is_transformed
    return Decoded(samples, is_rgb, precision)


_DECODERS: Final[Mapping[str, Callable[[EncodedFrame, Codestream | None], Decoded]]] = {
    "pillow": _pillow,
    "charls": _charls,
    "openjpeg": _openjpeg,
    "rle": _rle,
    "gdcm": _gdcm,
}
