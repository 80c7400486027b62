"""``overread packs``: what is installed, is it intact, which pack fits which series and why not."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.cli import packs_import

if TYPE_CHECKING:
    from app.inference.pack_store import InstalledPack, PackFault, PackStore

SCHEMA = "overread.packs/1"
ROUTE_SCHEMA = "overread.route/1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The actions of the verb; every one takes ``--json`` and ``--data``."""
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--json", action="store_true", help="one JSON object instead of text")
    shared.add_argument("--data", type=Path, default=None, help="folder of the local library")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", parents=[shared], help="what is installed")
    show = actions.add_parser("show", parents=[shared], help="manifest and card of one pack")
    show.add_argument("id", metavar="ID")
    verify = actions.add_parser("verify", parents=[shared], help="hash every file")
    verify.add_argument("id", metavar="ID", nargs="?", default=None)
    route = actions.add_parser("route", parents=[shared], help="which pack fits which series")
    route.add_argument("path", type=Path, metavar="PATH")
    add = actions.add_parser("add", parents=[shared], help="install a pack file (ZIP)")
    add.add_argument("file", type=Path, metavar="FILE")
    remove = actions.add_parser("remove", parents=[shared], help="delete an installed pack")
    remove.add_argument("id", metavar="ID")
    packs_import.add_arguments(
        actions.add_parser("import", help="make a pack from a model of another project")
    )


def run(args: argparse.Namespace) -> int:
    """Run one action."""
    from app.cli.exit_codes import ExitCode

    if args.action == "import":
        return packs_import.run(args)
    store = open_packs(args.data)
    match args.action:
        case "list":
            _answer(args, {"schema": SCHEMA, "packs": _rows(store)})
        case "show":
            _answer(args, {"schema": SCHEMA, "packs": [_details(store, args.id)]})
        case "add":
            added = store.add(args.file)
            _answer(args, {"schema": SCHEMA, "packs": [pack_row(added, intact=True)]})
        case "remove":
            store.remove(args.id)
            _answer(args, {"schema": SCHEMA, "removed": args.id, "packs": _rows(store)})
        case "route":
            _route(args, store)
        case "verify":
            return _verify(args, store)
    return ExitCode.DONE


def open_packs(data: Path | None) -> PackStore:
    """The packs of the program and those of the library in ``data`` (None: the user's)."""
    from app.config.folders import built_in_packs_folder, data_folder
    from app.inference.pack_store import PackStore

    return PackStore(built_in_packs_folder(), (data or data_folder()) / "packs")


def pack_row(installed: InstalledPack, *, intact: bool) -> dict[str, Any]:
    """One pack as in ``overread.packs/1``."""
    pack = installed.pack
    return {
        "id": pack.id,
        "version": pack.version,
        "name": pack.name.en,
        "name_ru": pack.name.ru,
        "task": pack.task,
        "licence": pack.licence,
        "weights_sha256": pack.weights_sha256,
        "manifest_sha256": installed.manifest_sha256,
        "built_in": installed.built_in,
        "intact": intact,
    }


def _rows(store: PackStore) -> list[dict[str, Any]]:
    """All packs, and those that cannot be read, which are not intact."""
    faults = store.verify(None)
    broken = {fault.pack_id for fault in faults}
    installed = store.installed()
    rows = [pack_row(item, intact=item.pack.id not in broken) for item in installed]
    known = {item.pack.id for item in installed}
    rows += [_unreadable(fault) for fault in faults if fault.pack_id not in known]
    return sorted(rows, key=lambda row: str(row["id"]))


def _unreadable(fault: PackFault) -> dict[str, Any]:
    empty = dict.fromkeys(("version", "name", "task", "licence", "weights_sha256"), "")
    return {"id": fault.pack_id, **empty, "built_in": False, "intact": False,
            "fault": {"en": fault.reason.en, "ru": fault.reason.ru}}  # fmt: skip


def _details(store: PackStore, pack_id: str) -> dict[str, Any]:
    installed = store.get(pack_id)
    card = installed.folder / installed.pack.model_card.file
    return pack_row(installed, intact=not store.verify(pack_id)) | {
        "manifest": json.loads(installed.read_manifest().decode("utf-8-sig")),
        "card": card.read_text("utf-8", errors="replace") if card.is_file() else "",
    }


def _verify(args: argparse.Namespace, store: PackStore) -> int:
    from app.cli.exit_codes import ExitCode

    faults = store.verify(args.id)
    rows = [row for row in _rows(store) if args.id in (None, row["id"])]
    answer = {
        "schema": SCHEMA,
        "packs": rows,
        "faults": [
            {
                "id": fault.pack_id,
                "file": fault.file,
                "reason": {"en": fault.reason.en, "ru": fault.reason.ru},
            }
            for fault in faults
        ],
    }
    _answer(args, answer)
    for fault in faults:
        sys.stderr.write(f"overread: {fault.pack_id}: {fault.file}: {fault.reason.en}\n")
    return ExitCode.ANSWER_IS_NO if faults else ExitCode.DONE


def _route(args: argparse.Namespace, store: PackStore) -> None:
    from app.cli.progress_line import ProgressLine
    from app.dicom.files.scan import scan
    from app.dicom.stacks.grouping import group
    from app.inference.gate import route
    from app.inference.run_report import routing_row

    packs = [installed.pack for installed in store.installed()]
    with tempfile.TemporaryDirectory(prefix="overread-") as workspace, ProgressLine() as line:
        found = scan([args.path], workspace=Path(workspace), progress=line.show)
        routing = [pair for study in group(found.records) for pair in route(packs, study)]
    rows = [routing_row(ref, fits) for ref, fits in routing]
    if args.json:
        sys.stdout.write(json.dumps({"schema": ROUTE_SCHEMA, "series": rows}) + "\n")
        return
    for row in rows:
        print(f"series {row['series_instance_uid']}, stack {row['stack']}")
        for fit in row["packs"]:
            reasons = " ".join(r["text"]["en"] for r in fit["reasons"] if not r["ok"])
            print(f"  {fit['pack']} {fit['version']}: {fit['verdict']} {reasons}".rstrip())


def _answer(args: argparse.Namespace, answer: dict[str, Any]) -> None:
    if args.json:
        sys.stdout.write(json.dumps(answer, ensure_ascii=False) + "\n")
        return
    for row in answer["packs"]:
        origin = "built in" if row["built_in"] else "added"
        state = "intact" if row["intact"] else "NOT INTACT"
        print(f"{row['id']} {row['version']} ({origin}, {state}): {row['name']}")
        if row.get("card"):
            print(f"\n{row['card']}")
    if not answer["packs"] and "removed" not in answer:
        print("No model packs are installed.")
