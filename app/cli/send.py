"""``overread send``: objects to a network peer."""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from app.cli.echo import PEER_HELP
from app.cli.language import console_language, in_language

SCHEMA = "overread.send/1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the verb."""
    parser.add_argument("peer", metavar="PEER", help=PEER_HELP)
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="files, folders, ZIPs")
    parser.add_argument("--data", type=Path, default=None, help="folder of the local library")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")


def run(args: argparse.Namespace) -> int:
    """Send; exit 1 where the peer did not take all of it, with the reason for each."""
    from app.bootstrap import open_peers
    from app.cli.exit_codes import ExitCode
    from app.cli.progress_line import ProgressLine
    from app.jobs.progress import part_of
    from app.network import any_peer
    from app.workflow.send_files import objects_in

    peer = open_peers(args.data).peer(args.peer)
    with tempfile.TemporaryDirectory(prefix="overread-") as workspace, ProgressLine() as line:
        paths = objects_in(args.paths, Path(workspace), progress=part_of(line.show, 0.0, 0.2))
        outcome = any_peer.send(peer, paths, progress=part_of(line.show, 0.2, 1.0))
    if args.json:
        answer = {
            "schema": SCHEMA,
            "peer": peer.name,
            "sent": [str(path) for path in outcome.sent],
            "converted": [str(path) for path in outcome.converted],
            "failed": [
                {
                    "path": str(item.path),
                    "reason": {"en": item.reason.en, "ru": item.reason.ru},
                    "may_retry": item.may_retry,
                }
                for item in outcome.failed
            ],
            "warnings": [{"en": warning.en, "ru": warning.ru} for warning in outcome.warnings],
        }
        print(json.dumps(answer, ensure_ascii=False))
    else:
        print(
            in_language(
                f"{len(outcome.sent)} of {len(paths)} objects sent to {peer.name}",
                f"{peer.name}: отправлено объектов {len(outcome.sent)} из {len(paths)}",
            )
        )
        language = console_language()
        for item in outcome.failed:
            print(f"  ! {item.path.name}: {item.reason.text(language)}")
        for warning in outcome.warnings:
            print(f"  ! {warning.text(language)}")
    return ExitCode.ANSWER_IS_NO if outcome.failed else ExitCode.DONE
