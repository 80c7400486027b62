"""Builds the one-folder program with PyInstaller and tests the result as a user would.

python packaging/build.py            build to dist/overread and test
python packaging/build.py --no-test  build only
python packaging/build.py --test     test the program in dist/overread
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = ROOT / "dist" / "overread" / ("overread.exe" if os.name == "nt" else "overread")


def main() -> int:
    """Build, then test; exit status 0 when both worked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--no-test", action="store_true")
    parser.add_argument("--test", action="store_true", help="test only")
    options = parser.parse_args()
    if not options.test:
        build()
    if not options.no_test:
        test()
    return 0


def build() -> None:
    """One folder in dist/overread."""
    command = [
        sys.executable, "-m", "PyInstaller", "--noconfirm", "--log-level", "WARN",
        "--distpath", str(ROOT / "dist"), "--workpath", str(ROOT / "build"),
        str(ROOT / "packaging" / "overread.spec"),
    ]  # fmt: skip
    subprocess.run(command, check=True, cwd=ROOT)
    size = sum(file.stat().st_size for file in PROGRAM.parent.rglob("*") if file.is_file())
    print(f"built {PROGRAM.parent} ({size / 2**20:.0f} MiB)")


def test() -> None:
    """Self-test and demo of the built program, with no Python of ours in sight."""
    with tempfile.TemporaryDirectory(prefix="overread-frozen-") as folder:
        home = Path(folder)
        environment = {
            "HOME": str(home),
            "PATH": "/usr/bin:/bin",
            "OVERREAD_DATA": str(home / "data"),
            "LANG": "C.UTF-8",
        }
        _must(["self-test"], environment)
        out = home / "demo"
        _must(["demo", "--headless", "--out", str(out)], environment)
        check = json.loads((out / "read" / "check.json").read_text(encoding="utf-8"))
        if check["verdict"] == "blocked":
            raise SystemExit("the demo's report is blocked")
        for pattern in ("read/dicom/*.dcm", "read/report.pdf", "screens/*.png"):
            if not list(out.glob(pattern)):
                raise SystemExit(f"the demo left no {pattern}")
    print("the built program passes self-test and demo")


def _must(arguments: list[str], environment: dict[str, str]) -> None:
    print(f"== overread {' '.join(arguments)}", flush=True)
    done = subprocess.run([str(PROGRAM), *arguments], env=environment, check=False, timeout=600)
    if done.returncode != 0:
        raise SystemExit(f"overread {arguments[0]} ended with {done.returncode}")


if __name__ == "__main__":
    sys.exit(main())
