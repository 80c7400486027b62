"""DICOMweb against Orthanc's own plugin: search, retrieve and store, both directions."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import JPEGLSLossless, RLELossless

from app.core.errors import DiskFull, NetworkFault
from app.jobs.cancel import CancelToken
from app.network import dicomweb, stow
from app.network.answers import FoundImage, FoundSeries, FoundStudy, RetrieveRequest
from app.network.inbox import Inbox
from app.network.web_peer import WebPeer
from tests.support.orthanc import Orthanc, OrthancOptions, running_orthanc
from tests.support.synthetic_dicom import SeriesSpec, write_series
from tests.support.web_relay import Relay, running_relay


@pytest.fixture
def peer(orthanc: Orthanc) -> WebPeer:
    return WebPeer("PACS", orthanc.dicom_web_url, proxy="direct")


def _study(paths: list[Path]) -> str:
    return str(pydicom.dcmread(paths[0], stop_before_pixels=True).StudyInstanceUID)


def _value(vr: str, value: object) -> dict[str, object]:
    return {"vr": vr, "Value": [value]}


def _pixels(paths: list[Path]) -> dict[str, np.ndarray]:
    read = [pydicom.dcmread(path) for path in paths]
    return {str(ds.SOPInstanceUID): ds.pixel_array for ds in read}


def test_echo_tells_that_the_service_answers(peer: WebPeer) -> None:
    assert dicomweb.echo(peer).seconds > 0


def test_what_is_stored_is_found_and_comes_back_the_same(
    peer: WebPeer, orthanc: Orthanc, tmp_path: Path
) -> None:
    paths = write_series(tmp_path / "sent", SeriesSpec(count=5))
    outcome = stow.store(peer, paths)
    assert (len(outcome.sent), outcome.failed, outcome.warnings) == (5, (), ())
    assert orthanc.instances() == sorted(_pixels(paths))

    (study,) = dicomweb.search(peer, "study", {"PatientID": "TEST-1"})
    assert isinstance(study, FoundStudy)
    assert (study.patient_name, study.birth_date) == ("Phantom^Synthetic", "1970-01-01")
    assert (study.study_date, study.study_time) == ("2026-01-02", "10:15:00")
    assert (study.modalities, study.series, study.instances) == (("CT",), 1, 5)
    assert study.description == "Synthetic study"
    assert dicomweb.search(peer, "study", {"PatientID": "SOMEBODY"}) == ()

    (series,) = dicomweb.search(peer, "series", {"StudyInstanceUID": study.study_instance_uid})
    assert isinstance(series, FoundSeries)
    assert (series.modality, series.body_part, series.instances) == ("CT", "CHEST", 5)

    arrived: list[Path] = []
    retrieved = dicomweb.retrieve(
        peer, RetrieveRequest(study.study_instance_uid), Inbox(tmp_path / "inbox"),
        on_object=arrived.append,
    )  # fmt: skip
    assert (retrieved.expected, retrieved.received, retrieved.is_complete) == (5, 5, True)
    ours, theirs = _pixels(paths), _pixels(arrived)
    assert ours.keys() == theirs.keys()
    assert all(np.array_equal(ours[uid], theirs[uid]) for uid in ours)


def test_names_match_with_wildcards_and_pages_are_read_to_the_end(
    peer: WebPeer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = write_series(tmp_path, SeriesSpec(count=7))
    stow.store(peer, paths)
    assert len(dicomweb.search(peer, "study", {"PatientName": "Phan*"})) == 1
    assert len(dicomweb.search(peer, "study", {"PatientName": "phantom^synthetic"})) == 1
    assert len(dicomweb.search(peer, "study", {"StudyDate": "20260101-20260131"})) == 1
    monkeypatch.setattr(dicomweb, "_PAGE", 3)
    found = dicomweb.search(peer, "image", {"StudyInstanceUID": _study(paths)})
    assert len({image.sop_instance_uid for image in found if isinstance(image, FoundImage)}) == 7
    assert len(dicomweb.search(peer, "image", {"StudyInstanceUID": _study(paths)}, limit=4)) == 4


@pytest.mark.parametrize("syntax", [JPEGLSLossless, RLELossless])
def test_objects_come_in_the_encoding_that_the_peer_has(
    peer: WebPeer, tmp_path: Path, syntax: str
) -> None:
    paths = write_series(tmp_path / "sent", SeriesSpec(count=2, transfer_syntax_uid=syntax))
    stow.store(peer, paths)
    inbox = Inbox(tmp_path / "inbox")
    dicomweb.retrieve(peer, RetrieveRequest(_study(paths)), inbox)
    kept = [pydicom.dcmread(path).file_meta.TransferSyntaxUID for path in inbox.objects()]
    assert kept == [syntax, syntax]


def test_series_and_single_objects_are_retrieved_alone(peer: WebPeer, tmp_path: Path) -> None:
    one = write_series(tmp_path / "one", SeriesSpec(count=3, name="one"))
    two = write_series(tmp_path / "two", SeriesSpec(count=2, name="two"))
    stow.store(peer, [*one, *two])
    first = pydicom.dcmread(one[0], stop_before_pixels=True)
    series = RetrieveRequest(_study(one), first.SeriesInstanceUID)
    assert dicomweb.retrieve(peer, series, Inbox(tmp_path / "a")).received == 3
    single = RetrieveRequest(_study(one), first.SeriesInstanceUID, (first.SOPInstanceUID,))
    assert dicomweb.retrieve(peer, single, Inbox(tmp_path / "b")).received == 1
    gone = RetrieveRequest(_study(one), first.SeriesInstanceUID, (first.SOPInstanceUID, "1.2.3"))
    outcome = dicomweb.retrieve(peer, gone, Inbox(tmp_path / "c"))
    assert (outcome.received, outcome.missing, outcome.is_complete) == (1, ("1.2.3",), False)


def test_a_study_the_peer_does_not_have_is_a_fault_in_words(peer: WebPeer, tmp_path: Path) -> None:
    with pytest.raises(NetworkFault, match="does not hold"):
        dicomweb.retrieve(peer, RetrieveRequest("1.2.3"), Inbox(tmp_path / "inbox"))


def test_what_is_no_dicom_object_is_named_and_the_rest_is_stored(
    peer: WebPeer, tmp_path: Path
) -> None:
    paths = write_series(tmp_path, SeriesSpec(count=2))
    (tmp_path / "note.txt").write_text("no image", "utf-8")
    outcome = stow.store(peer, [*paths, tmp_path / "note.txt", tmp_path / "gone"])
    assert set(outcome.sent) == set(paths)
    assert [(item.path.name, item.reason.en) for item in outcome.failed] == [
        ("note.txt", "it is not a DICOM object"), ("gone", "its file cannot be read"),
    ]  # fmt: skip


def test_each_object_that_the_peer_refuses_has_its_reason(tmp_path: Path) -> None:
    paths = write_series(tmp_path, SeriesSpec(count=2))
    uids = [str(pydicom.dcmread(path).SOPInstanceUID) for path in paths]
    failure = {"00081155": _value("UI", uids[1]), "00081197": _value("US", 0xA700)}
    body = {
        "00081199": _value("SQ", {"00081155": _value("UI", uids[0])}),
        "00081198": _value("SQ", failure),
    }
    answer = (202, "application/dicom+json", json.dumps(body).encode())
    with running_relay(Relay(answer=answer)) as relay:
        outcome = stow.store(WebPeer("PACS", relay.url, proxy="direct"), paths)
    assert outcome.sent == (paths[0],)
    assert [(item.path, item.reason.en) for item in outcome.failed] == [
        (paths[1], "the peer is out of resources")
    ]


def test_300_slices_stream_to_the_inbox_and_never_lie_in_memory(
    peer: WebPeer, orthanc: Orthanc, tmp_path: Path
) -> None:
    paths = write_series(tmp_path / "sent", SeriesSpec(count=300, rows=192, columns=192))
    volume_bytes = sum(path.stat().st_size for path in paths)
    assert len(stow.store(peer, paths).sent) == 300
    peaks: list[int] = []

    def look(_path: Path) -> None:
        peaks.append(tracemalloc.get_traced_memory()[1])
        if len(peaks) == 40:  # a body read at once would have been in memory by now
            tracemalloc.stop()

    tracemalloc.start()
    try:
        outcome = dicomweb.retrieve(
            peer, RetrieveRequest(_study(paths)), Inbox(tmp_path / "inbox"), on_object=look
        )
    finally:
        tracemalloc.stop()
    assert (outcome.expected, outcome.received) == (300, 300)
    assert peaks[39] < 0.4 * volume_bytes
    assert len(orthanc.instances()) == 300


def test_n_cut_in_the_middle_keeps_whole_objects_only_and_the_rest_comes_later(
    peer: WebPeer, tmp_path: Path
) -> None:
    paths = write_series(tmp_path / "sent", SeriesSpec(count=20, rows=128, columns=128))
    stow.store(peer, paths)
    inbox, study = Inbox(tmp_path / "inbox"), _study(paths)
    with running_relay(Relay(peer.url.removesuffix("/dicom-web"), cut_after=300_000)) as relay:
        broken = WebPeer("PACS", relay.url + "/dicom-web", proxy="direct")
        outcome = dicomweb.retrieve(broken, RetrieveRequest(study), inbox)
        relay.cut_after = 10
        with pytest.raises(NetworkFault, match="closed the connection"):
            dicomweb.retrieve(broken, RetrieveRequest(study), Inbox(tmp_path / "other"))
    assert 0 < outcome.received < 20
    assert outcome.expected == 20
    assert len(outcome.missing) == 20 - outcome.received == outcome.failed
    assert "closed the connection" in outcome.warnings[0].en
    assert len(_pixels(list(inbox.objects()))) == outcome.received
    assert dicomweb.retrieve(peer, RetrieveRequest(study), inbox).is_complete
    assert len(inbox.objects()) == 20


def test_the_user_stops_it_and_what_has_come_stays(peer: WebPeer, tmp_path: Path) -> None:
    paths = write_series(tmp_path / "sent", SeriesSpec(count=6))
    stow.store(peer, paths)
    inbox, cancel = Inbox(tmp_path / "inbox"), CancelToken()
    outcome = dicomweb.retrieve(
        peer, RetrieveRequest(_study(paths)), inbox,
        on_object=lambda _path: cancel.cancel(), cancel=cancel,
    )  # fmt: skip
    assert (outcome.cancelled, outcome.received, outcome.is_complete) == (True, 1, False)
    assert not list(inbox.folder.glob("*.part"))


def test_a_full_disk_on_our_side_ends_it_in_words(peer: WebPeer, tmp_path: Path) -> None:
    paths = write_series(tmp_path / "sent", SeriesSpec(count=2))
    stow.store(peer, paths)
    with pytest.raises(DiskFull):
        dicomweb.retrieve(
            peer, RetrieveRequest(_study(paths)), Inbox(tmp_path / "inbox", reserve_bytes=1 << 62)
        )


def test_the_pacs_restarts_and_the_peer_is_as_good_as_before(tmp_path: Path) -> None:
    paths = write_series(tmp_path / "sent", SeriesSpec(count=3))
    with running_orthanc(tmp_path / "pacs", OrthancOptions()) as own:
        peer = WebPeer("PACS", own.dicom_web_url, proxy="direct")
        stow.store(peer, paths)
        own.kill()
        with pytest.raises(NetworkFault, match="nothing listens"):
            dicomweb.echo(peer)
        own.start()
        outcome = dicomweb.retrieve(peer, RetrieveRequest(_study(paths)), Inbox(tmp_path / "in"))
        assert outcome.is_complete


def test_a_full_disk_of_the_pacs_fails_each_object_with_a_reason(tmp_path: Path) -> None:
    paths = write_series(tmp_path / "sent", SeriesSpec(count=2, rows=512, columns=512))
    small = write_series(tmp_path / "small", SeriesSpec(count=1, name="small"))
    with running_orthanc(tmp_path / "pacs", OrthancOptions(largest_file_kb=400)) as full:
        peer = WebPeer("PACS", full.dicom_web_url, proxy="direct")
        outcome = stow.store(peer, [*paths, *small])
    assert outcome.sent == tuple(small)
    assert [item.path for item in outcome.failed] == paths
    assert all(item.reason.en and item.reason.ru for item in outcome.failed)


def test_a_line_that_breaks_between_requests_leaves_the_rest_to_be_sent_again(
    orthanc: Orthanc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stow, "_BATCH_OBJECTS", 2)
    paths = write_series(tmp_path, SeriesSpec(count=6))
    with running_relay(Relay(orthanc.url)) as relay:
        peer = WebPeer("PACS", f"{relay.url}/dicom-web", proxy="direct")

        def fail_later(fraction: float, _text: str) -> None:
            if fraction > 0.3:
                relay.answer = (503, "text/plain", b"")

        outcome = stow.store(peer, paths, progress=fail_later)
        with pytest.raises(NetworkFault, match="busy"):
            stow.store(peer, paths)
        relay.answer, cancel = None, CancelToken()
        cancel.cancel()
        stopped = stow.store(peer, paths, cancel=cancel)
    assert outcome.sent == tuple(paths[:2])
    assert [item.path for item in outcome.failed] == paths[2:]
    assert all(item.may_retry and "busy" in item.reason.en for item in outcome.failed)
    assert (stopped.sent, len(stopped.failed)) == ((), 6)


def test_fuzzy_matching_is_asked_for_where_it_is_wanted(orthanc: Orthanc) -> None:
    with running_relay(Relay(orthanc.url)) as relay:
        peer = WebPeer("PACS", f"{relay.url}/dicom-web", proxy="direct")
        dicomweb.search(peer, "study", {"PatientName": "Fantom"}, is_fuzzy=True)
    assert "fuzzymatching=true" in relay.requests[0]


@pytest.mark.parametrize("status", [204, 404, 410])
def test_nothing_there_is_one_sentence_however_the_peer_says_it(
    status: int, tmp_path: Path
) -> None:
    with running_relay(Relay(answer=(status, "", b""))) as relay:
        peer = WebPeer("PACS", relay.url, proxy="direct")
        with pytest.raises(NetworkFault, match="does not hold"):
            dicomweb.retrieve(peer, RetrieveRequest("1.2.3"), Inbox(tmp_path / "inbox"))
