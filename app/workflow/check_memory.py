"""What the site learns from how alerts end: rules that demote themselves, words remembered.

Alerts count once per reading, from the moment a check was asked for (not while typing), and end
with the signature. Demoting and remembering are audited; ``notices`` tell the administrator.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from app.core.errors import InputError
from app.core.report import CheckResult, Discrepancy, Message, Override
from app.reporting.alert_policy import (
    REMEMBERED_AFTER,
    WINDOW,
    AlertPolicy,
    Pattern,
    is_demoting,
    pattern_of,
)
from app.store.check_memory import Demotion, Firing, RuleRecord, Settled, Suppression
from app.store.store import Store
from app.workflow.session import StudySession

_LOG = logging.getLogger("overread.check")
_WRONG = "check_wrong"


@dataclass(frozen=True, slots=True)
class RuleStanding:
    """One rule on this site: how its alerts ended, the reasons given, whether it is a note now."""

    record: RuleRecord
    reasons: dict[str, int]
    demotion: Demotion | None

    @property
    def accepted_share(self) -> float | None:
        """Share of ended alerts that led to a correction; None before the first one."""
        return self.record.fixed / self.record.firings if self.record.firings else None


def policy_of(store: Store) -> AlertPolicy:
    """What the check has to respect now; any thread."""
    memory = store.check_memory
    return AlertPolicy(
        frozenset(item.rule for item in memory.demotions() if item.is_in_force),
        frozenset(item.pattern for item in memory.suppressions()),
    )


def note_shown(session: StudySession, result: CheckResult) -> None:
    """Note the alerts of a check that somebody asked for. Main thread."""
    if session.is_signed:
        return
    session.context.store.check_memory.add(
        session.study.study_instance_uid,
        session.reading,
        [_firing(item) for item in result.discrepancies],
        at_utc=session.context.clock.now_utc(),
    )


def note_signed(session: StudySession, final: CheckResult, overrides: Sequence[Override]) -> None:
    """Note how the alerts ended; what follows from it is done and audited. Main thread.

    Call inside the transaction of the signature.
    """
    store, now = session.context.store, session.context.clock.now_utc()
    study, reading = session.study.study_instance_uid, session.reading
    memory = store.check_memory
    items = {item.id: item for item in final.discrepancies}
    memory.add(study, reading, [_firing(item) for item in items.values()], at_utc=now)
    reasons = {item.discrepancy_id: item.reason for item in overrides}
    ended = []
    for uid in memory.open_ids(study, reading):
        if uid in reasons:
            ended.append(Settled(uid, "overridden", reasons[uid]))
        else:
            ended.append(Settled(uid, "stood" if uid in items else "fixed"))
    memory.settle(study, reading, ended, at_utc=now)
    overridden = [items[item.discrepancy_id] for item in ended if item.outcome == "overridden"
                  and item.discrepancy_id in items]  # fmt: skip
    for rule in sorted({item.rule for item in overridden}):
        _demote_if_ignored(session, rule, now)
    for item in overridden:
        if reasons[item.id] == _WRONG and item.severity == "warn":
            _remember_if_repeated(session, item, now)


def standings(store: Store) -> tuple[RuleStanding, ...]:
    """Every rule that has fired here, by id."""
    memory = store.check_memory
    demotions = {item.rule: item for item in memory.demotions()}
    return tuple(
        RuleStanding(memory.record(rule), memory.reasons(rule), demotions.get(rule))
        for rule in sorted({*memory.rules(), *demotions})
    )


def notices(store: Store) -> tuple[Message, ...]:
    """What the administrator has to know: rules that demoted themselves."""
    return tuple(
        Message(
            f"The check rule {item.rule} is a note now: {item.overridden} of its last "
            f"{item.firings} alerts were overridden. overread check rules --restore {item.rule}",
            f"Правило проверки {item.rule} теперь только примечание: отклонено {item.overridden} "
            f"из последних {item.firings} срабатываний. overread check rules --restore {item.rule}",
        )
        for item in store.check_memory.demotions()
        if item.is_in_force
    )


def restore_rule(store: Store, rule: str, *, actor: str) -> None:
    """Give a rule its weight back; raises ``InputError`` where it is not demoted."""
    with store.transaction():
        if not store.check_memory.restore(rule, at_utc=store.clock.now_utc()):
            raise InputError(
                f"The rule {rule} is not demoted.",
                ru=f"Правило {rule} не понижено.",
                hint="overread check rules lists those that are.",
                hint_ru="Пониженные правила показывает overread check rules.",
            )
        store.audit.append(actor, "check.rule_restored", rule)


def suppress(store: Store, pattern: Pattern, *, actor: str) -> None:
    """Remember words by hand: such warnings are notes from now on."""
    with store.transaction():
        store.check_memory.suppress(
            Suppression(
                pattern.id, pattern.rule, pattern.words, "person", actor, store.clock.now_utc()
            )
        )
        store.audit.append(
            actor, "check.words_remembered", pattern.id, {"rule": pattern.rule, "origin": "person"}
        )


def lift(store: Store, pattern_id: str, *, actor: str) -> None:
    """Forget words; raises ``InputError`` where they are not remembered."""
    with store.transaction():
        if not store.check_memory.lift(pattern_id):
            raise InputError(
                f"No remembered words have the id {pattern_id}.",
                ru=f"Запомненной формулировки {pattern_id} нет.",
                hint="overread check dismissals lists them.",
                hint_ru="Список показывает overread check dismissals.",
            )
        store.audit.append(actor, "check.words_forgotten", pattern_id)


def _firing(item: Discrepancy) -> Firing:
    pattern = pattern_of(item)
    if pattern is None:
        return Firing(item.id, item.rule, item.severity, "", "")
    return Firing(item.id, item.rule, item.severity, pattern.id, pattern.words)


def _demote_if_ignored(session: StudySession, rule: str, now: str) -> None:
    store = session.context.store
    record = store.check_memory.record(rule, newest=WINDOW)
    if not is_demoting(record.overridden, record.firings):
        return
    store.check_memory.demote(
        rule, firings=record.firings, overridden=record.overridden, at_utc=now
    )
    store.audit.append(
        "overread", "check.rule_demoted", rule,
        {"firings": str(record.firings), "overridden": str(record.overridden)},
    )  # fmt: skip
    _LOG.warning(
        "check rule %s demoted itself: %d of %d overridden", rule, record.overridden, record.firings
    )


def _remember_if_repeated(session: StudySession, item: Discrepancy, now: str) -> None:
    pattern, store = pattern_of(item), session.context.store
    if pattern is None:
        return
    dismissed, fixed = store.check_memory.dismissals(pattern.id, _WRONG)
    if dismissed < REMEMBERED_AFTER or fixed:
        return
    kept = Suppression(pattern.id, pattern.rule, pattern.words, "memory", "overread", now)
    if store.check_memory.suppress(kept):
        store.audit.append(
            "overread", "check.words_remembered", pattern.id,
            {"rule": pattern.rule, "origin": "memory", "studies": str(dismissed)},
        )  # fmt: skip
