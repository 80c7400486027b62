"""What is sent to the open window is in the library and on the list; leftovers come first."""

from __future__ import annotations

from pathlib import Path

from app.network import send
from app.network.peers import DimsePeer
from app.workflow.import_inbox import inbox_of
from tests.support.orthanc import free_port
from tests.support.synthetic_dicom import SeriesSpec, write_series
from tests.support.windows import wait_for, window_on
from tests.support.workflow_context import context_in


def test_objects_sent_to_the_window_reach_the_library(qtbot, tmp_path: Path):
    files = write_series(tmp_path / "in", SeriesSpec(count=4))
    with context_in(tmp_path / "data") as context:
        port = free_port()
        context.settings = context.settings.model_copy(update={"listen_port": port})
        with window_on(context) as window:
            window.actions_.by_id["receive"].trigger()
            assert context.settings.receive
            assert window.actions_.by_id["receive"].isChecked()
            peer = DimsePeer("us", context.settings.ae_title, "localhost", port)
            job = context.runner.submit("io", "send", lambda _t, _p: send.send(peer, files))
            wait_for(lambda: job.state == "done", "the sender")
            wait_for(lambda: context.store.studies.count() == 1, "the study in the library")
            wait_for(lambda: "4" in window.messages.text, "the message")
            window.actions_.by_id["receive"].trigger()
            assert not window.traffic.intake.is_receiving
        assert context.store.studies.search()[0].instances == 4


def test_d07_what_waits_in_the_inbox_is_taken_in_at_the_start(qtbot, tmp_path: Path):
    files = write_series(tmp_path / "in", SeriesSpec(count=3))
    with context_in(tmp_path / "data") as context:
        inbox = inbox_of(context)
        for file in files:
            inbox.receive([file.read_bytes()])
        with window_on(context) as window:
            window.begin(())
            wait_for(lambda: context.store.studies.count() == 1, "the study in the library")
            wait_for(lambda: not inbox.objects(), "an empty inbox")


def test_a_port_that_is_taken_is_a_sentence(qtbot, tmp_path: Path):
    with context_in(tmp_path / "a") as first, context_in(tmp_path / "b") as second:
        port = free_port()
        for context in (first, second):
            context.settings = context.settings.model_copy(update={"listen_port": port})
        with window_on(first) as one, window_on(second) as other:
            one.actions_.by_id["receive"].trigger()
            other.actions_.by_id["receive"].trigger()
            assert not other.traffic.intake.is_receiving
            assert str(port) in other.messages.text
            assert not other.actions_.by_id["receive"].isChecked()
