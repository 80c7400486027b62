"""What a slip of the finger or of memory costs: 1 is an ordinary one, less a likely one."""

from __future__ import annotations

from typing import Final

from app.reporting.spelling.rules import rules

_LATIN: Final = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_CYRILLIC: Final = ("йцукенгшщзхъ", "фывапролджэ", "ячсмитьбю")


def _neighbours(rows: tuple[str, ...]) -> set[str]:
    pairs: set[str] = set()
    for number, row in enumerate(rows):
        for place, key in enumerate(row):
            around = row[max(0, place - 1) : place] + row[place + 1 : place + 2]
            for near, other in enumerate(rows):
                if abs(near - number) == 1:
                    around += other[max(0, place - 1) : place + 2]
            pairs.update(key + letter for letter in around)
    return pairs


_NEIGHBOURS: Final = frozenset(_neighbours(_LATIN) | _neighbours(_CYRILLIC))


def slip_cost(wrong: str, right: str) -> float:
    """The cost of ``right`` typed as ``wrong``; "" is no letter, two letters are swapped ones."""
    if len(wrong) == 2:
        return 0.7
    if not wrong or not right:
        return 0.9
    if wrong == right:  # typed twice
        return 0.6
    pair = right + wrong
    if pair in rules().alike:
        return 0.6
    return 0.75 if pair in _NEIGHBOURS else 1.0
