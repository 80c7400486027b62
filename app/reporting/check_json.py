"""Check results and extractions as JSON (``overread.check/1``, ``overread.extract/1``)."""

from __future__ import annotations

from typing import Any

from app.core.report import CheckResult, Discrepancy, Span, Statement
from app.reporting.extract import Extraction

CHECK_SCHEMA = "overread.check/1"
EXTRACT_SCHEMA = "overread.extract/1"
Json = dict[str, Any]


def check_to_json(result: CheckResult, id: Any = None) -> Json:  # noqa: ANN401
    """The ``check.json`` object; with ``id`` of a case, that too (any JSON value)."""
    row: Json = {"schema": CHECK_SCHEMA}
    if id is not None:
        row["id"] = id
    row |= {
        "language": result.language,
        "report_sha256": result.report_sha256,
        "findings_sha256": result.findings_sha256,
        "verdict": result.verdict,
        "elapsed_ms": round(result.elapsed_ms, 2),
        "discrepancies": [_discrepancy(item) for item in result.discrepancies],
        "statements": [statement_to_json(item) for item in result.statements],
    }
    return row


def extraction_to_json(extraction: Extraction, id: Any = None) -> Json:  # noqa: ANN401
    """The ``extract`` object; with ``id`` of a line, that too (any JSON value)."""
    row: Json = {"schema": EXTRACT_SCHEMA}
    if id is not None:
        row["id"] = id
    row |= {
        "language": extraction.language,
        "statements": [statement_to_json(item) for item in extraction.statements],
        "presence": dict(extraction.presence),
    }
    return row


def statement_to_json(item: Statement) -> Json:
    """One statement."""
    concept: Json = {"label": item.label}
    if item.concept is not None:
        concept = {
            "value": item.concept.value,
            "scheme": item.concept.scheme,
            "meaning": item.concept.meaning,
            "label": item.label,
        }
    site: Json | None = None
    if item.site is not None:
        site = {"meaning": item.site.meaning_en}
        if item.site.segment:
            site["segment"] = item.site.segment
    return {
        "concept": concept,
        "presence": item.presence,
        "laterality": item.laterality,
        "site": site,
        "sizes_mm": [round(size, 2) for size in item.sizes_mm],
        "change": item.change,
        "section": item.section,
        "span": {"start": item.span.start, "end": item.span.end},
    }


def _discrepancy(item: Discrepancy) -> Json:
    row: Json = {
        "id": item.id,
        "rule": item.rule,
        "severity": item.severity,
        "finding_uid": item.finding_uid,
        "spans": [_span(span) for span in item.spans],
        "message": {"en": item.message.en, "ru": item.message.ru},
        "fix": None,
    }
    if item.fix is not None:
        row["fix"] = {"insert": item.fix.insert, "at": item.fix.start, "end": item.fix.end}
    if item.softened is not None:
        why = item.softened.why
        row["softened"] = {"was": item.softened.was, "why": {"en": why.en, "ru": why.ru}}
    if item.remark:
        row["remark"] = item.remark
    return row


def _span(span: Span) -> Json:
    return {"start": span.start, "end": span.end, "text": span.text}
