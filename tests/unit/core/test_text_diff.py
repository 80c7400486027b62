"""Word by word: what changed, and nothing lost."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.text_diff import word_diff

texts = st.lists(st.sampled_from(["a", "nodule", " ", "\n", "8.2", "mm", ",", "узел", "ё"])).map(
    "".join
)


@given(texts, texts)
def test_the_pieces_give_both_texts(before: str, after: str) -> None:
    pieces = word_diff(before, after)
    assert "".join(p.text for p in pieces if p.kind != "added") == before
    assert "".join(p.text for p in pieces if p.kind != "removed") == after
    assert all(p.text for p in pieces)
    assert all(a.kind != b.kind for a, b in itertools.pairwise(pieces))


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        ("A nodule of 8.2 mm.", "A nodule of 8.6 mm.", [("removed", "8.2"), ("added", "8.6")]),
        ("Узел 8,2 мм.", "Узел 12,2 мм.", [("removed", "8,2"), ("added", "12,2")]),
        ("left lung", "right lung", [("removed", "left"), ("added", "right")]),
        ("one\ntwo\n", "one\ntwo\nthree\n", [("added", "three\n")]),
        ("same", "same", []),
        ("", "new", [("added", "new")]),
    ],
)
def test_a_change_is_a_word(before: str, after: str, changes: list[tuple[str, str]]) -> None:
    found = [(p.kind, p.text) for p in word_diff(before, after) if p.kind != "same"]
    assert found == changes
