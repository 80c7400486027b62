"""Keys by their place: with a Russian layout in force, the key that bears N still means N."""

from __future__ import annotations

from typing import Final

_RUSSIAN: Final = "ЙЦУКЕНГШЩЗХЪФЫВАПРОЛДЖЭЯЧСМИТЬБЮ"
_LATIN: Final = "QWERTYUIOP[]ASDFGHJKL;'ZXCVBNM,."
_LATIN_OF: Final = {ord(ru): ord(en) for ru, en in zip(_RUSSIAN, _LATIN, strict=True)}


def latin_key(key: int) -> int:
    """The ``Qt.Key`` that stands at the same place on a Latin keyboard.

    Shortcuts of actions are matched so by Qt itself; key events handled by a widget are not.
    """
    return _LATIN_OF.get(key, key)
