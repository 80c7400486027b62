"""How loud an alert may be: budget, demoted rules, remembered words."""

from __future__ import annotations

from app.core.report import CheckResult, Discrepancy, Message, Span
from app.reporting.alert_policy import (
    HARD_SHOWN,
    SOFT_SHOWN,
    AlertPolicy,
    apply_policy,
    is_demoting,
    pattern_of,
    within_budget,
)

SAID = Message("said", "сказано")


def _alert(number: int, severity: str = "warn", rule: str = "location") -> Discrepancy:
    words = f"nodule of {number} mm"
    return Discrepancy(rule, severity, SAID, f"f{number}", (Span(0, len(words), words),))  # type: ignore[arg-type]


def _result(*items: Discrepancy) -> CheckResult:
    return CheckResult("en", "r", "f", items, (), 1.0)


def test_three_hard_alerts_are_shown_and_the_next_moves_up() -> None:
    items = [_alert(n, "block") for n in range(5)] + [_alert(n) for n in range(9)]
    shown = within_budget(items)
    assert (len(shown.hard), shown.more_hard) == (HARD_SHOWN, 2)
    assert (len(shown.soft), shown.more_soft) == (SOFT_SHOWN, 2)
    again = within_budget(items, {shown.hard[0].id})
    assert (again.hard[-1], again.more_hard) == (items[3], 1)


def test_notes_never_take_a_place() -> None:
    shown = within_budget([_alert(n, "note") for n in range(30)])
    assert len(shown.notes) == 30
    assert not shown.hard
    assert not shown.soft
    assert not shown.more_soft


def test_a_demoted_rule_is_a_note_and_says_why() -> None:
    (item,) = apply_policy(
        _result(_alert(1, "block")), AlertPolicy(demoted=frozenset({"location"}))
    ).discrepancies
    assert item.severity == "note"
    assert item.softened is not None
    assert item.softened.was == "block"
    assert item.id == _alert(1).id


def test_remembered_words_soften_warnings_and_never_a_block() -> None:
    pattern = pattern_of(_alert(7))
    assert pattern is not None
    assert pattern.words == "nodule of # mm"
    policy = AlertPolicy(suppressed=frozenset({pattern.id}))
    items = apply_policy(_result(_alert(8), _alert(9, "block")), policy).discrepancies
    assert [item.severity for item in items] == ["note", "block"]
    other = apply_policy(_result(_alert(8, rule="dictation-error")), policy).discrepancies
    assert other[0].severity == "warn"


def test_words_that_name_a_patient_are_not_remembered() -> None:
    assert pattern_of(_alert(1, rule="wrong-identity")) is None


def test_a_rule_is_demoted_beyond_eighty_percent_of_a_hundred() -> None:
    assert not is_demoting(80, 100)
    assert is_demoting(81, 100)
    assert not is_demoting(99, 99)
