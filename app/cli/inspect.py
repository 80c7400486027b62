"""``overread inspect``: what is in these files; changes nothing."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.cli.image_values import StackValues
    from app.core.study import Series, Stack, StackHealth, Study, StudyWarning
    from app.dicom.files.scan import ScanResult

    Values = dict[tuple[str, str, int], StackValues]

SCHEMA = "overread.inspect/1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the verb."""
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")
    parser.add_argument(
        "--headers-only", action="store_true", help="read no pixels: value_range stays null"
    )


def run(args: argparse.Namespace) -> int:
    """Print what the paths hold."""
    from app.cli.exit_codes import ExitCode
    from app.cli.progress_line import ProgressLine
    from app.config.folders import data_folder
    from app.config.settings import load_settings
    from app.dicom.character_sets import use_fallback
    from app.dicom.files.scan import nothing_readable, survey
    from app.dicom.stacks.grouping import group

    use_fallback(load_settings(data_folder()).fallback_character_set)
    with tempfile.TemporaryDirectory(prefix="overread-") as workspace, ProgressLine() as progress:
        found = survey(args.paths, workspace=Path(workspace), progress=progress.show)
        studies = group(found.records)
        values = {} if args.headers_only else _values(studies, progress.show)
    described = _describe(found, studies, values)
    if args.json:
        json.dump(described, sys.stdout, ensure_ascii=False, allow_nan=False)
        sys.stdout.write("\n")
    else:
        _print_text(described)
    if not found.records:
        raise nothing_readable(args.paths, found)
    return ExitCode.DONE


def _values(studies: tuple[Study, ...], progress: Any) -> Values:  # noqa: ANN401
    from app.cli.image_values import stack_values

    values: Values = {}
    stacks = [(s, e, k) for s in studies for e in s.series for k in e.stacks]
    for done, (study, series, stack) in enumerate(stacks):
        progress(done / len(stacks), "reading pixels")
        key = (study.study_instance_uid, series.series_instance_uid, stack.index)
        values[key] = stack_values(study, series, stack)
    return values


def _describe(found: ScanResult, studies: tuple[Study, ...], values: Values) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "files": {
            "seen": found.seen,
            "dicom": len(found.records),
            "skipped": [
                {"path": str(file.path), "reason": file.reason.en, "reason_ru": file.reason.ru}
                for file in found.skipped
            ],
            "unreadable": [
                {"path": str(file.path), "reason": file.reason.en, "reason_ru": file.reason.ru}
                for file in found.unreadable
            ],
        },
        "studies": [_study(study, values) for study in studies],
    }


def _study(study: Study, values: Values) -> dict[str, Any]:
    return {
        "study_instance_uid": study.study_instance_uid,
        "patient": {
            "id": str(study.patient.id),
            "name": str(study.patient.name),
            "birth_date": str(study.patient.birth_date),
            "sex": study.patient.sex,
        },
        "study_date": study.study_date,
        "accession_number": str(study.accession_number),
        "description": study.description,
        "blocked": study.blocked,
        "completeness": {
            "complete": study.completeness.is_complete,
            "received": study.completeness.received,
            "expected": study.completeness.expected,
            "source": study.completeness.source,
        },
        "warnings": _warnings(study.warnings),
        "series": [_series(study, series, values) for series in study.series],
    }


def _series(study: Study, series: Series, values: Values) -> dict[str, Any]:
    key = (study.study_instance_uid, series.series_instance_uid)
    return {
        "series_instance_uid": series.series_instance_uid,
        "modality": series.modality,
        "sop_class_uids": list(series.sop_class_uids),
        "description": series.description,
        "body_part": series.body_part,
        "transfer_syntax_uids": list(series.transfer_syntax_uids),
        "instances": len(series.instances),
        "frames": series.frames,
        "stacks": [_stack(stack, values.get((*key, stack.index))) for stack in series.stacks],
    }


def _stack(stack: Stack, values: StackValues | None) -> dict[str, Any]:
    warnings = _warnings(stack.warnings)
    if values:
        warnings += [{"code": c, "text": w.en, "text_ru": w.ru} for c, w in values.faults]
    geometry = stack.geometry
    return {
        "index": stack.index,
        "why": stack.why,
        "why_ru": stack.why_in("ru"),
        "frames": len(stack.frames),
        "is_volume": stack.is_volume,
        "verdict": stack.verdict,
        "geometry": None
        if geometry is None
        else {
            "size_ijk": list(geometry.size_ijk),
            "spacing_mm": list(geometry.spacing_ijk),
            "origin_lps": list(geometry.origin_lps),
            "direction": list(geometry.direction),
            "frame_of_reference_uid": geometry.frame_of_reference_uid,
        },
        "rows": stack.rows,
        "columns": stack.columns,
        "photometric": stack.photometric,
        "quantity": stack.quantity,
        "value_range": values and values.value_range,
        "values": values and values.described,
        "health": _health(stack.health),
        "warnings": warnings,
    }


def _health(health: StackHealth) -> dict[str, Any]:
    told_by = health.expected_from
    return {
        "expected": health.expected_frames,
        "expected_from": told_by.en if told_by else "",
        "expected_from_ru": told_by.ru if told_by else "",
        "received": health.received_frames,
        "shown": health.shown_frames,
        "resampled": health.resampled,
        "whole": health.is_whole,
        "notes": [{"text": note.en, "text_ru": note.ru} for note in health.notes],
    }


def _warnings(warnings: tuple[StudyWarning, ...]) -> list[dict[str, str]]:
    return [{"code": one.code, "text": one.text, "text_ru": one.text_in("ru")} for one in warnings]


def _print_text(described: dict[str, Any]) -> None:
    files = described["files"]
    print(
        f"{files['seen']} files: {files['dicom']} DICOM, {len(files['skipped'])} skipped, "
        f"{len(files['unreadable'])} unreadable"
    )
    for file in (*files["skipped"], *files["unreadable"]):
        print(f"  {file['path']}: {file['reason']}")
    for study in described["studies"]:
        print(f"study {study['study_instance_uid']}  {study['study_date']}  {study['description']}")
        for warning in study["warnings"]:
            print(f"  {warning['code']}: {warning['text']}")
        for series in study["series"]:
            print(
                f"  series {series['series_instance_uid']}  {series['modality']}  "
                f"{series['frames']} frames  {series['description']}"
            )
            for stack in series["stacks"]:
                _print_stack(stack)


def _print_stack(stack: dict[str, Any]) -> None:
    size = f"{stack['columns']} x {stack['rows']} x {stack['frames']}"
    print(f"    stack {stack['index']}: {stack['verdict']}, {size}, {stack['quantity']}")
    print(f"      {stack['why']}")
    for note in stack["health"]["notes"]:
        if note["text"] == stack["why"]:
            continue
        print(f"      {note['text']}")
    for warning in stack["warnings"]:
        print(f"      {warning['code']}: {warning['text']}")
