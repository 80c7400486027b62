"""Decisions: stored with their audit event before they are seen, undone without a trace lost."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.core.errors import DiskFull, IdentityConflict, InvalidTransition
from app.core.segmentation import Mask
from app.core.study import SeriesRef
from app.workflow import review
from app.workflow.finding_step import FindingStep
from app.workflow.session import StudySession
from tests.support.domain import STUDY_UID, effusion, header_study
from tests.support.workflow_context import context_in
from tests.unit.workflow.conftest import REF, Seen, store_proposals

A, B = "2.25.100", "2.25.101"


def _actions(session: StudySession) -> list[str]:
    return [event.action for event in session.context.store.audit.events()]


def test_each_decision_is_on_disk_when_it_is_signalled(session: StudySession) -> None:
    on_disk: list[str] = []

    def look(uid: str) -> None:
        stored = session.context.store.findings.live(STUDY_UID, session.reading)
        on_disk.extend(f.state for f in stored if f.uid == uid)
        assert {f.uid: f for f in stored}[uid] == session.finding(uid)

    session.finding_changed.connect(look)
    review.accept(session, A)
    review.reject(session, A, "artefact")
    review.reopen(session, A)
    review.edit(session, A, effusion(laterality="right"))
    assert on_disk == ["accepted", "rejected", "proposed", "edited"]
    assert _actions(session)[-4:] == [
        "finding.accept", "finding.reject", "finding.reopen", "finding.edit",
    ]  # fmt: skip


def test_undo_and_redo_append_to_the_trail(session: StudySession) -> None:
    before, labels = session.finding(A), []
    session.history_changed.connect(lambda: labels.append(session.history.undo_label))
    review.accept(session, A)
    after = session.finding(A)
    assert session.undo()
    assert session.finding(A) == before
    assert session.redo()
    assert session.finding(A) == after
    assert not session.redo()
    assert _actions(session)[-3:] == [
        "finding.accept", "undo.finding.accept", "redo.finding.accept",
    ]  # fmt: skip
    assert labels == ["accept", None, "accept"]
    assert session.context.store.audit.verify() is None
    assert len(session.context.store.findings.journal(STUDY_UID, session.reading)) == 5


def test_an_own_finding_is_added_undone_and_added_again(session: StudySession) -> None:
    seen = Seen.of(session)
    mask = Mask(np.ones((1, 64, 48), np.uint8), REF)
    uid = review.add(session, effusion(), REF, mask)
    assert session.finding(uid).state == "accepted"
    assert not session.finding(uid).is_from_model
    session.select(uid)
    session.undo()
    assert not session.has_finding(uid)
    assert session.selected_uid is None
    session.redo()
    found = session.mask(uid)
    assert found is not None
    assert np.array_equal(found.voxels, mask.voxels)
    assert seen.events == [
        ("findings_added", (uid,)),
        ("selection_changed", uid),
        ("selection_changed", None),
        ("findings_removed", (uid,)),
        ("findings_added", (uid,)),
    ]


def test_an_edit_that_changes_nothing_is_no_edit(session: StudySession) -> None:
    review.edit(session, A, session.finding(A).current)
    assert session.finding(A).state == "proposed"


def test_refused_decisions_change_nothing(session: StudySession) -> None:
    review.accept(session, A)
    count = len(_actions(session))
    with pytest.raises(InvalidTransition):
        review.accept(session, A)
    assert len(_actions(session)) == count
    assert session.history.undo_label == "accept"


def test_a_finding_on_another_study_is_refused(session: StudySession) -> None:
    with pytest.raises(IdentityConflict):
        review.add(session, effusion(), SeriesRef("9.9", "9.9.1"), None)


def test_free_reasons_stay_out_of_the_trail(session: StudySession) -> None:
    review.reject(session, A, "Ivanova's old scar")
    review.reject(session, B, "artefact")
    details = [dict(event.details) for event in session.context.store.audit.events()][-2:]
    assert "reason_sha256" in details[0]
    assert details[1]["reason"] == "artefact"
    assert "Ivanova" not in json.dumps(details)
    assert session.finding(A).decision.reason == "Ivanova's old scar"


def test_a_full_disk_leaves_screen_and_disk_at_the_last_decision(session: StudySession) -> None:
    seen = Seen.of(session)
    review.accept(session, A)
    db = session.context.store._db
    db.row(f"PRAGMA max_page_count = {db.row('PRAGMA page_count')[0]}")
    noise = np.random.default_rng(0).integers(0, 2, (1, 640, 480), np.uint8)
    with pytest.raises(DiskFull):
        review.add(session, effusion(), REF, Mask(noise, REF))
    assert seen.events == [("finding_changed", A)]
    assert session.history.undo_label == "accept"
    db.row("PRAGMA max_page_count = 1000000")
    stored = session.context.store.findings.live(STUDY_UID, session.reading)
    assert {f.uid: f for f in stored} == {f.uid: f for f in session.findings}
    review.accept(session, B)


def test_a_change_made_elsewhere_is_not_overwritten(session: StudySession) -> None:
    before = session.finding(A)
    review.accept(session, A)
    with pytest.raises(InvalidTransition, match="meanwhile"):
        session.replace_findings([FindingStep(before, replace(before), "finding.accept")])


STEPS = st.lists(
    st.sampled_from(["accept", "reject", "reopen", "edit", "add", "undo", "redo"]), max_size=12
)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS)
def test_memory_and_disk_agree_after_any_steps_and_undo_leads_back(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    folder: Path = tmp_path_factory.mktemp("library")
    with context_in(folder) as context:
        store_proposals(context)
        session = StudySession(context, header_study())
        start = session.findings
        for step in steps:
            _take(session, step)
        stored = context.store.findings.live(STUDY_UID, session.reading)
        assert {f.uid: f for f in stored} == {f.uid: f for f in session.findings}
        while session.undo():
            pass
        assert session.findings == start
        assert context.store.audit.verify() is None


def _take(session: StudySession, step: str) -> None:
    try:
        if step == "accept":
            review.accept(session, A)
        elif step == "reject":
            review.reject(session, A, "duplicate")
        elif step == "reopen":
            review.reopen(session, A)
        elif step == "edit":
            side = session.finding(A).current.laterality
            review.edit(session, A, effusion(laterality="left" if side != "left" else "right"))
        elif step == "add":
            review.add(session, effusion(), REF, None)
        elif step == "undo":
            session.undo()
        else:
            session.redo()
    except InvalidTransition:
        pass
