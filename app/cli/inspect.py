"""``overread inspect``: what is in these files; changes nothing."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.core.report import Message
    from app.core.study import Series, Stack, StackHealth, Study, StudyWarning
    from app.dicom.scan import ScanResult
    from app.dicom.stack_reader import StackReader

    RangeKey = tuple[str, str, int]
    Ranges = dict[RangeKey, tuple[list[float] | None, Message | None]]

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
    from app.dicom.grouping import group
    from app.dicom.scan import scan

    use_fallback(load_settings(data_folder()).fallback_character_set)
    with tempfile.TemporaryDirectory(prefix="overread-") as workspace, ProgressLine() as progress:
        found = scan(args.paths, workspace=Path(workspace), progress=progress.show)
        studies = group(found.records)
        ranges = {} if args.headers_only else _value_ranges(studies, progress.show)
    described = _describe(found, studies, ranges)
    if args.json:
        json.dump(described, sys.stdout, ensure_ascii=False, allow_nan=False)
        sys.stdout.write("\n")
    else:
        _print_text(described)
    return ExitCode.DONE


def _value_ranges(studies: tuple[Study, ...], progress: Any) -> Ranges:  # noqa: ANN401
    """Least and greatest modality value of each stack, or why its pixels cannot be read."""
    from app.core.errors import AppError
    from app.core.report import Message
    from app.dicom.stack_reader import StackReader

    ranges: Ranges = {}
    stacks = [(s, e, k) for s in studies for e in s.series for k in e.stacks]
    for done, (study, series, stack) in enumerate(stacks):
        progress(done / len(stacks), "reading pixels")
        key = (study.study_instance_uid, series.series_instance_uid, stack.index)
        try:
            ranges[key] = _range_of(StackReader(study, series, stack))
        except AppError as fault:
            ranges[key] = (None, Message(fault.message, fault.ru))
    return ranges


def _range_of(reader: StackReader) -> tuple[list[float] | None, Message | None]:
    """Over all that is image; padding does not count (I09). Also why a frame is left out (D12)."""
    from app.core.errors import DicomReadError
    from app.core.report import Message

    facts = reader.facts
    ends: list[float] = []
    fault: Message | None = None
    for n in range(reader.frame_count):
        try:
            stored = reader.read_frame(n)
        except DicomReadError as error:
            fault = fault or Message(error.message, error.ru)
            continue
        if facts.padding is not None and not facts.is_color:
            stored = stored[(stored < facts.padding[0]) | (stored > facts.padding[1])]
        if stored.size:
            ends += [float(stored.min()), float(stored.max())]
    if not ends:
        return None, fault
    slope, intercept = facts.rescale.slope, facts.rescale.intercept
    extremes = sorted(end * slope + intercept for end in (min(ends), max(ends)))
    return [_plain(end) for end in extremes], fault


def _describe(found: ScanResult, studies: tuple[Study, ...], ranges: Ranges) -> dict[str, Any]:
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
        "studies": [_study(study, ranges) for study in studies],
    }


def _study(study: Study, ranges: Ranges) -> dict[str, Any]:
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
        "series": [_series(study, series, ranges) for series in study.series],
    }


def _series(study: Study, series: Series, ranges: Ranges) -> dict[str, Any]:
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
        "stacks": [
            _stack(stack, ranges.get((*key, stack.index), (None, None))) for stack in series.stacks
        ],
    }


def _stack(stack: Stack, values: tuple[list[float] | None, Message | None]) -> dict[str, Any]:
    value_range, fault = values
    warnings = _warnings(stack.warnings)
    if fault:
        warnings.append({"code": "D12", "text": fault.en, "text_ru": fault.ru})
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
        "value_range": value_range,
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


def _plain(number: float) -> float:
    """Whole numbers without a fraction, others to six significant digits."""
    return int(number) if number == int(number) else float(f"{number:.6g}")


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
