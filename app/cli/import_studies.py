"""``overread import``: studies into the local library."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.cli.opened_library import opened_library

if TYPE_CHECKING:
    from app.workflow.import_studies import ImportOutcome

SCHEMA = "overread.import/1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the verb."""
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH")
    parser.add_argument("--copy", action="store_true", help="copy the files into the library too")
    parser.add_argument(
        "--resume", action="store_true", help="go on with imports that were cut off"
    )
    parser.add_argument("--data", type=Path, default=None, help="folder of the local library")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")


def run(args: argparse.Namespace) -> int:
    """Import and say what was left out."""
    from app.cli.exit_codes import ExitCode
    from app.cli.progress_line import ProgressLine
    from app.core.errors import UsageFault
    from app.workflow.import_studies import import_paths, resume_imports

    if bool(args.paths) == args.resume:
        raise UsageFault(
            "Give either paths or --resume.", ru="Укажите либо пути, либо --resume."
        )  # fmt: skip
    with opened_library(args.data) as context, ProgressLine() as progress:
        if args.resume:
            outcomes = resume_imports(context, progress=progress.show)
        else:
            outcome = import_paths(context, args.paths, copy=args.copy, progress=progress.show)
            outcomes = (outcome,)
    if args.json:
        sys.stdout.write(json.dumps(_answer(outcomes), ensure_ascii=False) + "\n")
    else:
        _print(outcomes)
    return ExitCode.DONE


def _answer(outcomes: Sequence[ImportOutcome]) -> dict[str, Any]:
    studies = {study.study_instance_uid: study for one in outcomes for study in one.studies}
    counts = [one.counts for one in outcomes]
    return {
        "schema": SCHEMA,
        "files": {
            "seen": sum(one.scan.seen for one in outcomes),
            "dicom": sum(count.new + count.known + count.changed for count in counts),
            "new": sum(count.new for count in counts),
            "known": sum(count.known for count in counts),
            "changed": sum(count.changed for count in counts),
            "missing": sum(one.missing for one in outcomes),
            "copied": sum(one.copied for one in outcomes),
            "skipped": [_left_out(f.path, f.reason.en) for o in outcomes for f in o.scan.skipped],
            "unreadable": [
                _left_out(f.path, f.reason.en) for one in outcomes for f in one.scan.unreadable
            ],
            "conflicts": [_left_out(f.path, f.reason.en) for o in outcomes for f in o.conflicts],
        },
        "resumed": any(one.resumed for one in outcomes),
        "studies": [
            {
                "study_instance_uid": study.study_instance_uid,
                "series": study.series,
                "instances": study.instances,
                "missing_files": study.missing_files,
                "blocked": study.blocked,
            }
            for study in studies.values()
        ],
    }


def _print(outcomes: Sequence[ImportOutcome]) -> None:
    from app.cli.language import console_language, in_language

    language = console_language()
    for one in outcomes:
        for study in one.studies:
            sys.stdout.write(
                f"{study.study_instance_uid}  {study.study_date}  {study.description}\n"
            )
            if study.blocked:
                why = study.blocked_ru if language == "ru" else study.blocked
                sys.stdout.write(f"  {in_language('Blocked', 'Заблокировано')}: {why}\n")
        for file in one.conflicts:
            sys.stdout.write(f"  {file.path}: {file.reason.text(language)}\n")
        counts, scan = one.counts, one.scan
        sys.stdout.write(
            in_language(
                f"{len(one.studies)} studies, {counts.new} new objects, {counts.changed} changed,"
                f" {counts.known} files known, {one.missing} missing, {len(scan.skipped)} skipped,"
                f" {len(scan.unreadable)} unreadable\n",
                f"Исследований: {len(one.studies)}; объектов новых: {counts.new}, изменённых:"
                f" {counts.changed}; файлов известных: {counts.known}, отсутствующих:"
                f" {one.missing}, пропущенных: {len(scan.skipped)}, нечитаемых:"
                f" {len(scan.unreadable)}\n",
            )
        )
    if not outcomes:
        sys.stdout.write(
            in_language("No import was cut off.\n", "Прерванных импортов нет.\n")
        )  # fmt: skip


def _left_out(path: Path, reason: str) -> dict[str, str]:
    return {"path": str(path), "reason": reason}
