"""Reading what the world writes: which errors mean a bad file, and pydicom's warnings kept quiet.

pydicom warns about every value that breaks a rule; a reading program meets thousands of those and
says what matters in its own warnings instead.
"""

from __future__ import annotations

import logging
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from pydicom import config
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.uid import UID

from app.dicom.pydicom_limits import limit_pydicom

MALFORMED = (
    InvalidDicomError,
    BytesLengthException,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    RecursionError,
    RuntimeError,
    TypeError,
    ValueError,
    ArithmeticError,
    struct.error,
    zlib.error,
)
"""What pydicom and its decoders raise on a malformed or unsupported object.

OSError is what pydicom raises for a sequence that ends early; that of a disk has an errno, and who
opens files looks for it first.
"""

# Its log lines quote the values they complain about, which may identify a patient; and the check
# takes longer than reading the values.
config.settings.reading_validation_mode = config.IGNORE
logging.getLogger("pydicom").setLevel(logging.CRITICAL)
limit_pydicom()

_lock = threading.Lock()
_depth = 0
_saved: list[Any] = []


@contextmanager
def quiet() -> Iterator[None]:
    """Ignore Python warnings inside; safe when several threads are inside at once.

    ``warnings.catch_warnings`` restores the filters of whoever entered, so two threads that
    overlap leave the wrong ones behind; here the first one in saves and the last one out restores.
    """
    global _depth
    with _lock:
        if _depth == 0:
            _saved[:] = warnings.filters
            warnings.simplefilter("ignore")
        _depth += 1
    try:
        yield
    finally:
        with _lock:
            _depth -= 1
            if _depth == 0:
                warnings.resetwarnings()
                cast("list[Any]", warnings.filters).extend(_saved)


def value_of(ds: Dataset, keyword: str) -> Any:  # noqa: ANN401 - DICOM values are of any type
    """The value of ``keyword``, or None where it is absent, empty or cannot be parsed."""
    try:
        value = ds.get(keyword)
    except MALFORMED:
        return None
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    return value


def numbers_of(ds: Dataset, keyword: str) -> tuple[float, ...]:
    """The finite numbers of ``keyword``; empty where one of them is none."""
    value = value_of(ds, keyword)
    if value is None:
        return ()
    items = value if _is_multiple(value) else [value]
    try:
        numbers = tuple(float(item) for item in items)
    except (TypeError, ValueError):
        return ()
    return numbers if all(abs(n) < 1e300 for n in numbers) else ()


def number_of(ds: Dataset, keyword: str) -> float | None:
    """The first finite number of ``keyword``, or None."""
    numbers = numbers_of(ds, keyword)
    return numbers[0] if numbers else None


def integer_of(ds: Dataset, keyword: str, default: int) -> int:
    """The first whole number of ``keyword``, or ``default``."""
    number = number_of(ds, keyword)
    return default if number is None else int(number)


def words_of(ds: Dataset, keyword: str) -> tuple[str, ...]:
    """The texts of a multi-valued ``keyword``, in order."""
    value = value_of(ds, keyword)
    if value is None:
        return ()
    items = value if _is_multiple(value) else [value]
    # A sequence where a text should be: printing one takes time exponential in its depth.
    return tuple(str(item).strip() for item in items if not isinstance(item, Dataset))


def items_of(ds: Dataset | None, keyword: str) -> tuple[Dataset, ...]:
    """The items of a sequence; empty where it is absent or malformed."""
    if ds is None:
        return ()
    value = value_of(ds, keyword)
    if value is None or isinstance(value, (str, bytes)):
        return ()
    try:
        return tuple(item for item in value if isinstance(item, Dataset))
    except TypeError:
        return ()


def _is_multiple(value: object) -> bool:
    return hasattr(value, "__iter__") and not isinstance(value, (str, bytes))


def uid_name(uid: str) -> str:
    """What the standard calls a UID, or the UID itself; without a complaint about its form."""
    return str(UID(uid, validation_mode=config.IGNORE).name)


def text_words_upper(ds: Dataset, keyword: str) -> tuple[str, ...]:
    """The texts of a multi-valued ``keyword`` in capitals, as code strings should be."""
    return tuple(word.upper() for word in words_of(ds, keyword))
