"""Finds misspelled words of a report and says what may have been meant."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.reporting.spelling.inflection import may_end
from app.reporting.spelling.rules import LANGUAGES, Language, rules
from app.reporting.spelling.slips import slip_cost
from app.reporting.spelling.trade_words import TradeWords, trade_words
from app.reporting.spelling.word_graph import Near, WordGraph, make_graph, read_graph
from app.reporting.spelling.words import (
    LONGEST_ABBREVIATION,
    Word,
    language_of,
    plain_form,
    words_of,
)

MAX_SUGGESTIONS: Final = 6
_ENOUGH: Final = 3
_CACHE: Final = 20_000
_LONGEST: Final = 40
_TRADE_BONUS: Final = 0.35
_MIN_REST: Final = 4
_LOOKALIKES: Final = dict(zip("aceopxykmhtbi", "асеорхукмнтві", strict=True))
_TO_LATIN: Final = str.maketrans({v: k for k, v in _LOOKALIKES.items()})
_TO_CYRILLIC: Final = str.maketrans(_LOOKALIKES)
_NAME_PART: Final = re.compile(r"[^\W\d_](?:[^\W\d_]|['’])+")


@dataclass(frozen=True, slots=True)
class Misspelling:
    """A word that no list knows, at characters ``start <= n < end``; None: two scripts in it."""

    start: int
    end: int
    word: str
    language: Language | None


class Dictionary:
    """The words of one language. Immutable but for the words of the site and a cache.

    One thread at a time may call ``knows`` while another may too: the cache only saves work.
    """

    def __init__(self, language: Language, general: WordGraph, trade: TradeWords) -> None:
        self.language: Final = language
        self._general = general
        self._trade = trade
        self._trade_graph: WordGraph | None = None
        self._site: frozenset[str] = frozenset()
        self._cache: dict[str, bool] = {}

    def set_site_words(self, words: Iterable[str]) -> None:
        """The words that this site has added, in place of those before."""
        self._site = frozenset(plain_form(word) for word in words)
        self._cache = {}

    def warm(self) -> None:
        """Make ready for suggestions, which checking does not need (about 0.2 s, once)."""
        if self._trade_graph is None:
            self._trade_graph = make_graph(self._trade.words)

    def knows(self, word: str) -> bool:
        """Whether the word, in any case, is one of ours."""
        plain = plain_form(word)
        known = self._cache.get(plain)
        if known is None:
            known = self._looked_up(plain)
            if len(self._cache) > _CACHE:
                self._cache = {}
            self._cache[plain] = known
        return known

    def suggest(self, word: str) -> list[str]:
        """What may have been meant, the likeliest first, in the case of ``word``."""
        plain = plain_form(word)
        if not plain or len(plain) > _LONGEST:
            return []
        found = self._near(plain, 1)
        if len(found) < _ENOUGH and len(plain) > _ENOUGH:
            for text, cost in self._near(plain, 2).items():
                found[text] = min(cost, found.get(text, cost))
        if min(found.values(), default=9.0) >= 1.0:
            for split in self._splits(plain):
                found.setdefault(split, 1.2)
        best = sorted(found, key=lambda text: (found[text], text))[:MAX_SUGGESTIONS]
        return [_in_case_of(word, text) for text in best]

    def _looked_up(self, plain: str) -> bool:
        if self._is_listed(plain) or self._is_derived(plain):
            return True
        parts = plain.split("-")
        return len(parts) > 1 and all(
            len(part) < 2 or self._is_listed(part) or self._is_first_part(part)
            or self._is_derived(part)
            for part in parts
        )  # fmt: skip

    def _is_listed(self, plain: str) -> bool:
        if plain in self._trade.words or plain in self._site or plain in self._general:
            return True
        if self.language == "ru":
            return any(
                plain[:cut] in self._trade.stems and may_end(plain[cut:])
                for cut in range(len(plain), max(3, len(plain) - 7), -1)
            )
        return (plain.endswith("'s") and self._is_listed(plain[:-2])) or (
            plain.endswith("like") and len(plain) > 6 and self._is_listed(plain[:-4].rstrip("-"))
        )

    def _is_derived(self, plain: str) -> bool:
        for head in rules().heads[self.language]:
            rest = plain[len(head) :]
            if len(rest) >= _MIN_REST and plain.startswith(head) and self._may_follow(rest):
                return True
        return False

    def _may_follow(self, rest: str) -> bool:
        """A word of the trade, else a long one, in Russian an adjective: лимфоузды is no word."""
        if rest in self._trade.words:
            return True
        if len(rest) <= _MIN_REST or (
            self.language == "ru" and not rest.endswith(rules().adjectival)
        ):
            return False
        return self._is_listed(rest)

    def _is_first_part(self, part: str) -> bool:
        """реберно-, костно-: the first part of a compound with a hyphen."""
        if part in rules().heads[self.language]:
            return True
        if self.language == "en":
            return part.endswith("o") and any(
                self._is_listed(part[:-1] + tail) for tail in ("al", "ic", "ary", "us", "ar")
            )
        return part[-1:] in "ое" and any(
            self._is_listed(part[:-1] + tail) for tail in ("ый", "ий", "ой", "а", "ь", "")
        )

    def _near(self, plain: str, edits: int) -> dict[str, float]:
        found: dict[str, float] = {}
        self.warm()
        trade = [] if self._trade_graph is None else self._trade_graph.near(plain, edits, slip_cost)
        general: list[Near] = self._general.near(plain, edits, slip_cost)
        site = make_graph(self._site).near(plain, edits, slip_cost) if self._site else []
        for near in general:
            found[near.word] = near.cost
        for near in (*trade, *site):
            found[near.word] = near.cost - _TRADE_BONUS
        for text in found:
            if text[0] != plain[0]:
                found[text] += 0.5
        return found

    def _splits(self, plain: str) -> list[str]:
        return [
            f"{plain[:cut]} {plain[cut:]}"
            for cut in range(3, len(plain) - 2)
            if self._is_listed(plain[:cut]) and self._is_listed(plain[cut:])
        ][:2]


class Speller:
    """The dictionaries of both languages. Built in a worker, then used from any thread."""

    def __init__(self, dictionaries: Collection[Dictionary]) -> None:
        self._by_language = {dictionary.language: dictionary for dictionary in dictionaries}

    def set_site_words(self, words: Collection[str]) -> None:
        """Words that the site has added."""
        for dictionary in self._by_language.values():
            dictionary.set_site_words(
                word for word in words if language_of(word) == dictionary.language
            )

    def warm(self) -> None:
        """Make ready for suggestions; else the first one does."""
        for dictionary in self._by_language.values():
            dictionary.warm()

    def check(self, text: str, names: frozenset[str] = frozenset()) -> list[Misspelling]:
        """The misspelled words of ``text`` in order.

        ``names`` (see ``name_words``) are the names of the study's header: they are no errors.
        """
        return [
            Misspelling(word.start, word.end, word.text, word.language)
            for word in words_of(text)
            if not self._is_right(word) and not _is_named(word.text, names)
        ]

    def suggest(self, word: str) -> list[str]:
        """What may have been meant by ``word``, the likeliest first; at most six."""
        language = language_of(word)
        if language is not None:
            dictionary = self._by_language.get(language)
            return [] if dictionary is None else dictionary.suggest(word)
        same = []
        for table, code in ((_TO_CYRILLIC, "ru"), (_TO_LATIN, "en")):
            turned = word.lower().translate(table)
            dictionary = self._by_language.get("ru" if code == "ru" else "en")
            if language_of(turned) == code and dictionary is not None and dictionary.knows(turned):
                same.append(_in_case_of(word, turned))
        return same

    def _is_right(self, word: Word) -> bool:
        if word.language is not None and self._knows(word.text):
            return True
        # КТ-картина, low-dose-CT: an abbreviation and a word
        parts = [part for part in word.text.split("-") if len(part) > 1 and not _is_short(part)]
        return len(parts) < len(word.text.split("-")) and all(map(self._knows, parts))

    def _knows(self, part: str) -> bool:
        language = language_of(part)
        if language is None:
            return False
        dictionary = self._by_language.get(language)
        return dictionary is None or dictionary.knows(part)


def _is_short(part: str) -> bool:
    return part.isupper() and len(part) <= LONGEST_ABBREVIATION


def load_speller(resources: Path) -> Speller:
    """Read both dictionaries from the ``resources`` folder; for a worker thread (about 0.3 s).

    Raises ``EnvironmentFault`` where a word list cannot be read.
    """
    made = []
    for language in LANGUAGES:
        general = read_graph(resources / "spelling" / f"words.{language}.xz")
        made.append(Dictionary(language, general, trade_words(resources, language)))
    return Speller(made)


def name_words(*texts: str) -> frozenset[str]:
    """The words of names (patient, physicians, institution) for ``Speller.check``."""
    return frozenset(plain_form(part) for text in texts for part in _NAME_PART.findall(text))


def _is_named(word: str, names: frozenset[str]) -> bool:
    """Whether the word is one of the names: in any Russian case, in either alphabet.

    The header often has IVANOV where the report says Ивановым.
    """
    if not names:
        return False
    latin = {_sound(name) for name in names}
    for plain in (plain_form(word), *plain_form(word).split("-")):
        if plain in names or _sound(plain) in latin:
            return True
        for cut in range(max(3, len(plain) - 3), len(plain)):
            stem, ending = plain[:cut], plain[cut:]
            if may_end(ending) and any(
                stem + tail in names or _sound(stem + tail) in latin
                for tail in ("", "а", "я", "й", "ь", "ий")
            ):
                return True
    return False


_VARIANTS: Final = (
    ("shch", "sch"), ("yo", "e"), ("x", "ks"), ("y", "i"), ("j", "i"), ("'", ""),
)  # fmt: skip


def _sound(name: str) -> str:
    """A name in Latin letters, rid of what the ways of transliteration differ in."""
    text = "".join(rules().sounds.get(letter, letter) for letter in name)
    for variant, one in _VARIANTS:
        text = text.replace(variant, one)
    return text.replace("ii", "i").replace("ie", "e")


def _in_case_of(word: str, text: str) -> str:
    if len(word) > 1 and word.isupper():
        return text.upper()
    return text[:1].upper() + text[1:] if word[:1].isupper() else text
