"""What changed between two texts, word by word."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

PieceKind = Literal["same", "removed", "added"]
# a number with its decimals is one word: 8.2 to 8.6 must not read as 8.[2|6]
_WORD: Final = re.compile(r"\s+|\d+(?:[.,]\d+)*|\w+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class TextPiece:
    """A run of text that stands in both, in the first only or in the second only."""

    kind: PieceKind
    text: str


def word_diff(before: str, after: str) -> tuple[TextPiece, ...]:
    """The pieces in order: "same" and "removed" give ``before``, "same" and "added" ``after``."""
    pieces: list[TextPiece] = []
    for piece in _by_lines(before, after):
        if pieces and pieces[-1].kind == piece.kind:
            pieces[-1] = TextPiece(piece.kind, pieces[-1].text + piece.text)
        elif piece.text:
            pieces.append(piece)
    return tuple(pieces)


def _by_lines(before: str, after: str) -> Iterator[TextPiece]:
    """Lines first, so that a text of many pages takes no longer than its changes."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    for tag, i, i_end, j, j_end in _opcodes(old, new):
        was, now = "".join(old[i:i_end]), "".join(new[j:j_end])
        if tag == "replace":
            yield from _by_words(was, now)
        else:
            yield from _pieces(tag, was, now)


def _by_words(before: str, after: str) -> Iterator[TextPiece]:
    old, new = _WORD.findall(before), _WORD.findall(after)
    for tag, i, i_end, j, j_end in _opcodes(old, new):
        yield from _pieces(tag, "".join(old[i:i_end]), "".join(new[j:j_end]))


def _pieces(tag: str, was: str, now: str) -> Iterator[TextPiece]:
    if tag == "equal":
        yield TextPiece("same", was)
        return
    if was:
        yield TextPiece("removed", was)
    if now:
        yield TextPiece("added", now)


def _opcodes(old: Sequence[str], new: Sequence[str]) -> Sequence[tuple[str, int, int, int, int]]:
    return difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
