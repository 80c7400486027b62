"""``overread export``: the outputs of a reviewed study."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.core.study import Study
    from app.workflow.context import AppContext
    from app.workflow.export import ExportKind

SCHEMA = "overread.export/1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the verb."""
    parser.add_argument("study", metavar="STUDY", help="UID in the library, or the study's files")
    parser.add_argument("--to", type=Path, required=True, metavar="DIR")
    parser.add_argument("--as", dest="kinds", default="", metavar="seg,sr,pdf,key-images")
    parser.add_argument("--data", type=Path, default=None, help="folder of the local library")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")


def run(args: argparse.Namespace) -> int:
    """Write the outputs of the study as it was decided and signed."""
    from app.bootstrap import build_context
    from app.cli.exit_codes import ExitCode
    from app.workflow.export import export
    from app.workflow.session import StudySession

    kinds = _kinds(args.kinds)
    with tempfile.TemporaryDirectory(prefix="overread-") as workspace:
        context = build_context(data_folder=args.data, workspace=Path(workspace))
        try:
            session = StudySession(context, _study(context, args.study))
            files = export(session, args.to, kinds)
            session.close()
        finally:
            context.close()
    if args.json:
        answer = {
            "schema": SCHEMA,
            "study_instance_uid": session.study.study_instance_uid,
            "signed": session.is_signed,
            "files": [path.relative_to(args.to).as_posix() for path in files],
        }
        sys.stdout.write(json.dumps(answer, ensure_ascii=False) + "\n")
    else:
        sys.stdout.writelines(f"{path}\n" for path in files)
    if not files:
        nothing = {
            "en": "Nothing was written: no finding is accepted and the report is not signed.",
            "ru": "Ничего не записано: нет принятых находок, и заключение не подписано.",
        }
        sys.stderr.write(f"overread: {nothing[session.language]}\n")
    return ExitCode.DONE


def _kinds(text: str) -> tuple[ExportKind, ...]:
    from app.core.errors import InputError
    from app.workflow.export import KINDS

    wanted = tuple(filter(None, text.split(",")))
    unknown = [kind for kind in wanted if kind not in KINDS]
    if unknown:
        raise InputError(
            f'This version does not export "{unknown[0]}".',
            ru=f"Эта версия не экспортирует «{unknown[0]}».",
            hint=f"It exports {', '.join(KINDS)}.",
            hint_ru=f"Доступно: {', '.join(KINDS)}.",
        )
    return tuple(kind for kind in KINDS if not wanted or kind in wanted)


def _study(context: AppContext, name: str) -> Study:
    from app.core.errors import InputError
    from app.workflow.open_study import open_paths, open_stored

    if not Path(name).exists():
        return open_stored(context, name)
    studies = open_paths(context, [Path(name)]).studies
    if len(studies) > 1:
        raise InputError(
            f"There are {len(studies)} studies in {name}.",
            ru=f"В {name} исследований: {len(studies)}.",
            hint="Give the UID of one; overread studies lists them.",
            hint_ru="Укажите UID одного из них; список: overread studies.",
        )
    return studies[0]
