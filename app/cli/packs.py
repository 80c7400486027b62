"""``overread packs``: what is installed, is it intact, which pack fits which series and why not."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.cli import pack_compare, pack_files, packs_import

if TYPE_CHECKING:
    from app.core.study import SeriesRef
    from app.inference.gate import Suitability
    from app.inference.golden import GoldenReport
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
    show.add_argument("id", metavar="ID", help="or ID@VERSION")
    verify = actions.add_parser("verify", parents=[shared], help="hash every file")
    verify.add_argument("id", metavar="ID", nargs="?", default=None, help="or ID@VERSION")
    verify.add_argument("--run", action="store_true", help="also run the sample of each pack")
    route = actions.add_parser("route", parents=[shared], help="which pack fits which series")
    route.add_argument("path", type=Path, metavar="PATH")
    route.add_argument("--headers-only", action="store_true", help="do not look at the images")
    add = actions.add_parser("add", parents=[shared], help="install a pack file")
    add.add_argument("file", type=Path, metavar="FILE", help="an .overreadpack (ZIP)")
    remove = actions.add_parser("remove", parents=[shared], help="delete an installed pack")
    remove.add_argument("id", metavar="ID", help="or ID@VERSION")
    packs_import.add_arguments(
        actions.add_parser("import", help="make a pack from a model of another project")
    )
    pack_files.add_arguments(actions, shared)
    pack_compare.add_arguments(actions, shared)


def run(args: argparse.Namespace) -> int:
    """Run one action."""
    from app.cli.exit_codes import ExitCode

    if args.action == "import":
        return packs_import.run(args)
    if args.action in pack_files.ACTIONS:
        return pack_files.run(args)
    store = open_packs(args.data)
    match args.action:
        case "list":
            _answer(args, {"schema": SCHEMA, "packs": _rows(store)})
        case "show":
            _answer(args, {"schema": SCHEMA, "packs": [_details(store, args.id)]})
        case "add":
            _add(args, store)
        case "remove":
            store.remove(args.id)
            _answer(args, {"schema": SCHEMA, "removed": args.id, "packs": _rows(store)})
        case "route":
            _route(args, store)
        case "compare":
            return pack_compare.run(args, store)
        case "verify":
            return _verify(args, store)
    return ExitCode.DONE


def open_packs(data: Path | None) -> PackStore:
    """The packs of the program and those of the library in ``data`` (None: the user's)."""
    from app.config.folders import built_in_packs_folder, data_folder
    from app.config.settings import load_settings
    from app.inference.pack_policy import policy_of
    from app.inference.pack_store import PackStore

    folder = data or data_folder()
    return PackStore(built_in_packs_folder(), folder / "packs", policy_of(load_settings(folder)))


def _add(args: argparse.Namespace, store: PackStore) -> None:
    """Install a pack whose sample comes out on this machine as it must."""
    from app.inference.golden import try_out
    from app.inference.worker import InferenceProcess

    process = InferenceProcess()
    reports: list[GoldenReport | None] = []
    try:
        added = store.add(args.file, lambda one: reports.append(try_out(one, process)))
    finally:
        process.close()
    row = row_of(store, added, intact=True) | {"sample": _sample(reports[0])}
    _answer(args, {"schema": SCHEMA, "packs": [row]})
    if not args.json and not row["in_use"]:
        print(f"{store.get(added.pack.id).key} stays in use; overread packs use {added.key}")


def _sample(report: GoldenReport | None) -> dict[str, Any] | None:
    if report is None:
        return None
    return {"reproduced": report.reproduced, "figures": report.figures}


def row_of(store: PackStore, installed: InstalledPack, *, intact: bool) -> dict[str, Any]:
    """One pack as in ``overread.packs/1``, with what the settings say of it."""
    return pack_row(installed, intact=intact) | {
        "mode": store.mode(installed),
        "in_use": store.is_in_use(installed),
        "signed_by": installed.signed_by,
    }


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


def _rows(store: PackStore, faults: Sequence[PackFault] | None = None) -> list[dict[str, Any]]:
    """All packs, and those that cannot be read, which are not intact. ``faults`` None: a look at
    the files.
    """
    faults = store.verify(graphs=False) if faults is None else faults
    broken = {(fault.pack_id, fault.version) for fault in faults}
    rows = [
        row_of(store, one, intact=(one.pack.id, one.pack.version) not in broken)
        for one in store.versions()
    ]
    rows += [_unreadable(fault) for fault in faults if not fault.version]
    return sorted(rows, key=lambda row: str(row["id"]))


def _unreadable(fault: PackFault) -> dict[str, Any]:
    empty = dict.fromkeys(("version", "name", "task", "licence", "weights_sha256"), "")
    return {"id": fault.pack_id, **empty, "built_in": False, "intact": False, "mode": "off",
            "in_use": False, "fault": {"en": fault.reason.en, "ru": fault.reason.ru}}  # fmt: skip


def _details(store: PackStore, name: str) -> dict[str, Any]:
    installed = store.get(name)
    card = installed.folder / installed.pack.model_card.file
    return row_of(store, installed, intact=not store.verify(installed.key)) | {
        "manifest": json.loads(installed.read_manifest().decode("utf-8-sig")),
        "card": card.read_text("utf-8", errors="replace") if card.is_file() else "",
    }


def _verify(args: argparse.Namespace, store: PackStore) -> int:
    from app.cli.exit_codes import ExitCode

    faults = list(store.verify(args.id))
    pack_id, _, version = (args.id or "").partition("@")
    rows = [
        row
        for row in _rows(store, faults)
        if pack_id in ("", row["id"]) and version in ("", row["version"])
    ]
    if args.run:
        faults += _run_samples(store, rows)
    answer = {
        "schema": SCHEMA,
        "packs": rows,
        "faults": [
            {
                "id": fault.pack_id,
                "version": fault.version,
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


def _run_samples(store: PackStore, rows: list[dict[str, Any]]) -> list[PackFault]:
    """Run the sample of every intact pack; what comes out goes into its row."""
    from app.core.errors import AppError
    from app.core.report import Message
    from app.inference.golden import try_out
    from app.inference.pack_store import PackFault
    from app.inference.worker import InferenceProcess

    found = []
    process = InferenceProcess()
    try:
        for row in rows:
            if not row["intact"]:
                continue
            installed = store.get(f"{row['id']}@{row['version']}")
            try:
                row["sample"] = _sample(try_out(installed, process))
            except AppError as error:
                row["sample"] = {"reproduced": False, "figures": {}}
                golden = installed.pack.golden
                name = golden.input_ref if golden else ""
                reason = Message(error.message, error.ru)
                found.append(PackFault(installed.pack.id, name, reason, installed.pack.version))
    finally:
        process.close()
    return found


def _route(args: argparse.Namespace, store: PackStore) -> None:
    from app.cli.progress_line import ProgressLine
    from app.dicom.files.scan import scan
    from app.dicom.stacks.grouping import group
    from app.inference.run_report import routing_row
    from app.inference.worker import InferenceProcess
    from app.workflow.quality_gates import QualityGates
    from app.workflow.routing import route_by_content, route_by_headers

    in_use = store.installed()
    packs = [installed.pack for installed in in_use]
    process = InferenceProcess()  # starts when a gate is asked, if ever
    gates = QualityGates(in_use, lambda one, image, given: process.run(one, image, context=given))
    routing: list[tuple[SeriesRef, tuple[Suitability, ...]]] = []
    with tempfile.TemporaryDirectory(prefix="overread-") as workspace, ProgressLine() as line:
        try:
            found = scan([args.path], workspace=Path(workspace), progress=line.show)
            for study in group(found.records):
                if args.headers_only:
                    routing += route_by_headers(packs, study)
                else:
                    routing += route_by_content(packs, study, gates)
        finally:
            process.close()
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
        notes = [] if row["mode"] == "on" else [row["mode"]]
        notes += [] if row["in_use"] or row["mode"] != "on" else ["not in use"]
        notes += [f"signed by {row['signed_by']}"] if row.get("signed_by") else []
        words = ", ".join([origin, state, *notes])
        print(f"{row['id']} {row['version']} ({words}): {row['name']}")
        sample = row.get("sample")
        if sample:
            figures = ", ".join(f"{n} {value:.3f}" for n, value in sample["figures"].items())
            print(f"  sample: {figures or 'NOT REPRODUCED'}")
        if row.get("card"):
            print(f"\n{row['card']}")
    if not answer["packs"] and "removed" not in answer:
        print("No model packs are installed.")
