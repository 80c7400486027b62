"""The check grows with the text, not faster, and imports nothing heavy."""

from __future__ import annotations

import subprocess
import sys
import time

from app.core.report import StudyFacts
from app.reporting.check import check
from tests.support.report_findings import finding

SENTENCES = (
    "Left lung nodule, 14 x 11 mm, with smooth margins. No pleural effusion or pneumothorax. "
    "The heart is not enlarged; the mediastinum is unremarkable. Healing right rib fracture. "
)
GROWTH = 8


def seconds(repeats: int) -> float:
    """The best of several checks of a text of that many paragraphs."""
    body = f"FINDINGS: {SENTENCES * repeats}\nIMPRESSION: Left nodule."
    rows = [finding("pulmonary nodule", "left", mm=(14.0, 11.0))]
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        check(body, rows, StudyFacts(), "en")
        best = min(best, time.perf_counter() - start)
    return best


def test_time_grows_about_as_the_text_does() -> None:
    check(SENTENCES, [], StudyFacts(), "en")  # the lexicon is loaded once
    small, large = seconds(10), seconds(10 * GROWTH)
    assert large < small * GROWTH * 3, (small, large)


def test_a_two_page_report_is_checked_while_typing() -> None:
    check(SENTENCES, [], StudyFacts(), "en")
    start = time.perf_counter()
    subprocess.run([sys.executable, "-I", "-c", "pass"], check=True)
    interpreter = time.perf_counter() - start
    # Two pages are about 25 such paragraphs. An interpreter starts in some 20 ms: a yardstick that
    # is slow where the machine is slow, as an absolute limit is not.
    assert seconds(25) < 10 * interpreter


def test_the_check_imports_no_numerical_library() -> None:
    code = (
        "import sys, app.reporting.check, app.reporting.check_json, app.core.findings_json;"
        "heavy = {'numpy', 'pydicom', 'SimpleITK', 'PySide6', 'vtk', 'onnxruntime', 'pydantic'};"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
