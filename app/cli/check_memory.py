"""``overread check rules``, ``dismissals`` and ``page``: what the check does on this site."""

from __future__ import annotations

import argparse
import getpass
import json
import sys
from typing import TYPE_CHECKING, Any

from app.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from app.core.report import Message
    from app.store.store import Store
    from app.workflow.check_memory import RuleStanding

RULES_SCHEMA = "overread.check-rules/1"
DISMISSALS_SCHEMA = "overread.check-dismissals/1"
WHAT = ("rules", "dismissals", "page")


def run(args: argparse.Namespace) -> int:
    """Show the rules, the remembered words or the page; restore, remember or lift."""
    if args.what == "page":
        from app.reporting.rule_page import rule_page

        sys.stdout.write(rule_page("ru" if args.lang == "ru" else "en"))
        return ExitCode.DONE
    from app.bootstrap import open_store

    store = open_store(args.data)
    try:
        return _rules(store, args) if args.what == "rules" else _dismissals(store, args)
    finally:
        store.close()


def _rules(store: Store, args: argparse.Namespace) -> int:
    from app.reporting.rule_catalogue import rule_texts
    from app.workflow.check_memory import restore_rule, standings

    if args.restore:
        restore_rule(store, args.restore, actor=getpass.getuser())
    known = {item.record.rule: item for item in standings(store)}
    rows = [
        {"rule": text.rule, "severity": text.severity, "what": _both(text.what)}
        | _standing(known.get(text.rule))
        for text in rule_texts()
    ]
    if args.json:
        answer = {"schema": RULES_SCHEMA, "rules": rows}
        sys.stdout.write(json.dumps(answer, ensure_ascii=False) + "\n")
        return ExitCode.DONE
    for row in rows:
        share = row["accepted_share"]
        shown = "-" if share is None else f"{100 * share:.0f} %"
        note = "  demoted to a note" if row["demoted"] else ""
        sys.stdout.write(
            f"{row['rule']:46} {row['severity']:12} alerts {row['firings']:5} "
            f"corrected {shown}{note}\n"
        )
    return ExitCode.DONE


def _standing(item: RuleStanding | None) -> dict[str, Any]:
    if item is None:
        return {
            "firings": 0, "fixed": 0, "overridden": 0, "stood": 0, "accepted_share": None,
            "reasons": {}, "demoted": False,
        }  # fmt: skip
    record = item.record
    return {
        "firings": record.firings,
        "fixed": record.fixed,
        "overridden": record.overridden,
        "stood": record.stood,
        "accepted_share": item.accepted_share,
        "reasons": item.reasons,
        "demoted": item.demotion is not None and item.demotion.is_in_force,
    }


def _dismissals(store: Store, args: argparse.Namespace) -> int:
    from app.reporting.alert_policy import Pattern, plain_words
    from app.workflow.check_memory import lift, suppress

    if args.lift:
        lift(store, args.lift, actor=getpass.getuser())
    if args.remember:
        rule, words = args.remember
        suppress(store, Pattern(rule, plain_words(words)), actor=getpass.getuser())
    rows = [
        {
            "id": item.pattern, "rule": item.rule, "words": item.words, "origin": item.origin,
            "by": item.by, "at": item.at_utc,
        }
        for item in store.check_memory.suppressions()
    ]  # fmt: skip
    if args.json:
        answer = {"schema": DISMISSALS_SCHEMA, "dismissals": rows}
        sys.stdout.write(json.dumps(answer, ensure_ascii=False) + "\n")
        return ExitCode.DONE
    for row in rows:
        sys.stdout.write(f"{row['id']}  {row['rule']}  {row['origin']}  {row['words']}\n")
    if not rows:
        sys.stdout.write("No words are remembered.\n")
    return ExitCode.DONE


def _both(message: Message) -> dict[str, str]:
    return {"en": message.en, "ru": message.ru}
