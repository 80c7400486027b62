"""The inbox: whole objects or nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest

from app.core.errors import DiskFull, EnvironmentFault, InputError
from app.network.inbox import Inbox
from tests.support.synthetic_dicom import SeriesSpec, write_series


@pytest.fixture
def inbox(tmp_path: Path) -> Inbox:
    return Inbox(tmp_path / "deep" / "inbox")


@pytest.fixture
def data(tmp_path: Path) -> bytes:
    (path,) = write_series(tmp_path / "made", SeriesSpec(count=1))
    return path.read_bytes()


def _blocks(data: bytes, size: int = 100) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def test_an_object_in_blocks(inbox: Inbox, data: bytes) -> None:
    path = inbox.receive(_blocks(data))
    assert path.read_bytes() == data
    assert inbox.objects() == (path,)
    assert pydicom.dcmread(path).SOPInstanceUID


def test_nothing_is_left_where_the_blocks_end_early(inbox: Inbox, data: bytes) -> None:
    def broken() -> Iterator[bytes]:
        yield data[:500]
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        inbox.receive(broken())
    assert list(inbox.folder.iterdir()) == []


def test_what_is_no_dicom_object_is_refused(inbox: Inbox) -> None:
    for other in (b"", b"<html>no</html>" * 100):
        with pytest.raises(InputError, match="not a DICOM object"):
            inbox.receive([other])
    assert list(inbox.folder.iterdir()) == []


def test_an_object_is_not_visible_before_it_is_whole(inbox: Inbox, data: bytes) -> None:
    part = inbox.new_part()
    part.write(data[:-1])
    assert inbox.objects() == ()
    part.write(data[-1:])
    path = part.commit("1.2.3")
    part.discard()
    assert path.exists()


def test_discarded_in_another_thread_before_its_end(inbox: Inbox, data: bytes) -> None:
    part = inbox.new_part()
    part.write(data)
    thread = threading.Thread(target=part.discard)
    thread.start()
    thread.join()
    with pytest.raises(EnvironmentFault):
        part.write(b"more")
    with pytest.raises(EnvironmentFault):
        part.commit("1.2.3")
    assert list(inbox.folder.iterdir()) == []


def test_recover_removes_what_a_crash_left(inbox: Inbox, data: bytes) -> None:
    kept = inbox.receive([data])
    (inbox.folder / "0123.part").write_bytes(data[:100])
    live = inbox.new_part()
    assert inbox.recover() == 1
    live.write(data)
    assert inbox.objects() == (kept,)
    live.discard()


def test_taken_objects_are_gone(inbox: Inbox, data: bytes, tmp_path: Path) -> None:
    path = inbox.receive([data])
    inbox.take(path)
    inbox.take(path)
    assert inbox.objects() == ()
    with pytest.raises(ValueError, match="not of the inbox"):
        inbox.take(tmp_path / "other.dcm")


def test_the_reserve_of_the_disk_is_kept(inbox: Inbox) -> None:
    inbox.reserve_bytes = 1 << 60
    with pytest.raises(DiskFull) as caught:
        inbox.new_part()
    assert "nothing was lost" in caught.value.hint


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(EnvironmentFault, match="cannot be written"):
        Inbox(tmp_path / "file" / "inbox")
