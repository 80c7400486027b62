"""The unseen benchmark: its marks, its truth and its seed hold."""

from __future__ import annotations

import pytest

from benchmarks.report_blind.concepts import HALVES, LANGUAGES
from benchmarks.report_blind.sentences import Sentence, as_gold, parse, sentences


def _all(language: str) -> list[Sentence]:
    return [sentence for half in HALVES for sentence in sentences(language, half)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_has_a_mark_and_none_stands_twice(language: str) -> None:
    found = _all(language)
    assert len(found) >= 200
    assert len({sentence.text for sentence in found}) == len(found)
    for sentence in found:
        assert sentence.mentions, sentence.text
        for mention in sentence.mentions:
            words = sentence.text[mention.start : mention.end]
            assert words == words.strip()
            assert words


def test_a_mark_gives_its_place_state_side_and_sizes() -> None:
    text, (one, other) = parse("Was: {nod+R 12x8 <9|a nodule}, no {eff-|effusion}.")
    assert text == "Was: a nodule, no effusion."
    assert (text[one.start : one.end], one.state, one.side) == ("a nodule", "present", "right")
    assert (one.sizes, one.earlier) == ((12.0, 8.0), (9.0,))
    assert (text[other.start : other.end], other.state, other.side) == ("effusion", "absent", None)


def test_a_bad_mark_is_refused() -> None:
    for bad in ("{nope+|x}", "{nod|x}", "{nod+ 1 mm|x}"):
        with pytest.raises(ValueError, match=r"no concept|a mark"):
            parse(bad)


def test_what_is_no_statement_stands_apart() -> None:
    text, mentions = parse("History of {pe~|embolism}; no {pe-|emboli} now.")
    gold = as_gold(Sentence("a", "en", "dev", "history", text, mentions))
    assert [row["state"] for row in gold["mentions"]] == ["absent"]
    assert [row["state"] for row in gold["context"]] == ["context"]
