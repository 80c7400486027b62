"""Route, run, take the proposals in, and edit a mask: real pack, real files, real store."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.core.errors import IdentityConflict, PackRefused
from app.core.geometry import Box
from app.core.segmentation import Mask, MaskPatch
from app.core.study import Study
from app.workflow import review
from app.workflow.cached_run import Ask
from app.workflow.context import AppContext
from app.workflow.edit_segmentation import apply_stroke, remeasure_live, set_mask
from app.workflow.open_study import load_volume, open_paths, open_stored
from app.workflow.run_models import apply_result, route_study, run_pack
from app.workflow.session import StudySession
from tests.flows.conftest import PACK, only_ref
from tests.support.synthetic_dicom import write_projection
from tests.support.tiny_pack import film


def _areas(session: StudySession) -> dict[str, float]:
    return {
        f.current.label.en: m.value
        for f in session.findings
        for m in f.current.measurements
        if m.kind == "area"
    }


def test_a_pack_that_fits_is_routed_run_and_its_proposals_stored(
    context: AppContext, session: StudySession, study: Study
) -> None:
    ((ref, (fit,)),) = route_study(context, study)
    assert ref == only_ref(study)
    assert fit.verdict in ("suitable", "limited")
    said: list[float] = []
    outcome = run_pack(
        context, session, PACK, ref, progress=lambda fraction, _text: said.append(fraction)
    )
    assert said == sorted(said)
    assert said[-1] == 1.0
    assert session.findings == ()
    added: list[tuple[str, ...]] = []
    session.findings_added.connect(added.append)
    uids = apply_result(session, outcome)
    assert added == [uids]
    assert len(uids) == 2
    assert {f.current.laterality for f in session.findings} == {"left", "right"}
    assert all(f.state == "proposed" and f.is_from_model for f in session.findings)
    assert all(session.mask(uid).voxels.any() for uid in uids)
    stored = context.store.findings.live(study.study_instance_uid, session.reading)
    assert {f.uid: f for f in stored} == {f.uid: f for f in session.findings}
    (run,) = context.store.runs.of_study(study.study_instance_uid, session.reading)
    assert (run.pack, run.source) == (PACK, ref)
    assert len(run.report["outputs"]) == 2
    actions = [event.action for event in context.store.audit.events()]
    assert actions.count("finding.proposed") == 2


def test_a_second_run_supersedes_the_undecided_and_keeps_the_decided(
    context: AppContext, session: StudySession, study: Study
) -> None:
    ref = only_ref(study)
    first, second = apply_result(session, run_pack(context, study, PACK, ref))
    review.accept(session, second)
    review.accept(session, first)
    review.reopen(session, first)
    new = apply_result(session, run_pack(context, study, PACK, ref))
    assert not session.has_finding(first)
    assert session.finding(second).state == "accepted"
    assert {f.uid for f in session.findings} == {second, *new}
    # the history knows nothing of the finding that went, and still undoes the other
    assert session.undo()
    assert session.finding(second).state == "proposed"
    assert not session.undo()
    assert context.store.audit.verify() is None


def test_d09_a_result_of_another_study_is_dropped(
    context: AppContext, session: StudySession, study: Study, tmp_path: Path
) -> None:
    outcome = run_pack(context, study, PACK, only_ref(study))
    other = replace(study, study_instance_uid="9.9.9")
    other_session = StudySession(context, other)
    assert apply_result(other_session, outcome) == ()
    assert other_session.findings == ()
    session.close()
    assert apply_result(session, outcome) == ()
    assert context.store.findings.live(study.study_instance_uid, session.reading) == ()
    actions = [event.action for event in context.store.audit.events()]
    assert actions.count("result.dropped") == 2


def test_d08_no_model_runs_on_a_blocked_study(context: AppContext, study: Study) -> None:
    blocked = replace(study, blocked="two patients")
    with pytest.raises(IdentityConflict):
        run_pack(context, blocked, PACK, only_ref(study))


def test_a_refusal_gives_the_reasons_and_force_marks_what_comes_out(
    context: AppContext, tmp_path: Path
) -> None:
    def foot(ds) -> None:
        ds.BodyPartExamined = "FOOT"

    path = write_projection(tmp_path / "foot.dcm", film().voxels[0].astype(np.uint16), change=foot)
    (study,) = open_paths(context, [path]).studies
    ref = only_ref(study)
    with pytest.raises(PackRefused, match=r"(?i)foot"):
        run_pack(context, study, PACK, ref)
    outcome = run_pack(context, study, PACK, ref, Ask(forced=True))
    session = StudySession(context, study)
    apply_result(session, outcome)
    assert all(f.provenance.forced for f in session.findings)


def test_a_stroke_is_measured_stored_and_undone_as_one(
    context: AppContext, session: StudySession, study: Study
) -> None:
    ref = only_ref(study)
    uids = apply_result(session, run_pack(context, study, PACK, ref))
    uid = next(u for u in uids if session.finding(u).current.laterality == "left")
    before, mask = session.finding(uid), session.mask(uid)
    area = _areas(session)["left lung"]
    box = Box((0, 0, 0), (20, 10, 1))
    inside = mask.voxels[box.slices_kji].copy()
    patch = MaskPatch(box, inside, np.ones_like(inside))
    live = remeasure_live(session, uid, patch.apply(mask), load_volume(context, study, ref))
    apply_stroke(session, uid, patch)
    edited = session.finding(uid)
    assert edited.state == "edited"
    assert edited.proposal == before.proposal
    assert edited.current.measurements == live
    grown = _areas(session)["left lung"]
    drawn = 200 - int(inside.sum())
    assert grown - area == pytest.approx(drawn * 0.2 * 0.2 / 100, rel=0.02)
    right = next(u for u in uids if u != uid)
    for one in (uid, right):
        ratio = next(
            m for m in session.finding(one).current.measurements if m.kind == "area_ratio"
        )  # fmt: skip
        assert ratio.value == pytest.approx(grown / _areas(session)["right lung"], rel=1e-6)
    assert session.finding(right).state == "proposed"
    assert session.history.undo_label == "stroke"
    session.undo()
    assert session.finding(uid) == before
    assert session.finding(right).current == session.finding(right).proposal.content
    assert np.array_equal(session.mask(uid).voxels, mask.voxels)
    session.redo()
    assert session.finding(uid) == edited
    restored = StudySession(context, study)
    assert np.array_equal(restored.mask(uid).voxels, patch.apply(mask).voxels)


def test_a_ratio_is_not_shown_where_its_other_half_was_rejected(
    context: AppContext, session: StudySession, study: Study
) -> None:
    uids = apply_result(session, run_pack(context, study, PACK, only_ref(study)))
    left, right = sorted(uids, key=lambda uid: session.finding(uid).current.laterality)
    review.accept(session, left)
    review.reject(session, right, "artefact")
    mask = session.mask(left)
    set_mask(session, left, Mask(np.roll(mask.voxels, 3, axis=1), mask.source))
    ratio = next(m for m in session.finding(left).current.measurements if m.kind == "area_ratio")
    assert (ratio.value, ratio.status) == (None, "failed")
    assert session.finding(right).state == "rejected"


def test_an_accepted_finding_whose_ratio_follows_is_edited_with_it(
    context: AppContext, session: StudySession, study: Study
) -> None:
    uids = apply_result(session, run_pack(context, study, PACK, only_ref(study)))
    left, right = sorted(uids, key=lambda uid: session.finding(uid).current.laterality)
    review.accept(session, right)
    before = session.finding(right)
    mask = session.mask(left)
    half = mask.voxels.copy()
    half[:, : half.shape[1] // 2] = 0
    set_mask(session, left, Mask(half, mask.source))
    assert session.finding(right).state == "edited"
    assert session.finding(right).decision.reason == "measured-again"
    actions = [event.action for event in context.store.audit.events()]
    assert actions[-2:] == ["finding.stroke", "finding.remeasured"]
    session.undo()
    assert session.finding(right) == before
    # a new run takes the undecided left one away, and with it what rests on it
    session.redo()
    review.reopen(session, left)
    apply_result(session, run_pack(context, study, PACK, only_ref(study)))
    assert not session.undo()
    assert context.store.audit.verify() is None


def test_opened_studies_are_in_the_library_and_open_again(
    context: AppContext, session: StudySession, study: Study
) -> None:
    again = open_stored(context, study.study_instance_uid)
    assert again.study_instance_uid == study.study_instance_uid
    assert [s.series_instance_uid for s in again.series] == [
        s.series_instance_uid for s in study.series
    ]
