"""What is signed goes out by itself: once, whatever breaks in between."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest

from app.config.peer_settings import DimsePeerSettings, WebPeerSettings
from app.core.study import Study
from app.workflow import outbox as room
from app.workflow import review
from app.workflow.check_report import check_now
from app.workflow.context import AppContext
from app.workflow.outbox import (
    OutboxRun,
    OutboxSender,
    keep_promises,
    pause_s,
    queue_signed,
    recover,
    run_outbox,
)
from app.workflow.read_study import ReadRequest, read_study
from app.workflow.session import StudySession
from app.workflow.sign_report import SignRequest, sign
from tests.flows.conftest import only_ref
from tests.support.domain import FixedClock, effusion
from tests.support.orthanc import Orthanc, OrthancOptions, free_port, running_orthanc
from tests.support.workflow_context import context_in

TEXT = (
    "CHEST X-RAY\nFINDINGS:\nThere is a left pleural effusion.\n"
    "IMPRESSION:\nLeft pleural effusion.\n"
)
# of one signed film: the verified SR, the report as PDF, the selection of key images
OBJECTS = 3


@pytest.fixture
def pacs(tmp_path: Path) -> Iterator[Orthanc]:
    with running_orthanc(tmp_path / "pacs", OrthancOptions()) as orthanc:
        yield orthanc


def _choose(context: AppContext, *peers: DimsePeerSettings | WebPeerSettings) -> None:
    context.settings = context.settings.model_copy(
        update={"peers": peers, "auto_send_to": tuple(peer.name for peer in peers)}
    )


def _web(pacs: Orthanc) -> WebPeerSettings:
    return WebPeerSettings(name="Web", url=pacs.dicom_web_url, proxy="direct")


def _dimse(pacs: Orthanc, *, commitment: bool = False) -> DimsePeerSettings:
    return DimsePeerSettings(
        name="PACS", ae_title=pacs.ae_title, host="127.0.0.1", port=pacs.dicom_port,
        commitment=commitment,
    )  # fmt: skip


def _later(context: AppContext, hours: int) -> None:
    context.clock = FixedClock(itertools.count(hours * 3600))


def _signed(context: AppContext, study: Study) -> StudySession:
    session = StudySession(context, study)
    review.add(session, effusion(measurements=()), only_ref(study), None)
    session.set_report_text(TEXT)
    sign(session, SignRequest("Dr Petrov", "author", check_now(session)))
    return session


def test_what_is_signed_reaches_every_chosen_peer(
    context: AppContext, study: Study, pacs: Orthanc
) -> None:
    _choose(context, _web(pacs), _dimse(pacs))
    session = _signed(context, study)
    assert len(context.store.outbox.promises()) == 1
    count = queue_signed(session)
    assert count == OBJECTS
    assert context.store.outbox.promises() == ()
    assert run_outbox(context) == OutboxRun(sent=2 * OBJECTS)
    assert context.store.outbox.counts()["sent"] == 2 * OBJECTS
    sent = {item.sop_instance_uid for item in context.store.outbox.all()}
    assert pacs.instances() == sorted(sent)
    kinds = {
        pydicom.dcmread(item.path, stop_before_pixels=True).Modality
        for item in context.store.outbox.all()
    }
    assert kinds == {"SR", "DOC", "KO"}
    assert run_outbox(context) == OutboxRun()
    events = [event.action for event in context.store.audit.events()]
    assert events.count("object.sent") == 2 * OBJECTS


def test_nothing_is_promised_where_no_peer_is_chosen(context: AppContext, study: Study) -> None:
    session = _signed(context, study)
    assert context.store.outbox.promises() == ()
    assert queue_signed(session) == 0


def test_an_absent_peer_is_tried_again_with_longer_pauses_and_keeps_nobody_waiting(
    context: AppContext, study: Study, pacs: Orthanc
) -> None:
    away = DimsePeerSettings(name="Away", ae_title="AWAY", host="127.0.0.1", port=free_port())
    _choose(context, away, _web(pacs))
    queue_signed(_signed(context, study))
    assert run_outbox(context) == OutboxRun(sent=OBJECTS, waiting=OBJECTS)
    assert run_outbox(context) == OutboxRun()  # not yet
    for tries in range(1, 7):
        _later(context, tries * 2)
        assert run_outbox(context).waiting == OBJECTS
    (one, *_others) = context.store.outbox.all("queued")
    assert one.attempts == 7
    assert one.reason is not None
    assert one.reason.ru != one.reason.en
    pauses = [pause_s(n) for n in range(1, 12)]
    assert pauses[:3] == [30.0, 60.0, 120.0]
    assert pauses == sorted(pauses)
    assert pauses[-1] == 3600.0


def test_the_pacs_comes_back(context: AppContext, study: Study, pacs: Orthanc) -> None:
    _choose(context, _dimse(pacs))
    queue_signed(_signed(context, study))
    pacs.kill()
    assert run_outbox(context) == OutboxRun(waiting=OBJECTS)
    pacs.start()
    _later(context, 1)
    assert run_outbox(context) == OutboxRun(sent=OBJECTS)
    assert len(pacs.instances()) == OBJECTS


def test_what_a_peer_refuses_for_good_fails_with_the_reason_and_is_retried_on_demand(
    context: AppContext, study: Study, pacs: Orthanc
) -> None:
    wrong = DimsePeerSettings(
        name="PACS", ae_title="SOMEBODY", host="127.0.0.1", port=pacs.dicom_port
    )
    _choose(context, wrong)
    queue_signed(_signed(context, study))
    failed, hour = 0, 0
    while failed == 0:
        hour += 1
        _later(context, hour)
        failed = run_outbox(context).failed
    assert (failed, hour >= 8) == (OBJECTS, True)
    (one, *_others) = context.store.outbox.all("failed")
    assert one.reason is not None
    assert "SOMEBODY" in one.reason.en
    _choose(context, _dimse(pacs))
    assert context.store.outbox.retry(at_utc=context.clock.now_utc()) == OBJECTS
    assert run_outbox(context) == OutboxRun(sent=OBJECTS)


def test_storage_commitment(context: AppContext, study: Study, tmp_path: Path) -> None:
    from app.network.listener import Listener, ListenerSettings
    from app.workflow.import_inbox import inbox_of

    port = free_port()
    with running_orthanc(tmp_path / "committing", OrthancOptions(our_port=port)) as pacs:
        _choose(context, _dimse(pacs, commitment=True))
        queue_signed(_signed(context, study))
        listener = Listener(ListenerSettings(port=port), inbox_of(context))
        listener.start()
        try:
            assert run_outbox(context, listener=listener) == OutboxRun(
                sent=OBJECTS, committed=OBJECTS
            )
        finally:
            listener.stop()
    assert context.store.outbox.counts()["committed"] == OBJECTS


def test_what_was_not_confirmed_is_asked_for_again(
    context: AppContext, study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.network.listener import Listener, ListenerSettings
    from app.workflow.import_inbox import inbox_of

    monkeypatch.setattr(room, "_COMMITMENT_WAIT_S", 0.3)
    port = free_port()
    with running_orthanc(tmp_path / "committing", OrthancOptions(our_port=port)) as pacs:
        _choose(context, _dimse(pacs, commitment=True))
        queue_signed(_signed(context, study))
        assert run_outbox(context) == OutboxRun(sent=OBJECTS)  # nobody hears the report
        assert context.store.outbox.counts()["sent"] == OBJECTS
        _later(context, 1)
        monkeypatch.setattr(room, "_COMMITMENT_WAIT_S", 20.0)
        listener = Listener(ListenerSettings(port=port), inbox_of(context))
        listener.start()
        try:
            assert run_outbox(context, listener=listener) == OutboxRun(committed=OBJECTS)
        finally:
            listener.stop()
        assert len(pacs.instances()) == OBJECTS


def test_killed_after_the_signature_the_objects_go_out_at_the_next_start(
    library: Path, film_path: Path, pacs: Orthanc
) -> None:
    from app.workflow.open_study import open_paths

    with context_in(library) as first:
        _choose(first, _web(pacs))
        _signed(first, open_paths(first, [film_path]).studies[0])
    with context_in(library) as second:
        _choose(second, _web(pacs))
        assert len(second.store.outbox.promises()) == 1
        assert keep_promises(second) == OBJECTS
        assert keep_promises(second) == 0
        # killed while it was sent
        (item, *_others) = second.store.outbox.due(second.clock.now_utc())
        assert second.store.outbox.claim(item.number, at_utc=second.clock.now_utc())
    with context_in(library) as third:
        _later(third, 1)
        _choose(third, _web(pacs))
        assert recover(third) == 1
        assert run_outbox(third) == OutboxRun(sent=OBJECTS)
    assert len(pacs.instances()) == OBJECTS


def test_what_the_command_line_signs_is_queued_too(
    context: AppContext, study: Study, pacs: Orthanc, tmp_path: Path
) -> None:
    _choose(context, _web(pacs))
    read_study(context, study, ReadRequest(out=tmp_path / "out", accept="all", signer="Dr Petrov"))
    sent = run_outbox(context).sent
    written = {
        pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID
        for path in (tmp_path / "out" / "dicom").glob("*.dcm")
    }
    assert sent == len(written)
    assert pacs.instances() == sorted(written)


def test_the_sender_works_in_the_background_and_ends(
    context: AppContext, study: Study, pacs: Orthanc
) -> None:
    import time

    _choose(context, _web(pacs))
    session = _signed(context, study)
    sender = OutboxSender(context, every_s=30.0)
    sender.start()
    try:
        queue_signed(session)
        sender.wake()
        deadline = time.monotonic() + 10.0
        while context.store.outbox.counts()["sent"] < OBJECTS and time.monotonic() < deadline:
            time.sleep(0.02)
    finally:
        sender.stop()
    assert context.store.outbox.counts()["sent"] == OBJECTS
    assert len(pacs.instances()) == OBJECTS
