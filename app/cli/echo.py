"""``overread echo``: is a network peer there, and does it know us."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

SCHEMA = "overread.echo/1"
PEER_HELP = "a name of the settings, AET@host:port, or the URL of a DICOMweb service"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the verb."""
    parser.add_argument("peer", metavar="PEER", help=PEER_HELP)
    parser.add_argument("--data", type=Path, default=None, help="folder of the local library")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")


def run(args: argparse.Namespace) -> int:
    """Ask; a peer that does not answer is a fault in words, exit 4."""
    from app.bootstrap import open_peers
    from app.cli.exit_codes import ExitCode
    from app.cli.language import console_language
    from app.network import any_peer
    from app.workflow.peers import words_of

    peer = open_peers(args.data).peer(args.peer)
    answer = any_peer.echo(peer)
    if args.json:
        row = {
            "schema": SCHEMA,
            "peer": peer.name,
            "seconds": round(answer.seconds, 4),
            "implementation": answer.implementation,
        }
        print(json.dumps(row, ensure_ascii=False))
    else:
        print(words_of(peer, answer).text(console_language()))
    return ExitCode.DONE
