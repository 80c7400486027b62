"""``overread retrieve``: a study from a network peer, into the library or into files."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from app.cli.echo import PEER_HELP
from app.cli.language import console_language, in_language
from app.cli.opened_library import opened_library

SCHEMA = "overread.retrieve/1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the verb."""
    parser.add_argument("peer", metavar="PEER", help=PEER_HELP)
    parser.add_argument("--study", required=True, metavar="UID")
    parser.add_argument("--series", default=None, metavar="UID", help="this series only")
    parser.add_argument(
        "--method", choices=("get", "move"), default="get",
        help="move: the peer calls us back; it must know our AE title and port",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path, default=None, metavar="DIR", help="files here, not into the library"
    )
    parser.add_argument("--data", type=Path, default=None, help="folder of the local library")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")


def run(args: argparse.Namespace) -> int:
    """Retrieve; exit 4 where not everything came, with what did come kept."""
    from app.cli.exit_codes import ExitCode
    from app.cli.progress_line import ProgressLine
    from app.core.study import Completeness
    from app.network.answers import RetrieveRequest
    from app.workflow.peers import book_of
    from app.workflow.retrieve_study import Retrieval, retrieve_study, retrieve_to_folder

    whole: Completeness | None = None
    there = 0
    with opened_library(args.data) as context, ProgressLine() as line:
        peer = book_of(context).peer(args.peer)
        wanted = Retrieval(peer, RetrieveRequest(args.study, args.series), args.method)
        if args.out is None:
            retrieved = retrieve_study(context, wanted, progress=line.show)
            outcome, whole = retrieved.outcome, retrieved.completeness
            there = retrieved.there_already
        else:
            outcome = retrieve_to_folder(context, wanted, args.out, progress=line.show)
    found = bool(outcome.expected or outcome.received or outcome.failed or there)
    answer: dict[str, Any] = {
        "schema": SCHEMA,
        "peer": peer.name,
        "study_instance_uid": args.study,
        "series_instance_uid": args.series,
        "method": args.method,
        "out": None if args.out is None else str(args.out),
        "expected": outcome.expected,
        "received": outcome.received,
        "failed": outcome.failed,
        "there_already": there,
        "missing": list(outcome.missing),
        "complete": outcome.is_complete and found,
        "warnings": [{"en": warning.en, "ru": warning.ru} for warning in outcome.warnings],
        "library": None
        if whole is None
        else {
            "received": whole.received,
            "expected": whole.expected,
            "complete": whole.is_complete,
        },
    }
    if args.json:
        print(json.dumps(answer, ensure_ascii=False))
    else:
        _print(answer)
    if not found:
        return ExitCode.INPUT  # the peer has no such study: asked for, and not found
    return ExitCode.DONE if outcome.is_complete else ExitCode.ENVIRONMENT


def _print(answer: dict[str, Any]) -> None:
    received, expected, there = answer["received"], answer["expected"], answer["there_already"]
    of = ("", "") if expected is None else (f" of {expected}", f" из {expected}")
    before = (f", {there} were there already", f", уже было: {there}") if there else ("", "")
    print(
        in_language(
            f"{received}{of[0]} objects received from {answer['peer']}{before[0]}",
            f"{answer['peer']}: получено объектов {received}{of[1]}{before[1]}",
        )
    )
    for warning in answer["warnings"]:
        print(f"  ! {warning[console_language()]}")
    if not answer["complete"] and (answer["received"] or answer["expected"]):
        print(
            in_language(
                "The study is incomplete; the same command again brings the rest.",
                "Исследование неполное; та же команда получит остальное.",
            )
        )
