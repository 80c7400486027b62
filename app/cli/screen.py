"""``overread screen``: every pack that fits on every study of an archive, resumable."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.cli.language import console_language, in_language

if TYPE_CHECKING:
    from app.workflow.screen import ScreenCounts
    from app.workflow.screen_units import FoundUnits

_GIB = 2**30
_WORKER_BYTES = 4 * _GIB
_SHOWN = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the verb."""
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="folders, files, ZIPs")
    parser.add_argument("--library", action="store_true", help="the studies of the library")
    parser.add_argument("--pack", default="", metavar="ID,ID", help="default: all that are in use")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the same goes on")
    parser.add_argument("--workers", type=int, default=0, metavar="N", help="default: by cores")
    parser.add_argument(
        "--memory", type=float, default=0.0, metavar="GIB", help="of one worker; default: its share"
    )
    parser.add_argument("--scheduler", default="", metavar="HOST:PORT", help="a Dask scheduler")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--threads", type=int, default=0, metavar="N", help="of one model")
    parser.add_argument("--retry-failed", action="store_true", help="what failed before, too")
    parser.add_argument("--data", type=Path, default=None, help="folder of the local library")
    parser.add_argument("--json", action="store_true", help="a line per study, then the summary")


def run(args: argparse.Namespace) -> int:
    """Work through the archive; exit 1 when something failed."""
    from app.cli.exit_codes import ExitCode
    from app.cli.progress_line import ProgressLine
    from app.core.errors import UsageFault
    from app.workflow.screen import ScreenCounts, ScreenRequest, screen
    from app.workflow.screen_study import unreadable_row

    if bool(args.paths) == args.library:
        raise UsageFault("Give either PATH or --library.", ru="Укажите либо PATH, либо --library.")
    counts = ScreenCounts()
    with tempfile.TemporaryDirectory(prefix="overread-") as workspace, ProgressLine() as line:
        found = _found(args, Path(workspace), line)
        if args.json:
            for file in found.unreadable:
                _write(unreadable_row(file))
        plan, fleet = _plans(args)
        request = ScreenRequest(args.out, plan, fleet, args.retry_failed)
        for row in screen(request, found, counts):
            if args.json:
                _write(row)
            done = counts.known + counts.worked
            line.show(done / max(1, counts.units), _progress(counts))
    summary = json.loads((args.out / "summary.json").read_text("utf-8"))
    if args.json:
        _write(summary)
    else:
        _print(summary, found, args.out)
    failed = summary["by_status"].get("failed", 0)
    return ExitCode.ANSWER_IS_NO if failed else ExitCode.DONE


def _write(row: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def _found(args: argparse.Namespace, workspace: Path, line: Any) -> FoundUnits:  # noqa: ANN401
    from app.bootstrap import open_store
    from app.workflow.screen_units import units_of_library, units_of_paths

    if not args.library:
        return units_of_paths(args.paths, workspace, line.show)
    store = open_store(args.data)
    try:
        return units_of_library(store)
    finally:
        store.close()


def _plans(args: argparse.Namespace) -> tuple[Any, Any]:
    """What is run, and on how many processes: half the cores each, and 4 GiB for each."""
    from app.jobs.dask_fleet import FleetPlan
    from app.jobs.machine_memory import memory_bytes
    from app.workflow.screen_study import ScreenPlan

    cores, memory = os.cpu_count() or 2, memory_bytes()
    workers = args.workers or max(1, min(cores // 2, memory // _WORKER_BYTES))
    share = int(args.memory * _GIB) or int(memory * 0.9) // workers
    plan = ScreenPlan(
        packs=tuple(filter(None, args.pack.split(","))),
        data=str(args.data) if args.data else "",
        device=args.device,
        threads=args.threads or max(1, min(4, cores // workers)),
        memory_bytes=share // 2,
    )
    return plan, FleetPlan(workers, share, args.scheduler)


def _progress(counts: ScreenCounts) -> str:
    failed = counts.by_status["failed"]
    left = counts.units - counts.known - counts.worked
    minutes = counts.seconds / max(1, counts.worked) * left / 60
    return f"{counts.studies} studies, {failed} failed, about {minutes:.0f} min left"


def _print(summary: dict[str, Any], found: FoundUnits, out: Path) -> None:
    run, states = summary["run"], summary["by_status"]
    count = {name: states.get(name, 0) for name in ("done", "nothing-fits", "failed")}
    print(
        in_language(
            f"{run['studies']} studies in {run['seconds']} s ({run['known']} units were known). In "
            f"all: {count['done']} done, {count['nothing-fits']} that nothing fits, "
            f"{count['failed']} failed.",
            f"Исследований: {run['studies']} за {run['seconds']} с (уже известно: {run['known']}). "
            f"Всего: готово {count['done']}, ничего не подходит {count['nothing-fits']}, "
            f"с ошибкой {count['failed']}.",
        )
    )
    language = console_language()
    for pack, statuses in summary["packs"].items():
        told = ", ".join(f"{name} {number}" for name, number in sorted(statuses.items()))
        print(f"  {pack}: {told}")
    for reason in summary["nothing_fits_because"]:
        print(f"    {reason['pack']}, {reason['studies']}x: {reason[language]}")
    for failure in summary["failures"]:
        name = failure["study_instance_uid"] or failure["path"]
        print(f"  ! {name}: {failure[language]}")
    for file in found.unreadable[:_SHOWN]:
        print(f"  ! {file.path}: {file.reason.text(language)}")
    if (more := len(found.unreadable) - _SHOWN) > 0:
        print(in_language(f"  ! and {more} more (--json)", f"  ! и ещё {more} (--json)"))
    print(in_language(f"Written to {out}", f"Записано в {out}"))
