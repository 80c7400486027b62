"""C-GET and C-MOVE from a real PACS: complete, cut in the middle, killed and restarted."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless

from app.core.errors import DiskFull, NetworkFault, PeerUnavailable
from app.jobs.cancel import CancelToken
from app.network.answers import RetrieveRequest
from app.network.inbox import Inbox
from app.network.listener import Listener, ListenerSettings
from app.network.peers import DimsePeer
from app.network.retrieve import get, move
from tests.network.cable import cable_to
from tests.network.peers import peer_of
from tests.support.orthanc import Orthanc, OrthancOptions, running_orthanc
from tests.support.synthetic_dicom import SeriesSpec, uid, write_series

STUDY = RetrieveRequest(uid("study"))


@pytest.fixture
def inbox(tmp_path: Path) -> Inbox:
    return Inbox(tmp_path / "inbox")


@pytest.fixture
def listener(orthanc: Orthanc, inbox: Inbox) -> Iterator[Listener]:
    """We, listening where the PACS expects us."""
    ours = Listener(ListenerSettings(host="127.0.0.1", port=orthanc.our_port), inbox)
    ours.start()
    yield ours
    ours.stop()


def _fill(pacs: Orthanc, folder: Path, spec: SeriesSpec) -> dict[str, Path]:
    """Upload a series; its files by SOP instance UID."""
    paths = write_series(folder / spec.name, spec)
    for path in paths:
        pacs.upload(path)
    return {str(pydicom.dcmread(path, specific_tags=["SOPInstanceUID"]).SOPInstanceUID): path
            for path in paths}  # fmt: skip


def _same_pixels(inbox: Inbox, originals: dict[str, Path]) -> None:
    received = {str(ds.SOPInstanceUID): ds for ds in map(pydicom.dcmread, inbox.objects())}
    assert received.keys() == originals.keys()
    for identifier, path in originals.items():
        original = pydicom.dcmread(path)
        assert np.array_equal(received[identifier].pixel_array, original.pixel_array)
        assert received[identifier].PatientName == original.PatientName


def test_d18_get_a_study_of_300_slices(orthanc: Orthanc, inbox: Inbox, tmp_path: Path) -> None:
    originals = _fill(orthanc, tmp_path, SeriesSpec(count=300, rows=16, columns=16))
    seen: list[Path] = []
    steps: list[float] = []
    outcome = get(
        peer_of(orthanc), STUDY, inbox, on_object=seen.append,
        progress=lambda fraction, text: steps.append(fraction),
    )  # fmt: skip
    assert (outcome.expected, outcome.received, outcome.failed) == (300, 300, 0)
    assert outcome.is_complete
    assert outcome.warnings == ()
    assert len(set(seen)) == 300
    assert steps == sorted(steps)
    assert len(steps) > 3
    _same_pixels(inbox, originals)


def test_d18_move_a_study_of_300_slices(
    orthanc: Orthanc, inbox: Inbox, listener: Listener, tmp_path: Path
) -> None:
    originals = _fill(orthanc, tmp_path, SeriesSpec(count=300, rows=16, columns=16))
    outcome = move(peer_of(orthanc), STUDY, listener)
    assert (outcome.expected, outcome.received, outcome.failed) == (300, 300, 0)
    assert outcome.is_complete
    _same_pixels(inbox, originals)


@pytest.mark.parametrize("syntax", [JPEG2000Lossless, JPEGLSLossless, RLELossless])
def test_get_takes_objects_as_the_pacs_keeps_them(
    orthanc: Orthanc, inbox: Inbox, tmp_path: Path, syntax: str
) -> None:
    originals = _fill(
        orthanc, tmp_path, SeriesSpec(count=2, rows=64, columns=64, transfer_syntax_uid=syntax)
    )
    assert get(peer_of(orthanc), STUDY, inbox).is_complete
    for path in inbox.objects():
        assert pydicom.dcmread(path).file_meta.TransferSyntaxUID == syntax
    _same_pixels(inbox, originals)


def test_one_series_and_one_image(
    orthanc: Orthanc, inbox: Inbox, listener: Listener, tmp_path: Path
) -> None:
    _fill(orthanc, tmp_path, SeriesSpec(count=3, name="one"))
    _fill(orthanc, tmp_path, SeriesSpec(count=2, name="two", modality="MR"))
    series = RetrieveRequest(uid("study"), uid("study", "two"))
    assert get(peer_of(orthanc), series, inbox).received == 2
    image = RetrieveRequest(
        uid("study"), uid("study", "one"), (uid("study", "one", "instance", 1),)
    )
    assert move(peer_of(orthanc), image, listener).received == 1
    assert len(inbox.objects()) == 3


def test_a_study_that_the_pacs_does_not_have(orthanc: Orthanc, inbox: Inbox) -> None:
    outcome = get(peer_of(orthanc), RetrieveRequest("1.2.3"), inbox)
    assert (outcome.expected, outcome.received) == (0, 0)
    assert "has no such images" in outcome.warnings[0].en


def test_move_to_an_ae_title_that_the_pacs_does_not_know(
    orthanc: Orthanc, inbox: Inbox, tmp_path: Path
) -> None:
    _fill(orthanc, tmp_path, SeriesSpec(count=2))
    stranger = Listener(ListenerSettings("STRANGER", "127.0.0.1", 0), inbox)
    with pytest.raises(NetworkFault) as caught:
        move(peer_of(orthanc), STUDY, stranger)
    assert "pacs" in caught.value.message


def test_move_while_nobody_listens_where_the_pacs_sends(
    orthanc: Orthanc, inbox: Inbox, tmp_path: Path
) -> None:
    _fill(orthanc, tmp_path, SeriesSpec(count=2))
    deaf = Listener(ListenerSettings("OVERREAD", "127.0.0.1", 0), inbox)
    with pytest.raises(NetworkFault):
        move(peer_of(orthanc), STUDY, deaf)


def test_cancelled_in_the_middle(orthanc: Orthanc, inbox: Inbox, tmp_path: Path) -> None:
    _fill(orthanc, tmp_path, SeriesSpec(count=60, rows=16, columns=16))
    token = CancelToken()
    count = 0

    def on_object(path: Path) -> None:
        nonlocal count
        count += 1
        if count == 5:
            token.cancel()

    outcome = get(peer_of(orthanc), STUDY, inbox, on_object=on_object, cancel=token)
    assert outcome.cancelled
    assert 5 <= outcome.received < 60
    assert len(inbox.objects()) == outcome.received
    assert not outcome.is_complete


def test_d18_connection_cut_in_the_middle_then_the_rest(
    orthanc: Orthanc, inbox: Inbox, tmp_path: Path
) -> None:
    originals = _fill(orthanc, tmp_path, SeriesSpec(count=40, rows=64, columns=64))
    with cable_to(orthanc.dicom_port, 150_000) as cable:
        outcome = get(peer_of(orthanc, port=cable.port), STUDY, inbox)
    assert outcome.expected == 40
    assert 0 < outcome.received < 40
    assert outcome.failed == 40 - outcome.received == len(outcome.missing)
    assert not outcome.is_complete
    assert any("was lost" in warning.en for warning in outcome.warnings)
    assert list(inbox.folder.glob("*.part")) == []
    assert len(inbox.objects()) == outcome.received
    assert get(peer_of(orthanc), STUDY, inbox).is_complete
    _same_pixels(inbox, originals)


def test_d18_the_line_from_the_pacs_to_us_is_cut_while_it_moves(
    inbox: Inbox, tmp_path: Path
) -> None:
    listener = Listener(ListenerSettings(host="127.0.0.1", port=0), inbox)
    listener.start()
    with cable_to(listener.port, 150_000, cut_answers=False) as cable:
        options = OrthancOptions(our_port=cable.port)
        with running_orthanc(tmp_path / "pacs", options) as pacs:
            originals = _fill(pacs, tmp_path, SeriesSpec(count=40, rows=64, columns=64))
            outcome = move(peer_of(pacs), STUDY, listener)
            assert outcome.expected == 40
            assert 0 < outcome.received < 40
            assert len(outcome.missing) == outcome.failed == 40 - outcome.received
            assert len(inbox.objects()) == outcome.received
            cable.cut_after = None
            assert move(peer_of(pacs), STUDY, listener).is_complete
    listener.stop()
    assert list(inbox.folder.glob("*.part")) == []
    _same_pixels(inbox, originals)


def test_cut_before_the_first_image(orthanc: Orthanc, inbox: Inbox, tmp_path: Path) -> None:
    _fill(orthanc, tmp_path, SeriesSpec(count=2, rows=256, columns=256))
    with cable_to(orthanc.dicom_port, 50_000) as cable, pytest.raises(PeerUnavailable) as caught:
        get(peer_of(orthanc, port=cable.port), STUDY, inbox)
    assert "was lost" in caught.value.message
    assert list(inbox.folder.iterdir()) == []


def test_d18_pacs_killed_and_restarted(inbox: Inbox, tmp_path: Path) -> None:
    with running_orthanc(tmp_path / "pacs") as pacs:
        originals = _fill(pacs, tmp_path, SeriesSpec(count=60, rows=32, columns=32))

        def on_object(path: Path) -> None:
            if len(inbox.objects()) == 10:
                pacs.kill()

        outcome = get(peer_of(pacs), STUDY, inbox, on_object=on_object)
        assert outcome.expected == 60
        assert 10 <= outcome.received < 60
        with pytest.raises(PeerUnavailable, match="nothing listens"):
            get(peer_of(pacs), STUDY, inbox)
        before = {path.name: hashlib.sha256(path.read_bytes()).digest() for path in inbox.objects()}
        pacs.start()
        assert get(peer_of(pacs), STUDY, inbox).is_complete
        after = {path.name: hashlib.sha256(path.read_bytes()).digest() for path in inbox.objects()}
    assert len(after) == 60
    assert before.items() <= after.items()
    _same_pixels(inbox, originals)


def test_a_slow_line_is_no_silence(orthanc: Orthanc, inbox: Inbox, tmp_path: Path) -> None:
    """One object takes longer than the time-out, but its bytes flow all the time."""
    _fill(orthanc, tmp_path, SeriesSpec(count=1, rows=1000, columns=700))
    with cable_to(orthanc.dicom_port, block_s=0.025) as cable:
        began = time.monotonic()
        outcome = get(peer_of(orthanc, port=cable.port, timeout_s=1.0), STUDY, inbox)
        assert time.monotonic() - began > 1.2
    assert outcome.is_complete


def test_a_full_disk_here_is_said(orthanc: Orthanc, listener: Listener, tmp_path: Path) -> None:
    _fill(orthanc, tmp_path, SeriesSpec(count=3))
    full = Inbox(tmp_path / "full", reserve_bytes=1 << 60)
    with pytest.raises(DiskFull):
        get(peer_of(orthanc), STUDY, full)
    listener.stop()
    settings = ListenerSettings(host="127.0.0.1", port=orthanc.our_port)
    second = Listener(settings, full)
    second.start()
    try:
        with pytest.raises(DiskFull):
            move(peer_of(orthanc), STUDY, second)
    finally:
        second.stop()
    assert list(full.folder.iterdir()) == []


def test_a_disk_that_fills_up_in_the_middle(orthanc: Orthanc, inbox: Inbox, tmp_path: Path) -> None:
    _fill(orthanc, tmp_path, SeriesSpec(count=12))

    def on_object(path: Path) -> None:
        if len(inbox.objects()) == 5:
            inbox.reserve_bytes = 1 << 60

    outcome = get(peer_of(orthanc), STUDY, inbox, on_object=on_object)
    assert (outcome.expected, outcome.received, outcome.failed) == (12, 5, 7)
    assert len(outcome.missing) == 7
    assert any("disk is full" in warning.en for warning in outcome.warnings)


def test_very_many_named_images(orthanc: Orthanc, inbox: Inbox, tmp_path: Path) -> None:
    originals = _fill(orthanc, tmp_path, SeriesSpec(count=3))
    names = (*originals, *(f"1.2.{'9' * 50}.{n}" for n in range(1500)))
    request = RetrieveRequest(uid("study"), uid("study", "series"), names)
    assert get(peer_of(orthanc), request, inbox).received == 3


def test_a_peer_that_offers_no_retrieval(inbox: Inbox, listener: Listener) -> None:
    peer = DimsePeer("we", "OVERREAD", "127.0.0.1", listener.port)
    with pytest.raises(NetworkFault, match="does not offer the retrieval"):
        get(peer, STUDY, inbox)
