"""Storage commitment of a real PACS: its report comes to our listener."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, evt

from app.core.errors import NetworkFault
from app.network.commitment import SopRef, request
from app.network.inbox import Inbox
from app.network.listener import STORAGE_COMMITMENT, Listener, ListenerSettings
from app.network.peers import DimsePeer
from app.network.send import send
from tests.network.peers import peer_of
from tests.support.orthanc import Orthanc
from tests.support.synthetic_dicom import SeriesSpec, uid, write_series

CT = "1.2.840.10008.5.1.4.1.1.2"


@pytest.fixture
def listener(orthanc: Orthanc, tmp_path: Path) -> Iterator[Listener]:
    """We, where the PACS reports to."""
    ours = Listener(
        ListenerSettings(host="127.0.0.1", port=orthanc.our_port), Inbox(tmp_path / "i")
    )
    ours.start()
    yield ours
    ours.stop()


def _sent(orthanc: Orthanc, folder: Path) -> list[SopRef]:
    assert send(peer_of(orthanc), write_series(folder, SeriesSpec(count=3))).failed == ()
    return [SopRef(CT, uid("study", "series", "instance", n)) for n in range(3)]


def test_what_the_pacs_has_is_committed(
    orthanc: Orthanc, listener: Listener, tmp_path: Path
) -> None:
    refs = _sent(orthanc, tmp_path / "sent")
    result = request(peer_of(orthanc), refs, listener)
    assert result.is_answered
    assert set(result.committed) == {ref.sop_instance_uid for ref in refs}
    assert result.failed == ()


def test_what_it_does_not_have_is_named(
    orthanc: Orthanc, listener: Listener, tmp_path: Path
) -> None:
    refs = [*_sent(orthanc, tmp_path / "sent"), SopRef(CT, uid("never sent"))]
    result = request(peer_of(orthanc), refs, listener)
    assert len(result.committed) == 3
    ((missing, reason),) = result.failed
    assert missing == uid("never sent")
    assert "no such object" in reason.en


def test_a_report_that_does_not_come(orthanc: Orthanc, tmp_path: Path) -> None:
    refs = _sent(orthanc, tmp_path / "sent")
    result = request(peer_of(orthanc), refs, wait_s=0.2)  # nobody listens for the report
    assert not result.is_answered
    assert result.committed == ()


def test_a_report_over_the_same_association() -> None:
    """Some archives answer so; Orthanc does not, so a small one stands in for them."""
    threads: list[threading.Thread] = []

    def on_action(event: evt.Event) -> tuple[int, None]:
        asked = event.action_information

        def report() -> None:
            done = Dataset()
            done.TransactionUID = asked.TransactionUID
            done.ReferencedSOPSequence = asked.ReferencedSOPSequence
            event.assoc.send_n_event_report(done, 1, STORAGE_COMMITMENT, "1.2.840.10008.1.20.1.1")

        threads.append(threading.Timer(0.1, report))
        threads[-1].start()
        return 0, None

    archive = AE("ARCHIVE")
    archive.add_supported_context(STORAGE_COMMITMENT)
    server = archive.start_server(
        ("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_N_ACTION, on_action)]
    )
    assert server is not None
    try:
        peer = DimsePeer("archive", "ARCHIVE", "127.0.0.1", server.server_address[1])
        result = request(peer, [SopRef(CT, "1.2.3")], wait_s=10)
    finally:
        for thread in threads:
            thread.join()
        server.shutdown()
    assert result.is_answered
    assert result.committed == ("1.2.3",)


def test_a_peer_without_the_service(listener: Listener) -> None:
    peer = DimsePeer("we", "OVERREAD", "127.0.0.1", listener.port)
    with pytest.raises(NetworkFault) as caught:
        request(peer, [SopRef(CT, "1.2.3")], wait_s=1)
    assert "we" in caught.value.message
