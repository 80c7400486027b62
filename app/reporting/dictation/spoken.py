"""From words as they were heard to report text and commands.

A pure stage: punctuation, line breaks, section and field commands, numbers with units, levels and
segments. What is not understood stays as it was said.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from app.reporting.dictation.numbers import figure_at
from app.reporting.dictation.port import Language
from app.reporting.dictation.tables import Tables, tables

_WORD: Final = re.compile(r"\d+[.,]\d+|[^\W_]+(?:['’-][^\W_]+)*|[.,;:?!()%×/]")
_LONGEST_PHRASE: Final = 4
_TIGHT_BEFORE: Final = frozenset(".,;:?!)%/-\n")
_TIGHT_AFTER: Final = frozenset("(/-\n ")
_ENDS: Final = frozenset(".?!\n")


@dataclass(frozen=True, slots=True)
class Insert:
    """Text to put at the cursor; ``joined`` fits it to what stands before."""

    text: str


@dataclass(frozen=True, slots=True)
class Command:
    """``undo``, ``next_field``, ``previous_field``, or ``section`` with its kind in ``target``."""

    name: str
    target: str = ""


Step = Insert | Command


def steps_of(heard: str, language: Language) -> tuple[Step, ...]:
    """What to do about one final utterance, in order."""
    table = tables(language)
    said = _WORD.findall(heard)
    plain = [word.lower().replace("ё", "е") for word in said]
    alone = table.alone.get(tuple(plain))
    if alone is not None:
        return (Command(alone),)
    steps: list[Step] = []
    text, at = "", 0
    while at < len(said):
        command, words = _phrase(plain, at, table.commands)
        if command:
            if text:
                steps.append(Insert(text))
                text = ""
            name, _, target = command.partition(":")
            steps.append(Command(name, target))
            at += words
            continue
        piece, words = _piece(said, plain, at, table)
        text = joined(text, piece) if text else piece
        at += words
    if text:
        steps.append(Insert(text))
    return tuple(steps)


def joined(before: str, text: str) -> str:
    """``before`` with ``text`` behind it: spaces and capitals as in print."""
    return before + fitted(before, text)


def fitted(before: str, text: str) -> str:
    """``text`` as it must stand behind ``before``: with a space or none, with a capital or not."""
    if not text:
        return ""
    end = before.rstrip(" ")[-1:]
    if (not end or end in _ENDS) and text[0].islower():
        text = text[0].upper() + text[1:]
    if not before or before[-1] in _TIGHT_AFTER or text[0] in _TIGHT_BEFORE or text[0] == " ":
        return text
    return f" {text}"


def _piece(said: Sequence[str], plain: Sequence[str], at: int, table: Tables) -> tuple[str, int]:
    """The text of the words from ``at`` on, and how many it took."""
    label, words = _label(plain, at, table)
    if label:
        return label, words
    figure = figure_at(plain, at, table)
    if figure is not None and (figure.is_certain or (at and plain[at - 1] in table.labelled)):
        return figure.text, figure.words
    mark, words = _phrase(plain, at, table.marks)
    if mark and not _is_a_word(plain, at, words, table):
        return mark, words
    return said[at], 1


def _label(plain: Sequence[str], at: int, table: Tables) -> tuple[str, int]:
    """Levels and segments: "l four l five" is L4-L5."""
    text, here = "", at
    while here < len(plain):
        letter, words = _phrase(plain, here, table.letters)
        if not letter or here + words >= len(plain):
            break
        figure = figure_at(plain[: here + words + 2], here + words, table)
        if figure is None or not figure.text.isdigit() or int(figure.text) > 12:
            break
        text += f"{'-' if text else ''}{letter}{figure.text}"
        here += words + figure.words
    return text, here - at


def _phrase(plain: Sequence[str], at: int, phrases: dict[tuple[str, ...], str]) -> tuple[str, int]:
    for length in range(min(_LONGEST_PHRASE, len(plain) - at), 0, -1):
        meaning = phrases.get(tuple(plain[at : at + length]))
        if meaning is not None:
            return meaning, length
    return "", 0


def _is_a_word(plain: Sequence[str], at: int, words: int, table: Tables) -> bool:
    """Whether "period" or «точка» is meant as a word: "a period of", «болевая точка»."""
    if words > 1:
        return False
    word = plain[at]
    before = plain[at - 1] if at else ""
    after = plain[at + 1] if at + 1 < len(plain) else ""
    return before in table.not_after.get(word, ()) or after in table.not_before.get(word, ())
