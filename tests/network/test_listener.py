"""We as the receiver: objects of a real PACS, crashes, a full disk, wrong titles, many callers."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.dimse_messages import C_STORE_RQ
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.dsutils import encode

from app.core.errors import InputError, NetworkFault
from app.dicom.tolerant import quiet
from app.network.echo import echo
from app.network.inbox import Inbox
from app.network.listener import Listener, ListenerSettings
from app.network.peers import DimsePeer
from tests.support.orthanc import Orthanc
from tests.support.synthetic_dicom import SeriesSpec, write_series

CHECKOUT = Path(__file__).resolve().parents[2]
PRIVATE_CLASS = "1.2.3.4.5.6.7.8.9"


@contextmanager
def _listening(inbox: Inbox, port: int = 0, **other: object) -> Iterator[Listener]:
    settings = ListenerSettings(host="127.0.0.1", port=port, **other)  # type: ignore[arg-type]
    listener = Listener(settings, inbox)
    listener.start()
    try:
        yield listener
    finally:
        listener.stop()


@contextmanager
def _caller(port: int, title: str = "SENDER", called: str = "OVERREAD") -> Iterator[Association]:
    """An association that an ordinary program opens to us, for CT and a private class."""
    entity = AE(title)
    for sop_class in ("1.2.840.10008.5.1.4.1.1.2", PRIVATE_CLASS):
        entity.add_requested_context(sop_class, ImplicitVRLittleEndian)
    association = entity.associate("127.0.0.1", port, ae_title=called)
    assert association.is_established
    try:
        yield association
    finally:
        if association.is_established:
            association.release()
        association.join()
        # pynetdicom does not close a socket whose peer is gone: its shutdown() fails before
        if (transport := association.dul.socket) and transport.socket:
            transport.socket.close()


def _ours(listener: Listener, **other: object) -> DimsePeer:
    return DimsePeer("we", "OVERREAD", "127.0.0.1", listener.port, **other)  # type: ignore[arg-type]


def test_the_pacs_sends_to_us(orthanc: Orthanc, tmp_path: Path) -> None:
    paths = write_series(tmp_path / "sent", SeriesSpec(count=30))
    for path in paths:
        orthanc.upload(path)
    kept: list[Path] = []
    inbox = Inbox(tmp_path / "inbox")
    settings = ListenerSettings(host="127.0.0.1", port=orthanc.our_port)
    listener = Listener(settings, inbox, kept.append)
    listener.start()
    try:
        assert orthanc.post("/modalities/overread/echo", {}) == {}
        orthanc.post("/modalities/overread/store", orthanc.get("/instances"))
    finally:
        listener.stop()
    assert len(set(kept)) == 30
    originals = {ds.SOPInstanceUID: ds for ds in map(pydicom.dcmread, paths)}
    for path in inbox.objects():
        received = pydicom.dcmread(path)
        assert np.array_equal(
            received.pixel_array, originals.pop(received.SOPInstanceUID).pixel_array
        )
        assert received.file_meta.SourceApplicationEntityTitle == "ORTHANC"
    assert originals == {}


def test_d19_names_of_files_never_come_from_tags(tmp_path: Path) -> None:
    (path,) = write_series(tmp_path, SeriesSpec(count=1))
    ds = pydicom.dcmread(path)
    inbox = Inbox(tmp_path / "inbox")
    with _listening(inbox) as listener, _caller(listener.port) as association, quiet():
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = "../../evil"
        assert association.send_c_store(ds).Status == 0
    (kept,) = inbox.objects()
    assert kept.parent == inbox.folder
    assert kept.stem.isalnum()
    assert not (tmp_path / "evil").exists()


def test_private_classes_are_received(tmp_path: Path) -> None:
    (path,) = write_series(tmp_path, SeriesSpec(count=1))
    ds = pydicom.dcmread(path)
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = PRIVATE_CLASS
    inbox = Inbox(tmp_path / "inbox")
    with _listening(inbox) as listener, _caller(listener.port) as association:
        assert association.send_c_store(ds).Status == 0
    assert pydicom.dcmread(inbox.objects()[0]).SOPClassUID == PRIVATE_CLASS


def test_the_same_object_twice_is_one_and_another_of_its_uid_a_second(tmp_path: Path) -> None:
    (path,) = write_series(tmp_path, SeriesSpec(count=1))
    ds = pydicom.dcmread(path)
    inbox = Inbox(tmp_path / "inbox")
    with _listening(inbox) as listener, _caller(listener.port) as association:
        for _ in range(2):
            assert association.send_c_store(ds).Status == 0
        assert len(inbox.objects()) == 1
        ds.PatientName = "Another^Patient"
        assert association.send_c_store(ds).Status == 0
    assert len(inbox.objects()) == 2


def test_echo_and_titles(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    with _listening(inbox, allowed_calling=("FRIEND",)) as listener:
        echo(_ours(listener, calling_ae_title="FRIEND"))
        with pytest.raises(NetworkFault, match="does not know us by the AE title 'STRANGER'"):
            echo(_ours(listener, calling_ae_title="STRANGER"))
        wrong = DimsePeer("we", "WRONG", "127.0.0.1", listener.port, calling_ae_title="FRIEND")
        with pytest.raises(NetworkFault, match="does not know itself by the AE title 'WRONG'"):
            echo(wrong)
    with _listening(inbox, check_called=False) as listener:
        echo(DimsePeer("we", "WRONG", "127.0.0.1", listener.port))


def test_an_ae_title_that_cannot_be() -> None:
    with pytest.raises(InputError):
        ListenerSettings("ЗАГОЛОВОК")


def test_several_callers_at_once(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path / "inbox")
    statuses: list[int] = []

    def send(port: int, name: str) -> None:
        paths = write_series(tmp_path / name, SeriesSpec(count=6, name=name))
        with _caller(port, name) as association:
            for path in paths:
                statuses.append(association.send_c_store(pydicom.dcmread(path)).Status)

    with _listening(inbox) as listener:
        threads = [threading.Thread(target=send, args=(listener.port, f"C{n}")) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert statuses == [0] * 24
    assert len(inbox.objects()) == 24


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with _listening(Inbox(tmp_path)) as listener:
        second = Listener(ListenerSettings(host="127.0.0.1", port=listener.port), Inbox(tmp_path))
        with pytest.raises(NetworkFault, match=f"Port {listener.port} cannot be listened at"):
            second.start()
        second.stop()


def test_stop_in_the_middle_of_an_object_leaves_no_thread_and_no_part(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    inbox = Inbox(tmp_path / "inbox")
    with _listening(inbox) as listener, _half_sent(listener.port, tmp_path):
        _wait_for_part(inbox.folder)
        listener.stop()
    assert list(inbox.folder.iterdir()) == []
    assert set(threading.enumerate()) <= before


def test_a_caller_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path / "inbox")
    with _listening(inbox) as listener:
        with _half_sent(listener.port, tmp_path):
            _wait_for_part(inbox.folder)
        _wait_for_part(inbox.folder, gone=True)
        assert list(inbox.folder.iterdir()) == []


RECEIVER = """
import sys
from pathlib import Path
from app.network.inbox import Inbox
from app.network.listener import Listener, ListenerSettings
inbox = Inbox(Path(sys.argv[1]))
listener = Listener(ListenerSettings(host="127.0.0.1", port=0), inbox)
if len(sys.argv) > 2:
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
listener.start()
print(listener.port, flush=True)
sys.stdin.read()
listener.stop()
"""


@contextmanager
def _receiver(folder: Path, *more: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Our listener as a program of its own, which a test can kill or limit."""
    process = subprocess.Popen(
        [sys.executable, "-c", RECEIVER, str(folder), *more],
        cwd=CHECKOUT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield process, int(process.stdout.readline())
    finally:
        process.stdin.close()
        process.wait(timeout=30)
        process.stdout.close()


def test_killed_in_the_middle_keeps_whole_objects_only(tmp_path: Path) -> None:
    folder = tmp_path / "inbox"
    paths = write_series(tmp_path / "sent", SeriesSpec(count=5))
    with _receiver(folder) as (process, port):
        with _caller(port) as association:
            for path in paths:
                assert association.send_c_store(pydicom.dcmread(path)).Status == 0
        with _half_sent(port, tmp_path):
            _wait_for_part(folder)
            process.kill()
    inbox = Inbox(folder)
    assert len(list(folder.glob("*.part"))) == 1
    assert len(inbox.objects()) == 5
    for path in inbox.objects():
        pydicom.dcmread(path).pixel_array  # noqa: B018 - whole, so it decodes
    with _listening(inbox):
        assert list(folder.glob("*.part")) == []
    assert len(inbox.objects()) == 5


def test_what_another_process_receives_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "inbox"
    with _receiver(folder) as (_, port), _half_sent(port, tmp_path):
        _wait_for_part(folder)
        assert Inbox(folder).recover() == 0
        assert len(list(folder.glob("*.part"))) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of file sizes on Windows")
def test_a_full_disk_is_said_and_nothing_is_claimed(orthanc: Orthanc, tmp_path: Path) -> None:
    folder = tmp_path / "inbox"
    small = write_series(tmp_path / "small", SeriesSpec(count=2, name="small"))
    large = write_series(
        tmp_path / "large", SeriesSpec(count=1, name="large", rows=256, columns=256)
    )
    with _receiver(folder, "60000") as (_, port), _caller(port) as association:
        assert association.send_c_store(pydicom.dcmread(small[0])).Status == 0
        assert association.send_c_store(pydicom.dcmread(large[0])).Status == 0xA700
        assert association.send_c_store(pydicom.dcmread(small[1])).Status == 0
    names = sorted(path.suffix for path in folder.iterdir())
    assert names == [".dcm", ".dcm"]


def test_below_the_reserve_nothing_is_received(tmp_path: Path) -> None:
    (path,) = write_series(tmp_path / "sent", SeriesSpec(count=1))
    inbox = Inbox(tmp_path / "inbox", reserve_bytes=1 << 60)
    with _listening(inbox) as listener, _caller(listener.port) as association:
        assert association.send_c_store(pydicom.dcmread(path)).Status == 0xA700
    assert inbox.objects() == ()


@contextmanager
def _half_sent(port: int, folder: Path) -> Iterator[None]:
    """A caller that sent all of an object but its end, as the inbox shows; then breaks off."""
    (path,) = write_series(folder / "half", SeriesSpec(count=1, rows=300, columns=300))
    ds = pydicom.dcmread(path)
    request = C_STORE()
    request.MessageID, request.Priority = 1, 2
    request.AffectedSOPClassUID = ds.SOPClassUID
    request.AffectedSOPInstanceUID = ds.SOPInstanceUID
    request.DataSet = BytesIO(encode(ds, True, True))
    message = C_STORE_RQ()
    message.primitive_to_message(request)
    with _caller(port, "HALF") as association:
        for piece in list(message.encode_msg(1, 4096))[:-1]:
            association.dul.send_pdu(piece)
        try:
            yield
        finally:
            association.abort()


def _wait_for_part(folder: Path, *, gone: bool = False) -> None:
    deadline = time.monotonic() + 10
    while bool(list(folder.glob("*.part"))) == gone and time.monotonic() < deadline:
        time.sleep(0.01)
