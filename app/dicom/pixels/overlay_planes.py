"""Graphics that devices keep beside the pixels, in groups 6000 to 601E (PS3.3 C.9.2).

Only planes with data of their own: those in unused bits of the pixels are retired since 2004, and
their bits are cleared where values are read (I08).
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from app.dicom.tolerant import MALFORMED

_ROWS: Final = 0x0010
_COLUMNS: Final = 0x0011
_FRAMES: Final = 0x0015
_ORIGIN: Final = 0x0050
_FIRST_FRAME: Final = 0x0051
_DATA: Final = 0x3000
_PLANES: Final = tuple((group, group << 16 | _DATA) for group in range(0x6000, 0x6020, 2))


def graphics_of(ds: Dataset, index: int, shape: tuple[int, int]) -> bytes | None:
    """The graphics of frame ``index`` of an image of ``shape`` (rows, columns), all planes in one.

    Packed bits of the whole image in the order of ``np.packbits``; None where there are none.
    """
    found: npt.NDArray[np.bool_] | None = None
    for group, data_tag in _PLANES:
        if data_tag not in ds:
            continue
        try:
            plane = _plane(ds, group, index, shape)
        except MALFORMED:
            continue
        if plane is not None:
            found = plane if found is None else found | plane
    return None if found is None or not found.any() else np.packbits(found).tobytes()


def _plane(
    ds: Dataset, group: int, index: int, shape: tuple[int, int]
) -> npt.NDArray[np.bool_] | None:
    rows, columns = int(ds[group, _ROWS].value), int(ds[group, _COLUMNS].value)
    frames = int(_value(ds, group, _FRAMES, 1))
    # Without a number of frames a plane belongs to every frame of the image.
    place = index - (int(_value(ds, group, _FIRST_FRAME, 1)) - 1) if frames > 1 else 0
    if not 0 <= place < frames or rows <= 0 or columns <= 0:
        return None
    data = bytes(ds[group, _DATA].value)
    if ds[group, _DATA].VR == "OW" and ds.original_encoding[1] is False:
        data = np.frombuffer(data, "<u2").byteswap().tobytes()
    size = rows * columns
    first = place * size
    bits = np.unpackbits(
        np.frombuffer(data[first // 8 : -(-(first + size) // 8)], np.uint8), bitorder="little"
    )[first % 8 : first % 8 + size]
    if len(bits) < size:
        return None
    top, left = (int(n) - 1 for n in _value(ds, group, _ORIGIN, (1, 1)))
    return _moved(bits.reshape(rows, columns).astype(np.bool_), (top, left), shape)


def _moved(
    plane: npt.NDArray[np.bool_], origin: tuple[int, int], shape: tuple[int, int]
) -> npt.NDArray[np.bool_]:
    """The plane on the grid of the image; what lies outside of it is cut off."""
    image = np.zeros(shape, dtype=np.bool_)
    target, source = [], []
    for start, length, whole in zip(origin, plane.shape, shape, strict=True):
        low, high = max(start, 0), min(start + length, whole)
        if low >= high:
            return image
        target.append(slice(low, high))
        source.append(slice(low - start, high - start))
    image[tuple(target)] = plane[tuple(source)]
    return image


def _value(ds: Dataset, group: int, element: int, default: Any) -> Any:  # noqa: ANN401
    value = ds[group, element].value if (group, element) in ds else None
    return default if value is None else value
