"""``overread peers``: the network peers of the settings."""

from __future__ import annotations

import argparse
import getpass
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.cli.language import console_language, in_language
from app.core.errors import UsageFault
from app.core.report import Message

if TYPE_CHECKING:
    from app.workflow.peers import PeerBook

SCHEMA = "overread.peers/1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the verb."""
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--data", type=Path, default=None, help="folder of the local library")
    shared.add_argument("--json", action="store_true", help="one JSON object instead of text")
    does = parser.add_subparsers(dest="does", required=True, metavar="list|add|remove|test|secret")
    does.add_parser("list", parents=[shared], help="all peers")
    add = does.add_parser("add", parents=[shared], help="a new peer, or another for its name")
    add.add_argument("name", metavar="NAME")
    add.add_argument("address", metavar="ADDRESS", help="AET@host:port, or a DICOMweb URL")
    add.add_argument("--replace", action="store_true", help="a peer of this name may be there")
    add.add_argument("--auto-send", action="store_true", help="what is signed goes there")
    add.add_argument("--ca-file", default="", metavar="PEM", help="who vouches for the peer")
    add.add_argument("--timeout", type=float, default=None, metavar="SECONDS", dest="timeout_s")
    dimse = add.add_argument_group("DIMSE")
    dimse.add_argument(
        "--calling-ae-title", default="", metavar="AET", help="how we call ourselves"
    )
    dimse.add_argument("--tls", action="store_true")
    dimse.add_argument("--certificate", default="", metavar="PEM", help="our own, with --key")
    dimse.add_argument("--key", default="", metavar="PEM")
    dimse.add_argument("--commitment", action="store_true", help="it confirms storage")
    web = add.add_argument_group("DICOMweb")
    web.add_argument("--auth", choices=("none", "basic", "bearer"), default="none")
    web.add_argument("--user", default="")
    web.add_argument("--proxy", default="", metavar="URL", help="or: direct; default: the system's")
    web.add_argument("--proxy-user", default="", metavar="USER")
    web.add_argument("--client-certificate", default="", metavar="PEM", help="our own")
    web.add_argument("--client-key", default="", metavar="PEM")
    for name, words in (
        ("remove", "forget a peer and its secrets"),
        ("test", "is it there, and does it know us"),
    ):
        does.add_parser(name, parents=[shared], help=words).add_argument("name", metavar="NAME")
    secret = does.add_parser(
        "secret", parents=[shared], help="its password or token, read from standard input"
    )
    secret.add_argument("name", metavar="NAME")
    secret.add_argument("--proxy", action="store_true", help="the password of its proxy")
    secret.add_argument("--forget", action="store_true", help="forget it")


def run(args: argparse.Namespace) -> int:
    """List or change the peers; a test that fails is a fault in words, exit 4."""
    from app.bootstrap import open_peers
    from app.cli.exit_codes import ExitCode
    from app.workflow.peers import answered

    book = open_peers(args.data)
    if args.does == "list":
        _list(book, is_json=args.json)
        return ExitCode.DONE
    if args.does == "test":
        words = answered(book.peer(args.name))
    elif args.does == "remove":
        book.remove(args.name)
        words = Message(f"{args.name} is removed.", f"Узел {args.name} удалён.")
    elif args.does == "secret":
        words = _secret(book, args)
    else:
        words = _add(book, args)
    text = {"en": words.en, "ru": words.ru}
    row = {"schema": SCHEMA, "peer": args.name, "did": args.does, "text": text}
    said = text[console_language()]
    print(json.dumps(row, ensure_ascii=False) if args.json else said)
    return ExitCode.DONE


def _list(book: PeerBook, *, is_json: bool) -> None:
    rows = [
        peer.model_dump(mode="json")
        | {
            "has_secret": bool(book.secrets.get(peer.name)),
            "auto_send": peer.name in book.settings.auto_send_to,
        }
        for peer in book.settings.peers
    ]
    if is_json:
        print(json.dumps({"schema": SCHEMA, "peers": rows}, ensure_ascii=False))
        return
    for row in rows:
        where = row.get("url") or f"{row['ae_title']}@{row['host']}:{row['port']}"
        more = [row["auth"]] if row.get("auth", "none") != "none" else []
        signed = in_language("gets what is signed", "получает подписанное")
        more += [signed] if row["auto_send"] else []
        print(f"{row['name']:16}  {where}  {', '.join(more)}".rstrip())
    if not rows:
        print(
            in_language(
                "No peers; overread peers add NAME AET@host:port adds one.",
                "Узлов нет; добавить: overread peers add ИМЯ AET@хост:порт.",
            )
        )


def _add(book: PeerBook, args: argparse.Namespace) -> Message:
    values: dict[str, Any] = {"name": args.name, "ca_file": args.ca_file}
    if args.timeout_s is not None:
        values["timeout_s"] = args.timeout_s
    if "://" in args.address:
        names = ["auth", "user", "proxy", "proxy_user", "client_certificate", "client_key"]
        values |= {"kind": "web", "url": args.address}
    else:
        names = ["calling_ae_title", "tls", "certificate", "key", "commitment"]
        values |= {"kind": "dimse", **_place(args.address)}
    values |= {name: getattr(args, name) for name in names}
    is_there = args.name in {peer.name for peer in book.settings.peers}
    replaces = args.name if args.replace and is_there else ""
    book.keep(values, replaces=replaces, auto_send=args.auto_send)
    if values.get("auth", "none") != "none" and not book.secrets.get(args.name):
        how = f"overread peers secret {args.name}"
        return Message(
            f"{args.name} is kept; set its secret: {how}",
            f"Узел {args.name} сохранён; задайте его секрет: {how}",
        )
    return Message(f"{args.name} is kept.", f"Узел {args.name} сохранён.")


def _place(address: str) -> dict[str, Any]:
    from app.network.peers import parse_peer

    peer = parse_peer(address)
    return {"ae_title": peer.ae_title, "host": peer.host, "port": peer.port}


def _secret(book: PeerBook, args: argparse.Namespace) -> Message:
    from app.workflow.peers import proxy_secret_name

    book.peer(args.name)
    name = proxy_secret_name(args.name) if args.proxy else args.name
    if args.forget:
        book.secrets.remove(name)
        return Message(
            f"The secret of {args.name} is forgotten.", f"Секрет узла {args.name} удалён."
        )
    # never an argument: the list of processes shows those to everybody
    if sys.stdin.isatty():
        secret = getpass.getpass(in_language("Password or token: ", "Пароль или токен: "))
    else:
        secret = sys.stdin.readline().rstrip("\r\n")
    if not secret:
        raise UsageFault(
            "There is no secret on standard input.",
            ru="Секрет не передан на стандартный ввод.",
            hint="Type it when asked, or pipe it in; --forget forgets it.",
            hint_ru="Введите его по запросу или передайте через канал; --forget удаляет секрет.",
        )
    book.secrets.put(name, secret)
    return Message(f"The secret of {args.name} is kept.", f"Секрет узла {args.name} сохранён.")
