"""Findings for tests of the report check, written as short as the check's contract allows."""

from __future__ import annotations

from typing import Any

from app.core.finding import Finding
from app.core.findings_json import finding_from_json
from app.core.report import CheckResult, StudyFacts
from app.reporting.check import check


def finding(
    label: str,
    side: str | None = None,
    *,
    mm: tuple[float, ...] = (),
    state: str = "accepted",
    **more: Any,
) -> Finding:
    """A finding named ``label`` (in either language); ``mm`` are long and short axis."""
    kinds = ("long_axis", "short_axis")
    row: dict[str, Any] = {
        "uid": more.pop("uid", "f1"),
        "label": {"en": label, "ru": more.pop("ru", label)},
        "state": state,
        "significance": more.pop("significance", "significant"),
        "laterality": side,
        "measurements": [
            {"kind": kinds[n], "value": value, "unit": "mm"} for n, value in enumerate(mm)
        ],
    } | more
    return finding_from_json(row)


def checked(
    text: str, *findings: Finding, language: str | None = None, **facts: Any
) -> CheckResult:
    """The check of ``text`` against ``findings`` and the study facts given."""
    return check(text, findings, StudyFacts(**facts), language)


def rules_of(result: CheckResult) -> set[str]:
    """The ids of the rules that fired."""
    return {item.rule for item in result.discrepancies}


def report(language: str, findings: str, impression: str = "", head: str = "") -> str:
    """A report of two sections; an empty impression repeats the findings."""
    described, concluded = ("FINDINGS", "IMPRESSION") if language == "en" else (
        "ОПИСАНИЕ", "ЗАКЛЮЧЕНИЕ",
    )  # fmt: skip
    lead = f"{head}\n" if head else ""
    return f"{lead}{described}: {findings}\n{concluded}: {impression or findings}\n"
