"""The pattern language of the lexicon."""

from __future__ import annotations

import pytest

from app.reporting.reading.patterns import PatternIndex, parse
from app.reporting.reading.tokens import segment_name, words_of


def found(pattern: str, text: str) -> list[str]:
    words = words_of(text)
    hits = PatternIndex([parse("kind", "value", pattern)]).find(words)
    return [text[words[hit.first].start : words[hit.last - 1].end] for hit in hits]


@pytest.mark.parametrize(
    ("pattern", "text", "hits"),
    [
        ("плевральн* выпот*", "Плевральные  выпоты", ["Плевральные  выпоты"]),
        ("pleural ~1 effusion*", "pleural large effusions", ["pleural large effusions"]),
        ("pleural ~1 effusion*", "pleural very large effusions", []),
        ("pleural effusion", "pleural, effusion", []),
        ("?simple cyst|cysts", "A simple cyst, cysts", ["simple cyst", "cyst", "cysts"]),
        ("реберно диафрагмальн*", "рёберно-диафрагмальный", ["рёберно-диафрагмальный"]),
        ("node", "nodes", []),
    ],
)
def test_match(pattern: str, text: str, hits: list[str]) -> None:
    assert found(pattern, text) == hits


@pytest.mark.parametrize("pattern", ["", "?a", "a||b", "*"])
def test_a_pattern_that_fits_everything_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="pattern"):
        parse("kind", "value", pattern)


def test_offsets_are_those_of_the_text_as_given() -> None:
    text = "  Ёлка\u00a0и S3"
    words = words_of(text)
    assert [text[w.start : w.end] for w in words] == ["Ёлка", "и", "S3"]
    assert words[0].text == "елка"
    assert segment_name(words[2].text) == "S3"
    assert segment_name("с9") == "S9"
    assert segment_name("s11") == ""
