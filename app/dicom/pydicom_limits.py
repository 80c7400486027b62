"""Limits that pydicom's reader lacks, against crafted files (D19).

- A dataset that is deflated as a whole is unpacked in one go, however large: ten megabytes can hold
  ten gigabytes of zeros. The reader gets a ``zlib`` that refuses; there is no other place for it.
- A sequence is printed wherever a value is, also by pydicom for its log, and where printing deep
  ones fails each level prints the failure of the next: hours for two kilobytes. Here a sequence
  tells its length and no more, which also keeps patients out of texts.
"""

from __future__ import annotations

import zlib
from types import SimpleNamespace
from typing import Final

from pydicom import filereader
from pydicom.sequence import Sequence

from app.jobs.machine_memory import memory_bytes

_ALWAYS_ALLOWED: Final = 256 * 2**20
_USUALLY_ALLOWED: Final = 2**30
_RATIO: Final = 50


def limit_pydicom() -> None:
    """Put the limits in place; more than once does nothing."""
    vars(filereader)["zlib"] = SimpleNamespace(
        decompress=inflated, error=zlib.error, MAX_WBITS=zlib.MAX_WBITS
    )
    Sequence.__str__ = Sequence.__repr__ = _briefly  # type: ignore[method-assign]


def inflated(data: bytes, wbits: int = zlib.MAX_WBITS) -> bytes:
    """``zlib.decompress`` up to a limit: 1 GB or fifty times the data, a quarter of the memory.

    Raises ``zlib.error`` beyond it.
    """
    most = min(max(_USUALLY_ALLOWED, _RATIO * len(data)), memory_bytes() // 4)
    unpacker = zlib.decompressobj(wbits)
    unpacked = unpacker.decompress(data, max(most, _ALWAYS_ALLOWED))
    if unpacker.unconsumed_tail:
        raise zlib.error("it unpacks to more than is allowed")
    if not unpacker.eof:
        raise zlib.error("incomplete or truncated stream")
    return unpacked


def _briefly(sequence: Sequence) -> str:
    return f"<sequence of {len(sequence)}>"
