"""Texts of a header as Unicode (D10): declared character sets, and what to do when none is.

A text that had to be guessed is told about (``doubts_of``): garbled names look like other people.
"""

from __future__ import annotations

import codecs
import functools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import pydicom.charset
from pydicom.charset import convert_encodings, decode_bytes, default_encoding
from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.valuerep import PersonName

from app.core.report import Message
from app.dicom import wording
from app.dicom.tolerant import MALFORMED, quiet, value_of, words_of

DEFAULT_FALLBACK: Final = "iso8859-1"

_TEXTS: Final = ("LO", "LT", "PN", "SH", "ST", "UC", "UT")
_ASCII: Final = ("", "ISO_IR 6", "ISO 2022 IR 6")
_UTF8: Final = "ISO_IR 192"
_LATIN_1: Final = ("ISO_IR 100", "ISO 2022 IR 100")
# After these the first character set holds again (PS3.5 6.1.2.5.3); in names their parts' too.
_DELIMITERS: Final = frozenset(b"\\\r\n\t\f")
_NAME_DELIMITERS: Final = _DELIMITERS | frozenset(b"^=")
# What a text with escape sequences may be written in, where none is declared.
_WITH_ESCAPES: Final = (
    "ISO 2022 IR 6", "ISO 2022 IR 13", "ISO 2022 IR 87", "ISO 2022 IR 159", "ISO 2022 IR 149",
    "ISO 2022 IR 58",
)  # fmt: skip

# Latin-9 (PS3.3 C.12.1.1.2), which pydicom does not know.
pydicom.charset.python_encoding.setdefault("ISO_IR 203", "iso8859_15")
pydicom.charset.python_encoding.setdefault("ISO 2022 IR 203", "iso8859_15")
pydicom.charset.CODES_TO_ENCODINGS.setdefault(b"\x1b-b", "iso8859_15")
pydicom.charset.ENCODINGS_TO_CODES.setdefault("iso8859_15", b"\x1b-b")

_fallback = DEFAULT_FALLBACK


def use_fallback(name: str) -> None:
    """How texts that declare nothing and are no UTF-8 are read from now on: a Python codec.

    Old devices write their local code page. Raises ``LookupError`` for an unknown name. Set it
    before files are read: what was read stays as it is.
    """
    global _fallback
    codecs.lookup(name)
    _fallback = name


def text_of(ds: Dataset, keyword: str, *, fallback: str = "") -> str:
    """The text of ``keyword``, several values joined by a backslash; empty where absent.

    Person names keep their groups as in the file (``alphabetic=ideographic=phonetic``).
    ``fallback`` takes the place of the configured one.
    """
    return _text_and_doubt(ds, keyword, fallback or _fallback)[0]


def decode_texts(ds: Dataset) -> None:
    """Replace the texts of ``ds`` by those of ``text_of``, so that they can be written in UTF-8.

    What is read by a guess must be written by the same guess (D10). Items of sequences are read
    as they declare. Raises ``LookupError`` or ``ValueError`` where a text cannot be decoded.
    """
    with quiet():
        keywords = [keyword_for_tag(tag) for tag in ds.keys()]  # noqa: SIM118 - no dict
        texts = {
            keyword: text_of(ds, keyword)
            for keyword in keywords
            if keyword and dictionary_VR(keyword) in _TEXTS and _raw_bytes(ds, keyword)
        }
        ds.decode()
        for keyword, text in texts.items():
            setattr(ds, keyword, text)


def doubts_of(ds: Dataset, keywords: Iterable[str]) -> tuple[Message, ...]:
    """What of the texts of ``keywords`` had to be guessed, one sentence for each kind of guess."""
    doubts = (_text_and_doubt(ds, keyword, _fallback)[1] for keyword in keywords)
    return tuple(dict.fromkeys(doubt for doubt in doubts if doubt is not None))


def _text_and_doubt(ds: Dataset, keyword: str, fallback: str) -> tuple[str, Message | None]:
    raw = _raw_bytes(ds, keyword)
    if raw is not None and not (raw.isascii() and b"\x1b" not in raw):
        text, doubt = _decoded(_Raw(ds, keyword, raw), fallback)
        return text.strip(" \0"), doubt
    value = value_of(ds, keyword)
    if value is None:
        return "", None
    if hasattr(value, "__iter__") and not isinstance(value, (str, bytes)):
        value = _joined(value)
    return str(value).strip(" \0"), None


@dataclass(frozen=True, slots=True)
class _Raw:
    """The bytes of one text and what is declared of them."""

    ds: Dataset
    keyword: str
    data: bytes

    @property
    def declared(self) -> tuple[str, ...]:
        if value_of(self.ds, "SpecificCharacterSet") is None:
            return ()
        return words_of(self.ds, "SpecificCharacterSet")

    @property
    def inherited(self) -> tuple[str, ...]:
        """The encodings of the object around an item; empty where it has none either."""
        found = getattr(self.ds, "_parent_encoding", default_encoding)
        encodings = (found,) if isinstance(found, str) else tuple(found)
        return () if encodings == (default_encoding,) else encodings

    def by(self, encodings: tuple[str, ...]) -> tuple[str, Message | None]:
        is_name = dictionary_VR(self.keyword) == "PN"
        with quiet():
            text = decode_bytes(
                self.data, encodings, set(_NAME_DELIMITERS if is_name else _DELIMITERS)
            )
        # Python reads the escapes of Chinese (ISO-IR 58) as letters.
        text = text.replace("\x1b$)A", "")
        is_broken = "\ufffd" in text or "\x1b" in text
        return text, wording.UNREADABLE_TEXT if is_broken else None


def _decoded(raw: _Raw, fallback: str) -> tuple[str, Message | None]:
    """Bytes that are more than ASCII as text, and a doubt where the declaration did not help."""
    declared = raw.declared
    known = tuple(term for term in declared if term in pydicom.charset.python_encoding)
    if all(term in _ASCII for term in known):
        if raw.inherited and not declared:
            return raw.by(raw.inherited)
        return _undeclared(raw, fallback)
    if known[0] in _ASCII and b"\x1b" not in raw.data:
        return _never_switched(raw, known[1:], fallback)
    if _is_surely_utf8(raw.data, known):
        return raw.data.decode("utf-8"), None if known == (_UTF8,) else wording.IS_UTF8
    text, doubt = raw.by(_encodings(known))
    if doubt is not None and known == (_UTF8,):
        return raw.data.decode(fallback, errors="replace"), wording.read_as(fallback)
    return text, doubt


def _never_switched(raw: _Raw, others: tuple[str, ...], fallback: str) -> tuple[str, Message]:
    """More than ASCII in a text that begins in ASCII and switches to none of its other sets.

    Some writers leave the escape sequences out. One of the sets is then meant, or UTF-8.
    """
    try:
        return raw.data.decode("utf-8"), wording.IS_UTF8
    except UnicodeDecodeError:
        pass
    for encoding in _encodings(others):
        try:
            return raw.data.decode(encoding), wording.read_as(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    return raw.data.decode(fallback, errors="replace"), wording.read_as(fallback)


def _undeclared(raw: _Raw, fallback: str) -> tuple[str, Message | None]:
    if b"\x1b" in raw.data:
        text, doubt = raw.by(_encodings(_WITH_ESCAPES))
        return text, doubt or wording.ESCAPES_UNDECLARED
    try:
        # Other code pages practically never form valid UTF-8.
        return raw.data.decode("utf-8"), None
    except UnicodeDecodeError:
        return raw.data.decode(fallback, errors="replace"), wording.read_as(fallback)


def _is_surely_utf8(raw: bytes, declared: tuple[str, ...]) -> bool:
    """Whether a text is UTF-8 although one byte per character is declared, or as declared."""
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    if declared == (_UTF8,):
        return True
    # In Latin-1 such pairs are no words; other alphabets have no letters below 0xA0.
    is_single_byte = len(declared) == 1 and not declared[0].startswith("GB")
    has_control = any(0x80 <= byte < 0xA0 for byte in raw)
    return is_single_byte and b"\x1b" not in raw and (declared[0] in _LATIN_1 or has_control)


@functools.cache
def _encodings(terms: tuple[str, ...]) -> tuple[str, ...]:
    with quiet():
        return tuple(convert_encodings(list(terms)))


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
    # never a sequence where a text should be: printing one is exponential in its depth
    return "\\".join(str(item) for item in values if not isinstance(item, Dataset))


def _raw_bytes(ds: Dataset, keyword: str) -> bytes | None:
    """The bytes as they are in the file, where they are still known."""
    tag = tag_for_keyword(keyword)
    if tag is None:
        return None
    try:
        value: Any = getattr(ds.get_item(tag), "value", None)
    except MALFORMED:
        return None
    if isinstance(value, PersonName):
        value = value.original_string
    return value if isinstance(value, bytes) else None
