"""Archive-wide runs: every study of folders or of the library, every pack that fits, resumable."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from app.core.errors import AppError, EnvironmentFault, InferenceError, ModelPackError
from app.inference.pack_store import InstalledPack
from app.jobs.dask_fleet import Fleet, FleetPlan, Lost
from app.workflow.output_files import write_json
from app.workflow.screen_journal import ScreenJournal
from app.workflow.screen_study import (
    ScreenAnswer,
    ScreenPlan,
    ScreenTask,
    failed_row,
    packs_of,
    screen_unit,
    what_is_here,
)
from app.workflow.screen_units import FoundUnits

SUMMARY_SCHEMA: Final = "overread.screen-summary/1"
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ScreenRequest:
    """What to do. ``out`` takes the journal, results and the summary."""

    out: Path
    plan: ScreenPlan
    fleet: FleetPlan
    retry_failed: bool = False


@dataclass(slots=True)
class ScreenCounts:
    """How far a run is. ``known`` units were done by an earlier run, ``worked`` ones by this."""

    units: int = 0
    known: int = 0
    worked: int = 0
    studies: int = 0
    by_status: Counter[str] = field(default_factory=Counter)
    unreadable_files: int = 0
    started: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Since the start of the run."""
        return time.monotonic() - self.started


def screen(request: ScreenRequest, found: FoundUnits, counts: ScreenCounts) -> Iterator[Json]:
    """Run what is not done yet; a line per study as it is finished, already on the disk.

    ``counts`` is kept up to date. Main thread. Stopping early (or being killed) loses only what is
    under way. Raises ``ModelPackError``, ``EnvironmentFault``, ``DiskFull``.
    """
    packs = packs_of(request.plan)
    if not packs:
        raise ModelPackError(
            "No model pack is installed.",
            ru="Не установлено ни одного пакета моделей.",
            hint="Install one: overread packs add FILE.",
            hint_ru="Установите: overread packs add ФАЙЛ.",
        )
    counts.units, counts.unreadable_files = len(found.units), len(found.unreadable)
    with ScreenJournal(request.out, retry_failed=request.retry_failed) as journal:
        tasks = list(_tasks(request, found, journal, packs))
        counts.known = counts.units - len(tasks)
        if tasks:
            with Fleet(request.fleet) as fleet:
                _require_equal(fleet, request)
                for task, answer in fleet.run(screen_unit, iter(tasks)):
                    counts.worked += 1
                    for row in _kept(request.out, journal, task, answer, packs):
                        counts.studies += 1
                        counts.by_status[row["status"]] += 1
                        yield row
        write_json(request.out / "summary.json", summary(journal, counts, packs))


def summary(journal: ScreenJournal, counts: ScreenCounts, packs: Sequence[InstalledPack]) -> Json:
    """All that the folder knows, this run's counts and seconds, and the failures in sentences."""
    rows = journal.rows
    wanted = {one.manifest_sha256 for one in packs}
    by_pack: dict[str, Counter[str]] = {one.pack.id: Counter() for one in packs}
    reasons: Counter[tuple[str, str, str]] = Counter()
    for row in rows:
        for entry in row["packs"]:
            if entry["manifest_sha256"] not in wanted:
                continue
            by_pack[entry["pack"]][entry["status"]] += 1
            reasons.update((entry["pack"], text["en"], text["ru"]) for text in entry["reasons"])
    return {
        "schema": SUMMARY_SCHEMA,
        "run": {
            "units": counts.units,
            "known": counts.known,
            "studies": counts.studies,
            "by_status": dict(counts.by_status),
            "unreadable_files": counts.unreadable_files,
            "seconds": round(counts.seconds, 1),
        },
        "studies": len(rows),
        "by_status": dict(Counter(row["status"] for row in rows)),
        "packs": {pack: dict(statuses) for pack, statuses in by_pack.items()},
        "nothing_fits_because": [
            {"pack": pack, "en": en, "ru": ru, "studies": count}
            for (pack, en, ru), count in reasons.most_common()
        ],
        "failures": [failure for row in rows if (failure := _failure(row)) is not None],
    }


def _tasks(
    request: ScreenRequest,
    found: FoundUnits,
    journal: ScreenJournal,
    packs: Sequence[InstalledPack],
) -> Iterator[ScreenTask]:
    wanted = frozenset(one.manifest_sha256 for one in packs)
    for unit in found.units:
        handled = journal.handled(unit, wanted)
        if handled != wanted:
            yield ScreenTask(request.plan, unit, handled)


def _kept(
    out: Path,
    journal: ScreenJournal,
    task: ScreenTask,
    answer: ScreenAnswer | Lost,
    packs: Sequence[InstalledPack],
) -> Iterator[Json]:
    """Results to the disk first, then the line that says that they are there."""
    if isinstance(answer, Lost):
        row = failed_row(task, packs, _lost(answer))
        journal.add(row)
        yield row
        return
    for name, content in answer.results.items():
        write_json(out / name, content)
    for row in answer.rows:
        journal.add(row)
        yield row


def _lost(answer: Lost) -> AppError:
    if not answer.kind:
        return InferenceError(
            "The process died over this study, twice; perhaps it needs too much memory.",
            ru="Процесс дважды погиб на этом исследовании; возможно, не хватает памяти.",
            hint="Give fewer workers, then start again with --retry-failed.",
            hint_ru="Уменьшите --workers и запустите снова с --retry-failed.",
        )
    return InferenceError(
        f"This is a bug in Overread ({answer.kind}).",
        ru=f"Это ошибка в Overread ({answer.kind}).",
        hint="Run overread read on the study: it writes a crash report.",
        hint_ru="Запустите для исследования overread read: будет отчёт об ошибке.",
    )


def _require_equal(fleet: Fleet, request: ScreenRequest) -> None:
    """Every machine of a fleet has this version and these packs, or nothing is run."""
    here = what_is_here(request.plan)
    there = fleet.ask_all(what_is_here, request.plan)
    if not there:
        raise EnvironmentFault(
            "The Dask scheduler has no workers.",
            ru="У планировщика Dask нет рабочих процессов.",
            hint="Start some: dask worker HOST:PORT --nthreads 1 --no-dashboard",
            hint_ru="Запустите их: dask worker ХОСТ:ПОРТ --nthreads 1 --no-dashboard",
        )
    for address, found in there.items():
        if found != here:
            raise EnvironmentFault(
                f"The worker {address} has another version of Overread or other packs.",
                ru=f"На узле {address} другая версия Overread или другие пакеты.",
                hint="Install the same there; overread packs list shows what is here.",
                hint_ru="Установите там то же самое; overread packs list покажет, что здесь.",
            )


def _failure(row: Json) -> Json | None:
    """What went wrong with a study, in one entry."""
    if row["status"] != "failed":
        return None
    error = row["error"] or next(e["error"] for e in row["packs"] if e["status"] == "failed")
    packs = [entry["pack"] for entry in row["packs"] if entry["status"] == "failed"]
    return {
        "study": row["study"], "study_instance_uid": row["study_instance_uid"],
        "path": row["path"], "packs": packs, "en": error["en"], "ru": error["ru"],
    }  # fmt: skip
