"""``overread outbox``: what is signed goes out to the peers chosen in the settings."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.cli.language import console_language, in_language
from app.cli.opened_library import opened_library

if TYPE_CHECKING:
    from app.store.outbox import OutboxItem
    from app.store.store import Store

SCHEMA = "overread.outbox/1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the verb."""
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--data", type=Path, default=None, help="folder of the local library")
    shared.add_argument("--json", action="store_true", help="one JSON object instead of text")
    does = parser.add_subparsers(dest="does", required=True, metavar="list|retry|run")
    does.add_parser("list", parents=[shared], help="all objects with their states")
    retry = does.add_parser("retry", parents=[shared], help="what failed or waits is due now")
    retry.add_argument("--peer", default=None, metavar="NAME", help="of this peer only")
    does.add_parser("run", parents=[shared], help="send what is due")


def run(args: argparse.Namespace) -> int:
    """List, retry or send; exit 1 of ``run`` where something did not go out."""
    from app.bootstrap import open_store
    from app.cli.exit_codes import ExitCode

    if args.does == "run":
        return _run(args)
    store = open_store(args.data)
    try:
        if args.does == "retry":
            count = store.outbox.retry(at_utc=store.clock.now_utc(), peer=args.peer)
            answer: dict[str, Any] = {"schema": SCHEMA, "due": count}
            words = in_language(f"{count} objects are due now", f"Готово к отправке: {count}")
            print(json.dumps(answer) if args.json else words)
        else:
            _list(store, is_json=args.json)
    finally:
        store.close()
    return ExitCode.DONE


def _run(args: argparse.Namespace) -> int:
    from app.cli.exit_codes import ExitCode
    from app.cli.progress_line import ProgressLine
    from app.workflow.outbox import keep_promises, recover, run_outbox

    with opened_library(args.data) as context, ProgressLine() as line:
        recover(context)
        keep_promises(context)
        done = run_outbox(context, progress=line.show)
        promised = len(context.store.outbox.promises())
    answer = {
        "schema": SCHEMA,
        "sent": done.sent,
        "committed": done.committed,
        "failed": done.failed,
        "waiting": done.waiting,
        "promised": promised,
    }
    if args.json:
        print(json.dumps(answer))
    else:
        print(
            in_language(
                f"{done.sent} sent, {done.committed} committed, {done.failed} failed, "
                f"{done.waiting} to be tried again",
                f"отправлено {done.sent}, подтверждено {done.committed}, "
                f"отклонено {done.failed}, будет повторено {done.waiting}",
            )
        )
    return ExitCode.ANSWER_IS_NO if done.failed or done.waiting or promised else ExitCode.DONE


def _list(store: Store, *, is_json: bool) -> None:
    items = store.outbox.all()
    if is_json:
        answer = {
            "schema": SCHEMA,
            "counts": store.outbox.counts(),
            "promised": [promise.report_uid for promise in store.outbox.promises()],
            "objects": [_row(item) for item in items],
        }
        print(json.dumps(answer, ensure_ascii=False))
        return
    for item in items:
        why = f"  {item.reason.text(console_language())}" if item.reason else ""
        print(f"{item.state:9}  {item.peer:16}  {item.kind:5}  {item.sop_instance_uid}{why}")
    if not items:
        print(in_language("The outbox is empty.", "Очередь отправки пуста."))


def _row(item: OutboxItem) -> dict[str, Any]:
    return {
        "peer": item.peer,
        "kind": item.kind,
        "study_instance_uid": item.study_instance_uid,
        "sop_class_uid": item.sop_class_uid,
        "sop_instance_uid": item.sop_instance_uid,
        "state": item.state,
        "attempts": item.attempts,
        "queued_at": item.queued_at_utc,
        "changed_at": item.changed_at_utc,
        "next_at": item.next_at_utc if item.state == "queued" else None,
        "reason": None if item.reason is None else {"en": item.reason.en, "ru": item.reason.ru},
    }
