"""``decide`` is the only transition, and it reaches no illegal state."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import InvalidTransition
from app.core.finding import DECIDED, Decision, Finding, decide
from tests.support.domain import contents, decisions, effusion, model_finding, proposed_findings


def _decision(kind: str) -> Decision:
    return Decision(kind, "Dr Petrov", "2026-11-20T10:00:00+00:00")


@given(proposed_findings(), st.lists(st.tuples(decisions, contents), max_size=8))
def test_no_sequence_of_decisions_reaches_an_illegal_state(
    finding: Finding, steps: list[tuple[Decision, object]]
) -> None:
    proposal = finding.proposal
    taken = 0
    for decision, content in steps:
        with suppress(InvalidTransition):
            finding = decide(finding, decision, content if decision.kind == "edit" else None)
            taken += 1
        assert finding.proposal is proposal
        assert len(finding.history) == taken
        assert (finding.decision is not None) == (finding.state in DECIDED)
        if finding.state == "proposed":
            assert finding.current == proposal.content
        if finding.state == "accepted":
            assert finding.current == proposal.content


@pytest.mark.parametrize(("kind", "state"), [("accept", "accepted"), ("reject", "rejected")])
def test_the_same_decision_twice_is_refused(kind: str, state: str) -> None:
    once = decide(model_finding(), _decision(kind))
    assert once.state == state
    with pytest.raises(InvalidTransition):
        decide(once, _decision(kind))


def test_undecided_cannot_be_reopened() -> None:
    with pytest.raises(InvalidTransition):
        decide(model_finding(), _decision("reopen"))


def test_content_belongs_to_edits_only() -> None:
    with pytest.raises(InvalidTransition):
        decide(model_finding(), _decision("accept"), effusion())
    with pytest.raises(InvalidTransition):
        decide(model_finding(), _decision("edit"))


def test_a_rejected_edit_taken_back_in_stays_an_edit() -> None:
    edited = decide(model_finding(), _decision("edit"), effusion(laterality="right"))
    back = decide(decide(edited, _decision("reject")), _decision("accept"))
    assert back.state == "edited"
    assert back.current.laterality == "right"


def test_reopening_restores_what_was_proposed() -> None:
    edited = decide(model_finding(), _decision("edit"), effusion(laterality="right"))
    assert decide(edited, _decision("reopen")).current == edited.proposal.content


def test_a_decided_finding_without_decision_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="decision"):
        replace(model_finding(), state="accepted")


def test_a_score_below_the_operating_point_is_below() -> None:
    finding = model_finding()
    assert finding.is_above_threshold
    low = replace(finding, proposal=replace(finding.proposal, score=0.49))
    assert not low.is_above_threshold
    assert replace(low, proposal=replace(low.proposal, score=None)).is_above_threshold
