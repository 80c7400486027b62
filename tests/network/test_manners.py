"""Manners of other archives: slow, choosy, forgetful, and how they are dealt with."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset
from pynetdicom import _config, evt

from app.core.errors import Cancelled, NetworkFault
from app.jobs.cancel import CancelToken
from app.network.answers import RetrieveRequest
from app.network.find import STUDY_ROOT_FIND, find
from app.network.inbox import Inbox
from app.network.retrieve import STUDY_ROOT_GET, get
from app.network.send import send
from tests.network.small_archive import small_archive
from tests.support.synthetic_dicom import SeriesSpec, uid, write_series

CT = "1.2.840.10008.5.1.4.1.1.2"
MR = "1.2.840.10008.5.1.4.1.1.4"
STUDY = RetrieveRequest(uid("study"))


def _study(number: int) -> Dataset:
    ds = Dataset()
    ds.QueryRetrieveLevel = "STUDY"
    ds.StudyInstanceUID = f"1.2.3.{number}"
    ds.PatientID = f"P{number}"
    return ds


def test_a_search_that_takes_long_is_cancelled_at_the_peer() -> None:
    told = threading.Event()
    token = CancelToken()

    def on_find(event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        for number in range(10_000):
            if event.is_cancelled:
                told.set()
                yield 0xFE00, None
                return
            if number == 20:
                token.cancel()
            time.sleep(0.005)
            yield 0xFF00, _study(number)

    with (
        small_archive([(evt.EVT_C_FIND, on_find)], [STUDY_ROOT_FIND]) as peer,
        pytest.raises(Cancelled),
    ):
        find(peer, "study", {}, cancel=token)
    assert told.is_set()


def test_the_limit_is_told_to_the_peer() -> None:
    told = threading.Event()

    def on_find(event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        for number in range(10_000):
            if event.is_cancelled:
                told.set()
                yield 0xFE00, None
                return
            time.sleep(0.002)
            yield 0xFF00, _study(number)

    with small_archive([(evt.EVT_C_FIND, on_find)], [STUDY_ROOT_FIND]) as peer:
        assert len(find(peer, "study", {}, limit=30)) == 30
    assert told.is_set()


def test_a_peer_that_stays_silent_after_the_question() -> None:
    over = threading.Event()

    def on_find(event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        over.wait(10)
        yield 0x0000, None

    with small_archive([(evt.EVT_C_FIND, on_find)], [STUDY_ROOT_FIND]) as peer:
        impatient = type(peer)(peer.name, peer.ae_title, peer.host, peer.port, timeout_s=0.7)
        with pytest.raises(NetworkFault, match="did not answer within"):
            find(impatient, "study", {})
        over.set()


def test_a_peer_that_knows_no_character_set_is_asked_in_ascii() -> None:
    asked: list[str] = []

    def on_find(event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        character_set = str(event.identifier.get("SpecificCharacterSet", ""))
        asked.append(character_set)
        if character_set:
            yield 0xA900, None
        else:
            yield 0xFF00, _study(1)

    with small_archive([(evt.EVT_C_FIND, on_find)], [STUDY_ROOT_FIND]) as peer:
        assert len(find(peer, "study", {"PatientName": "Smith*"})) == 1
        assert asked == ["ISO_IR 192", ""]
        with pytest.raises(NetworkFault, match="status A900"):
            find(peer, "study", {"PatientName": "Иванов*"})


def _listing(paths: list[Path], *, with_class: bool = True):
    """A C-FIND handler that lists the series and images of ``paths``."""
    headers = [pydicom.dcmread(path, stop_before_pixels=True) for path in paths]

    def on_find(event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        level = event.identifier.QueryRetrieveLevel
        for header in headers[:1] if level == "SERIES" else headers:
            answer = Dataset()
            answer.QueryRetrieveLevel = level
            answer.StudyInstanceUID = header.StudyInstanceUID
            answer.SeriesInstanceUID = header.SeriesInstanceUID
            if level == "IMAGE":
                answer.SOPInstanceUID = header.SOPInstanceUID
                if with_class:
                    answer.SOPClassUID = header.SOPClassUID
            yield 0xFF00, answer

    return on_find


def test_d18_a_peer_that_sends_fewer_than_it_listed(tmp_path: Path) -> None:
    paths = write_series(tmp_path / "made", SeriesSpec(count=6))

    def on_get(event: evt.Event) -> Iterator[object]:
        yield 4
        for path in paths[:4]:
            yield 0xFF00, pydicom.dcmread(path)

    handlers = [(evt.EVT_C_FIND, _listing(paths)), (evt.EVT_C_GET, on_get)]
    with small_archive(handlers, [STUDY_ROOT_FIND, STUDY_ROOT_GET], both_roles=[CT]) as peer:
        outcome = get(peer, STUDY, Inbox(tmp_path / "inbox"))
    assert (outcome.expected, outcome.received, outcome.failed) == (6, 4, 2)
    assert not outcome.is_complete
    words = " ".join(warning.en for warning in outcome.warnings)
    assert "small has 6 images, 4 of them arrived" in words
    assert "listed 6 images and sent 4" in words
    assert set(outcome.missing) == {str(pydicom.dcmread(p).SOPInstanceUID) for p in paths[4:]}


@pytest.mark.parametrize("search", ["no search", "no classes"])
def test_a_peer_that_keeps_to_itself_what_it_has(tmp_path: Path, search: str) -> None:
    paths = write_series(tmp_path / "made", SeriesSpec(count=3))

    def on_get(event: evt.Event) -> Iterator[object]:
        yield 3
        for path in paths:
            yield 0xFF00, pydicom.dcmread(path)

    handlers: list[object] = [(evt.EVT_C_GET, on_get)]
    classes = [STUDY_ROOT_GET]
    if search == "no classes":
        handlers.append((evt.EVT_C_FIND, _listing(paths, with_class=False)))
        classes.append(STUDY_ROOT_FIND)
    with small_archive(handlers, classes, both_roles=[CT, MR]) as peer:
        outcome = get(peer, STUDY, Inbox(tmp_path / "inbox"))
    assert (outcome.expected, outcome.received, outcome.failed) == (3, 3, 0)
    assert outcome.is_complete


@pytest.mark.parametrize(
    ("status", "is_sent", "may_retry"),
    [(0xB000, True, False), (0x0111, True, False), (0xA700, False, True),
     (0xA900, False, False), (0xC123, False, False), (0x0124, False, False)],
)  # fmt: skip
def test_what_each_status_of_storage_means(
    tmp_path: Path, status: int, is_sent: bool, may_retry: bool
) -> None:
    (path,) = write_series(tmp_path, SeriesSpec(count=1))
    with small_archive([(evt.EVT_C_STORE, lambda event: status)], [CT]) as peer:
        outcome = send(peer, [path])
    assert (outcome.sent == (path,)) is is_sent
    if is_sent:
        assert f"{status:04X}" in outcome.warnings[0].en
    else:
        assert outcome.failed[0].may_retry is may_retry
        assert f"{status:04X}" in outcome.failed[0].reason.en
        assert f"{status:04X}" in outcome.failed[0].reason.ru


def test_a_peer_that_takes_some_kinds_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_config, "UNRESTRICTED_STORAGE_SERVICE", False)  # for the archive
    ct = write_series(tmp_path, SeriesSpec(count=2, name="ct"))
    mr = write_series(tmp_path, SeriesSpec(count=2, name="mr", modality="MR"))
    with small_archive([(evt.EVT_C_STORE, lambda event: 0)], [CT]) as peer:
        outcome = send(peer, [*mr, *ct])
    assert set(outcome.sent) == set(ct)
    assert {failed.path for failed in outcome.failed} == set(mr)
    assert "does not take objects of this kind" in outcome.failed[0].reason.en
    assert not outcome.failed[0].may_retry


def test_more_kinds_than_one_association_holds(tmp_path: Path) -> None:
    """130 private SOP classes need 260 contexts: three associations."""
    (path,) = write_series(tmp_path, SeriesSpec(count=1, rows=2, columns=2))
    classes = [f"1.2.3.4.5.{number}" for number in range(130)]
    ds = pydicom.dcmread(path)
    paths = []
    for class_uid in classes:
        ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = class_uid
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = uid(class_uid)
        paths.append(tmp_path / f"{class_uid}.dcm")
        ds.save_as(paths[-1], enforce_file_format=True)
    opened: list[int] = []
    handlers = [
        (evt.EVT_C_STORE, lambda event: 0),
        (evt.EVT_ESTABLISHED, lambda event: opened.append(1)),
    ]
    with small_archive(handlers, [CT]) as peer:
        outcome = send(peer, paths)
    assert len(outcome.sent) == 130
    assert len(opened) == 3


def test_a_peer_that_breaks_off(tmp_path: Path) -> None:
    paths = write_series(tmp_path, SeriesSpec(count=3))

    def on_store(event: evt.Event) -> int:
        event.assoc.abort()
        return 0

    with small_archive([(evt.EVT_C_STORE, on_store)], [CT]) as peer:
        outcome = send(peer, paths)
    assert outcome.sent == ()
    assert all(failed.may_retry for failed in outcome.failed)
