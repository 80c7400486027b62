"""Headers of ordinary little-endian files in a fraction of pydicom's time; declines all others.

Whoever opens a folder waits for its headers. Two things are saved here: only the beginning of a
file is read and walked with ``struct``, and a value that another header had too (nearly all of a
series) is not parsed again. Anything out of the ordinary, however slightly, gives None, and pydicom
reads the file: there is one reader that decides, and this one never disagrees with it
(``tests/unit/dicom/files/test_quick_header.py``).
"""

from __future__ import annotations

import struct
from collections.abc import Collection
from typing import Any, Final, NamedTuple

from pydicom.charset import convert_encodings, default_encoding
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    PrivateTransferSyntaxes,
)
from pydicom.values import convert_string

from app.dicom.files.header_memory import (
    HeaderDataset,
    HeaderMeta,
    Raw,
    dictionary_vr,
    header_dataset,
    memory_of,
)
from app.dicom.tolerant import MALFORMED

FIRST_BYTES: Final = 16384
"""How much of a file holds the header of an ordinary slice."""

_SHORT: Final = frozenset(b"AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US".split())
_LONG: Final = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
_PIXELS: Final = frozenset((0x7FE00008, 0x7FE00009, 0x7FE00010))
_CHARSET: Final = 0x00080005
_SYNTAX: Final = 0x00020010
_LAST_GROUP, _DELIMITERS = 0x7FE0, 0xFFFE
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_UNDEFINED: Final = 0xFFFFFFFF
_DECLINED_SYNTAXES: Final = frozenset(
    str(uid).encode()
    for uid in (ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian, *PrivateTransferSyntaxes)
)
_DEEPEST: Final = 16


_short_element: Final = struct.Struct("<HH2sH").unpack_from
_implicit_element: Final = struct.Struct("<HHL").unpack_from
_long_length: Final = struct.Struct("<L").unpack_from


_charsets: dict[bytes, Any] = {}


class _Declined(Exception):
    """The header is not of the ordinary kind."""


class QuickHeader(NamedTuple):
    """``dataset`` as pydicom gives it; ``end`` is where the pixel data element begins."""

    dataset: Dataset
    end: int


def quick_header(
    head: bytes, size_bytes: int, wanted: Collection[int] | None = None
) -> QuickHeader | None:
    """The header in the first bytes of a file, up to its pixel data; None where pydicom must read.

    ``head`` must begin at byte 0 and reach to the pixel data or to the end of the file, whose size
    is ``size_bytes``. ``wanted``: tags to keep besides the meta header, SpecificCharacterSet among
    them; None keeps all. The values of the dataset are shared with others: not to be changed.
    """
    try:
        return _read(head, size_bytes, wanted)
    except (_Declined, struct.error, IndexError):
        return None


def _read(head: bytes, size_bytes: int, wanted: Collection[int] | None) -> QuickHeader:
    if head[128:132] != b"DICM":
        raise _Declined
    meta, position = _meta(head)
    syntax = meta[_SYNTAX][2].rstrip(b"\0 ") if _SYNTAX in meta else b""
    if not syntax or syntax in _DECLINED_SYNTAXES:
        raise _Declined
    implicit = syntax == ImplicitVRLittleEndian.encode()
    looks_explicit = head[position + 4 : position + 6] in (_SHORT | _LONG)
    if looks_explicit == implicit:
        raise _Declined
    elements, end = _elements(head, position, implicit, wanted)
    if end == len(head) and len(head) < size_bytes:
        raise _Declined
    charset = elements[_CHARSET][2] if _CHARSET in elements else b""
    signed = elements[0x00280103][2] if 0x00280103 in elements else b""
    dataset = header_dataset(
        HeaderDataset, elements, implicit, memory_of(implicit, charset, signed)
    )
    dataset.__dict__["_read_charset"] = _encodings(charset) if charset else default_encoding
    dataset.__dict__["file_meta"] = header_dataset(
        HeaderMeta, meta, False, memory_of(False, b"meta", b"")
    )
    return QuickHeader(dataset, end)


def _meta(head: bytes) -> tuple[dict[int, Raw], int]:
    found: dict[int, Raw] = {}
    position = 132
    while True:
        group, element, vr, length = _short_element(head, position)
        if group != 2:
            return found, position
        position += 8
        if vr in _LONG:
            length = _long_length(head, position)[0]
            position += 4
        elif vr not in _SHORT:
            raise _Declined
        value = head[position : position + length]
        if len(value) != length:
            raise _Declined
        found[0x20000 | element] = (0x20000 | element, vr, value, position)
        position += length


def _elements(
    head: bytes, position: int, implicit: bool, wanted: Collection[int] | None
) -> tuple[dict[int, Raw], int]:
    """Elements by tag, from ``position`` to the pixel data or the end."""
    found: dict[int, Raw] = {}
    end = len(head)
    vr = b""
    while position < end:
        if implicit:
            group, element, length = _implicit_element(head, position)
            value_at = position + 8
        else:
            group, element, vr, length = _short_element(head, position)
            value_at = position + 8
            if vr not in _SHORT:
                if vr not in _LONG:
                    raise _Declined
                length = _long_length(head, value_at)[0]
                value_at += 4
        tag = group << 16 | element
        if group >= _LAST_GROUP or group <= 2:
            if tag in _PIXELS:
                return found, position
            if group == _DELIMITERS or group <= 2:
                raise _Declined
        if length == _UNDEFINED:
            if (dictionary_vr(tag) == "SQ") if implicit else vr == b"SQ":
                next_at = _after_sequence(head, value_at, implicit, 0)
                length = next_at - value_at - 8  # without the delimiter: as of defined length
            else:
                raise _Declined
        else:
            next_at = value_at + length
        if wanted is None or tag in wanted:
            found[tag] = (tag, vr, head[value_at : value_at + length], value_at)
        position = next_at
    if position > end:
        raise _Declined
    return found, end


def _after_sequence(head: bytes, position: int, implicit: bool, depth: int) -> int:
    """The end of a sequence of undefined length whose first item tag is at ``position``."""
    if depth > _DEEPEST:
        raise _Declined
    while True:
        group, element, length = _implicit_element(head, position)
        position += 8
        tag = group << 16 | element
        if tag == _SEQUENCE_END:
            return position
        if tag != _ITEM:
            raise _Declined
        if length != _UNDEFINED:
            position += length
            continue
        position = _after_item(head, position, implicit, depth)


def _after_item(head: bytes, position: int, implicit: bool, depth: int) -> int:
    while True:
        group, element, length = _implicit_element(head, position)
        if (group, element) == (0xFFFE, 0xE00D):
            return position + 8
        if implicit:
            position += 8
        else:
            group, element, vr, length = _short_element(head, position)
            position += 8
            if vr in _LONG:
                length = _long_length(head, position)[0]
                position += 4
                if length == _UNDEFINED and vr != b"SQ":
                    raise _Declined
            elif vr not in _SHORT:
                raise _Declined
        if group == 0xFFFE:
            raise _Declined
        if length == _UNDEFINED:
            position = _after_sequence(head, position, implicit, depth + 1)
        else:
            position += length


def _encodings(charset: bytes) -> Any:  # noqa: ANN401 - one name or several, as in pydicom
    found = _charsets.get(charset)
    if found is None:
        try:
            found = convert_encodings(convert_string(charset, True))
        except MALFORMED as error:
            raise _Declined from error
        if len(_charsets) > 256:
            _charsets.clear()
        _charsets[charset] = found
    return found
