"""Negation, hedges and history: sentences of our own, each a known trap, in both languages."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.reporting.extract import assertion_of

_FILE = Path(__file__).with_name("traps.txt")
ROWS = [
    tuple(line.split("|", 2))
    for line in _FILE.read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[2])
def test_the_marked_words_are_stated_as_meant(row: tuple[str, str, str]) -> None:
    _trap, state, marked = row
    start, end = marked.index("["), marked.index("]") - 1
    text = marked.replace("[", "").replace("]", "")
    language = "en" if text.isascii() else "ru"
    assert assertion_of(text, start, end, language) == state
