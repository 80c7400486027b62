"""The open study: order, selection, text and position, restored after a restart."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

from app.core.report import Override
from app.core.study import SeriesRef
from app.workflow import review
from app.workflow.context import AppContext
from app.workflow.session import StudySession
from tests.support.domain import header_study
from tests.support.workflow_context import context_in
from tests.unit.workflow.conftest import REF, Seen, store_proposals

A, B = "2.25.100", "2.25.101"


def test_significant_findings_come_first_and_undecided_before_decided(
    session: StudySession,
) -> None:
    assert [f.uid for f in session.findings] == [A, B]
    own = review.add(session, session.finding(B).current, REF, None)
    assert [f.uid for f in session.findings] == [A, B, own]
    review.reject(session, B, "artefact")
    review.reopen(session, own)
    assert [f.uid for f in session.findings] == [A, own, B]


def test_selection_goes_round_and_is_announced_once(session: StudySession) -> None:
    seen = Seen.of(session)
    session.select_next()
    session.select_next()
    session.select_next()
    session.select_previous()
    session.select(B)
    session.select("nobody")
    assert seen.events == [("selection_changed", uid) for uid in (A, B, A, B, None)]


def test_reopening_restores_everything(tmp_path: Path) -> None:
    with context_in(tmp_path) as context:
        store_proposals(context)
        session = StudySession(context, header_study())
        review.accept(session, A)
        session.select(B)
        session.set_position({"layout": "2x2", "slices": {REF.series_instance_uid: 12}})
        session.set_language("ru")
        session.set_report_text("ОПИСАНИЕ: выпот.")
        session.set_override(Override("age:1", "age", "так и есть"))
        before = (session.findings, session.report, session.position)
        voxels = session.mask(A).voxels
    with context_in(tmp_path) as context:
        session = StudySession(context, header_study())
        assert (session.findings, session.report, session.position) == before
        assert session.selected_uid == B
        assert session.language == "ru"
        assert session.report_text == "ОПИСАНИЕ: выпот."
        assert [item.reason for item in session.overrides] == ["так и есть"]
        assert np.array_equal(session.mask(A).voxels, voxels)
        assert session.mask(B) is None
        assert context.store.audit.verify() is None


def test_position_keeps_the_selection_of_the_session(session: StudySession) -> None:
    session.select(A)
    session.set_position({"slice": 3, "selected_uid": "old"})
    assert session.position == {"slice": 3, "selected_uid": A}


def test_typing_makes_one_audit_event_not_one_per_pause(session: StudySession) -> None:
    for text in ("F", "FI", "FINDINGS", "FINDINGS"):
        session.set_report_text(text)
    actions = [event.action for event in session.context.store.audit.events()]
    assert actions.count("report.edited") == 1
    assert session.report is not None
    assert session.report.version == 1
    assert len(session.context.store.reports.versions(REF.study_instance_uid, "main")) == 1


def test_overrides_are_replaced_and_taken_back(session: StudySession) -> None:
    session.set_override(Override("age:1", "age", "one"))
    session.set_override(Override("age:1", "age", "two"))
    assert [item.reason for item in session.overrides] == ["two"]
    session.remove_override("age:1")
    session.remove_override("age:1")
    assert session.overrides == ()


def test_d09_a_volume_of_another_study_is_not_announced(session: StudySession) -> None:
    loaded: list[object] = []
    session.volume_loaded.connect(loaded.append)
    session.announce_volume(SeriesRef("9.9", "9.9.1"))
    session.announce_volume(REF)
    session.close()
    session.announce_volume(REF)
    assert loaded == [REF]


def test_what_the_headers_do_not_say_is_not_known(context: AppContext) -> None:
    facts = StudySession(context, header_study()).facts
    assert (facts.modality, facts.body_part, facts.patient_sex) == ("DX", "CHEST", "F")
    assert facts.contrast is None
    assert facts.priors is None
    prior = header_study("1.2.3.3")
    with_prior = StudySession(context, header_study(), (prior,)).facts
    assert with_prior.priors == ("2026-11-20",)


def test_an_unknown_finding_is_a_key_error(session: StudySession) -> None:
    with pytest.raises(KeyError):
        session.finding("nobody")


def test_the_patient_of_an_open_study_stays_out_of_the_log(tmp_path: Path) -> None:
    with context_in(tmp_path) as context:
        StudySession(context, header_study())
        logging.getLogger("overread.test").error("failed on IVANOVA in /data/IVANOVA/4711")
    text = (tmp_path / "logs" / "overread.log").read_text("utf-8")
    assert "failed on" in text
    assert "IVANOVA" not in text
