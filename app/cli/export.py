"""``overread export``: the outputs of a reviewed study."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli.opened_library import opened_library

if TYPE_CHECKING:
    from app.core.study import Study
    from app.workflow.context import AppContext
    from app.workflow.export import ExportKind

SCHEMA = "overread.export/1"
DEIDENTIFIED_SCHEMA = "overread.deidentified-export/1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the verb."""
    parser.add_argument("study", metavar="STUDY", help="UID in the library, or the study's files")
    parser.add_argument("--to", type=Path, required=True, metavar="DIR")
    parser.add_argument(
        "--as", dest="kinds", default="", metavar="seg,sr,pdf,fhir,hl7,text,key-images"
    )
    parser.add_argument("--data", type=Path, default=None, help="folder of the local library")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")
    deid = parser.add_argument_group(
        "de-identified export",
        "images, SEG and SR without what identifies the patient (DICOM PS3.15 Annex E)",
    )
    deid.add_argument("--deidentify", action="store_true")
    dates = deid.add_mutually_exclusive_group()
    dates.add_argument("--keep-dates", action="store_true", help="leave all dates as they are")
    dates.add_argument(
        "--shift-dates", action="store_true", help="move a patient's dates by the same whole days"
    )
    deid.add_argument(
        "--clean-descriptors", action="store_true",
        help="keep descriptions, of them the known words only; default: remove them",
    )  # fmt: skip
    deid.add_argument(
        "--keep-private-safe", action="store_true",
        help="keep private attributes known to hold no identity (diffusion, SUV factors)",
    )  # fmt: skip
    deid.add_argument("--keep-patient", action="store_true", help="keep age, sex, size, weight")
    deid.add_argument("--keep-device", action="store_true", help="keep the device's identity")
    deid.add_argument(
        "--key-file", type=Path, default=None, metavar="FILE",
        help="key of the replacement values; made where it does not exist; default: the library's",
    )  # fmt: skip
    deid.add_argument(
        "--mask-burned-in", action="store_true", help="black out text found in the pixels"
    )
    deid.add_argument(
        "--accept-burned-in", action="store_true", help="export in spite of text in the pixels"
    )


def run(args: argparse.Namespace) -> int:
    """Write the outputs of the study as it was decided and signed."""
    from app.cli.exit_codes import ExitCode
    from app.workflow.export import export
    from app.workflow.session import StudySession

    if args.deidentify:
        return _run_deidentified(args)
    _require_no_deid_options(args)
    kinds = _kinds(args.kinds)
    with opened_library(args.data) as context:
        session = StudySession(context, _study(context, args.study))
        files = export(session, args.to, kinds)
        session.close()
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


def _run_deidentified(args: argparse.Namespace) -> int:
    from app.cli.exit_codes import ExitCode
    from app.cli.progress_line import ProgressLine
    from app.core.errors import UsageFault
    from app.dicom.deid.options import DeidentifyOptions
    from app.workflow.export_deidentified import DeidentifiedRequest, export_deidentified
    from app.workflow.session import StudySession

    if args.kinds:
        raise UsageFault(
            "--as does not go with --deidentify.",
            ru="--as не сочетается с --deidentify.",
            hint="It writes the images, SEG and SR; a PDF or a key image cannot be de-identified.",
            hint_ru="Записываются снимки, SEG и SR; PDF и ключевые снимки обезличить нельзя.",
        )
    request = DeidentifiedRequest(
        DeidentifyOptions(
            dates="keep" if args.keep_dates else "shift" if args.shift_dates else "remove",
            clean_descriptors=args.clean_descriptors,
            keep_safe_private=args.keep_private_safe,
            keep_patient_characteristics=args.keep_patient,
            keep_device=args.keep_device,
        ),
        key_file=args.key_file,
        accept_burned_in=args.accept_burned_in,
        mask_burned_in=args.mask_burned_in,
    )
    with opened_library(args.data) as context:
        session = StudySession(context, _study(context, args.study))
        with ProgressLine() as line:
            done = export_deidentified(session, args.to, request, progress=line.show)
        language = session.language
        session.close()
    for warning in done.warnings:
        sys.stderr.write(f"overread: {warning.text(language)}\n")
    for one in dict.fromkeys(done.left_out):
        sys.stderr.write(f"overread: {one.kind}: {one.reason.text(language)}\n")
    if args.json:
        answer = {
            "schema": DEIDENTIFIED_SCHEMA,
            "files": [path.relative_to(args.to).as_posix() for path in done.files],
            "left_out": len(done.left_out),
            "warnings": [warning.text(language) for warning in done.warnings],
        }
        sys.stdout.write(json.dumps(answer, ensure_ascii=False) + "\n")
    else:
        sys.stdout.writelines(f"{path}\n" for path in done.files)
    return ExitCode.DONE


def _require_no_deid_options(args: argparse.Namespace) -> None:
    """An option of the de-identification alone would promise what is not done."""
    from app.core.errors import UsageFault

    names = (
        "keep_dates", "shift_dates", "clean_descriptors", "keep_private_safe", "keep_patient",
        "keep_device", "key_file", "mask_burned_in", "accept_burned_in",
    )  # fmt: skip
    given = [name for name in names if getattr(args, name)]
    if given:
        option = f"--{given[0].replace('_', '-')}"
        raise UsageFault(
            f"{option} goes with --deidentify only.",
            ru=f"{option} используется только с --deidentify.",
            hint="Without --deidentify the outputs carry the patient's name.",
            hint_ru="Без --deidentify результаты содержат имя пациента.",
        )


def _kinds(text: str) -> tuple[ExportKind, ...]:
    from app.core.errors import InputError
    from app.workflow.export import KINDS, ON_REQUEST

    known = (*KINDS, *ON_REQUEST)
    wanted = tuple(filter(None, text.split(",")))
    unknown = [kind for kind in wanted if kind not in known]
    if unknown:
        raise InputError(
            f'This version does not export "{unknown[0]}".',
            ru=f"Эта версия не экспортирует «{unknown[0]}».",
            hint=f"It exports {', '.join(known)}.",
            hint_ru=f"Доступно: {', '.join(known)}.",
        )
    return tuple(kind for kind in known if kind in (wanted or KINDS))


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
