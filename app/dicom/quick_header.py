"""Headers of ordinary little-endian files in a fraction of pydicom's time; declines all others.

Whoever opens a folder waits for its headers. Two things are saved here: only the beginning of a
file is read and walked with ``struct``, and a value that another header had too (nearly all of a
series) is not parsed again. Anything out of the ordinary, however slightly, gives None, and pydicom
reads the file: there is one reader that decides, and this one never disagrees with it
(``tests/unit/dicom/test_quick_header.py``).
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable, Collection
from typing import Any, Final, NamedTuple, ParamSpec, TypeVar, cast

from pydicom.charset import convert_encodings, default_encoding
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement, empty_value_for_VR
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.tag import BaseTag
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    PrivateTransferSyntaxes,
)
from pydicom.values import convert_string, convert_value

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
_MEMORY_ENTRIES: Final = 50_000
_MEMORY_LONGEST: Final = 512
_MEMORY_RESULTS: Final = 4096
_MEMORY_WAYS: Final = 8
_GROUPS: Final = frozenset((0x52009229, 0x52009230))  # functional groups: values per frame

P = ParamSpec("P")
T = TypeVar("T")

_short_element: Final = struct.Struct("<HH2sH").unpack_from
_implicit_element: Final = struct.Struct("<HHL").unpack_from
_long_length: Final = struct.Struct("<L").unpack_from

# VRs whose bytes can be converted without a look at other elements.
_DIRECT: Final = frozenset(("AS", "CS", "DA", "DS", "DT", "IS", "LO", "PN", "SH", "TM", "UI", "US"))

_Raw = tuple[int, bytes, bytes, int]


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


def forget() -> None:
    """Start with an empty memory: for tests and measurements."""
    _memories.clear()
    _charsets.clear()


class _Remembering(Dataset):
    """A dataset that looks a value up by its bytes before it parses them, and can say what is read.

    ``_raw`` are the elements as read; pydicom's own ``_dict`` is made from it when first needed.
    ``_read_tags`` collects the tags that are looked at, while somebody wants to know.
    """

    _raw: dict[int, _Raw]
    _memory: _Memory
    _read_tags: set[int] | None
    _has_groups: bool

    def get(self, key: Any, default: Any = None) -> Any:  # noqa: ANN401 - as in pydicom
        """The value of a keyword, as ``Dataset.get``."""
        tag = tag_for_keyword(key) if key.__class__ is str else None
        if tag is None:
            return super().get(key, default)
        if self._read_tags is not None:
            self._read_tags.add(tag)
        raw = self._raw.get(tag)
        if raw is None:
            return default
        place = tag, raw[2]
        values = self._memory.values
        if place in values:
            return values[place]
        value, may_keep = self._converted(raw)
        if may_keep:
            if len(values) >= _MEMORY_ENTRIES:
                values.clear()
            values[place] = value
        return value

    def _converted(self, raw: _Raw) -> tuple[Any, bool]:
        """The value as pydicom gives it, and whether the bytes alone make it what it is."""
        tag, vr, data, value_at = raw
        implicit = bool(self._read_implicit)
        name = _dictionary_vr(tag) if implicit else vr.decode("ascii")
        if name in _DIRECT and 0 < len(data) <= _MEMORY_LONGEST:
            element = RawDataElement(BaseTag(tag), name, len(data), data, value_at, implicit, True)
            try:
                return convert_value(name, element, self._read_charset), True
            except MALFORMED:
                pass  # pydicom tries further ways
        found = self[BaseTag(tag)]
        return found.value, found.VR != "SQ" and len(data) <= _MEMORY_LONGEST

    def __getitem__(self, key: Any) -> Any:  # noqa: ANN401 - as in pydicom
        self._note(key)
        return super().__getitem__(key)

    def __contains__(self, name: Any) -> bool:  # noqa: ANN401 - as in pydicom
        self._note(name)
        tag = tag_for_keyword(name) if isinstance(name, str) else name
        return tag in self._raw if isinstance(tag, int) else super().__contains__(name)

    def get_item(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as in pydicom
        """The element without parsing it, as ``Dataset.get_item``."""
        self._note(*args, *kwargs.values())
        return super().get_item(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - as in pydicom
        if name == "_dict":
            elements = self.__dict__["_dict"] = _elements_of(self)
            return elements
        return self.get(name) if name in self else super().__getattr__(name)

    def _note(self, *keys: Any) -> None:  # noqa: ANN401 - as in pydicom
        if self._read_tags is None:
            return
        for key in keys:
            tag = tag_for_keyword(key) if isinstance(key, str) else key
            if isinstance(tag, int):
                self._read_tags.add(int(tag))


class _RememberingMeta(_Remembering, FileMetaDataset):
    """The same for the meta header."""


class _Memory:
    """What was parsed before, for headers in which the same bytes mean the same."""

    __slots__ = ("results", "values")

    def __init__(self) -> None:
        self.values: dict[tuple[int, bytes], Any] = {}
        self.results: dict[object, list[tuple[tuple[int, ...], dict[object, Any]]]] = {}


def remembered(function: Callable[P, T]) -> Callable[P, T]:
    """Give the earlier result where all elements that ``function`` looks at hold the same bytes.

    For functions of one header whose result nobody changes. The elements are not declared: they
    are those that were looked at in the first call, so the function may be written as if this were
    not here. Datasets that pydicom read, and those with functional groups, are never remembered.
    """

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        dataset: Any = args[0]
        if dataset.__class__ is not _Remembering or dataset._has_groups:
            return function(*args, **kwargs)
        raw, outer = dataset._raw, dataset._read_tags
        given = (args[1:], *kwargs.items())
        known = dataset._memory.results.setdefault(function, [])
        for tags, results in known:
            key = (given, tuple([raw[tag][2] if tag in raw else None for tag in tags]))
            if key in results:
                if outer is not None:
                    outer.update(tags)
                return cast(T, results[key])
        read = dataset.__dict__["_read_tags"] = set()
        try:
            result = function(*args, **kwargs)
        finally:
            dataset.__dict__["_read_tags"] = outer
            if outer is not None:
                outer.update(read)
        _remember(known, given, tuple(sorted(read)), raw, result)
        return result

    return call


def _remember(
    known: list[tuple[tuple[int, ...], dict[object, Any]]],
    given: object,
    tags: tuple[int, ...],
    raw: dict[int, _Raw],
    result: object,
) -> None:
    key = (given, tuple([raw[tag][2] if tag in raw else None for tag in tags]))
    for known_tags, results in known:
        if known_tags == tags:
            if len(results) >= _MEMORY_RESULTS:
                results.clear()
            results[key] = result
            return
    if len(known) < _MEMORY_WAYS:
        known.append((tags, {key: result}))


# Values mean the same where VRs, character set and pixel representation are the same.
_memories: dict[tuple[bool, bytes, bytes], _Memory] = {}
_charsets: dict[bytes, Any] = {}


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
    dataset = _dataset(_Remembering, elements, implicit, _memory_of(implicit, charset, signed))
    dataset.__dict__["_read_charset"] = _encodings(charset) if charset else default_encoding
    dataset.__dict__["file_meta"] = _dataset(
        _RememberingMeta, meta, False, _memory_of(False, b"meta", b"")
    )
    return QuickHeader(dataset, end)


def _meta(head: bytes) -> tuple[dict[int, _Raw], int]:
    found: dict[int, _Raw] = {}
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
) -> tuple[dict[int, _Raw], int]:
    """Elements by tag, from ``position`` to the pixel data or the end."""
    found: dict[int, _Raw] = {}
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
            if (_dictionary_vr(tag) == "SQ") if implicit else vr == b"SQ":
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


def _dataset(
    kind: type[_Remembering], elements: dict[int, _Raw], implicit: bool, memory: _Memory
) -> _Remembering:
    """A dataset of ``kind`` with raw elements; its plain fields are those of an empty one."""
    dataset = kind.__new__(kind)
    fields = dataset.__dict__
    fields.update(_EMPTY)
    fields["_raw"], fields["_memory"], fields["_read_tags"] = elements, memory, None
    fields["_has_groups"] = any(tag in elements for tag in _GROUPS)
    fields["_private_blocks"], fields["_pixel_id"] = {}, {}
    fields["_read_implicit"], fields["_read_little"] = implicit, True
    return dataset


def _elements_of(dataset: _Remembering) -> dict[BaseTag, RawDataElement]:
    """The elements in pydicom's form."""
    fields, elements = dataset.__dict__, {}
    implicit = bool(fields["_read_implicit"])
    for tag, vr, value, value_at in fields["_raw"].values():
        base = BaseTag(tag)
        name = None if implicit else vr.decode("ascii")
        data = value or cast("bytes | None", empty_value_for_VR(name, raw=True))
        elements[base] = RawDataElement(base, name, len(value), data, value_at, implicit, True)
    return elements


_EMPTY: Final = {name: value for name, value in Dataset().__dict__.items() if name != "_dict"}


def _dictionary_vr(tag: int) -> str:
    try:
        return dictionary_VR(tag)
    except KeyError:
        return ""


def _memory_of(implicit: bool, charset: bytes, signed: bytes) -> _Memory:
    if len(_memories) > 64:
        _memories.clear()
    return _memories.setdefault((implicit, charset, signed), _Memory())


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
