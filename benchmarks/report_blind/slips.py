"""What one error is, and what the functions that make them share."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from benchmarks.report_blind.rendering import Edit
from benchmarks.report_blind.source import Report


@dataclass(frozen=True, slots=True)
class Slip:
    """An error ready to be rendered.

    ``parts`` are the parts that show it (``INSERTED`` is the sentence put in), ``uids`` the
    findings it is about, ``report`` the report with changed findings or study.
    """

    kind: str
    report: Report
    edit: Edit
    severity: str
    parts: tuple[int, ...] = ()
    uids: tuple[str, ...] = ()
    note: str = ""


Kind = Callable[[Report, Random], Iterator[Slip]]


def stated(report: Report, uid: str, *, impression: bool | None = None) -> list[int]:
    """Parts that state the finding; remarks are left out."""
    return report.indices(uid, impression=impression)


def pieces(report: Report, uid: str) -> list[int]:
    """Parts about the finding, remarks too."""
    return [at for at, part in enumerate(report.parts) if part.name == uid]


def loose(report: Report, uid: str) -> bool:
    """Whether every piece that states the finding can be taken out."""
    return not any(report.parts[at].fixed for at in pieces(report, uid))


def changed_finding(report: Report, uid: str, changes: dict[str, Any]) -> Report:
    """The same report with one finding changed."""
    findings = (f | changes if f["uid"] == uid else f for f in report.findings)
    return replace(report, findings=tuple(findings))


def whole_text(report: Report) -> str:
    """The text of a report as it is written in the file."""
    return "".join(part.text for part in report.parts)


_EARLIER = re.compile(
    r"\b(?:from|previous\w*|prior\w*|before|was|been|having|ранее|был[ои]?|от|с)\b\W*(?:\w+\W+){0,3}$",
    re.I,
)


def size_of_today(value: float, text: str) -> re.Match[str] | None:
    """Where a text gives a size of so many mm as the size of today."""
    for number, unit in ((f"{value:g}", "mm|мм"), (f"{value / 10:.1f}", "cm|см")):
        digits = number.replace(".", "[.,]")
        more = r"(?: ?[xх×] ?\d+(?:[.,]\d+)?)*"
        pattern = (
            rf"(?<![\d.,:])(?:\d+(?:[.,]\d+)? ?[xх×] ?)?(?P<n>{digits}){more}[ -]?(?:{unit})\b"
        )
        for mark in re.finditer(pattern, text, re.I):
            if not _EARLIER.search(text[max(0, mark.start() - 30) : mark.start()]):
                return mark
    return None
