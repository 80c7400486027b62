"""Seeded damage to DICOM files, codestreams and archives: the same seed, the same bytes."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable

Mutation = Callable[[bytearray, random.Random], None]

_LONG = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
_VRS = tuple(b"AE AS AT CS DA DS FD FL IS LO OB OW PN SH SL SQ SS TM UI UL UN US UT ZZ".split())
_LENGTHS = (0, 1, 2, 3, 7, 0x7F, 0xFE, 0xFF, 0x7FFF, 0xFFFE, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)
_TEXTS = (
    b"", b" ", b"-1", b"0", b"1e400", b"nan", b"inf", b"-0.0", b"2147483648", b"99999999999999",
    b"1\\2\\3\\4\\5\\6\\7", b"\\\\\\\\", b"\0\0\0\0", b"\x1b$B\x1b(B\x1b",
    b"../../etc/passwd", b"C:\\Windows\\x", b"\xff\xfe\xfd", b"ISO 2022 IR 87\\ISO 2022 IR 149",
    b"1.2.840.10008.1.2.5",
)  # fmt: skip
# Rows, Columns, NumberOfFrames, SamplesPerPixel, Bits*, PixelRepresentation, PlanarConfiguration.
_SIZES = (
    (0x0028, 0x0010), (0x0028, 0x0011), (0x0028, 0x0008), (0x0028, 0x0002), (0x0028, 0x0100),
    (0x0028, 0x0101), (0x0028, 0x0102), (0x0028, 0x0103), (0x0028, 0x0006),
)  # fmt: skip


def mutated(data: bytes, chance: random.Random, kinds: tuple[Mutation, ...]) -> bytes:
    """``data`` with one to eight damages."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 2, 3, 5, 8))):
        if changed:
            chance.choice(kinds)(changed, chance)
    return bytes(changed)


def flip_bit(data: bytearray, chance: random.Random) -> None:
    """One bit anywhere."""
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def write_byte(data: bytearray, chance: random.Random) -> None:
    """One byte that breaks things."""
    data[chance.randrange(len(data))] = chance.choice((0, 1, 0x7F, 0x80, 0xFE, 0xFF))


def write_number(data: bytearray, chance: random.Random) -> None:
    """A number of two or four bytes that is likely to be a length or a size."""
    at = chance.randrange(len(data))
    form = chance.choice(("<H", "<L", ">H", ">L"))
    mask = 0xFFFF if form[1] == "H" else 0xFFFFFFFF
    raw = struct.pack(form, chance.choice(_LENGTHS) & mask)
    data[at : at + len(raw)] = raw


def cut(data: bytearray, chance: random.Random) -> None:
    """The end is missing."""
    del data[chance.randrange(len(data)) :]


def remove(data: bytearray, chance: random.Random) -> None:
    """A piece from the middle is missing."""
    at = chance.randrange(len(data))
    del data[at : at + chance.choice((1, 2, 4, 8, 64))]


def repeat(data: bytearray, chance: random.Random) -> None:
    """A piece comes twice."""
    at = chance.randrange(len(data))
    piece = data[at : at + chance.choice((1, 4, 8, 40, 200))]
    data[at:at] = piece * chance.choice((1, 1, 2, 30))


def swap(data: bytearray, chance: random.Random) -> None:
    """Two pieces change places."""
    size = chance.choice((2, 4, 8, 16))
    a, b = chance.randrange(len(data)), chance.randrange(len(data))
    data[a : a + size], data[b : b + size] = data[b : b + size], data[a : a + size]


def change_element(data: bytearray, chance: random.Random) -> None:
    """Another VR, length or value of one element, or the element twice."""
    found = elements(data)
    if not found:
        return flip_bit(data, chance)
    at, value_at, length, is_long = chance.choice(found)
    what = chance.randrange(5)
    if what == 0:
        data[at + 4 : at + 6] = chance.choice(_VRS)
    elif what == 1 and is_long:
        data[at + 8 : at + 12] = struct.pack("<L", chance.choice(_LENGTHS))
    elif what == 1:
        data[at + 6 : at + 8] = struct.pack("<H", chance.choice(_LENGTHS) & 0xFFFF)
    elif what == 2 and not is_long:
        text = chance.choice(_TEXTS)
        text += b" " * (len(text) % 2)
        data[at + 6 : value_at + length] = struct.pack("<H", len(text)) + text
    elif what == 3:
        data[at:at] = data[at : value_at + length]
    else:
        other = chance.choice(found)
        data[at : at + 4] = data[other[0] : other[0] + 4]
    return None


def change_size(data: bytearray, chance: random.Random) -> None:
    """An implausible size of the image."""
    tag = struct.pack("<HH", *chance.choice(_SIZES))
    at = data.find(tag, 132)
    if at < 0:
        return
    if data[at + 4 : at + 6] == b"IS":
        length = struct.unpack_from("<H", data, at + 6)[0] if at + 8 <= len(data) else 0
        text = chance.choice((b"0", b"-1", b"2147483647", b"99999", b"1e9", b"70000"))
        text += b" " * (len(text) % 2)
        data[at + 6 : at + 8 + length] = struct.pack("<H", len(text)) + text
    elif at + 10 <= len(data):
        value = chance.choice((0, 1, 3, 7, 16, 33, 0x7FFF, 0xFFFF))
        data[at + 8 : at + 10] = struct.pack("<H", value)


def nest(data: bytearray, chance: random.Random) -> None:
    """Sequences within sequences, of undefined or of defined length."""
    found = elements(data)
    depth = chance.choice((1, 3, 20, 100, 400, 1200))
    at = chance.choice(found)[0] if found else len(data)
    tag = chance.choice((b"\x08\x00\x40\x11", b"\x00\x52\x30\x92", b"\x28\x00\x00\x30"))
    if chance.random() < 0.7:
        opening = tag + b"SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
        closing = b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
        data[at:at] = opening * depth + (closing * depth if chance.random() < 0.7 else b"")
        return
    inner = b""
    for _ in range(min(depth, 200)):
        item = b"\xfe\xff\x00\xe0" + struct.pack("<L", len(inner)) + inner
        inner = tag + b"SQ\0\0" + struct.pack("<L", len(item)) + item
    data[at:at] = inner


def elements(data: bytearray) -> list[tuple[int, int, int, bool]]:
    """Elements of an explicit little-endian file as far as it can be followed.

    ``(element at, value at, length, whether the length has four bytes)``.
    """
    found = []
    at = 132
    while at + 8 <= len(data) and len(found) < 400:
        is_long = bytes(data[at + 4 : at + 6]) in _LONG
        if is_long:
            if at + 12 > len(data):
                break
            length = struct.unpack_from("<L", data, at + 8)[0]
        else:
            length = struct.unpack_from("<H", data, at + 6)[0]
        value_at = at + (12 if is_long else 8)
        if value_at + length > len(data):
            break
        found.append((at, value_at, length, is_long))
        at = value_at + length
    return found


BYTES: tuple[Mutation, ...] = (flip_bit, write_byte, write_number, cut, remove, repeat, swap)
"""Damage to any file."""

HEADERS: tuple[Mutation, ...] = (
    flip_bit, write_byte, write_number, cut, repeat, change_element, change_element,
    change_element, change_size, change_size, nest,
)  # fmt: skip
"""Damage to a DICOM file that keeps most of it readable."""
