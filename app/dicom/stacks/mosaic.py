"""Siemens mosaics: one picture that holds the slices of a volume side by side.

How many slices there are, and in which direction they follow each other, stands in private
elements only: NumberOfImagesInMosaic (0019,100A) and the CSA header (0029,1010). The position in
the header is that of the corner of the whole picture; the slices lie around its centre (as in
dcm2niix and nibabel, which agree with the scanner).
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from app.core.geometry import Triple
from app.core.report import Message
from app.dicom.files.header_memory import remembered
from app.dicom.tolerant import (
    MALFORMED,
    integer_of,
    number_of,
    numbers_of,
    text_words_upper,
)

_NUMBER_OF_IMAGES: Final = 0x0019100A
_CSA_HEADERS: Final = (0x00291010, 0x00291110)
MOSAIC_TAGS: Final[tuple[str | int, ...]] = (
    "SpacingBetweenSlices", _NUMBER_OF_IMAGES, *_CSA_HEADERS
)  # fmt: skip
_MOST_ELEMENTS: Final = 2000

_NO_NUMBER: Final = Message(
    "a mosaic whose number of slices the header does not state: shown as one picture",
    "мозаика, число срезов которой в заголовке не указано: показана одной картинкой",
)
_NO_PLACE: Final = Message(
    "a mosaic without the position or the spacing of its slices: shown slice by slice",
    "мозаика без положения или шага срезов: показ по срезам",
)
ASSUMED: Final = Message(
    "the header does not say in which direction the slices of the mosaic follow each other; "
    "the usual one was taken",
    "в заголовке не указано, в каком направлении идут срезы мозаики; взято обычное",
)


@dataclass(frozen=True, slots=True)
class Mosaic:
    """Tiles of one picture; ``per_row`` of them lie in a row, row by row.

    ``slices`` is 0 where the number is not known. ``fault`` says why there is no place for each
    slice; ``step_lps`` (millimetres from one slice to the next) is None then.
    """

    slices: int
    per_row: int
    step_lps: Triple | None
    is_direction_assumed: bool = False
    fault: Message | None = None


def tile_of(picture: npt.NDArray[Any], per_row: int, index: int) -> npt.NDArray[Any]:
    """Slice ``index`` (from 0) cut out of a picture ``[row, column]`` with ``per_row`` in a row."""
    rows, columns = picture.shape[0] // per_row, picture.shape[1] // per_row
    top, left = index // per_row * rows, index % per_row * columns
    return picture[top : top + rows, left : left + columns]


@remembered
def mosaic_of(ds: Dataset) -> Mosaic | None:
    """The mosaic that ``ds`` is, or None where it is an ordinary image."""
    if "MOSAIC" not in text_words_upper(ds, "ImageType") or integer_of(ds, "NumberOfFrames", 1) > 1:
        return None
    if text_words_upper(ds, "Modality") != ("MR",):
        return None
    csa = _csa_values(ds)
    slices = _whole(_private_value(ds, _NUMBER_OF_IMAGES)) or _whole(
        next(iter(csa.get("NumberOfImagesInMosaic", ())), None)
    )
    rows, columns = integer_of(ds, "Rows", 0), integer_of(ds, "Columns", 0)
    per_row = math.ceil(math.sqrt(slices)) if 0 < slices <= 4096 else 0
    if not per_row or rows % per_row or columns % per_row:
        return Mosaic(0, 0, None, fault=_NO_NUMBER)
    step, is_assumed = _step(ds, csa)
    fault = None if step is not None else _NO_PLACE
    return Mosaic(slices, per_row, step, is_assumed, fault)


def slice_position(ds: Dataset, mosaic: Mosaic, index: int) -> Triple | None:
    """The centre of the first pixel of slice ``index``, LPS; None where it is not known."""
    corner = numbers_of(ds, "ImagePositionPatient")
    cosines, spacing = numbers_of(ds, "ImageOrientationPatient"), numbers_of(ds, "PixelSpacing")
    if mosaic.step_lps is None or len(corner) != 3 or len(cosines) != 6 or len(spacing) != 2:
        return None
    rows, columns = integer_of(ds, "Rows", 0), integer_of(ds, "Columns", 0)
    right = spacing[1] * (columns - columns // mosaic.per_row) / 2.0
    down = spacing[0] * (rows - rows // mosaic.per_row) / 2.0
    x, y, z = (
        corner[n] + cosines[n] * right + cosines[3 + n] * down + mosaic.step_lps[n] * index
        for n in range(3)
    )
    return x, y, z


def _step(ds: Dataset, csa: dict[str, tuple[str, ...]]) -> tuple[Triple | None, bool]:
    """From one slice to the next, and whether its direction had to be assumed."""
    cosines = numbers_of(ds, "ImageOrientationPatient")
    # Never SliceThickness: the slices may have gaps between them (G03).
    spacing = number_of(ds, "SpacingBetweenSlices")
    if len(cosines) != 6 or not spacing or len(numbers_of(ds, "ImagePositionPatient")) != 3:
        return None, False
    normal = np.cross(cosines[:3], cosines[3:])
    stated = _numbers(csa.get("SliceNormalVector", ()))
    is_assumed = len(stated) != 3 or not any(stated)
    if is_assumed:
        # The scanner's own order: towards the left, the back and the head.
        sign = math.copysign(1.0, float(normal[int(np.argmax(np.abs(normal)))]))
    else:
        sign = math.copysign(1.0, float(np.dot(normal, stated)))
    x, y, z = (float(v) for v in normal * sign * abs(spacing))
    return (x, y, z), is_assumed


def _csa_values(ds: Dataset) -> dict[str, tuple[str, ...]]:
    for tag in _CSA_HEADERS:
        raw = _private_value(ds, tag)
        if isinstance(raw, bytes) and raw[:4] == b"SV10":
            try:
                return _parse_csa(raw)
            except struct.error:
                return {}
    return {}


def _parse_csa(raw: bytes) -> dict[str, tuple[str, ...]]:
    """Names and texts of a CSA header of the second kind (SV10); raises ``struct.error``."""
    (count,) = struct.unpack_from("<I", raw, 8)
    at = 16
    found: dict[str, tuple[str, ...]] = {}
    for _ in range(min(count, _MOST_ELEMENTS)):
        name, _, _, _, items, _ = struct.unpack_from("<64si4siii", raw, at)
        at += struct.calcsize("<64si4siii")
        texts = []
        for _ in range(min(max(items, 0), _MOST_ELEMENTS)):
            length = struct.unpack_from("<4i", raw, at)[1]
            at += 16
            if not 0 <= length <= len(raw) - at:
                return found
            text = raw[at : at + length].split(b"\0")[0].decode("latin-1").strip()
            if text:
                texts.append(text)
            at += (length + 3) // 4 * 4
        found[name.split(b"\0")[0].decode("latin-1")] = tuple(texts)
    return found


def _private_value(ds: Dataset, tag: int) -> object:
    try:
        value: object = ds[tag].value if tag in ds else None
    except MALFORMED:
        return None
    return None if isinstance(value, Sequence) else value


def _whole(value: object) -> int:
    if isinstance(value, bytes):
        # Of unknown VR: two or four bytes, little endian.
        return int.from_bytes(value[:4], "little") if len(value) in (2, 4) else 0
    try:
        return int(str(value))
    except ValueError:
        return 0


def _numbers(texts: tuple[str, ...]) -> tuple[float, ...]:
    try:
        return tuple(float(text) for text in texts)
    except ValueError:
        return ()
