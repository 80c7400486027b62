"""``overread read``: the main job without a window."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.cli.language import in_language
from app.cli.opened_library import opened_library
from app.cli.password_input import add_password_option, ask_password

if TYPE_CHECKING:
    from app.core.study import Study
    from app.dicom.files.scan import SkippedFile
    from app.workflow.context import AppContext
    from app.workflow.read_study import ReadOutcome


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the verb."""
    parser.add_argument("path", type=Path, metavar="PATH", help="file, folder or ZIP of a study")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--packs", default="", metavar="ID,ID", help="default: all that fit")
    parser.add_argument(
        "--accept", default="none", metavar="all|none|above|FILE",
        help="which findings to accept; FILE: a findings.json with the decisions",
    )  # fmt: skip
    parser.add_argument("--report", type=Path, metavar="FILE", help="take this text, draft none")
    parser.add_argument(
        "--template", default="", metavar="ID",
        help="draft with the template's statements of what is normal; default: none of them",
    )  # fmt: skip
    parser.add_argument("--sign", default="", metavar="NAME", help="sign when nothing blocks")
    parser.add_argument(
        "--clock-reason", default="", metavar="TEXT", help="why to sign with a doubtful clock"
    )
    add_password_option(parser)
    parser.add_argument("--lang", choices=("en", "ru"), default=None)
    parser.add_argument("--study", default="", metavar="UID", help="one of several in PATH")
    parser.add_argument("--data", type=Path, default=None, help="folder of the local library")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")


def run(args: argparse.Namespace) -> int:
    """Read the study (or each of the studies) in PATH."""
    from app.cli.exit_codes import ExitCode
    from app.cli.progress_line import ProgressLine
    from app.workflow.open_study import known_priors, open_paths
    from app.workflow.output_files import folder_name
    from app.workflow.read_study import READ_SCHEMA, ReadRequest, outcome_json, read_study

    with opened_library(args.data, user=args.sign) as context, ProgressLine() as progress:
        opened = open_paths(context, [args.path], progress=progress.show)
        studies = _chosen(opened.studies, args)
        password = _password(context, args)
        done: list[tuple[ReadOutcome, Path]] = []
        for study in studies:
            # several studies must not write over each other
            own = folder_name(study.study_instance_uid)
            out = args.out if len(studies) == 1 else args.out / own
            request = ReadRequest(
                out=out,
                packs=tuple(filter(None, args.packs.split(","))) or None,
                template=args.template,
                accept=args.accept
                if args.accept in ("all", "none", "above")
                else Path(args.accept),
                report=args.report,
                signer=args.sign,
                password=password,
                clock_reason=args.clock_reason,
                language=args.lang,
            )
            outcome = read_study(
                context, study, request,
                priors=known_priors(study, opened.studies),
                progress=progress.show,
            )  # fmt: skip
            done.append((outcome, out))
    unreadable = opened.scan.unreadable
    if unreadable:
        _tell_unreadable(unreadable, args.lang or "en")
    rows = [outcome_json(outcome, out) for outcome, out in done]
    if args.json:
        answer: dict[str, Any] = {"schema": READ_SCHEMA, "studies": rows}
        answer["unreadable"] = [
            {"path": str(file.path), "reason": file.reason.en, "reason_ru": file.reason.ru}
            for file in unreadable
        ]
        if len(rows) == 1:
            answer |= rows[0]
        json.dump(answer, sys.stdout, ensure_ascii=False)
        sys.stdout.write("\n")
    else:
        for outcome, out in done:
            _print_text(outcome, out, args.lang or "en")
    is_blocked = any(outcome.is_blocked for outcome, _out in done)
    return ExitCode.ANSWER_IS_NO if is_blocked else ExitCode.DONE


def _password(context: AppContext, args: argparse.Namespace) -> str:
    """Asked only where the library has accounts."""
    from app.workflow.identify import asks_password

    if not args.sign or not asks_password(context):
        return ""
    prompt = in_language(f"Password of {args.sign}", f"Пароль {args.sign}")
    return ask_password(prompt, from_stdin=args.password_stdin)


def _chosen(studies: tuple[Study, ...], args: argparse.Namespace) -> tuple[Study, ...]:
    """The study named, or all; a report, decisions or a signature belong to one study."""
    from app.core.errors import InputError

    if args.study:
        found = tuple(s for s in studies if s.study_instance_uid == args.study)
        if not found:
            raise InputError(
                "PATH holds no study with this UID.",
                ru="В PATH нет исследования с этим UID.",
                hint="overread inspect lists the studies.",
                hint_ru="Список исследований: overread inspect.",
            )
        return found
    is_for_one = args.report or args.sign or args.accept not in ("all", "none", "above")
    if len(studies) > 1 and is_for_one:
        raise InputError(
            f"PATH holds {len(studies)} studies; a report, decisions or a signature belong to one.",
            ru=f"В PATH исследований: {len(studies)}; заключение, решения и подпись относятся"
            " к одному.",
            hint="Name it with --study UID.",
            hint_ru="Укажите его: --study UID.",
        )
    return studies


def _tell_unreadable(files: tuple[SkippedFile, ...], language: str) -> None:
    """What could not be read is not passed over: the study may be incomplete."""
    name, reason = files[0].path.name, files[0].reason.text(language)
    told = (
        f"Не прочитано файлов: {len(files)}; исследование может быть неполным ({name}: {reason})"
        if language == "ru"
        else f"{len(files)} files could not be read; the study may be incomplete ({name}: {reason})"
    )
    sys.stderr.write(f"overread: {told}\n")


def _print_text(outcome: ReadOutcome, out: Path, language: str) -> None:
    if outcome.statement is not None:
        sys.stdout.write(outcome.statement.text(language) + "\n")
    for pack in outcome.packs:
        sys.stdout.write(f"ran {pack}\n")
    for finding in outcome.findings:
        sys.stdout.write(f"{finding.state:9} {finding.current.label.text(language)}\n")
    for item in outcome.check.discrepancies:
        sys.stdout.write(f"{item.severity}: {item.message.text(language)}\n")
    signed = "not signed" if outcome.report_state == "draft" else outcome.report_state
    sys.stdout.write(f"check: {outcome.check.verdict}; {signed}; outputs in {out}\n")
