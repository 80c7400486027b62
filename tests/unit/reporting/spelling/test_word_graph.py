"""The graph holds just the words it was given, and finds the near ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.errors import EnvironmentFault
from app.reporting.spelling.inflection import forms_of
from app.reporting.spelling.slips import slip_cost
from app.reporting.spelling.word_graph import make_graph, read_graph, write_graph

WORDS = st.text(alphabet="abcё", min_size=1, max_size=6)


@settings(max_examples=60, deadline=None)
@given(st.sets(WORDS, max_size=40), WORDS)
def test_it_holds_its_words_and_no_other(words: set[str], other: str) -> None:
    graph = make_graph(words)
    assert set(graph) == words
    assert all(word in graph for word in words)
    assert (other in graph) == (other in words)
    assert "" not in graph


def _edits(word: str) -> set[str]:
    letters = "abcё"
    made = set()
    for place in range(len(word) + 1):
        head, tail = word[:place], word[place:]
        made |= {head + letter + tail for letter in letters}
        if tail:
            made.add(head + tail[1:])
            made |= {head + letter + tail[1:] for letter in letters}
        if len(tail) > 1:
            made.add(head + tail[1] + tail[0] + tail[2:])
    return made - {word, ""}


@settings(max_examples=60, deadline=None)
@given(st.sets(WORDS, min_size=1, max_size=40), WORDS)
def test_near_words_are_all_words_one_edit_away(words: set[str], word: str) -> None:
    found = {near.word for near in make_graph(words).near(word, 1, slip_cost)}
    assert found == _edits(word) & words


def test_a_file_comes_back_and_a_broken_one_is_said(tmp_path: Path) -> None:
    path = tmp_path / "words.xz"
    write_graph(path, make_graph(["очаг", "очаги", "nodule"]))
    again = read_graph(path)
    assert set(again) == {"очаг", "очаги", "nodule"}
    first = path.read_bytes()
    write_graph(path, make_graph(["nodule", "очаги", "очаг"]))
    assert path.read_bytes() == first
    path.write_bytes(first[:-9])
    with pytest.raises(EnvironmentFault):
        read_graph(path)
    with pytest.raises(EnvironmentFault):
        read_graph(tmp_path / "none.xz")


@pytest.mark.parametrize(
    ("word", "some"),
    [
        ("гиподенсный", {"гиподенсная", "гиподенсными", "гиподенсен", "гиподенсно", "гиподенсны"}),
        ("стеатоз", {"стеатоза", "стеатозом", "стеатозе"}),
        ("лимфаденопатия", {"лимфаденопатии", "лимфаденопатией"}),
        ("карман", {"карманы", "карманов"}),
        ("!модик", {"модик"}),
    ],
)
def test_words_of_the_trade_are_inflected(word: str, some: set[str]) -> None:
    assert some <= set(forms_of(word))
