"""Texts of a header as Unicode (D10): declared character sets, and what to do when none is."""

from __future__ import annotations

from typing import Any

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset

from app.dicom.tolerant import MALFORMED, value_of

# Old devices write their local code page and declare nothing. UTF-8 is tried first because other
# code pages practically never form valid UTF-8; this one is for the rest.
DEFAULT_FALLBACK = "iso8859-1"
# What pydicom calls "none declared".
_DEFAULT_REPERTOIRE = ("iso8859", ["iso8859"])


def text_of(ds: Dataset, keyword: str, *, fallback: str = DEFAULT_FALLBACK) -> str:
    """The text of ``keyword``, several values joined by a backslash; empty where absent.

    Person names keep their groups as in the file (``alphabetic=ideographic=phonetic``).
    """
    undeclared = _undeclared_bytes(ds, keyword)
    if undeclared is not None:
        return _decoded(undeclared, fallback).strip(" \0")
    value = value_of(ds, keyword)
    if value is None:
        return ""
    if hasattr(value, "__iter__") and not isinstance(value, (str, bytes)):
        value = _joined(value)
    return str(value).strip(" \0")


def name_groups(name: str) -> tuple[str, str, str]:
    """Alphabetic, ideographic and phonetic group of a person name; missing ones are empty."""
    groups = [group.strip(" ^") for group in name.split("=")][:3]
    groups += [""] * (3 - len(groups))
    return groups[0], groups[1], groups[2]


def display_name(name: str) -> str:
    """A person name for the screen: ``Family, Given Middle``, ideographs in brackets."""
    alphabetic, ideographic, _ = name_groups(name)
    shown = _plain(alphabetic) or _plain(ideographic)
    if alphabetic and ideographic:
        shown += f" ({_plain(ideographic)})"
    return shown


def _plain(group: str) -> str:
    parts = [part.strip() for part in group.split("^")]
    rest = " ".join(part for part in parts[1:3] if part)
    return f"{parts[0]}, {rest}" if parts[0] and rest else parts[0] or rest


def _joined(values: Any) -> str:  # noqa: ANN401 - pydicom's multi values
    # A PersonName can be iterated too, but means one text.
    if hasattr(values, "alphabetic"):
        return str(values)
    return "\\".join(str(item) for item in values)


def _undeclared_bytes(ds: Dataset, keyword: str) -> bytes | None:
    """The raw bytes where they are not ASCII although no character set is declared."""
    declared = value_of(ds, "SpecificCharacterSet")
    if declared not in (None, "", "ISO_IR 6", "ISO 2022 IR 6"):
        return None
    # An item of a sequence is written in the character set of the object that holds it.
    if declared is None and ds.original_character_set not in _DEFAULT_REPERTOIRE:
        return None
    tag = tag_for_keyword(keyword)
    if tag is None:
        return None
    try:
        raw = ds.get_item(tag)
    except MALFORMED:
        return None
    value: Any = getattr(raw, "value", None)
    if hasattr(value, "original_string"):
        value = value.original_string
    if isinstance(value, bytes) and any(byte > 127 for byte in value):
        return value
    return None


def _decoded(raw: bytes, fallback: str) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode(fallback, errors="replace")
