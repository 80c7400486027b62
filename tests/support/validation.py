"""Validation of written DICOM by a program that is not ours: dciodvfy of dicom3tools."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest


def dciodvfy_errors(path: Path) -> list[str]:
    """The error lines of dciodvfy; skips where the program is not installed."""
    program = shutil.which("dciodvfy")
    if program is None:
        pytest.skip("dciodvfy (Debian's dicom3tools) is not installed")
    done = subprocess.run([program, "-new", str(path)], capture_output=True, text=True, check=False)
    return [line for line in (done.stderr + done.stdout).splitlines() if line.startswith("Error")]
