"""``overread doctor``: can this machine do the job, and what to do where it cannot."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import shutil
import sys
from dataclasses import asdict, dataclass
from typing import Literal

from app import __version__
from app.cli.exit_codes import ExitCode

Level = Literal["ok", "note", "fault"]

_LIBRARIES = (
    "numpy", "pydicom", "highdicom", "SimpleITK", "onnxruntime-gpu", "PySide6-Essentials", "vtk",
    "pylibjpeg-openjpeg", "pyjpegls", "reportlab",
)  # fmt: skip
_FREE_SPACE_WANTED_GIB = 5
_MEMORY_WANTED_GIB = 8


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report: what was looked at, what was found, what to do."""

    name: str
    level: Level
    detail: str
    advice: str = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    parser.add_argument("--json", action="store_true")


def run(args: argparse.Namespace) -> int:
    """Look at everything; exit 4 when something stands in the way of the main job."""
    findings = [
        _program(), *_versions(), *_execution_providers(), _display(), _memory(), _disk(),
        *_library(), _packs(), *_servers(), *_outputs(),
    ]  # fmt: skip
    usable = all(item.level != "fault" for item in findings)
    if args.json:
        report = {
            "schema": "overread.doctor/1",
            "usable": usable,
            "checks": [asdict(item) for item in findings],
        }
        sys.stdout.write(json.dumps(report, ensure_ascii=False) + "\n")
    else:
        marks = {"ok": "ok   ", "note": "note ", "fault": "FAULT"}
        for item in findings:
            sys.stdout.write(f"{marks[item.level]} {item.name}: {item.detail}\n")
            if item.advice:
                sys.stdout.write(f"      -> {item.advice}\n")
    return ExitCode.DONE if usable else ExitCode.ENVIRONMENT


def _program() -> Finding:
    system = f"{platform.system()} {platform.release()} {platform.machine()}"
    return Finding("Overread", "ok", f"{__version__}, Python {platform.python_version()}, {system}")


def _versions() -> list[Finding]:
    rows = []
    for name in _LIBRARIES:
        try:
            rows.append(Finding(name, "ok", importlib.metadata.version(name)))
        except importlib.metadata.PackageNotFoundError:
            if getattr(sys, "frozen", False):
                rows.append(Finding(name, "ok", "built in"))
            else:
                rows.append(
                    Finding(name, "fault", "is missing", "Run: python3 dev.py demo, or reinstall.")
                )
    return rows


def _execution_providers() -> list[Finding]:
    """The GPU in a sentence, then every provider and whether it really computes here."""
    from app.inference.providers import cuda_report, provider_reports

    report = cuda_report()
    level: Level = "ok" if report.usable else "note"
    rows = [Finding("GPU for models", level, report.detail, report.advice)]
    found = [
        f"{entry.name}: {'computes' if entry.usable else entry.why}" for entry in provider_reports()
    ]
    return [*rows, Finding("execution providers", "ok", "; ".join(found))]


def _display() -> Finding:
    if sys.platform != "linux" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        return Finding("display", "ok", "present")
    return Finding(
        "display",
        "note",
        "there is none: the workstation cannot open, every verb works",
        "Log in to a desktop, or start an X server, to open the workstation.",
    )


def _memory() -> Finding:
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    except (ValueError, OSError, AttributeError):
        return Finding("memory", "note", "could not be determined")
    if total < _MEMORY_WANTED_GIB:
        return Finding("memory", "note", f"{total:.0f} GiB", "Large CT series want 8 GiB or more.")
    return Finding("memory", "ok", f"{total:.0f} GiB")


def _disk() -> Finding:
    from app.config.folders import data_folder

    folder = data_folder()
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(existing).free / 2**30
    if free < _FREE_SPACE_WANTED_GIB:
        return Finding("disk", "note", f"{free:.1f} GiB free", "Free some space.")
    return Finding("disk", "ok", f"{free:.0f} GiB free")


def _library() -> list[Finding]:
    """The library itself, then the check rules that demoted themselves in it."""
    from app.config.folders import data_folder
    from app.core.errors import AppError
    from app.store.store import Store
    from app.workflow.check_memory import notices

    folder = data_folder()
    if not (folder / Store.DATABASE_NAME).exists():
        return [Finding("library", "ok", "empty, it is made on first use")]
    try:
        store = Store(folder)
    except AppError as fault:
        return [Finding("library", "fault", fault.message, fault.hint)]
    try:
        broken = store.audit.verify()
        demoted = [Finding("report check", "note", told.en) for told in notices(store)]
    finally:
        store.close()
    if broken is not None:
        return [
            Finding(
                "library",
                "fault",
                f"the audit trail is broken at event {broken.seq}: {broken.reason}",
                "Keep the folder as it is and restore the last backup.",
            ),
            *demoted,
        ]
    return [Finding("library", "ok", "opens, audit trail whole"), *demoted]


def _packs() -> Finding:
    from app.config.folders import built_in_packs_folder, data_folder
    from app.inference.pack_store import PackStore

    store = PackStore(built_in_packs_folder(), data_folder() / "packs")
    packs = store.installed()
    faults = store.verify(None)
    names = ", ".join(f"{item.pack.id} {item.pack.version}" for item in packs) or "none"
    if faults:
        return Finding("model packs", "fault", f"{names}; not intact", "Run: overread packs verify")
    return Finding("model packs", "ok" if packs else "note", names)


def _servers() -> list[Finding]:
    """One line per model server of the settings: a fault of one is no fault of this machine."""
    from app.cli.servers import open_servers, quick
    from app.config.folders import built_in_packs_folder, data_folder
    from app.core.errors import AppError
    from app.inference.pack_store import PackStore
    from app.workflow.model_servers import check_server

    try:
        servers = open_servers(None).servers
    except AppError as fault:
        return [Finding("settings", "fault", fault.message, fault.hint)]
    packs = PackStore(built_in_packs_folder(), data_folder() / "packs")
    rows = []
    for server in servers:
        checks = list(check_server(quick(server), packs, with_sample=False))
        wrong = [check for check in checks if not check.is_ok]
        told = " ".join(check.text.en for check in wrong or checks)
        advice = f"Run: overread servers test {server.name}" if wrong else ""
        rows.append(Finding(f"model server {server.name}", "note" if wrong else "ok", told, advice))
    return rows


def _outputs() -> list[Finding]:
    """What becomes of signed reports: a receiver that is away is no fault of this machine."""
    from app.config.folders import data_folder
    from app.config.secrets import FileSecrets
    from app.config.settings import load_settings
    from app.core.errors import AppError
    from app.workflow.check_outputs import check_outputs

    try:
        settings = load_settings(data_folder())
        found = list(check_outputs(settings.report, FileSecrets(data_folder())))
    except AppError:
        return []  # told above, with the settings
    return [
        Finding(
            f"report outputs, {one.name}",
            "ok" if one.is_ok else "note",
            one.text.en,
            "" if one.is_ok else "See [report] in the settings and docs/report-outputs.md.",
        )
        for one in found
    ]
