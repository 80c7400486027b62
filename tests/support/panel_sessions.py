"""A real session with findings that a radiologist could meet on a chest film."""

from __future__ import annotations

import re

from app.core import codes
from app.core.finding import Finding, FindingContent, Label, OperatingPoint, Proposal, Site
from app.core.measurement import Measurement, PreviousValue
from app.core.provenance import Provenance
from app.workflow.context import AppContext
from app.workflow.session import StudySession
from tests.support.domain import SERIES_UID, STUDY_UID, header_study

AT = "2026-11-20T09:00:00+00:00"
NODULE, EFFUSION, FRACTURE, RIGHT_LUNG, LEFT_LUNG = (f"2.25.{n}" for n in range(101, 106))


def measured(kind: str, value: float | None, unit: str, **changes: object) -> Measurement:
    values: dict = {"kind": kind, "value": value, "unit": unit, "method": "planimetry@1"}
    return Measurement(**(values | changes))


def proposed(uid: str, content: FindingContent, score: float | None = None) -> Finding:
    point = None if score is None else OperatingPoint("balanced", 0.5)
    return Finding(
        uid=uid,
        tracking_uid=f"{uid}.1",
        study_instance_uid=STUDY_UID,
        series_instance_uid=SERIES_UID,
        stack=0,
        proposal=Proposal(content, score, point),
        current=content,
        state="proposed",
        provenance=Provenance("model", AT, pack="cxr-demo", version="1.2.0", device="cpu"),
    )


def chest_findings() -> tuple[Finding, ...]:
    """A nodule, an effusion, an uncertain fracture below threshold, and the two lungs."""
    return (
        proposed(
            NODULE,
            FindingContent(
                codes.NODULE,
                Label("Nodule", "Узел"),
                laterality="right",
                site=Site(meaning_en="upper lobe", meaning_ru="верхняя доля", segment="S3"),
                significance="significant",
                measurements=(
                    measured("long_axis", 8.2, "mm", previous=PreviousValue(6.1, "mm", "20260502")),
                    measured("short_axis", 6.0, "mm"),
                ),
            ),
            0.91,
        ),
        proposed(
            EFFUSION,
            FindingContent(
                codes.PLEURAL_EFFUSION,
                Label("Pleural effusion", "Плевральный выпот"),
                laterality="left",
                significance="significant",
            ),
            0.77,
        ),
        proposed(
            FRACTURE,
            FindingContent(
                codes.RIB_FRACTURE,
                Label("Rib fracture", "Перелом ребра"),
                presence="uncertain",
                laterality="left",
                significance="incidental",
            ),
            0.31,
        ),
        proposed(
            RIGHT_LUNG,
            FindingContent(
                codes.LUNG,
                Label("Right lung", "Правое лёгкое"),
                laterality="right",
                measurements=(measured("area", 238.4, "cm2"),),
            ),
        ),
        proposed(
            LEFT_LUNG,
            FindingContent(
                codes.LUNG,
                Label("Left lung", "Левое лёгкое"),
                laterality="left",
                measurements=(
                    measured("area", 201.7, "cm2", status="truncated_fov"),
                    measured("area_ratio", None, "1", status="failed"),
                ),
                quality_flags=("truncated_fov",),
            ),
        ),
    )


def chest_session(context: AppContext, findings: tuple[Finding, ...] | None = None) -> StudySession:
    """A session in which a pack has proposed ``findings``."""
    session = StudySession(context, header_study())
    if findings is None:
        findings = chest_findings()
    context.store.findings.put_all(
        session.reading, findings, action="finding.proposed", actor="pack:cxr-demo", at_utc=AT
    )
    session.take_findings(findings, {})
    return session


def other_side(text: str) -> tuple[int, int, str]:
    """Where the first "right" (справа, правого) stands, and the opposite in the same case."""
    found = re.search(r"right|справа|\bправ(?=[аоы])", text, re.IGNORECASE)
    if found is None:
        raise AssertionError("the text names no right side")
    word = {"right": "left", "справа": "слева"}.get(found.group().lower(), "лев")
    return found.start(), found.end(), word.title() if found.group()[0].isupper() else word
