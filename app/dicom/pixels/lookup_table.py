"""Lookup tables of the standard: descriptor, packing, signs and segments (I03).

Entries are always unsigned; of the descriptor only the first mapped value can be signed, 0 entries
means 65,536, and 8-bit entries may lie two to a word (PS3.3 C.11.1.1.1, C.11.2.1.1, C.7.6.3.1.5,
C.7.9.2). A table whose descriptor and data disagree is no table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from app.dicom.tolerant import MALFORMED, value_of

Entries = npt.NDArray[np.uint16]
_MOST_ENTRIES: Final = 65536


@dataclass(frozen=True, slots=True)
class LookupTable:
    """``entries[n]`` is the output for the input ``first + n``; outputs have ``bits`` bits."""

    first: int
    bits: int
    entries: Entries


def read_lookup_table(
    ds: Dataset,
    descriptor: str = "LUTDescriptor",
    data: str = "LUTData",
    *,
    is_signed: bool,
    is_segmented: bool = False,
) -> LookupTable | None:
    """The table in the attributes ``descriptor`` and ``data`` of ``ds``, None where it is invalid.

    ``is_signed``: the input of the table, and so the first mapped value, can be negative.
    """
    words = _words(value_of(ds, descriptor), is_big_endian=False)
    if len(words) != 3:
        return None
    count = int(words[0]) or _MOST_ENTRIES
    first, bits = int(words[1]), int(words[2])
    if is_signed and first >= 1 << 15:
        first -= 1 << 16
    if not 1 <= bits <= 16:
        return None
    try:
        raw = value_of(ds, data)
        is_big_endian = ds.original_encoding[1] is False
        if is_segmented:
            entries = _segments(raw, bits, is_big_endian=is_big_endian)
        else:
            entries = _entries(raw, count, is_big_endian=is_big_endian)
    except MALFORMED:
        return None
    if len(entries) < count:
        return None
    return LookupTable(first, bits, entries[:count])


def _entries(raw: Any, count: int, *, is_big_endian: bool) -> Entries:  # noqa: ANN401
    """Unsigned entries from words, from bytes, or from bytes packed two to a word."""
    words = _words(raw, is_big_endian=is_big_endian)
    if len(words) >= count:
        return words
    # Fewer words than entries: two 8-bit entries lie in each, the earlier one in the low byte.
    return np.frombuffer(words.astype("<u2").tobytes(), np.uint8).astype(np.uint16)


def _words(raw: Any, *, is_big_endian: bool) -> Entries:  # noqa: ANN401
    if raw is None:
        return np.zeros(0, np.uint16)
    if isinstance(raw, (bytes, bytearray)):
        even = bytes(raw) + b"\0" * (len(raw) % 2)
        return np.frombuffer(even, ">u2" if is_big_endian else "<u2").astype(np.uint16)
    numbers = raw if hasattr(raw, "__iter__") else [raw]
    # Signed or not, what counts are the 16 bits.
    return (np.array([int(number) for number in numbers], dtype=np.int64) & 0xFFFF).astype(
        np.uint16
    )


def _segments(raw: Any, bits: int, *, is_big_endian: bool) -> Entries:  # noqa: ANN401
    """A segmented table spread out: discrete, linear and indirect segments (PS3.3 C.7.9.2)."""
    words = _words(raw, is_big_endian=is_big_endian)
    if bits <= 8:
        parts = [int(part) for part in words.astype("<u2").tobytes()]
    else:
        parts = [int(word) for word in words]
    segments = _split_segments(parts, word_bytes=1 if bits <= 8 else 2)
    out: list[int] = []
    for code, values, repeats in segments:
        if code == 2:
            # Copies of earlier segments; a linear one starts from where the output is now.
            for copied_code, copied, _ in segments[repeats[0] : repeats[0] + repeats[1]]:
                _append(out, copied_code, copied)
        else:
            _append(out, code, values)
    return np.array(out[:_MOST_ENTRIES], dtype=np.uint16)


Segment = tuple[int, list[int], tuple[int, int]]


def _split_segments(parts: list[int], *, word_bytes: int) -> list[Segment]:
    """(type, its values, for type 2: index of the first segment copied and how many)."""
    segments: list[Segment] = []
    starts: dict[int, int] = {}
    at = 0
    while at + 2 < len(parts):
        code, count = parts[at], parts[at + 1]
        starts[at] = len(segments)
        at += 2
        if code == 0:
            segments.append((0, parts[at : at + count], (0, 0)))
            at += count
        elif code == 1:
            segments.append((1, [parts[at], count], (0, 0)))
            at += 1
        elif code == 2:
            width = 4 if word_bytes == 1 else 2
            shift = 8 * word_bytes
            offset = sum(part << (shift * n) for n, part in enumerate(parts[at : at + width]))
            # Bytes by the standard; some writers count words.
            place = offset // word_bytes if offset // word_bytes in starts else offset
            segments.append((2, [], (starts[place], count)))
            at += width
        else:
            raise ValueError(f"segment type {code}")
    return segments


def _append(out: list[int], code: int, values: list[int]) -> None:
    if code == 0:
        out.extend(values)
    elif code == 1:
        end, count = values
        start = out[-1] if out else 0
        out.extend(int(step) for step in np.rint(np.linspace(start, end, count + 1)[1:]))
