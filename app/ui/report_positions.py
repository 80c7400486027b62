"""Characters of a text and the positions in which Qt counts them (UTF-16 units)."""

from __future__ import annotations


def utf16(text: str, index: int) -> int:
    """The Qt position of a character index."""
    return index if text.isascii() else len(text[:index].encode("utf-16-le")) // 2


def character(text: str, position: int) -> int:
    """The character index of a Qt position; inside a pair it is the character that begins there."""
    if text.isascii():
        return position
    return len(text.encode("utf-16-le")[: position * 2].decode("utf-16-le", "ignore"))


def changed_part(before: str, after: str) -> tuple[int, int, int]:
    """What differs: ``start`` and ``end`` in ``before``, ``end`` in ``after``."""
    start = _equal(before, after)
    tail = _equal(before[start:][::-1], after[start:][::-1])
    return start, len(before) - tail, len(after) - tail


def _equal(one: str, two: str) -> int:
    """How many characters are equal at the beginning; halving, so that long texts cost little."""
    low, high = 0, min(len(one), len(two))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == two[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
