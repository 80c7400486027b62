"""A site learns from how alerts end: rules demote themselves, words are remembered."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.cli.doctor import _library as library_rows
from app.core.errors import InputError
from app.core.report import CheckResult, Discrepancy, Message, Override, Severity, Span
from app.reporting.alert_policy import pattern_of
from app.store.check_memory import Firing, Settled
from app.store.store import Store
from app.workflow.check_memory import (
    lift,
    note_shown,
    note_signed,
    notices,
    policy_of,
    restore_rule,
    standings,
)
from app.workflow.check_report import check_now
from app.workflow.context import AppContext
from app.workflow.session import StudySession

RULE = "dictation-error"


def _alert(severity: Severity = "warn", words: str = "the words") -> Discrepancy:
    return Discrepancy(RULE, severity, Message("m", "м"), None, (Span(0, 9, words),))


def _check(*items: Discrepancy) -> CheckResult:
    return CheckResult("en", "r", "f", items, (), 1.0)


def _past(context: AppContext, count: int, *, overridden: int) -> None:
    memory = context.store.check_memory
    for number in range(count):
        memory.add(
            f"1.2.{number}", "main", [Firing("x", RULE, "warn", "p", "w")], at_utc="2026-01-01"
        )
        outcome = "overridden" if number < overridden else "fixed"
        ended = Settled("x", outcome, "chronic" if number < overridden else "")
        memory.settle(f"1.2.{number}", "main", [ended], at_utc="2026-01-01")


def _sign_with(session: StudySession, item: Discrepancy, reason: str) -> None:
    note_shown(session, _check(item))
    with session.context.store.transaction():
        note_signed(session, _check(item), [Override(item.id, item.rule, reason)])


def test_a_rule_that_is_nearly_always_overridden_demotes_itself(session: StudySession) -> None:
    store = session.context.store
    _past(session.context, 99, overridden=80)
    assert not policy_of(store).demoted
    _sign_with(session, _alert(), "chronic")
    assert policy_of(store).demoted == {RULE}
    (told,) = notices(store)
    assert RULE in told.en
    assert RULE in told.ru
    assert "81" in told.ru
    assert "check.rule_demoted" in {event.action for event in store.audit.events()}
    (standing,) = standings(store)
    assert standing.record.firings == 100
    assert standing.accepted_share == pytest.approx(0.19)
    assert standing.reasons == {"chronic": 81}


def test_a_rule_that_is_corrected_often_enough_stays(session: StudySession) -> None:
    _past(session.context, 99, overridden=79)
    _sign_with(session, _alert(), "chronic")
    assert not policy_of(session.context.store).demoted


def test_a_restored_rule_begins_anew(session: StudySession) -> None:
    store = session.context.store
    store.check_memory.demote(RULE, firings=100, overridden=90, at_utc="2026-01-01")
    restore_rule(store, RULE, actor="Dr A")
    assert not policy_of(store).demoted
    assert not notices(store)
    with pytest.raises(InputError):
        restore_rule(store, RULE, actor="Dr A")


def test_words_dismissed_in_three_studies_are_remembered(session: StudySession) -> None:
    store = session.context.store
    firing = _alert()
    known = pattern_of(firing)
    assert known is not None
    for number in range(2):
        uid = f"1.2.{number}"
        store.check_memory.add(
            uid, "main", [Firing("x", RULE, "warn", known.id, known.words)], at_utc="2026-01-01"
        )
        ended = [Settled("x", "overridden", "check_wrong")]
        store.check_memory.settle(uid, "main", ended, at_utc="2026-01-01")
    assert not policy_of(store).suppressed
    _sign_with(session, firing, "check_wrong")
    assert policy_of(store).suppressed == {known.id}
    lift(store, known.id, actor="Dr A")
    assert not policy_of(store).suppressed


def test_a_block_is_never_remembered(session: StudySession) -> None:
    for _ in range(4):
        _sign_with(session, _alert("block"), "check_wrong")
    assert not policy_of(session.context.store).suppressed


def test_a_check_that_was_asked_for_counts_its_alerts_once(session: StudySession) -> None:
    session.set_report_text("FINDINGS: The heart is ___.\nIMPRESSION: Normal.\n")
    first = check_now(session)
    check_now(session)
    memory = session.context.store.check_memory
    shown = memory.open_ids(session.study.study_instance_uid, session.reading)
    assert set(shown) == {item.id for item in first.discrepancies}


def test_the_administrator_hears_of_it_from_the_doctor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OVERREAD_DATA", str(tmp_path))
    store = Store(tmp_path)
    store.check_memory.demote(RULE, firings=100, overridden=90, at_utc="2026-01-01")
    store.close()
    rows = {row.name: row for row in library_rows()}
    assert rows["library"].level == "ok"
    assert rows["report check"].level == "note"
    assert RULE in rows["report check"].detail
