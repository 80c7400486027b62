"""The house keeps its shape: what a static import graph cannot see."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from app.cli.main import VERBS, Verb, run

CHECKOUT = Path(__file__).resolve().parents[2]


def _modules_loaded_by(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=CHECKOUT, check=True
    )
    return {line.split(".")[0] for line in done.stdout.splitlines()}


def test_the_command_line_starts_without_window_libraries() -> None:
    loaded = _modules_loaded_by("import app.cli.main")
    assert not loaded & {"PySide6", "vtk", "vtkmodules", "numpy", "pydicom", "onnxruntime"}


def test_the_report_check_needs_the_standard_library_only() -> None:
    loaded = _modules_loaded_by("import app.cli.check, app.reporting.check")
    heavy = {"PySide6", "vtkmodules", "numpy", "pydicom", "SimpleITK", "onnxruntime", "pydantic"}
    assert not loaded & heavy


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_every_verb_explains_itself(verb: Verb, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        run([verb.name, "--help"])
    assert done.value.code in (0, None)
    assert f"overread {verb.name}" in capsys.readouterr().out


def test_usage_errors_exit_with_2() -> None:
    for arguments in (["no-such-verb"], ["inspect"], ["read", "--unknown"]):
        done = subprocess.run(
            [sys.executable, "-m", "app", *arguments],
            capture_output=True, text=True, cwd=CHECKOUT, check=False,
        )  # fmt: skip
        assert done.returncode == 2, arguments


def test_no_file_outgrows_its_room() -> None:
    long = {
        str(path.relative_to(CHECKOUT)): lines
        for path in (CHECKOUT / "app").rglob("*.py")
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 600
    }
    assert long == {}


def test_every_error_speaks_both_languages() -> None:
    """Each error of the program is raised with ``ru=``, and with ``hint_ru=`` beside a hint."""
    errors = ast.parse((CHECKOUT / "app" / "core" / "errors.py").read_text(encoding="utf-8"))
    kinds = {node.name for node in errors.body if isinstance(node, ast.ClassDef)}
    mute = []
    for path in sorted((CHECKOUT / "app").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
                continue
            given = {keyword.arg for keyword in node.keywords}
            if node.func.id not in kinds or None in given:
                continue
            if "ru" not in given or ("hint" in given and "hint_ru" not in given):
                mute.append(f"{path.relative_to(CHECKOUT)}:{node.lineno}")
    assert mute == []


def test_russian_numbers_have_a_decimal_comma() -> None:
    """No f-string with Russian text formats a number that may have decimals by itself."""
    pointed = []
    for path in sorted((CHECKOUT / "app").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.JoinedStr):
                continue
            words = "".join(p.value for p in node.values if isinstance(p, ast.Constant))
            forms = [
                ast.unparse(p.format_spec)
                for p in node.values
                if isinstance(p, ast.FormattedValue) and p.format_spec is not None
            ]
            if re.search("[а-яё]", words) and any(re.search(r"g|\.[1-9]", f) for f in forms):
                pointed.append(f"{path.relative_to(CHECKOUT)}:{node.lineno}")
    assert pointed == []
