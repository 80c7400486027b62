"""``overread import``: studies into the local library."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

SCHEMA = "overread.import/1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the verb."""
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    parser.add_argument("--copy", action="store_true", help="copy the files into the library too")
    parser.add_argument("--data", type=Path, default=None, help="folder of the local library")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")


def run(args: argparse.Namespace) -> int:
    """Import and say what was left out."""
    from app.bootstrap import build_context
    from app.cli.exit_codes import ExitCode
    from app.cli.progress_line import ProgressLine
    from app.workflow.import_studies import import_paths

    with tempfile.TemporaryDirectory(prefix="overread-") as workspace, ProgressLine() as progress:
        context = build_context(data_folder=args.data, workspace=Path(workspace))
        try:
            outcome = import_paths(context, args.paths, copy=args.copy, progress=progress.show)
        finally:
            context.close()
    found = outcome.scan
    if args.json:
        answer = {
            "schema": SCHEMA,
            "files": {
                "seen": found.seen,
                "dicom": len(found.records),
                "copied": outcome.copied,
                "skipped": [_left_out(f.path, f.reason.en) for f in found.skipped],
                "unreadable": [_left_out(f.path, f.reason.en) for f in found.unreadable],
            },
            "studies": [
                {
                    "study_instance_uid": study.study_instance_uid,
                    "series": len(study.series),
                    "instances": sum(len(series.instances) for series in study.series),
                    "blocked": study.blocked,
                }
                for study in outcome.studies
            ],
        }
        json.dump(answer, sys.stdout, ensure_ascii=False)
        sys.stdout.write("\n")
    else:
        for study in outcome.studies:
            sys.stdout.write(
                f"{study.study_instance_uid}  {study.study_date}  {study.description}\n"
            )
        sys.stdout.write(
            f"{len(outcome.studies)} studies, {len(found.records)} objects, "
            f"{len(found.skipped)} skipped, {len(found.unreadable)} unreadable\n"
        )
    return ExitCode.DONE


def _left_out(path: Path, reason: str) -> dict[str, str]:
    return {"path": str(path), "reason": reason}
