"""The step-by-step reading of a text: what matched, what decided, what was bound."""

from __future__ import annotations

import pytest

from app.reporting.explain import ExplainedMention, explain
from app.reporting.explain_text import KINDS, explanation_lines, explanation_to_json
from app.reporting.reading.cues import CUES

_RU = "ОПИСАНИЕ: В S3 справа очаг 12х8 мм, ранее 10 мм. Выпота справа нет, слева выпот до 20 мм."


def _mentions(text: str) -> list[ExplainedMention]:
    return [item for sentence in explain(text).sentences for item in sentence.mentions]


def test_a_denial_names_the_word_that_denies() -> None:
    mention = _mentions("No pneumothorax is seen on the left.")[0]
    assert (mention.concept, mention.presence) == ("pneumothorax", "absent")
    assert mention.cue is not None
    assert mention.cue.text == "No"
    assert mention.term == "pneumothora*"
    assert [(item.kind, item.value) for item in mention.bound] == [("side", "left")]


def test_attributes_show_their_words_and_where_they_stand() -> None:
    nodule, denied, effusion = _mentions(_RU)
    bound = {item.kind: item for item in nodule.bound}
    assert bound["size"].span is not None
    assert bound["size"].span.text == "12х8 мм"
    assert bound["size"].where.en == "in the same clause"
    assert bound["earlier size"].where.en == "in another clause of the sentence"
    assert bound["site"].value == "segment=S3"
    assert denied.reason.ru.startswith("отрицается")
    assert [item.value for item in effusion.bound if item.kind == "side"] == ["left"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Cannot exclude pneumonia.", "hedged"),
        ("History of pneumonia.", "not stated: history"),
        ("Evaluate for pneumonia.", "not stated: a question or a condition"),
        ("INDICATION: pneumonia.", "not stated: it stands in a section"),
        ("Pneumonia?", "hedged: a question mark"),
        ("The heart size is normal.", "denied by a normal statement"),
        ("No new nodule.", "denied (only other, new or large ones)"),
    ],
)
def test_every_reason_is_told(text: str, reason: str) -> None:
    assert _mentions(text)[0].reason.en.startswith(reason)


def test_words_of_a_longer_cue_are_shown_as_not_used() -> None:
    cues = explain("Очаг не увеличился.").sentences[0].cues
    assert {cue.holds for cue in cues if cue.kind == "neg_word"} == {False}


@pytest.mark.parametrize("language", ["en", "ru"])
def test_lines_are_written_in_the_language_asked_for(language: str) -> None:
    lines = "\n".join(explanation_lines(explain(_RU), language))
    assert ("Sentence 1 (findings)" in lines) == (language == "en")
    assert ("очаг в лёгком" in lines) == (language == "ru")


def test_json_offsets_point_into_the_text() -> None:
    row = explanation_to_json(explain(_RU), id="a")
    assert (row["schema"], row["id"]) == ("overread.explain/1", "a")
    for sentence in row["sentences"]:
        for item in [*sentence["cues"], *sentence["mentions"]]:
            span = item["span"]
            assert _RU[span["start"] : span["end"]] == span["text"]


def test_every_cue_kind_has_words() -> None:
    assert set(KINDS) == set(CUES)
