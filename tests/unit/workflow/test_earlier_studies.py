"""A report knows the earlier studies of the patient, open or not, and nobody else's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.core.study import Patient, PatientText, Study
from app.workflow.check_report import check_now
from app.workflow.compose_report import draft
from app.workflow.context import AppContext
from app.workflow.session import StudySession
from tests.support.domain import header_study


def _earlier(day: str = "2025-03-04", **more: object) -> Study:
    return replace(header_study("1.2.9"), study_date=day, **more)  # type: ignore[arg-type]


def _keep(context: AppContext, study: Study) -> None:
    context.store.studies.put(study, at_utc="2026-01-01T00:00:00Z")


def test_an_earlier_study_of_the_library_is_named_in_the_draft(context: AppContext) -> None:
    _keep(context, _earlier())
    session = StudySession(context, header_study())
    assert session.priors == ()
    assert session.facts.priors == ("2025-03-04",)
    assert session.facts.comparable_priors == ("2025-03-04",)
    draft(session, "en")
    assert "COMPARISON:\nRadiograph 4 Mar 2025." in session.report_text
    assert "prior" not in " ".join(item.rule for item in check_now(session).discrepancies)


def test_a_study_that_is_open_and_in_the_library_is_one(context: AppContext) -> None:
    _keep(context, _earlier())
    session = StudySession(context, header_study(), [_earlier()])
    assert session.facts.priors == ("2025-03-04",)


@pytest.mark.parametrize(
    "other",
    [
        _earlier("2026-11-20"),
        _earlier("2027-01-01"),
        _earlier(
            patient=Patient(
                PatientText("4711"), PatientText("IVANOVA^ANNA"), PatientText("1970-02-03"), "F"
            )
        ),
        replace(header_study("1.2.9", blocked="two patients"), study_date="2025-03-04"),
        replace(header_study("1.2.9", modality="SR"), study_date="2025-03-04"),
    ],
    ids=["same day", "later", "another person", "contradictory", "no images"],
)
def test_what_is_no_earlier_study_of_the_patient_is_not_known(
    context: AppContext, other: Study
) -> None:
    _keep(context, other)
    session = StudySession(context, header_study())
    assert session.facts.priors is None
    draft(session, "ru")
    assert "СРАВНЕНИЕ:\nПредыдущие исследования не представлены." in session.report_text
