"""Check results and extractions as JSON (``overread.check/1``, ``overread.extract/1``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.core.errors import InputError
from app.core.report import CheckResult, Discrepancy, Span, Statement, StudyFacts
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
    return row


def _span(span: Span) -> Json:
    return {"start": span.start, "end": span.end, "text": span.text}


def study_facts_from_json(data: object) -> StudyFacts:
    """The ``study`` object of a case; missing or null fields are not known."""
    if data is None:
        return StudyFacts()
    if not isinstance(data, Mapping):
        raise InputError(
            "The study of a case is not an object.",
            ru="Поле study не является объектом.",
            hint="Give its fields: modality, body_part, patient_sex, priors and so on.",
            hint_ru="Укажите его поля: modality, body_part, patient_sex, priors и другие.",
        )
    contrast = data.get("contrast")
    priors = data.get("priors")
    if priors is not None and not isinstance(priors, list):
        raise InputError(
            "The priors of a study are not a list of dates.",
            ru="Поле priors исследования — не список дат.",
        )

    def text(key: str) -> str:
        value = data.get(key)
        return "" if value is None else str(value)

    def count(key: str) -> int | None:
        value = data.get(key)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    return StudyFacts(
        modality=text("modality"),
        body_part=text("body_part"),
        patient_name=text("patient_name"),
        patient_sex=text("patient_sex"),
        patient_birth_date=text("patient_birth_date"),
        study_date=text("study_date"),
        laterality=text("laterality"),
        contrast=contrast if isinstance(contrast, bool) else None,
        priors=None if priors is None else tuple(str(day) for day in priors),
        is_incomplete=data.get("is_incomplete") is True,
        received=count("received"),
        expected=count("expected"),
    )
