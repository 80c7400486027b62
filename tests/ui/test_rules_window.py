"""What the check has learnt on a site is told in a window, and taken back there."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.reporting.alert_policy import Pattern
from app.ui.rules_window import RulesWindow
from app.workflow.check_memory import policy_of, suppress
from tests.support.windows import window_on
from tests.support.workflow_context import context_in

_RULE = "location"


@pytest.fixture
def windows(qtbot, tmp_path: Path):
    with context_in(tmp_path / "data") as context, window_on(context) as window:
        yield context, window


def test_a_demoted_rule_gets_its_weight_back_and_words_are_forgotten(windows) -> None:
    context, window = windows
    store = context.store
    store.check_memory.demote(_RULE, firings=100, overridden=90, at_utc="2026-01-02T00:00:00Z")
    suppress(store, Pattern("measurement-value", "about # mm"), actor="chief")
    window.actions_.by_id["check_rules"].trigger()
    rules = window.windows._open["rules"]
    assert isinstance(rules, RulesWindow)
    assert rules.rules.item(0, 0).text() == _RULE
    assert rules.rules.item(0, 5).text() == "a note since 2026-01-02"
    assert not rules.restore_button.isEnabled()
    rules.rules.selectRow(0)
    rules.restore_button.click()
    assert not policy_of(store).demoted
    assert rules.rules.item(0, 5).text() == ""
    assert not rules.restore_button.isEnabled()
    assert [rules.words.item(0, n).text() for n in (0, 1, 2)] == [
        "measurement-value", "about # mm", "chief",
    ]  # fmt: skip
    rules.words.selectRow(0)
    rules.forget_button.click()
    assert not policy_of(store).suppressed
    assert rules.words.rowCount() == 0
    assert {"check.rule_restored", "check.words_forgotten"} <= {
        event.action for event in store.audit.events()
    }


def test_a_site_that_has_learnt_nothing_says_so(windows) -> None:
    _context, window = windows
    window.windows.show_rules()
    rules = window.windows._open["rules"]
    assert rules.rules.rowCount() == 0
    assert "first signed report" in rules._status.text()
