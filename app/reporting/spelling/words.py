"""The words of a text that spelling looks at, and those that it leaves alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from app.reporting.spelling.rules import Language, rules

_LETTERS: Final = r"[^\W\d_]"
# whole tokens with digits, addresses and paths come first, so that their letters are no words
_TOKEN: Final = re.compile(
    # only from the start of a token, and of bounded length: a text without spaces takes no longer
    rf"(?P<skip>(?<!\S)(?:https?://\S{{1,200}}|[^\s@]{{1,60}}@\S{{1,60}}|[^\s\\]{{0,60}}\\\S{{1,200}})"
    rf"|\d[\w.,:/×-]*|(?<!\w)[^\W\d]{{1,8}}\d[\w.,:/×-]*)"
    rf"|(?P<word>{_LETTERS}+(?:['’ʼ-]{_LETTERS}+)*)"
)
_LATIN: Final = re.compile(r"[a-zà-öø-ÿœ]", re.IGNORECASE)
_CYRILLIC: Final = re.compile(r"[а-яё]", re.IGNORECASE)
_ROMAN: Final = re.compile(r"(?=[ivx])x{0,3}(?:ix|iv|v?i{0,3})(?:[ab]|st|nd|rd|th)?", re.IGNORECASE)
_ROMAN_RU: Final = re.compile(r"[IVXХ]+(?:-?[а-я]{1,2})?")
_INITIALS_AFTER: Final = re.compile(r"\s{1,2}[A-ZА-ЯЁ]\.(?:\s?[A-ZА-ЯЁ]\.)?")
_INITIALS_BEFORE: Final = re.compile(r"\b[A-ZА-ЯЁ]\.\s{0,2}$")
_TITLE_BEFORE: Final = re.compile(
    r"\b(?:dr|prof|mr|mrs|ms|др|д-р|проф|доктор\w{0,3}|doctor|врач\w{0,3}|radiologist|рентгенолог\w{0,3}"
    r"|professor|профессор\w{0,3})\.?:?\s{1,2}(?:[A-ZА-ЯЁ][\w-]*\s)?$",
    re.IGNORECASE,
)
LONGEST_ABBREVIATION: Final = 5


@dataclass(frozen=True, slots=True)
class Word:
    """A word to look at: characters ``start <= n < end`` of the text; None: two scripts in it."""

    start: int
    end: int
    text: str
    language: Language | None


def plain_form(word: str) -> str:
    """How a word is looked up: small letters, ё as е, one kind of apostrophe."""
    return word.lower().replace("ё", "е").replace("’", "'").replace("ʼ", "'")


def language_of(word: str) -> Language | None:
    """The language whose letters the word is made of; None for two kinds."""
    latin, cyrillic = _LATIN.search(word), _CYRILLIC.search(word)
    if latin and cyrillic:
        return None
    return "ru" if cyrillic else "en"


def words_of(text: str) -> Iterator[Word]:
    """The words of ``text`` in order, less abbreviations, numbers, codes, units and names."""
    for found in _TOKEN.finditer(text):
        if found.lastgroup != "word":
            continue
        word = found.group()
        if not _is_left_alone(word, text, found.start(), found.end()):
            yield Word(found.start(), found.end(), word, language_of(word))


def _is_left_alone(word: str, text: str, start: int, end: int) -> bool:
    if len(word) < 2 or not (_LATIN.search(word) or _CYRILLIC.search(word)):
        return True
    if len(word) <= LONGEST_ABBREVIATION and word.isupper():
        return True
    if _is_coined(word) or plain_form(word) in rules().short or _is_roman(word):
        return True
    if word.islower() and len(word) <= 4 and text[end : end + 1] == "." and _goes_on(text, end):
        return True  # an abbreviation inside a sentence
    return word[0].isupper() and _is_name(text, start, end)


def _is_coined(word: str) -> bool:
    """Capitals after small letters: mSv, SARS-CoV, МРТ-картина is none of them."""
    return any(
        any(letter.isupper() for letter in part[1:]) and not part.isupper()
        for part in word.split("-")
    )


def _is_roman(word: str) -> bool:
    return all(
        bool(part) and (bool(_ROMAN.fullmatch(part)) or bool(_ROMAN_RU.fullmatch(part)))
        for part in word.split("-")
    )


def _goes_on(text: str, end: int) -> bool:
    rest = text[end + 1 : end + 4].lstrip(" ")
    return bool(rest) and (rest[0].islower() or rest[0].isdigit() or rest[0] == ",")


def _is_name(text: str, start: int, end: int) -> bool:
    before = text[max(0, start - 40) : start]
    return bool(
        _INITIALS_AFTER.match(text, end)
        or _INITIALS_BEFORE.search(before)
        or _TITLE_BEFORE.search(before)
    )
