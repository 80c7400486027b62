"""What one process of an archive-wide run does with one unit. Loads no library and no window.

The process keeps its packs and its inference process from unit to unit.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from app import __version__
from app.config.folders import built_in_packs_folder, data_folder
from app.config.settings import load_settings
from app.core.errors import AppError, ResultRefused
from app.core.findings_json import findings_to_json
from app.core.ports import RandomUids, SystemClock
from app.core.report import Message
from app.core.study import SeriesRef, Study
from app.core.volume import Volume
from app.dicom.character_sets import use_fallback
from app.dicom.files.scan import ScanResult, SkippedFile, scan
from app.dicom.stacks.assemble import assemble
from app.dicom.stacks.grouping import group
from app.dicom.stacks.stack_reader import StackReader
from app.dicom.stacks.volume_size import too_large, volume_bytes
from app.inference.gate import Suitability, judge, judge_content
from app.inference.pack_policy import policy_of
from app.inference.pack_store import InstalledPack, PackStore
from app.inference.run_context import RunContext, acquisition_of
from app.inference.run_report import run_json, suitability_row
from app.inference.to_findings import to_findings
from app.inference.worker import InferenceProcess
from app.workflow.model_servers import server_book
from app.workflow.quality_gates import GatedImage, QualityGates
from app.workflow.read_study import chosen_runs
from app.workflow.routing import Routing, route_by_headers
from app.workflow.run_models import undecodable
from app.workflow.screen_journal import status_of
from app.workflow.screen_units import ScreenUnit, content_sha256
from app.workflow.volume_cache import find_stack

SCHEMA: Final = "overread.screen/1"
RESULT_SCHEMA: Final = "overread.screen-result/1"
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ScreenPlan:
    """What is the same for all units. ``packs`` are ids, none: all in use.

    ``data`` is the data folder (empty: that of the machine that works), ``memory_bytes`` what one
    volume may take.
    """

    packs: tuple[str, ...] = ()
    data: str = ""
    device: str = "auto"
    threads: int = 0
    memory_bytes: int = 2**31


@dataclass(frozen=True, slots=True)
class ScreenTask:
    """One unit. ``skip`` are packs (hashes of manifests) that have run on it already."""

    plan: ScreenPlan
    unit: ScreenUnit
    skip: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ScreenAnswer:
    """A line per study, and what belongs into files: path below the output folder, content."""

    rows: tuple[Json, ...]
    results: dict[str, Json] = field(default_factory=dict)


@dataclass(slots=True)
class _Kit:
    """What a process keeps."""

    plan: ScreenPlan
    packs: tuple[InstalledPack, ...]
    process: InferenceProcess


_kit: _Kit | None = None


def packs_of(plan: ScreenPlan) -> tuple[InstalledPack, ...]:
    """The packs of a plan on this machine. Raises ``ModelPackError`` where one is missing."""
    folder = Path(plan.data) if plan.data else data_folder()
    store = PackStore(built_in_packs_folder(), folder / "packs", policy_of(load_settings(folder)))
    if plan.packs:
        return tuple(store.get(name) for name in plan.packs)
    return store.installed()


def what_is_here(plan: ScreenPlan) -> tuple[str, ...]:
    """The version of the program and the packs: must be the same on every machine."""
    packs = (f"{one.pack.id} {one.manifest_sha256}" for one in packs_of(plan))
    return (__version__, *packs)


def screen_unit(task: ScreenTask) -> ScreenAnswer:
    """Read the unit, run the packs that fit. Expected failures are lines, never exceptions."""
    kit = _kit_of(task.plan)
    begin = time.monotonic()
    results: dict[str, Json] = {}
    rows: list[Json] = []
    try:
        with tempfile.TemporaryDirectory(prefix="overread-") as workspace:
            found = scan([Path(path) for path in task.unit.paths], workspace=Path(workspace))
            studies = group(found.records)
            for study in studies:
                row = _Screening(kit, task, study, found).row(results)
                rows.append(row | {"studies_in_unit": len(studies)})
    except AppError as fault:
        rows = [failed_row(task, kit.packs, fault)]
    except OSError as fault:  # the disk or the network drive below the files
        rows = [failed_row(task, kit.packs, _unreadable(fault))]
    seconds = round((time.monotonic() - begin) / max(1, len(rows)), 3)
    return ScreenAnswer(tuple(row | {"seconds": seconds} for row in rows), results)


def failed_row(task: ScreenTask, packs: Sequence[InstalledPack], fault: AppError) -> Json:
    """The line of a unit that could not be worked on; it is named by its UID, else by its path."""
    unit = task.unit
    return _head(unit, unit.study_instance_uid, "") | {
        "path": "" if unit.study_instance_uid else unit.paths[0],
        "status": "failed",
        "wanted": [one.manifest_sha256 for one in packs],
        "packs": [],
        "error": error_json(fault),
    }


def unreadable_row(file: SkippedFile) -> Json:
    """The line about a file that belongs to no study that could be told; it is not kept."""
    reason = {"code": "dicom-read", "en": file.reason.en, "ru": file.reason.ru}
    return {
        "schema": SCHEMA, "study": "", "study_instance_uid": "", "path": str(file.path),
        "status": "unreadable", "packs": [], "error": reason,
    }  # fmt: skip


def error_json(fault: AppError) -> Json:
    """A fault as it stands in a line."""
    return {
        "code": fault.code, "en": fault.message, "ru": fault.ru,
        "hint": {"en": fault.hint, "ru": fault.hint_ru},
    }  # fmt: skip


class _Screening:
    """One study."""

    def __init__(self, kit: _Kit, task: ScreenTask, study: Study, found: ScanResult) -> None:
        self._kit = kit
        self._task = task
        self._study = study
        self._unreadable = len(found.unreadable)
        files = {
            record.instance.path
            for record in found.records
            if record.study_instance_uid == study.study_instance_uid
        }
        self._content = content_sha256(files)
        self._volume: tuple[SeriesRef, Volume, float] | None = None
        self._gates = QualityGates(
            kit.packs, lambda one, image, given: kit.process.run(one, image, context=given)
        )

    def row(self, results: dict[str, Json]) -> Json:
        """The line of the study; what belongs into files is added to ``results``."""
        study, packs = self._study, self._kit.packs
        head = _head(self._task.unit, study.study_instance_uid, self._content) | {
            "complete": study.completeness.is_complete and not self._unreadable,
            "unreadable_files": self._unreadable,
            "wanted": [one.manifest_sha256 for one in packs],
        }
        if study.blocked:
            fault = AppError(
                "No model is run on this study: its images contradict each other about the "
                "patient.",
                ru="Модели не запускаются: снимки исследования противоречат друг другу о пациенте.",
            )
            return head | {"status": "failed", "packs": [], "error": error_json(fault)}
        left = [one for one in packs if one.manifest_sha256 not in self._task.skip]
        routing = route_by_headers([one.pack for one in left], study)
        runs = chosen_runs(study, routing)
        entries = []
        for one in left:
            refs = [ref for pack_id, ref in runs if pack_id == one.pack.id]
            entries.append(self._entry(one, refs, routing, results))
        return head | {"status": status_of(entries), "packs": entries, "error": None}

    def _entry(
        self,
        one: InstalledPack,
        refs: Sequence[SeriesRef],
        routing: Routing,
        results: dict[str, Json],
    ) -> Json:
        pack = one.pack
        entry: Json = {
            "pack": pack.id, "version": pack.version, "manifest_sha256": one.manifest_sha256,
            "status": "done", "runs": [], "reasons": [], "error": None, "result": None,
        }  # fmt: skip
        if pack.needs_reader:
            refs = ()
            reasons = [
                Message(
                    f"It needs something from the reader: {entry_.text.en}",
                    f"Нужен ввод врача: {entry_.text.ru}",
                )
                for entry_ in pack.reader_inputs
                if entry_.required
            ]
        else:
            reasons = _reasons(pack.id, routing)
        if not refs:
            told = [{"en": reason.en, "ru": reason.ru} for reason in reasons]
            return entry | {"status": "nothing-fits", "reasons": told}
        reasons = []
        reports: list[Json] = []
        findings: list[Any] = []
        for ref in refs:
            try:
                verdict = self._verdict(one, ref)
                if verdict.verdict == "refused":
                    reasons += [reason.text for reason in verdict.reasons if reason.refuses]
                    entry["runs"].append(_place(ref) | {"status": "nothing-fits"})
                    continue
                report, proposed = self._run(one, ref, verdict)
            except ResultRefused as fault:
                entry["runs"].append(_place(ref) | {"status": "refused"} | error_json(fault))
                continue
            except AppError as fault:
                entry["runs"].append(_place(ref) | {"status": "failed"} | error_json(fault))
                entry |= {"status": "failed", "error": error_json(fault)}
                continue
            reports.append(report)
            findings += proposed
            entry["runs"].append(
                _place(ref)
                | {key: report[key] for key in ("device", "seconds", "scores", "notes", "partial")}
                | {
                    "status": "done",
                    "flags": [flag["id"] for flag in report["quality_flags"]],
                    "findings": len(proposed),
                }
            )
        if reports:
            uid = self._study.study_instance_uid
            name = f"results/{self._content[:32]}/{pack.id}-{one.manifest_sha256[:12]}.json"
            results[name] = {
                "schema": RESULT_SCHEMA, "study": self._content, "study_instance_uid": uid,
                "pack": pack.id, "version": pack.version, "manifest_sha256": one.manifest_sha256,
                "runs": reports, "findings": findings_to_json(uid, findings)["findings"],
            }  # fmt: skip
            entry["result"] = name
        elif entry["status"] == "done":
            refused = any(run["status"] == "refused" for run in entry["runs"])
            entry["status"] = "refused" if refused else "nothing-fits"
        entry["reasons"] = [{"en": text.en, "ru": text.ru} for text in dict.fromkeys(reasons)]
        return entry

    def _verdict(self, one: InstalledPack, ref: SeriesRef) -> Suitability:
        """What headers and voxels say together, as when a study is opened."""
        series, stack = find_stack(self._study, ref)
        volume, _ = self._read(ref)
        if volume.unreadable:
            raise undecodable(len(volume.unreadable))
        fit = judge_content(judge(one.pack, self._study, series, stack), one.pack, volume)
        if fit.verdict == "refused":
            return fit
        return self._gates.judge(fit, one.pack, GatedImage(self._study, series, stack, volume))

    def _run(
        self, one: InstalledPack, ref: SeriesRef, verdict: Suitability
    ) -> tuple[Json, Sequence[Any]]:
        series, stack = find_stack(self._study, ref)
        volume, read_seconds = self._read(ref)
        result = self._kit.process.run(
            one,
            volume,
            context=RunContext(acquisition=acquisition_of(self._study, series, stack)),
        )
        proposed = to_findings(
            result, one.pack, self._study, volume, clock=SystemClock(), uids=RandomUids()
        )
        report = run_json(
            result, pack=one.pack, geometry=volume.geometry,
            completeness=self._study.completeness, read_seconds=read_seconds,
        )  # fmt: skip
        report["suitability"] = suitability_row(verdict)
        for output in report["outputs"]:
            output["mask"] = None  # masks are not kept; overread infer makes them
        return report, proposed.findings

    def _read(self, ref: SeriesRef) -> tuple[Volume, float]:
        """The volume; the one read last is kept, several packs want the same."""
        if self._volume is None or self._volume[0] != ref:
            self._volume = None
            begin = time.monotonic()
            series, stack = find_stack(self._study, ref)
            reader = StackReader(self._study, series, stack)
            if volume_bytes(reader) > self._kit.plan.memory_bytes:
                raise too_large(reader, self._kit.plan.memory_bytes)
            volume = assemble(reader, leaves_holes=True)
            self._volume = (ref, volume, time.monotonic() - begin)
        return self._volume[1], self._volume[2]


def _kit_of(plan: ScreenPlan) -> _Kit:
    global _kit
    if _kit is not None and _kit.plan == plan:
        return _kit
    if _kit is not None:
        _kit.process.close()
    settings = load_settings(Path(plan.data) if plan.data else data_folder())
    use_fallback(settings.fallback_character_set)
    process = InferenceProcess(
        device=plan.device, threads=plan.threads, servers=server_book(settings)
    )
    _kit = _Kit(plan, packs_of(plan), process)
    return _kit


def _head(unit: ScreenUnit, uid: str, content: str) -> Json:
    return {
        "schema": SCHEMA, "study": content, "study_instance_uid": uid, "path": "",
        "fingerprint": unit.fingerprint, "at": SystemClock().now_utc(), "studies_in_unit": 1,
    }  # fmt: skip


def _place(ref: SeriesRef) -> Json:
    return {"series_instance_uid": ref.series_instance_uid, "stack": ref.stack}


def _reasons(pack_id: str, routing: Routing) -> list[Message]:
    """Why the pack fits nothing, each reason once."""
    if not routing:
        return [Message("The study holds no images.", "В исследовании нет снимков.")]
    return list(
        dict.fromkeys(
            reason.text
            for _, fits in routing
            for fit in fits
            if fit.pack_id == pack_id
            for reason in fit.reasons
            if reason.refuses
        )
    )


def _unreadable(fault: OSError) -> AppError:
    return AppError(
        "Its files cannot be read from the disk.",
        ru="Файлы не читаются с диска.",
        hint="Check the drive, then start again with --retry-failed.",
        hint_ru="Проверьте диск и запустите снова с --retry-failed.",
        technical_detail=f"errno {fault.errno}",
    )
