"""Datasets that are deflated as a whole unpack within a limit (D19).

pydicom unpacks them in one go, however large: ten megabytes can hold ten gigabytes of zeros. Its
reader gets a ``zlib`` that refuses; there is no other place to put a limit.
"""

from __future__ import annotations

import zlib
from types import SimpleNamespace
from typing import Final

from pydicom import filereader

from app.jobs.machine_memory import memory_bytes

_ALWAYS_ALLOWED: Final = 256 * 2**20
_USUALLY_ALLOWED: Final = 2**30
_RATIO: Final = 50


def limit_inflation() -> None:
    """Put the limit into pydicom's reader; more than once does nothing."""
    vars(filereader)["zlib"] = SimpleNamespace(
        decompress=inflated, error=zlib.error, MAX_WBITS=zlib.MAX_WBITS
    )


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
