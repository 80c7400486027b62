"""The program as a subprocess, as a user or a script of a hospital starts it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Outcome:
    """Exit code and both streams."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Standard output as one JSON object."""
        return json.loads(self.out)


def overread(
    *arguments: str | Path, data: Path, stdin: str = "", extra: dict[str, str] | None = None
) -> Outcome:
    """Run ``overread`` with a library folder of its own."""
    environment = os.environ | {
        "OVERREAD_DATA": str(data),
        "QT_QPA_PLATFORM": "offscreen",
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
    }
    command: Sequence[str] = [sys.executable, "-m", "app", *map(str, arguments)]
    done = subprocess.run(
        command,
        input=stdin,
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=CHECKOUT,
        env=environment | (extra or {}),
        timeout=300,
        check=False,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def one_sentence(outcome: Outcome) -> str:
    """What the program told on standard error: a single clear line, no traceback, no bug."""
    lines = [line for line in outcome.err.splitlines() if line.startswith("overread:")]
    assert len(lines) == 1, outcome.err
    assert "Traceback" not in outcome.err
    assert "bug" not in lines[0]
    return lines[0].removeprefix("overread:").strip()
