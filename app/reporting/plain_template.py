"""The bare sections of a report for which no template was chosen. Standard library only."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from app.reporting.phrases import Phrases

if TYPE_CHECKING:
    from app.reporting.templates.model import ReportTemplate


@dataclass(frozen=True, slots=True)
class _Section:
    id: str
    header: str
    statements: tuple[object, ...] = ()
    parts: tuple[object, ...] = ()


@dataclass(frozen=True, slots=True)
class _Template:
    sections: tuple[_Section, ...]
    id: str = ""
    title: str = ""
    fields: tuple[object, ...] = ()
    guideline: str = ""


@functools.cache
def _bare(findings: str, impression: str) -> _Template:
    return _Template((_Section("findings", findings), _Section("impression", impression)))


def plain_template(words: Phrases) -> ReportTemplate:
    """Findings and impression, nothing that is normal; read as a template is."""
    return cast("ReportTemplate", _bare(words.findings, words.impression))
