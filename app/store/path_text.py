"""Paths as text that a database can hold, and back.

On POSIX a file name is bytes; Python shows those that are no UTF-8 as halves of surrogate pairs,
which no database takes. They are moved to a private area of Unicode, one to one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

_TO_TEXT: Final = {0xDC00 + byte: 0xF700 + byte for byte in range(0x80, 0x100)}
_TO_PATH: Final = {private: half for half, private in _TO_TEXT.items()}


def text_of_path(path: Path) -> str:
    """The text to be stored for a path."""
    return str(path).translate(_TO_TEXT)


def path_of_text(text: str) -> Path:
    """The path that was stored as ``text``."""
    return Path(text.translate(_TO_PATH))
