"""``overread listen``: receive what peers send, into the library or into a folder."""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.cli.language import console_language
from app.cli.opened_library import opened_library
from app.core.report import Message

if TYPE_CHECKING:
    from app.workflow.context import AppContext
    from app.workflow.import_inbox import TakenIn

SCHEMA = "overread.listen/1"
_EVENTS = {
    "listening": Message(
        "listening as {ae_title} at port {port}", "приём: {ae_title}, порт {port}"
    ),
    "received": Message("received: {objects} objects", "получено объектов: {objects}"),
    "ended": Message("ended: {objects} objects received", "конец; получено объектов: {objects}"),
}
_QUIET_S = 2.0
_LOOK_S = 0.1
_LAST_PORT = 65535


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the verb."""
    parser.add_argument(
        "--port", type=_port, default=None, help="default: that of the settings; 0: any free one"
    )
    parser.add_argument(
        "--ae-title", default=None, metavar="AET", help="our own; default: settings"
    )
    ends = parser.add_mutually_exclusive_group()
    ends.add_argument(
        "--once", action="store_true", help="end when something has come and no more follows"
    )
    ends.add_argument(
        "--for", type=_seconds, default=None, metavar="SECONDS", dest="seconds", help="then end"
    )
    parser.add_argument("--data", type=Path, default=None, help="folder of the local library")
    parser.add_argument("--json", action="store_true", help="one JSON object per event")


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > _LAST_PORT:
        raise argparse.ArgumentTypeError(f"a port is a number from 0 to {_LAST_PORT}")
    return int(text)


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0.0 < seconds < math.inf:
        raise argparse.ArgumentTypeError("seconds are more than 0")
    return seconds


def run(args: argparse.Namespace) -> int:
    """Listen until the end that was asked for, or Ctrl+C; all that was confirmed is stored."""
    from app.cli.exit_codes import ExitCode

    with opened_library(args.data) as context:
        _listen(context, args)
    return ExitCode.DONE


def _listen(context: AppContext, args: argparse.Namespace) -> None:
    from app.network.listener import Listener
    from app.workflow.import_inbox import InboxImporter, import_inbox, inbox_of
    from app.workflow.peers import listener_settings

    told = _Events(is_json=args.json)
    known = listener_settings(context.settings)
    settings = replace(
        known,
        ae_title=args.ae_title or known.ae_title,
        port=known.port if args.port is None else args.port,
    )
    inbox = inbox_of(context)
    left = import_inbox(context, inbox)
    if left.objects:
        told.received(left)
    with InboxImporter(context, inbox, told.received) as importer:
        listener = Listener(settings, inbox, importer.put)
        listener.start()
        told.tell("listening", ae_title=settings.ae_title, port=listener.port)
        try:
            with contextlib.suppress(KeyboardInterrupt):
                _wait(args, told)
        finally:
            listener.stop()
    told.tell("ended", objects=told.objects)


def _wait(args: argparse.Namespace, told: _Events) -> None:
    ends_at = None if args.seconds is None else time.monotonic() + args.seconds
    while ends_at is None or time.monotonic() < ends_at:
        time.sleep(_LOOK_S)
        if args.once and told.quiet_s > _QUIET_S:
            return


class _Events:
    """Says what happens, a line each; from the thread of the importer too."""

    def __init__(self, *, is_json: bool) -> None:
        self._is_json = is_json
        self._lock = threading.Lock()
        self._last_at: float | None = None
        self.objects = 0

    @property
    def quiet_s(self) -> float:
        """Seconds since something came; 0 before."""
        return 0.0 if self._last_at is None else time.monotonic() - self._last_at

    def received(self, taken: TakenIn) -> None:
        """A portion is in the library."""
        self._last_at = time.monotonic()
        self.objects += taken.objects
        self.tell(
            "received",
            objects=taken.objects,
            studies=list(taken.studies),
            put_aside=[item.path.name for item in taken.put_aside],
        )

    def tell(self, event: str, **more: Any) -> None:  # noqa: ANN401 - JSON values
        """One event."""
        with self._lock:
            if self._is_json:
                row = {"schema": SCHEMA, "event": event, **more}
                print(json.dumps(row, ensure_ascii=False), flush=True)
            else:
                print(_EVENTS[event].text(console_language()).format(**more), flush=True)
