"""Datasets of headers that parse no value twice: the slices of a series have most in common."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final, ParamSpec, TypeVar, cast

from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement, empty_value_for_VR
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.tag import BaseTag
from pydicom.values import convert_value

from app.dicom.tolerant import MALFORMED

Raw = tuple[int, bytes, bytes, int]
"""Tag, VR (of an earlier element where there is none), value and where the value begins."""

_MEMORY_ENTRIES: Final = 50_000
_MEMORY_LONGEST: Final = 512
_MEMORY_RESULTS: Final = 4096
_MEMORY_WAYS: Final = 8
_GROUPS: Final = frozenset((0x52009229, 0x52009230))  # functional groups: values per frame
# VRs whose bytes can be converted without a look at other elements.
_DIRECT: Final = frozenset(("AS", "CS", "DA", "DS", "DT", "IS", "LO", "PN", "SH", "TM", "UI", "US"))

P = ParamSpec("P")
T = TypeVar("T")


def forget() -> None:
    """Start with an empty memory: for tests and measurements, and when the settings change."""
    _memories.clear()


class HeaderDataset(Dataset):
    """A dataset that looks a value up by its bytes before it parses them, and can say what is read.

    ``_raw`` are the elements as read; pydicom's own ``_dict`` is made from it when first needed.
    ``_read_tags`` collects the tags that are looked at, while somebody wants to know.
    """

    _raw: dict[int, Raw]
    _memory: Memory
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

    def _converted(self, raw: Raw) -> tuple[Any, bool]:
        """The value as pydicom gives it, and whether the bytes alone make it what it is."""
        tag, vr, data, value_at = raw
        implicit = bool(self._read_implicit)
        name = dictionary_vr(tag) if implicit else vr.decode("ascii")
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


class HeaderMeta(HeaderDataset, FileMetaDataset):
    """The same for the meta header."""


class Memory:
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
        if dataset.__class__ is not HeaderDataset or dataset._has_groups:
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
    raw: dict[int, Raw],
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
_memories: dict[tuple[bool, bytes, bytes], Memory] = {}


def header_dataset(
    kind: type[HeaderDataset], elements: dict[int, Raw], implicit: bool, memory: Memory
) -> HeaderDataset:
    """A dataset of ``kind`` with raw elements; its plain fields are those of an empty one."""
    dataset = kind.__new__(kind)
    fields = dataset.__dict__
    fields.update(_EMPTY)
    fields["_raw"], fields["_memory"], fields["_read_tags"] = elements, memory, None
    fields["_has_groups"] = any(tag in elements for tag in _GROUPS)
    fields["_private_blocks"], fields["_pixel_id"] = {}, {}
    fields["_read_implicit"], fields["_read_little"] = implicit, True
    return dataset


def _elements_of(dataset: HeaderDataset) -> dict[BaseTag, RawDataElement]:
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


def dictionary_vr(tag: int) -> str:
    try:
        return dictionary_VR(tag)
    except KeyError:
        return ""


def memory_of(implicit: bool, charset: bytes, signed: bytes) -> Memory:
    if len(_memories) > 64:
        _memories.clear()
    return _memories.setdefault((implicit, charset, signed), Memory())
