"""``overread audit``: the audit trail."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.core.audit import AuditEvent
    from app.store.store import Store

SCHEMA = "overread.audit/1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the verb."""
    parser.add_argument("what", choices=("show", "verify", "export"))
    parser.add_argument("--to", type=Path, metavar="FILE", help="export: JSON lines into FILE")
    parser.add_argument("--subject", default="", metavar="UID", help="events of this subject only")
    parser.add_argument("--data", type=Path, default=None, help="folder of the local library")
    parser.add_argument("--json", action="store_true", help="JSON instead of text")


def run(args: argparse.Namespace) -> int:
    """Show, verify (exit 1 at the first broken link) or export."""
    from app.bootstrap import open_store

    store = open_store(args.data)
    try:
        if args.what == "verify":
            return _verify(store, as_json=args.json)
        if args.what == "export" and args.to is not None:
            return _export(store, args)
        return _show(store, args)
    finally:
        store.close()


def _verify(store: Store, *, as_json: bool) -> int:
    from app.cli.exit_codes import ExitCode

    broken = store.audit.verify()
    last = store.audit.last()
    count = last.seq if last is not None else 0
    if as_json:
        answer = {
            "schema": SCHEMA,
            "whole": broken is None,
            "events": count,
            "last_hash": last.hash if last is not None else None,
            "broken": None if broken is None else {"seq": broken.seq, "reason": broken.reason},
        }
        sys.stdout.write(json.dumps(answer, ensure_ascii=False) + "\n")
    elif broken is None:
        sys.stdout.write(f"The audit trail is whole: {count} events.\n")
    else:
        sys.stdout.write(f"The audit trail is broken at event {broken.seq}: {broken.reason}.\n")
    return ExitCode.DONE if broken is None else ExitCode.ANSWER_IS_NO


def _show(store: Store, args: argparse.Namespace) -> int:
    from app.cli.exit_codes import ExitCode

    if args.json and args.what == "show":
        rows = [_row(event) for event in store.audit.events(subject_uid=args.subject)]
        answer = {"schema": SCHEMA, "events": rows}
        sys.stdout.write(json.dumps(answer, ensure_ascii=False) + "\n")
        return ExitCode.DONE
    for event in store.audit.events(subject_uid=args.subject):
        if args.what == "export":
            sys.stdout.write(json.dumps(_row(event), ensure_ascii=False) + "\n")
        else:
            details = " ".join(f"{key}={value[:24]}" for key, value in event.details.items())
            sys.stdout.write(
                f"{event.seq:6} {event.at_utc} {event.actor} {event.action} "
                f"{event.subject_uid} {details}\n"
            )
    return ExitCode.DONE


def _export(store: Store, args: argparse.Namespace) -> int:
    from app.cli.exit_codes import ExitCode
    from app.workflow.output_files import write_text

    rows = [_row(event) for event in store.audit.events(subject_uid=args.subject)]
    write_text(args.to, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    if args.json:
        answer = {"schema": SCHEMA, "events": len(rows), "file": str(args.to)}
        sys.stdout.write(json.dumps(answer, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write(f"{len(rows)} events written to {args.to}\n")
    return ExitCode.DONE


def _row(event: AuditEvent) -> dict[str, Any]:
    return {
        "seq": event.seq,
        "at": event.at_utc,
        "actor": event.actor,
        "action": event.action,
        "subject_uid": event.subject_uid,
        "details": dict(event.details),
        "previous_hash": event.previous_hash,
        "hash": event.hash,
    }
