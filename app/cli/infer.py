"""``overread infer``: one model pack on one study or image."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.core.reader_input import ReaderInput


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the verb."""
    parser.add_argument("path", type=Path, metavar="PATH", help="DICOM file, folder, ZIP or NIfTI")
    parser.add_argument("--pack", required=True, metavar="ID")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--series", default="", metavar="UID", help="default: the best that fits")
    parser.add_argument("--stack", type=int, default=None, metavar="N", help="counted from 0")
    parser.add_argument("--force", action="store_true", help="also where the pack refuses")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument(
        "--server", default="", metavar="NAME", help="a model server of the settings"
    )
    parser.add_argument("--threads", type=int, default=0, metavar="N", help="0: up to four")
    parser.add_argument("--data", type=Path, default=None, help="folder of the local library")
    parser.add_argument("--input", type=Path, metavar="FILE", help="what the reader gives (JSON)")
    parser.add_argument("--json", action="store_true", help="print run.json")


def run(args: argparse.Namespace) -> int:
    """Run the pack; results in the folder of ``--out``."""
    from app.bootstrap import has_library, open_store
    from app.cli.exit_codes import ExitCode
    from app.cli.packs import open_packs
    from app.cli.progress_line import ProgressLine
    from app.cli.servers import open_servers
    from app.core.errors import InputError
    from app.core.ports import RandomUids, SystemClock
    from app.inference.worker import InferenceProcess
    from app.workflow.infer_image import InferRequest, infer_image

    packs = open_packs(args.data)
    installed = packs.get(args.pack)
    if not args.path.exists():
        raise InputError(
            f"{args.path} does not exist.",
            ru=f"{args.path} не существует.",
            hint="Give a DICOM file, a folder, a ZIP or a NIfTI image.",
            hint_ru="Укажите файл DICOM, папку, ZIP или изображение NIfTI.",
        )
    store = open_store(args.data) if has_library(args.data) else None
    servers = open_servers(args.data, args.server)
    process = InferenceProcess(device=args.device, threads=args.threads, servers=servers)
    with tempfile.TemporaryDirectory(prefix="overread-") as workspace, ProgressLine() as line:
        try:
            report = infer_image(
                InferRequest(
                    path=args.path,
                    installed=installed,
                    out=args.out,
                    workspace=Path(workspace),
                    series=args.series,
                    stack=args.stack,
                    forced=args.force,
                    reader_input=_reader_input(args.input),
                    packs_in_use=packs.installed(),
                    expected=store.expected.of_study if store is not None else None,
                ),
                process,
                clock=SystemClock(),
                uids=RandomUids(),
                progress=line.show,
            )
        finally:
            process.close()
            if store is not None:
                store.close()
    if args.json:
        sys.stdout.write(json.dumps(report, ensure_ascii=False) + "\n")
        return ExitCode.DONE
    seconds = sum(report["seconds"].values())
    forced = ", forced" if report["forced"] else ""
    print(f"{report['pack']} {report['version']} on {report['device']}{forced}: {seconds:.2f} s")
    for row in report["outputs"]:
        print(f"  {row['label']}: {row['voxels']} voxels, {row['mask']}")
    for text in score_lines(report["scores"], args.out / "scores.json"):
        print(f"  {text}")
    for flag in report["quality_flags"]:
        print(f"  ! {flag['text']['en']}")
    for reason in report["suitability"]["reasons"]:
        if not reason["ok"]:
            print(f"  ! {reason['text']['en']}")
    for note in report["notes"]:
        print(f"  ! {note['en']}")
    print(f"Written to {args.out}")
    return ExitCode.DONE


def _reader_input(path: Path | None) -> ReaderInput:
    """The points, boxes and lines of a file. Raises ``InputError``."""
    from app.core.errors import InputError
    from app.core.reader_input import ReaderInput, reader_input_from_json

    if path is None:
        return ReaderInput()
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path} is not a readable JSON file.",
            ru=f"{path} не читается как JSON.",
            hint="docs/cli.md shows what it holds.",
            hint_ru="Что в нём должно быть, показано в docs/cli.md.",
        ) from error
    return reader_input_from_json(data)


def score_lines(scores: dict[str, float], file: Path) -> list[str]:
    """Each score, and on which side of its threshold it lies where the pack has one."""
    heads = []
    if file.exists():
        heads = json.loads(file.read_text(encoding="utf-8"))["heads"]
    sides = {}
    for head in heads:
        if head["above"] is not None:
            side = "above" if head["above"] else "below"
            sides[head["label"]] = f' ({side} the threshold "{head["default_point"]}")'
    return [f"{name}: {score:.3f}{sides.get(name, '')}" for name, score in scores.items()]
