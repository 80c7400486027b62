"""Reports without full stops, as dictation and hasty typing leave them: where sentences begin."""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Iterator
from typing import Final

_STOP: Final = re.compile(r"(?<=[^\W\d_])[.!?;](?=\s|$)")
_WORD: Final = re.compile(r"[^\W\d_]+")
_FEWEST_WORDS: Final = 20
_WORDS_PER_STOP: Final = 30
_WORDS_PER_LINE: Final = 12
_LONGEST_WORD: Final = 16  # letters
# a small letter or a figure, a blank, a word with one capital letter at its beginning
_CAPITAL: Final = re.compile(
    r"(?<=[a-zа-яё0-9%)])[ \t]+(?P<word>[A-ZА-ЯЁ](?:[a-zа-яё]+|(?= [a-zа-яё])))(?!\w)"
)


@functools.lru_cache(maxsize=4)
def lacks_stops(text: str) -> bool:
    """Whether full stops are too few to tell the sentences of ``text`` apart."""
    words = len(_WORD.findall(text))
    return words >= _FEWEST_WORDS and len(_STOP.findall(text)) * _WORDS_PER_STOP < words


@functools.lru_cache(maxsize=4)
def has_no_sentences(text: str) -> bool:
    """Whether nothing tells the sentences of ``text`` apart: no stops, no capitals, no lines."""
    if not (text.islower() or text.isupper()) or not lacks_stops(text):
        return False
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    # the end of a line as long as the longest is no end of a sentence: it was wrapped there
    full = max(map(len, lines)) - _LONGEST_WORD
    ended = sum(len(line) < full for line in lines)
    return ended * _WORDS_PER_LINE < len(_WORD.findall(text))


def run_on_starts(
    text: str, start: int, end: int, names: Collection[str], openers: Collection[str]
) -> Iterator[int]:
    """Offsets in ``start..end`` at which another sentence begins, in a text that lacks stops.

    At a capital letter that is not that of a name (``names``, in lower case), and in a text without
    capitals at a word that opens a sentence (``openers``).
    """
    if has_no_sentences(text):
        for match in _WORD.finditer(text, start + 1, end):
            if match.group().lower() in openers and text[match.start() - 1].isspace():
                yield match.start()
        return
    for match in _CAPITAL.finditer(text, start, end):
        if match["word"].lower().replace("ё", "е") not in names:
            yield match.start("word")
