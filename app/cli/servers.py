"""``overread servers``: the model servers of the settings; packs as models of NVIDIA Triton."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.cli.language import console_language, in_language

if TYPE_CHECKING:
    from app.core.report import Message
    from app.inference.remote.server import ModelServer, ServerBook
    from app.workflow.model_servers import ServerCheck

SCHEMA = "overread.servers/1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the verb."""
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--data", type=Path, default=None, help="folder of the local library")
    shared.add_argument("--json", action="store_true", help="one JSON object instead of text")
    does = parser.add_subparsers(dest="does", required=True, metavar="list|test|export-triton")
    does.add_parser("list", parents=[shared], help="the servers of the settings")
    test = does.add_parser(
        "test", parents=[shared], help="are they there, and do they compute our packs"
    )
    test.add_argument("name", metavar="NAME", nargs="?", default="", help="default: all")
    test.add_argument("--no-sample", action="store_true", help="do not run the packs' samples")
    export = does.add_parser(
        "export-triton", parents=[shared], help="a pack into a model repository of NVIDIA Triton"
    )
    export.add_argument("pack", metavar="PACK")
    export.add_argument("repository", type=Path, metavar="DIR", help="the model repository")
    export.add_argument("--name", default="", metavar="MODEL", help="default: the pack's id")
    export.add_argument("--replace", action="store_true", help="the model may be there already")


def run(args: argparse.Namespace) -> int:
    """List, test or export; a test that fails exits 1."""
    from app.cli.exit_codes import ExitCode

    if args.does == "export-triton":
        return _export(args)
    book = open_servers(args.data)
    if args.does == "list":
        _list(book, is_json=args.json)
        return ExitCode.DONE
    return _test(book, args)


def open_servers(data_folder: Path | None, asked: str = "") -> ServerBook:
    """The servers in the settings of a data folder; ``asked`` must be one of them."""
    from app.config.folders import data_folder as default_folder
    from app.config.settings import load_settings
    from app.workflow.model_servers import server_book

    return server_book(load_settings(data_folder or default_folder()), asked)


def _list(book: ServerBook, *, is_json: bool) -> None:
    rows = [_row(server) for server in book.servers]
    if is_json:
        print(json.dumps({"schema": SCHEMA, "servers": rows}, ensure_ascii=False))
        return
    for row in rows:
        models = ", ".join(f"{pack} = {model}" for pack, model in row["models"].items())
        print(f"{row['name']:16}  {row['url']}  [{row['use']}]  {models}".rstrip())
    if not rows:
        print(
            in_language(
                "No model servers; docs/servers.md shows how to enter one in the settings.",
                "Серверов моделей нет; как добавить: docs/servers.md.",
            )
        )


def _test(book: ServerBook, args: argparse.Namespace) -> int:
    from app.cli.exit_codes import ExitCode
    from app.cli.packs import open_packs
    from app.workflow.model_servers import check_server

    servers = (book.server(args.name),) if args.name else book.servers
    packs, rows = open_packs(args.data), []
    for server in servers:
        checks = []
        if not args.json:
            print(f"{server.name}: {server.url}")
        for check in check_server(server, packs, with_sample=not args.no_sample):
            checks.append(check)
            if not args.json:
                print(_line(check), flush=True)
        usable = all(check.is_ok for check in checks)
        rows.append(_row(server) | {"usable": usable, "checks": [_check_row(c) for c in checks]})
    if args.json:
        print(json.dumps({"schema": SCHEMA, "servers": rows}, ensure_ascii=False))
    elif not rows:
        _list(book, is_json=False)
    return ExitCode.DONE if all(row["usable"] for row in rows) else ExitCode.ANSWER_IS_NO


def _export(args: argparse.Namespace) -> int:
    from app.cli.exit_codes import ExitCode
    from app.cli.packs import open_packs
    from app.inference.remote.triton_repository import write_triton_model

    installed = open_packs(args.data).get(args.pack)
    folders = write_triton_model(installed, args.repository, args.name, replace=args.replace)
    row = {
        "schema": SCHEMA,
        "pack": installed.pack.id,
        "models": [folder.name for folder in folders],
        "folders": [str(folder) for folder in folders],
        "weights_sha256": installed.pack.weights_sha256,
    }
    if args.json:
        print(json.dumps(row, ensure_ascii=False))
    else:
        for folder in folders:
            print(in_language(f"Written: {folder}", f"Записано: {folder}"))
    return ExitCode.DONE


def quick(server: ModelServer) -> ModelServer:
    """The server with a short patience, for a look in passing."""
    return replace(server, connect_s=min(server.connect_s, 2.0))


def _row(server: ModelServer) -> dict[str, Any]:
    return {
        "name": server.name,
        "url": server.url,
        "encrypted": server.is_encrypted,
        "use": server.use,
        "models": dict(server.models),
        "fall_back": server.fall_back,
        "unproven_weights": server.unproven_weights,
        "timeout_s": server.timeout_s,
    }


def _check_row(check: ServerCheck) -> dict[str, Any]:
    return {
        "check": check.name,
        "pack": check.pack or None,
        "ok": check.is_ok,
        "text": _both(check.text),
        "hint": _both(check.hint) if check.hint else None,
    }


def _line(check: ServerCheck) -> str:
    language = console_language()
    mark = "ok   " if check.is_ok else "FAULT"
    about = f"{check.pack}: " if check.pack else ""
    hint = f"\n        -> {_both(check.hint)[language]}" if check.hint else ""
    return f"  {mark} {about}{_both(check.text)[language]}{hint}"


def _both(text: Message) -> dict[str, str]:
    return {"en": text.en, "ru": text.ru}
