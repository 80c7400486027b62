"""A word list as the least graph of its letters: small, exact, searched with faults in mind.

Edges are 32-bit numbers: letter (7 bits), "last of its node", "a word ends here", and the index
of the target's first edge (22 bits, 0: none). A Russian list of a million forms takes about 1 MB.
"""

from __future__ import annotations

import lzma
import sys
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.core.errors import EnvironmentFault

_MAGIC: Final = b"overread-words/1\n"
_LAST: Final = 1 << 7
_ENDS: Final = 1 << 8
_LETTER: Final = 0x7F
_SHIFT: Final = 9
_MAX_EDGES: Final = 1 << 22
Cost = Callable[[str, str], float]


@dataclass(frozen=True, slots=True)
class Near:
    """A word near another one, and what the way there costs (1: an ordinary slip)."""

    word: str
    cost: float


class WordGraph:
    """The words of one list. Immutable: any thread may read it."""

    def __init__(self, letters: str, edges: array[int]) -> None:
        self._letters = letters
        self._codes = {letter: code for code, letter in enumerate(letters)}
        self._edges = edges

    @property
    def size_bytes(self) -> int:
        """Memory of the edges, in bytes."""
        return len(self._edges) * self._edges.itemsize

    def parts(self) -> tuple[str, array[int]]:
        """The letters and a copy of the edges, to be written."""
        return self._letters, array("I", self._edges)

    def __contains__(self, word: str) -> bool:
        edges, codes = self._edges, self._codes
        at, edge = 1, 0
        for letter in word:
            code = codes.get(letter)
            if code is None or at == 0:
                return False
            edge = edges[at]
            while edge & _LETTER != code:
                if edge & _LAST:
                    return False
                at += 1
                edge = edges[at]
            at = edge >> _SHIFT
        return bool(word) and bool(edge & _ENDS)

    def __iter__(self) -> Iterator[str]:
        """All words, in the order of the letters."""
        stack = [(1, "")] if self._letters else []
        while stack:
            at, head = stack.pop()
            edge = self._edges[at]
            if not edge & _LAST:
                stack.append((at + 1, head))
            word = head + self._letters[edge & _LETTER]
            if edge >> _SHIFT:
                stack.append((edge >> _SHIFT, word))
            if edge & _ENDS:
                yield word

    def near(self, word: str, edits: int, cost: Cost, max_steps: int = 60_000) -> list[Near]:
        """Words at most ``edits`` letters changed, left out, put in or swapped away from ``word``.

        ``cost(wrong, right)`` prices one edit; an empty string stands for no letter. The search
        ends after ``max_steps`` edges, so that an answer never takes long.
        """
        if not self._letters:
            return []
        search = _Search(self._edges, self._letters, word, cost, max_steps)
        search.walk(1, 0, edits, 0.0, "")
        found = [Near(text, price) for text, price in search.found.items() if text != word]
        return sorted(found, key=lambda near: (near.cost, near.word))


class _Search:
    """One search: walks the graph with the letters of the word and a number of edits left."""

    def __init__(
        self, edges: array[int], letters: str, word: str, cost: Cost, max_steps: int
    ) -> None:
        self._edges, self._letters, self._word = edges, letters, word
        self._cost, self._left = cost, max_steps
        self.found: dict[str, float] = {}

    def walk(self, at: int, place: int, edits: int, price: float, head: str) -> None:
        """From node ``at`` with ``word[:place]`` used up and ``head`` spelled so far."""
        word, length = self._word, len(self._word)
        here = word[place] if place < length else ""
        if edits and here:  # a letter too much
            gone = price + self._cost(here, head[-1:] if head[-1:] == here else "")
            self._use(at, place + 1, edits - 1, gone, head)
        while at and self._left > 0:
            self._left -= 1
            edge = self._edges[at]
            letter = self._letters[edge & _LETTER]
            spelled, ends, target = head + letter, bool(edge & _ENDS), edge >> _SHIFT
            if letter == here:
                self._step(target, ends, place + 1, edits, (price, spelled))
            elif edits and here:
                paid = price + self._cost(here, letter)
                self._step(target, ends, place + 1, edits - 1, (paid, spelled))
            if edits:  # a letter is missing
                paid = price + self._cost("", letter)
                self._step(target, ends, place, edits - 1, (paid, spelled))
                if place + 1 < length and letter == word[place + 1] and letter != here and target:
                    self._swap(target, place, edits, price, spelled)
            if edge & _LAST:
                return
            at += 1

    def _swap(self, at: int, place: int, edits: int, price: float, head: str) -> None:
        here = self._word[place]
        while at:
            edge = self._edges[at]
            if self._letters[edge & _LETTER] == here:
                paid = price + self._cost(self._word[place : place + 2], head[-1] + here)
                made = (paid, head + here)
                self._step(edge >> _SHIFT, bool(edge & _ENDS), place + 2, edits - 1, made)
                return
            if edge & _LAST:
                return
            at += 1

    def _step(
        self, target: int, ends: bool, place: int, edits: int, made: tuple[float, str]
    ) -> None:
        price, spelled = made
        rest = len(self._word) - place
        if ends and rest <= edits:
            # what is left of the word is too much
            total = price + sum(self._cost(letter, "") for letter in self._word[place:])
            if total < self.found.get(spelled, 99.0):
                self.found[spelled] = total
        if target:
            self.walk(target, place, edits, price, spelled)

    def _use(self, at: int, place: int, edits: int, price: float, head: str) -> None:
        if self._left > 0:
            self.walk(at, place, edits, price, head)


def make_graph(words: Iterable[str]) -> WordGraph:
    """The graph of ``words`` (any order, twice is once); raises ``ValueError`` on too many."""
    ordered = sorted(set(words) - {""})
    letters = "".join(sorted(set("".join(ordered)))) if ordered else ""
    if len(letters) > _LETTER:
        raise ValueError("too many different letters")
    return WordGraph(letters, _Builder(letters).build(ordered))


class _Builder:
    """Builds the least graph from sorted words: equal tails are kept once."""

    def __init__(self, letters: str) -> None:
        self._codes = {letter: code for code, letter in enumerate(letters)}
        self._known: dict[tuple[int, ...], int] = {}
        self._edges = array("I", [0])

    def build(self, ordered: Iterable[str]) -> array[int]:
        """The edges; the root stands at 1."""
        # a node is the list of its finished edges; the path holds the nodes that may still grow
        path: list[list[int]] = [[]]
        before = ""
        ends_at: list[bool] = []
        for word in ordered:
            same = 0
            while same < min(len(word), len(before)) and word[same] == before[same]:
                same += 1
            self._close(path, ends_at, before, same)
            for _ in range(same, len(word)):
                path.append([])
                ends_at.append(False)
            ends_at[-1] = True
            before = word
        self._close(path, ends_at, before, 0)
        root = path[0]
        if not root:
            return array("I", [0, _LAST | _LETTER])
        return self._with_root_first(root)

    def _close(self, path: list[list[int]], ends_at: list[bool], word: str, down_to: int) -> None:
        while len(path) - 1 > down_to:
            node, ends = path.pop(), ends_at.pop()
            target = self._store(node)
            code = self._codes[word[len(path) - 1]]
            path[-1].append(code | (_ENDS if ends else 0) | target << _SHIFT)

    def _store(self, node: list[int]) -> int:
        if not node:
            return 0
        key = tuple(node)
        known = self._known.get(key)
        if known is None:
            known = len(self._edges)
            self._edges.extend(node[:-1])
            self._edges.append(node[-1] | _LAST)
            if len(self._edges) >= _MAX_EDGES:
                raise ValueError("too many words")
            self._known[key] = known
        return known

    def _with_root_first(self, root: list[int]) -> array[int]:
        by = len(root)
        moved = array("I", [0])
        for edge in (*root[:-1], root[-1] | _LAST, *self._edges[1:]):
            target = edge >> _SHIFT
            moved.append((edge & 0x1FF) | ((target + by) << _SHIFT if target else 0))
        return moved


def write_graph(path: Path, graph: WordGraph) -> None:
    """Write the graph, compressed; the same words give the same bytes."""
    letters, edges = graph.parts()
    if sys.byteorder == "big":
        edges.byteswap()
    data = _MAGIC + letters.encode() + b"\n" + edges.tobytes()
    path.write_bytes(lzma.compress(data, preset=9))


def read_graph(path: Path) -> WordGraph:
    """Read what ``write_graph`` wrote; raises ``EnvironmentFault`` where it is no such file."""
    try:
        data = lzma.decompress(path.read_bytes())
        start = data.index(_MAGIC) + len(_MAGIC)
        end = data.index(b"\n", start)
        edges = array("I")
        edges.frombytes(data[end + 1 :])
        letters = data[start:end].decode()
    except (OSError, ValueError, lzma.LZMAError) as fault:
        raise EnvironmentFault(
            f"The word list {path.name} cannot be read.",
            ru=f"Словарь {path.name} не читается.",
            hint="Install the program again.",
            hint_ru="Переустановите программу.",
            technical_detail=str(fault),
        ) from fault
    if sys.byteorder == "big":
        edges.byteswap()
    return WordGraph(letters, edges)
