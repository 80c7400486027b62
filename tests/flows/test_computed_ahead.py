"""Results before they are asked for, kept ones, and that nothing of it can harm a study."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from app.core.study import Study
from app.workflow.cached_run import Ask
from app.workflow.context import AppContext
from app.workflow.import_inbox import inbox_of, take_in
from app.workflow.open_study import open_stored
from app.workflow.prefetch import Prefetch
from app.workflow.run_models import run_pack
from app.workflow.session import StudySession
from tests.flows.conftest import PACK, only_ref


def _wait_until(done, seconds: float = 90.0) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.05)


def test_a_second_run_takes_what_was_kept(context: AppContext, study: Study) -> None:
    first = run_pack(context, study, PACK, only_ref(study))
    again = run_pack(context, study, PACK, only_ref(study))
    fresh = run_pack(context, study, PACK, only_ref(study), Ask(fresh=True))
    assert [one.report["kept"] for one in (first, again, fresh)] == [False, True, False]
    for index, mask in first.result.masks:
        assert np.array_equal(mask, again.result.mask(index))
        assert np.array_equal(mask, fresh.result.mask(index))
    assert first.result.scores == again.result.scores


def test_a_study_that_arrives_is_computed_before_it_is_opened(
    context: AppContext, film_path: Path
) -> None:
    context.prefetch = Prefetch(context, quiet_seconds=0.2)
    context.prefetch.start()
    inbox = inbox_of(context)
    path = inbox.folder / "one.dcm"
    path.write_bytes(film_path.read_bytes())
    taken = take_in(context, inbox, [path])
    (uid,) = taken.studies
    assert not context.prefetch.is_idle
    _wait_until(lambda: context.prefetch.is_idle)
    study = open_stored(context, uid)
    process = context.inference.process_id
    outcome = run_pack(context, study, PACK, only_ref(study))
    assert outcome.report["kept"]
    assert context.inference.process_id == process
    assert len(outcome.proposed.findings) == 2


def test_the_next_of_the_list_is_computed_while_this_one_is_read(
    context: AppContext, session: StudySession
) -> None:
    study = session.study
    context.prefetch = Prefetch(context)
    context.prefetch.start()
    context.prefetch.opened(study)
    (listed,) = context.store.studies.search()
    assert listed.study_instance_uid == study.study_instance_uid
    assert context.prefetch.is_idle, "there is no other study"
    context.prefetch.opened(replace(study, study_instance_uid="1.2.3.999"))  # not of the library
    _wait_until(lambda: context.prefetch.is_idle)
    assert run_pack(context, study, PACK, only_ref(study)).report["kept"]


def test_off_is_off(context: AppContext, study: Study) -> None:
    context.prefetch.arrived([study.study_instance_uid])
    context.prefetch.opened(study)
    assert context.prefetch.is_idle


def test_a_disk_that_is_full_ends_in_a_note(context: AppContext, study: Study) -> None:
    folder = context.store.folder / "results"
    folder.write_text("in the way")  # nothing can be kept here
    outcome = run_pack(context, study, PACK, only_ref(study))
    assert len(outcome.proposed.findings) == 2
    assert any("could not be kept" in note["en"] for note in outcome.report["notes"])
