"""What a second opinion may do to a check: soften a warning, explain it, add one note."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.reporting.second_opinion import RULE, Opinion, apply_opinions, pairs_for
from tests.support.report_findings import checked, finding, report

TEXT = report("en", "Small right pleural effusion. The heart is ___.", "Effusion on the right.")
REJECTED = finding("pleural effusion", "right", state="rejected")
RESULT = checked(TEXT, REJECTED)
WARNING = next(d for d in RESULT.discrepancies if d.severity == "warn")
BLOCK = next(d for d in RESULT.discrepancies if d.severity == "block")
QUOTE = "Small right pleural effusion"


def _after(*opinions: Opinion) -> dict[str, str]:
    return {d.id: d.severity for d in apply_opinions(RESULT, opinions, TEXT).discrepancies}


def test_a_warning_is_softened_and_says_why() -> None:
    result = apply_opinions(RESULT, [Opinion("demote", QUOTE, "It is old.", WARNING.id)], TEXT)
    (item,) = [d for d in result.discrepancies if d.id == WARNING.id]
    assert item.severity == "note"
    assert item.softened is not None
    assert QUOTE in item.softened.why.ru
    assert item.remark == "It is old."


def test_a_block_is_out_of_reach() -> None:
    for kind in ("demote", "explain"):
        said = Opinion(kind, QUOTE, "Never mind.", BLOCK.id)
        assert apply_opinions(RESULT, [said], TEXT) == RESULT


def test_without_the_words_of_the_report_nothing_counts() -> None:
    for quote in ("small right pleural effusion", "not in the text", "", "The"):
        said = [Opinion("demote", quote, "Because.", WARNING.id), Opinion("note", quote, "Odd.")]
        assert apply_opinions(RESULT, said, TEXT) == RESULT


def test_one_note_at_most_and_it_points_at_its_words() -> None:
    said = [Opinion("note", QUOTE, "First."), Opinion("note", QUOTE, "Second.")]
    result = apply_opinions(RESULT, said, TEXT)
    (note,) = [d for d in result.discrepancies if d.rule == RULE]
    assert note.severity == "note"
    assert TEXT[note.spans[0].start : note.spans[0].end] == QUOTE


def test_explaining_leaves_the_severity() -> None:
    assert _after(Opinion("explain", QUOTE, "Look again.", WARNING.id))[WARNING.id] == "warn"


@given(
    st.lists(
        st.builds(
            Opinion,
            st.sampled_from(["demote", "explain", "note"]),
            st.one_of(st.just(QUOTE), st.text(max_size=30)),
            st.text(max_size=30),
            st.sampled_from([WARNING.id, BLOCK.id, "other"]),
        ),
        max_size=6,
    )
)
def test_nothing_it_says_makes_or_removes_a_block(opinions: list[Opinion]) -> None:
    result = apply_opinions(RESULT, opinions, TEXT)
    blocks = [d for d in result.discrepancies if d.severity == "block"]
    assert blocks == [d for d in RESULT.discrepancies if d.severity == "block"]
    assert len(result.discrepancies) <= len(RESULT.discrepancies) + 1


def test_the_pairs_are_sentences_of_the_report_and_at_most_three() -> None:
    rejected = [
        finding("pleural effusion", "right", state="rejected", uid=f"f{n}") for n in range(5)
    ]
    result = checked(TEXT, *rejected)
    pairs = pairs_for(TEXT, rejected, result, "en")
    assert len(pairs) == 3
    assert all(pair.premise in TEXT for pair in pairs)
    assert {pair.expected for pair in pairs} == {"contradicted"}
