"""``overread library``: delete a study, find moved files, check, back up, restore."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.cli.opened_library import opened_library
from app.core.message import number_ru

if TYPE_CHECKING:
    from app.workflow.context import AppContext

SCHEMA = "overread.library/1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the verb."""
    verbs = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    delete = verbs.add_parser("delete", help="take a study and the library's copies of it away")
    delete.add_argument("study", metavar="UID")
    delete.add_argument("--keep-report", action="store_true", help="keep a signed report")
    relocate = verbs.add_parser("relocate", help="find files that moved, by their UIDs")
    relocate.add_argument("root", type=Path, metavar="FOLDER", help="where they are now")
    relocate.add_argument("--study", default="", metavar="UID", help="those of one study alone")
    check = verbs.add_parser("check", help="look at database, audit trail and every file")
    check.add_argument("--repair", action="store_true", help="remove left-over files, index again")
    check.add_argument("--content", action="store_true", help="read the library's own copies too")
    backup = verbs.add_parser("backup", help="write a backup folder")
    backup.add_argument("folder", type=Path, metavar="FOLDER", help="where the backup goes")
    backup.add_argument("--images", action="store_true", help="the library's own images too")
    restore = verbs.add_parser("restore", help="put a backup in the place of the library")
    restore.add_argument("backup", type=Path, metavar="BACKUP")
    for verb in (delete, relocate, check, backup, restore):
        verb.add_argument("--data", type=Path, default=None, help="folder of the local library")
        verb.add_argument("--json", action="store_true", help="one JSON object instead of text")


def run(args: argparse.Namespace) -> int:
    """Do it and say what was done; a check that finds a fault exits with 1."""
    from app.cli.exit_codes import ExitCode
    from app.cli.progress_line import ProgressLine

    if args.action == "restore":
        answer, text = _restore(args)
    else:
        with opened_library(args.data) as context, ProgressLine() as line:
            answer, text = _ACTIONS[args.action](context, args, line)
    if args.json:
        whole = {"schema": SCHEMA, "action": args.action, **answer}
        sys.stdout.write(json.dumps(whole, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write(text + "\n")
    return ExitCode.DONE if answer.get("is_well", True) else ExitCode.ANSWER_IS_NO


def _delete(context: AppContext, args: argparse.Namespace, _line: object) -> tuple[Any, str]:
    from app.cli.language import in_language
    from app.workflow.library import delete_study

    done = delete_study(context, args.study, keep_report=args.keep_report)
    answer = {
        "study_instance_uid": done.study_instance_uid,
        "objects": done.objects,
        "files_deleted": done.files_deleted,
        "bytes_freed": done.bytes_freed,
        "report_kept": done.report_kept,
    }
    en = f"Deleted: {done.objects} objects, {done.files_deleted} files of the library's own."
    ru = f"Удалено объектов: {done.objects}, собственных файлов базы: {done.files_deleted}."
    if done.report_kept:
        en, ru = f"{en} The signed report was kept.", f"{ru} Подписанное заключение сохранено."
    return answer, in_language(en, ru)


def _relocate(context: AppContext, args: argparse.Namespace, line: Any) -> tuple[Any, str]:  # noqa: ANN401 - a ProgressLine, imported late
    from app.cli.language import in_language
    from app.workflow.library import relocate

    done = relocate(context, args.root, study_instance_uid=args.study, progress=line.show)
    answer = {
        "found": done.found,
        "still_missing": done.still_missing,
        "studies": list(done.studies),
    }
    return answer, in_language(
        f"{done.found} objects found, {done.still_missing} still missing.",
        f"Найдено объектов: {done.found}, отсутствуют: {done.still_missing}.",
    )


def _check(context: AppContext, args: argparse.Namespace, line: Any) -> tuple[Any, str]:  # noqa: ANN401 - as above
    from app.cli.language import console_language, in_language
    from app.workflow.library import check_library, repair_library

    state = check_library(context, with_content=args.content, progress=line.show)
    if args.repair:
        repair_library(context, state)
        state = check_library(context, with_content=args.content, progress=line.show)
    answer = {
        "is_well": state.is_well,
        "fault": state.fault,
        "audit_broken_at": state.broken_at,
        "studies": state.studies,
        "objects": state.objects,
        "missing_files": state.missing,
        "damaged_files": [str(path) for path in state.damaged],
        "left_over_files": len(state.left_over),
        "left_over_bytes": state.left_over_bytes,
        "blocked": [
            {"study_instance_uid": study.study_instance_uid, "reason": study.blocked}
            for study in state.blocked
        ],
        "unfinished_imports": [[str(root) for root in job.roots] for job in state.unfinished],
    }
    lines = [
        in_language(
            f"{state.studies} studies, {state.objects} objects, {state.missing} without a file.",
            f"Исследований: {state.studies}, объектов: {state.objects}, без файла:"
            f" {state.missing}.",
        ),
        in_language(f"Database: {state.fault or 'sound'}.", f"База: {state.fault or 'цела'}."),
    ]
    if state.broken_at is not None:
        lines.append(
            in_language(
                f"The audit trail is broken at event {state.broken_at}.",
                f"Журнал аудита повреждён на событии {state.broken_at}.",
            )
        )
    if state.damaged:
        lines.append(
            in_language(
                f"{len(state.damaged)} images are not what was imported; --repair sets them aside,"
                " then import them again.",
                f"Повреждено снимков: {len(state.damaged)}; --repair откладывает их, затем"
                " импортируйте их снова.",
            )
        )
    if state.left_over:
        lines.append(
            in_language(
                f"{len(state.left_over)} files belong to no study; --repair removes them.",
                f"Файлов вне исследований: {len(state.left_over)}; --repair удаляет их.",
            )
        )
    for study in state.blocked:
        why = study.blocked_ru if console_language() == "ru" else study.blocked
        lines.append(f"{study.study_instance_uid}: {why}")
    if state.unfinished:
        lines.append(
            in_language(
                f"{len(state.unfinished)} imports were cut off; overread import --resume goes on.",
                f"Прерванных импортов: {len(state.unfinished)}; продолжить: overread import"
                " --resume.",
            )
        )
    return answer, "\n".join(lines)


def _backup(context: AppContext, args: argparse.Namespace, line: Any) -> tuple[Any, str]:  # noqa: ANN401 - as above
    from app.cli.language import in_language
    from app.workflow.library import backup

    done = backup(context, args.folder, with_images=args.images, progress=line.show)
    answer = {
        "folder": str(done.folder),
        "studies": done.studies,
        "objects": done.objects,
        "files_copied": done.files_copied,
        "bytes_written": done.bytes_written,
        "damaged": [str(path) for path in done.damaged],
        "is_well": not done.damaged,
    }
    text = f"{done.folder}: " + in_language(
        f"{done.studies} studies, {done.files_copied} images, {done.bytes_written / 2**20:.1f} MB.",
        f"исследований: {done.studies}, снимков: {done.files_copied},"
        f" {number_ru(done.bytes_written / 2**20, '.1f')} МБ.",
    )
    if done.damaged:
        text += "\n" + in_language(
            f"{len(done.damaged)} images are not what was imported: import them again.",
            f"Повреждено снимков: {len(done.damaged)}; импортируйте их снова.",
        )
    return answer, text


def _restore(args: argparse.Namespace) -> tuple[Any, str]:
    from app.cli.language import in_language
    from app.config.folders import data_folder
    from app.config.system_logon import account_name
    from app.workflow.library import restore

    done = restore(args.backup, args.data or data_folder(), user=account_name())
    answer = {
        "studies": done.studies,
        "objects": done.objects,
        "files_copied": done.files_copied,
        "old_library": None if done.old_library is None else str(done.old_library),
    }
    text = in_language(
        f"Restored: {done.studies} studies, {done.objects} objects.",
        f"Восстановлено исследований: {done.studies}, объектов: {done.objects}.",
    )
    if done.old_library is not None:
        text += " " + in_language(
            f"The library before it lies in {done.old_library}.",
            f"Прежняя база сохранена в {done.old_library}.",
        )
    return answer, text


_ACTIONS = {"delete": _delete, "relocate": _relocate, "check": _check, "backup": _backup}
