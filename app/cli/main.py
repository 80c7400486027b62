"""The command line: one module per verb, errors to one sentence and an exit code."""

from __future__ import annotations

import argparse
import contextlib
import errno
import gc
import importlib
import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app import __version__
from app.cli.exit_codes import ExitCode
from app.cli.language import console_language, in_language
from app.core.errors import AppError, Cancelled


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb, the module with its ``add_arguments`` and ``run``, and one line of help."""

    name: str
    module: str
    help: str


VERBS = (
    Verb("demo", "app.cli.demo", "the main job on the built-in demonstration study"),
    Verb("inspect", "app.cli.inspect", "what is in these files: studies, series, geometry"),
    Verb("objects", "app.cli.objects", "what else they hold: reports, segmentations, documents"),
    Verb("volume", "app.cli.volume", "one assembled volume as NIfTI or NRRD"),
    Verb("snapshot", "app.cli.snapshot", "what a viewport would show, as PNG"),
    Verb("import", "app.cli.import_studies", "studies into the local library"),
    Verb("studies", "app.cli.studies", "the studies of the local library"),
    Verb("library", "app.cli.library", "delete, relocate, check, back up or restore the library"),
    Verb("packs", "app.cli.packs", "model packs: list, show, verify, route, add, remove, import"),
    Verb("servers", "app.cli.servers", "model servers: list, test, export a pack to Triton"),
    Verb("infer", "app.cli.infer", "one model pack on one study or image"),
    Verb("bench-model", "app.cli.bench_model", "how fast a model pack is on this machine"),
    Verb("screen", "app.cli.screen", "every pack that fits on every study of an archive"),
    Verb("read", "app.cli.read", "open, route, infer, measure, decide, draft, check, sign, write"),
    Verb("templates", "app.cli.templates", "report templates and macros: list, add, preview"),
    Verb("extract", "app.cli.extract", "the statements in a report text"),
    Verb("check", "app.cli.check", "a report against findings and study"),
    Verb("dictate", "app.cli.dictate", "a spoken wave file as report text"),
    Verb("measure", "app.cli.measure", "the morphometry of a mask"),
    Verb("export", "app.cli.export", "the outputs of a reviewed study"),
    Verb("echo", "app.cli.echo", "is a network peer there, and does it know us"),
    Verb("find", "app.cli.find", "what a network peer has: studies, series, worklist"),
    Verb("retrieve", "app.cli.retrieve", "a study from a network peer, into the library or files"),
    Verb("send", "app.cli.send", "objects to a network peer"),
    Verb("listen", "app.cli.listen", "receive what peers send, into the library"),
    Verb("peers", "app.cli.peers", "network peers: list, add, remove, test, secret"),
    Verb("outbox", "app.cli.outbox", "what is signed goes out: list, retry, run"),
    Verb("reports", "app.cli.reports", "reports: list, show, versions, diff, verify, cosign"),
    Verb("users", "app.cli.users", "who may sign: list, add, role, password, disable, unlock"),
    Verb("audit", "app.cli.audit", "the audit trail: show, verify, export"),
    Verb("doctor", "app.cli.doctor", "can this machine do the job, and what to do if not"),
    Verb("self-test", "app.cli.self_test", "every native library does one real thing"),
)
_VERBS = {verb.name: verb for verb in VERBS}
# What the operating system may refuse about a path that the user gave.
_PATH_FAULTS = {
    errno.EACCES: ("access is denied", "нет доступа"),
    errno.EPERM: ("the operation is not permitted", "действие не разрешено"),
    errno.ENOENT: ("it does not exist", "такого пути нет"),
    errno.EISDIR: ("it is a folder", "это папка"),
    errno.ENOTDIR: ("a part of the path is no folder", "часть пути не является папкой"),
    errno.EEXIST: ("it exists and is no folder", "он существует и не является папкой"),
    errno.ENAMETOOLONG: ("the name is too long", "имя слишком длинное"),
    errno.EROFS: ("the disk is read only", "диск только для чтения"),
    errno.ELOOP: ("its links lead in a circle", "ссылки ведут по кругу"),
}


def run(argv: Sequence[str]) -> int:
    """Run the verb named first in ``argv``, or open the workstation on the paths given."""
    _use_utf8()
    try:
        if argv and argv[0] in _VERBS:
            code = _run_verb(_VERBS[argv[0]], argv[1:])
            sys.stdout.flush()  # a reader that is gone shows here, not while Python ends
            return code
        if argv and argv[0] in ("-h", "--help", "--version"):
            return _about(argv[0])
        return _open_workstation(argv)
    except AppError as fault:
        sys.stderr.write(f"overread: {fault.text(console_language())}\n")
        return fault.exit_code
    except BrokenPipeError:
        return _reader_gone()
    except OSError as fault:
        return _disk_fault(fault)
    except KeyboardInterrupt:
        sys.stderr.write("overread: Interrupted.\n")
        return Cancelled.exit_code
    except Exception as fault:  # noqa: BLE001 - the edge of the program: whatever is left is a bug
        return _bug(fault)


def _run_verb(verb: Verb, arguments: Sequence[str]) -> int:
    gc.disable()  # loading code makes no garbage: a tenth of a cold start (measured)
    try:
        module = importlib.import_module(verb.module)
    finally:
        gc.enable()
    parser = argparse.ArgumentParser(prog=f"overread {verb.name}", description=verb.help)
    module.add_arguments(parser)
    return int(module.run(parser.parse_args(arguments)))


def _open_workstation(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="overread", description="Open the workstation, on the given studies if any."
    )
    parser.add_argument("paths", nargs="*", type=Path)
    parser.add_argument("--lang", choices=("en", "ru"), default=None)
    parser.add_argument("--data", type=Path, default=None, help="folder of the local library")
    arguments = parser.parse_args(argv)
    missing = [path for path in arguments.paths if not path.exists()]
    if missing:
        known = ", ".join(verb.name for verb in VERBS)
        told = in_language(
            f"{missing[0]} is neither a verb nor a file or folder. Verbs: {known}.",
            f"{missing[0]} — не команда, не файл и не папка. Команды: {known}.",
        )
        sys.stderr.write(f"overread: {told}\n")
        return ExitCode.USAGE
    application = importlib.import_module("app.ui.application")
    return int(
        application.run(
            arguments.paths,
            language=arguments.lang or console_language(),
            data_folder=arguments.data,
        )
    )


def _about(option: str) -> int:
    if option == "--version":
        sys.stdout.write(f"overread {__version__}\n")
        return ExitCode.DONE
    width = max(len(verb.name) for verb in VERBS)
    lines = [f"  {verb.name:<{width}}  {verb.help}" for verb in VERBS]
    sys.stdout.write(
        "usage: overread [PATH...]        open the workstation\n"
        "       overread VERB [options]   without a window; VERB --help says more\n\n"
        + "\n".join(lines)
        + "\n"
    )
    return ExitCode.DONE


def _reader_gone() -> int:
    """Who read our output (``head``) has had enough: no fault, and nothing more can be told."""
    with contextlib.suppress(OSError, ValueError):
        # Python flushes at its end: let that go nowhere instead of failing there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return ExitCode.DONE


def _disk_fault(fault: OSError) -> int:
    """What the system says about a path is the user's to mend; all other faults are bugs."""
    if fault.errno in (errno.ENOSPC, errno.EDQUOT):
        full = in_language(
            "The disk is full. Free some space and repeat.",
            "Диск заполнен. Освободите место и повторите.",
        )
        sys.stderr.write(f"overread: {full}\n")
        return ExitCode.ENVIRONMENT
    reason = _PATH_FAULTS.get(fault.errno or 0)
    if reason is None or fault.filename is None:
        return _bug(fault)
    name = os.fsdecode(fault.filename) if isinstance(fault.filename, bytes) else fault.filename
    told = in_language(
        f"{name} cannot be used: {reason[0]}. Check the path and its permissions.",
        f"{name} использовать нельзя: {reason[1]}. Проверьте путь и права доступа.",
    )
    sys.stderr.write(f"overread: {told}\n")
    return ExitCode.INPUT


def _bug(fault: BaseException) -> int:
    """Write a crash report (code places only: no values, so no patient data), say where it is."""
    frames = traceback.extract_tb(fault.__traceback__)
    report = [f"overread {__version__}", f"python {sys.version}", type(fault).__name__, ""]
    report += [f"{Path(frame.filename).name}:{frame.lineno} in {frame.name}" for frame in frames]
    if os.environ.get("OVERREAD_DEBUG"):
        traceback.print_exception(fault)
    handle, name = tempfile.mkstemp(prefix="overread-crash-", suffix=".txt")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write("\n".join(report) + "\n")
    sys.stderr.write(f"overread: This is a bug in Overread; a crash report was written to {name}\n")
    return ExitCode.BUG


def _use_utf8() -> None:
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8")
