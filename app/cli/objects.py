"""``overread objects``: what else the files hold besides images, and what it says."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.core.study import Study
    from app.workflow.other_objects import OpenedObject, OtherObject

SCHEMA = "overread.objects/1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the verb."""
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    parser.add_argument("--show", metavar="SOP_UID", help="the contents of one object")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="with --show: write an encapsulated document, or the picture of a presentation state",
    )
    parser.add_argument("--lang", choices=("en", "ru"), default="en")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")


def run(args: argparse.Namespace) -> int:
    """List the objects, or show one."""
    from app.cli.exit_codes import ExitCode
    from app.cli.progress_line import ProgressLine
    from app.dicom.files.scan import scan
    from app.dicom.stacks.grouping import group
    from app.workflow.other_objects import list_objects

    with tempfile.TemporaryDirectory(prefix="overread-") as workspace, ProgressLine() as progress:
        found = scan(args.paths, workspace=Path(workspace), progress=progress.show)
        listed = [(study, one) for study in group(found.records) for one in list_objects(study)]
        if args.show is None:
            _list(listed, args)
        else:
            _show(listed, args)
    return ExitCode.DONE


def _list(listed: list[tuple[Study, OtherObject]], args: argparse.Namespace) -> None:
    if args.json:
        _write({"schema": SCHEMA, "objects": [_row(study, one) for study, one in listed]})
        return
    for _study, one in listed:
        head = (one.at.replace("T", " "), one.kind.text(args.lang), one.title, one.made_by)
        print("  ".join(text for text in head if text))
        print(f"    {one.sop_instance_uid}")
        if one.fault is not None:
            print(f"    {one.fault.text(args.lang)}")
    print(f"{len(listed)} objects" if args.lang == "en" else f"Объектов: {len(listed)}")


def _show(listed: list[tuple[Study, OtherObject]], args: argparse.Namespace) -> None:
    from app.core.errors import InputError
    from app.workflow.object_json import object_json
    from app.workflow.object_texts import object_text
    from app.workflow.other_objects import open_object

    chosen = [(study, one) for study, one in listed if one.sop_instance_uid == args.show]
    if not chosen:
        raise InputError(
            "There is no such object in these files.",
            ru="В этих файлах нет такого объекта.",
            hint="overread objects lists them with their UIDs.",
            hint_ru="Список с UID даёт overread objects.",
        )
    study, one = chosen[0]
    value = open_object(one, study)
    if args.out is not None:
        args.out.write_bytes(_file_of(value, study))
    if args.json:
        _write({"schema": SCHEMA, "object": _row(study, one), "content": object_json(value)})
    else:
        print(object_text(value, args.lang))


def _file_of(value: OpenedObject, study: Study) -> bytes:
    from app.core.errors import InputError
    from app.dicom.objects.encapsulated import EncapsulatedDocument
    from app.dicom.objects.presentation_state import PresentationState

    if isinstance(value, EncapsulatedDocument):
        return value.data
    if isinstance(value, PresentationState):
        from app.rendering.presented import presented
        from app.rendering.snapshot import to_png

        return to_png(presented(value, study))
    raise InputError(
        "Only documents and presentation states are written to a file.",
        ru="В файл записываются только документы и состояния отображения.",
    )


def _row(study: Study, one: OtherObject) -> dict[str, Any]:
    return {
        "study_instance_uid": study.study_instance_uid,
        "series_instance_uid": one.series_instance_uid,
        "sop_instance_uid": one.sop_instance_uid,
        "sop_class_uid": one.sop_class_uid,
        "family": one.family,
        "kind": one.kind.en,
        "kind_ru": one.kind.ru,
        "title": one.title,
        "at": one.at,
        "made_by": one.made_by,
        "path": str(one.path),
        "references": list(one.references),
        "fault": one.fault.en if one.fault else None,
        "fault_ru": one.fault.ru if one.fault else None,
    }


def _write(answer: dict[str, Any]) -> None:
    json.dump(answer, sys.stdout, ensure_ascii=False, allow_nan=False)
    sys.stdout.write("\n")
