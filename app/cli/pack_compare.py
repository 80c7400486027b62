"""``overread packs compare``: two packs, or two versions of one, on the same image."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.inference.pack_store import PackStore


def add_arguments(
    actions: argparse._SubParsersAction[argparse.ArgumentParser], shared: argparse.ArgumentParser
) -> None:
    """The action ``compare``."""
    compare = actions.add_parser("compare", parents=[shared], help="two versions on one study")
    compare.add_argument("first", metavar="ID@VERSION")
    compare.add_argument("second", metavar="ID@VERSION")
    compare.add_argument("path", type=Path, metavar="PATH", help="DICOM or NIfTI")
    compare.add_argument("--series", default="", metavar="UID")
    compare.add_argument("--stack", type=int, default=None, metavar="N")
    compare.add_argument("--force", action="store_true", help="also where a pack refuses")
    compare.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")


def run(args: argparse.Namespace, store: PackStore) -> int:
    """Run both packs and say what differs; nothing is stored."""
    from app.cli.exit_codes import ExitCode
    from app.cli.progress_line import ProgressLine
    from app.inference.worker import InferenceProcess
    from app.workflow.compare_packs import CompareRequest, compare_packs
    from app.workflow.infer_image import InferRequest

    first, second = store.get(args.first), store.get(args.second)
    process = InferenceProcess(device=args.device)
    with tempfile.TemporaryDirectory(prefix="overread-") as workspace, ProgressLine() as line:
        try:
            request = InferRequest(
                path=args.path,
                installed=first,
                out=Path(workspace) / "out",
                workspace=Path(workspace),
                series=args.series,
                stack=args.stack,
                forced=args.force,
            )
            answer = compare_packs(CompareRequest(request, second), process, line.show)
        finally:
            process.close()
    if args.json:
        sys.stdout.write(json.dumps(answer, ensure_ascii=False) + "\n")
    else:
        _print(answer)
    return ExitCode.DONE


def _print(answer: dict[str, Any]) -> None:
    for row in answer["packs"]:
        print(f"{row['pack']} {row['version']}: {row['seconds']:.2f} s on {row['device']}")
    for row in answer["labels"]:
        volume = "" if row["difference_ml"] is None else f", {row['difference_ml']:+.2f} mL"
        print(f"  {row['label']}: Dice {row['dice']:.4f}{volume}")
    for row in answer["scores"]:
        above = {None: "", True: ", same side", False: ", DIFFERENT SIDES"}[row["agree"]]
        print(f"  {row['label']}: {row['scores'][0]:.3f} and {row['scores'][1]:.3f}{above}")
    for row in answer["boxes"]:
        print(f"  {row['label']}: box IoU {row['iou']:.3f}")
    for row in answer["landmarks"]:
        print(f"  {row['label']}: {row['distance']:.2f} {row['unit']} apart")
    for row in answer["numbers"]:
        print(f"  {row['kind']}: {row['values'][0]} and {row['values'][1]} {row['unit']}")
    for side, names in (("first", answer["only_first"]), ("second", answer["only_second"])):
        if names:
            print(f"  only the {side}: {', '.join(names)}")
