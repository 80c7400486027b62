"""``overread demo``: the main job on the demonstration study that the program makes itself."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from app.core.study import Study
    from app.demo.studies import DemoStudies
    from app.workflow.context import AppContext
    from app.workflow.read_study import ReadOutcome

SCHEMA = "overread.demo/1"
_SIGNER = "Demo^Reader"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    parser.add_argument(
        "--headless", action="store_true", help="no window: everything to files, with screenshots"
    )
    parser.add_argument("--out", type=Path, default=None, help="folder for the outputs")
    parser.add_argument("--lang", choices=("en", "ru"), default="en")
    parser.add_argument("--json", action="store_true")


def run(args: argparse.Namespace) -> int:
    """With a display: the workstation on the demonstration study. Without: the job to files."""
    if args.headless or not _has_display():
        return _to_files(args)
    from app.config.folders import data_folder
    from app.demo.studies import ensure_demo

    _tell("Making the demonstration study (once) ...")
    demo = ensure_demo(data_folder() / "demo")
    application = importlib.import_module("app.ui.application")
    return int(application.run(_paths(demo), language=args.lang, data_folder=None))


def _to_files(args: argparse.Namespace) -> int:
    from app.bootstrap import build_context
    from app.demo.studies import ensure_demo

    out: Path = (args.out or Path("demo-output")).absolute()
    _tell("Making the demonstration study ...")
    demo = ensure_demo(out / "study")
    context = build_context(data_folder=out / "library", user="demo")
    try:
        _tell("Reading it: models, decisions, draft, check, signature, DICOM ...")
        outcome = _read(context, _open(context, [demo.radiograph]), out / "read", args.lang)
    finally:
        context.close()
    _tell("Taking screenshots of the workstation ...")
    screens = _screenshots(out, demo, args.lang)
    summary: dict[str, Any] = {
        "schema": SCHEMA,
        "out": str(out),
        "verdict": outcome.check.verdict,
        "signed": outcome.is_signed,
        "packs": outcome.packs,
        "screens": [str(path) for path in screens],
    }
    if args.json:
        sys.stdout.write(json.dumps(summary, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write(_in_words(summary))
    return ExitCode.DONE if outcome.is_signed else ExitCode.ANSWER_IS_NO


def _screenshots(out: Path, demo: DemoStudies, language: str) -> list[Path]:
    """The same reading by hand, in a library of its own where nothing is decided yet."""
    from app.bootstrap import build_context

    shutil.rmtree(out / "library-of-the-screens", ignore_errors=True)
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    # Without a screen Qt remarks at every window that it cannot pass size hints on.
    os.environ.setdefault("QT_LOGGING_RULES", "default.warning=false")
    application = importlib.import_module("app.ui.application")
    context = build_context(data_folder=out / "library-of-the-screens", user="Demo^Reader")
    try:
        return list(
            application.render_tour(context, _paths(demo), out / "screens", language=language)
        )
    finally:
        context.close()


def _open(context: AppContext, paths: list[Path]) -> Study:
    from app.workflow.open_study import open_paths

    return open_paths(context, paths).studies[0]


def _read(context: AppContext, study: Study, out: Path, language: str) -> ReadOutcome:
    from app.workflow.read_study import ReadRequest, read_study

    request = ReadRequest(
        out, accept="all", signer=_SIGNER, language="ru" if language == "ru" else "en"
    )
    return read_study(context, study, request)


def _paths(demo: DemoStudies) -> list[Path]:
    return [demo.radiograph, demo.ct, demo.prior_ct]


def _in_words(summary: dict[str, Any]) -> str:
    signed = "signed" if summary["signed"] else "not signed"
    return (
        f"\nThe demonstration study was read with {', '.join(summary['packs']) or 'no model'}; "
        f"the check says {summary['verdict']}, the report is {signed}.\n"
        f"Outputs:     {summary['out']}/read (report.pdf, findings.json, dicom/, masks/)\n"
        f"Screenshots: {summary['out']}/screens\n"
        f"The study:   {summary['out']}/study (DICOM, with its truth in truth.json)\n"
    )


def _has_display() -> bool:
    if sys.platform != "linux":
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _tell(sentence: str) -> None:
    sys.stderr.write(sentence + "\n")
    sys.stderr.flush()
