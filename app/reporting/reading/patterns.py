"""Word patterns of the lexicon, and one index that finds all of them in a single pass.

A pattern is a row of items separated by spaces. An item is a word or alternatives joined by
``|``; ``stem*`` stands for any word that begins so; a leading ``?`` makes the item optional;
``~2`` lets up to two other words stand between; ``a_b`` is an alternative of two words. Hyphens
separate words. A pattern never reaches over punctuation that separates phrases.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.reporting.reading.tokens import Word

Source = tuple[str, str, str]  # kind, value and text of a pattern

_KEY = 4  # letters of a first word under which a pattern is filed


@dataclass(frozen=True, slots=True)
class Item:
    """One place of a pattern."""

    exact: frozenset[str]
    stems: tuple[str, ...]
    optional: bool
    gap: int

    def fits(self, word: str) -> bool:
        """Whether ``word`` (lower case) may stand here."""
        return word in self.exact or word.startswith(self.stems)


@dataclass(frozen=True, slots=True)
class Pattern:
    """A row of items and what it stands for: a kind (``concept``, ``side``, ...) and a value."""

    kind: str
    value: str
    items: tuple[Item, ...]
    text: str = ""


@dataclass(frozen=True, slots=True)
class Hit:
    """A pattern found at the words ``first <= n < last``; ``skipped`` are those in its gaps.

    ``term`` is the pattern as it is written in the lexicon.
    """

    kind: str
    value: str
    first: int
    last: int
    skipped: tuple[int, ...] = ()
    term: str = ""

    def owns(self, other: Hit) -> bool:
        """Whether all words of ``other`` are words of this pattern, not of its gaps."""
        inside = self.first <= other.first and other.last <= self.last
        return inside and not any(other.first <= word < other.last for word in self.skipped)

    def spans(self, other: Hit) -> bool:
        """Whether ``other`` stands in a gap of this pattern."""
        return any(other.first <= word < other.last for word in self.skipped)


def parse(kind: str, value: str, text: str) -> Pattern:
    """The pattern written as ``text``; raises ``ValueError`` when it is not well formed."""
    items: list[Item] = []
    gap = 0
    for part in text.split():
        if part.startswith("~"):
            gap = int(part[1:])
            continue
        optional = part.startswith("?")
        alternatives = part.lstrip("?").replace("ё", "е").split("|")
        exact = frozenset(one for one in alternatives if not one.endswith("*"))
        stems = tuple(one[:-1] for one in alternatives if one.endswith("*"))
        if any(len(stem) < 1 for stem in stems) or "" in exact:
            raise ValueError(f"empty item in pattern {text!r}")
        items.append(Item(exact, stems, optional, gap))
        gap = 0
    if not items or all(item.optional for item in items):
        raise ValueError(f"pattern {text!r} has no fixed word")
    return Pattern(kind, value, tuple(items), text)


def spelled_out(text: str) -> list[str]:
    """The patterns that a text with alternatives of several words stands for."""
    if "_" not in text:
        return [text]
    found = [""]
    for part in text.split():
        mark = "?" if part.startswith("?") else ""
        alternatives = part.lstrip("?").split("|")
        short = "|".join(one for one in alternatives if "_" not in one)
        ways = [mark + short] if short else []
        ways += [one.replace("_", " ") for one in alternatives if "_" in one]
        found = [f"{one} {way}" for one in found for way in ways]
    return [one.strip() for one in found]


class _Entry:
    """A pattern of the index, parsed when it is first needed."""

    __slots__ = ("_pattern", "_source")

    def __init__(self, source: Source | Pattern) -> None:
        self._pattern = source if isinstance(source, Pattern) else None
        self._source = source

    @property
    def pattern(self) -> Pattern:
        if self._pattern is None:
            kind, value, text = self._source  # type: ignore[misc]
            self._pattern = parse(kind, value, text)
        return self._pattern


class PatternIndex:
    """All patterns of a language, filed by the beginning of their first word. Read-only.

    Sources are filed by their text alone and parsed when a word of a report begins like them.
    """

    def __init__(self, sources: Iterable[Source | Pattern]) -> None:
        self._exact: dict[str, list[tuple[_Entry, int]]] = {}
        self._stems: dict[str, list[tuple[_Entry, int]]] = {}
        for source in sources:
            if isinstance(source, Pattern):
                self._add(_Entry(source), source.text)
                continue
            kind, value, whole = source
            for text in spelled_out(whole):
                self._add(_Entry((kind, value, text)), text)

    def _add(self, entry: _Entry, text: str) -> None:
        start = 0
        for part in text.replace("ё", "е").split():
            if part[0] == "~":
                continue
            self._file(entry, start, part)
            if part[0] != "?":
                break
            start += 1

    def _file(self, entry: _Entry, start: int, item: str) -> None:
        stems: set[str] = set()
        for one in item.lstrip("?").split("|"):
            if one.endswith("*"):
                stems.add(one[:-1][:_KEY])
            else:
                self._exact.setdefault(one, []).append((entry, start))
        for stem in stems:
            self._stems.setdefault(stem, []).append((entry, start))

    def find(self, words: Sequence[Word]) -> list[Hit]:
        """Every occurrence of every pattern (the longest per pattern and place), in order."""
        hits: list[Hit] = []
        for index, word in enumerate(words):
            best: dict[tuple[str, str], Hit] = {}
            for entry, start in self._candidates(word.text):
                hit = _match(entry.pattern, start, words, index)
                if hit is None:
                    continue
                key = (hit.kind, hit.value)
                held = best.get(key)
                if held is None or hit.last > held.last:
                    best[key] = hit
            hits.extend(best.values())
        return hits

    def _candidates(self, word: str) -> list[tuple[_Entry, int]]:
        found = self._exact.get(word, [])
        for length in range(1, _KEY + 1):
            more = self._stems.get(word[:length]) if len(word) >= length else None
            if more:
                found = found + more
        return found


def _match(pattern: Pattern, at: int, words: Sequence[Word], index: int) -> Hit | None:
    """The match of a pattern, from its item ``at`` on, that begins at word ``index``."""
    items = pattern.items
    if not items[at].fits(words[index].text):
        return None
    skipped: list[int] = []
    position = index + 1
    for item in items[at + 1 :]:
        place = _place(item, words, position)
        if place >= 0:
            skipped.extend(range(position, place))
            position = place + 1
        elif not item.optional:
            return None
    return Hit(pattern.kind, pattern.value, index, position, tuple(skipped), pattern.text)


def _place(item: Item, words: Sequence[Word], position: int) -> int:
    """The word that fills an item, from ``position`` on and within its gap, or -1."""
    for place in range(position, min(position + item.gap + 1, len(words))):
        if words[place].breaks:
            return -1
        if item.fits(words[place].text):
            return place
    return -1
