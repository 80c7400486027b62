"""Mutated conversations, to our listener and to our questions: no crash, no hang, nothing left.

``OVERREAD_FUZZ_SECONDS`` makes each run longer (docs/measurements.md).
"""

from __future__ import annotations

import os
import random
import select
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from app.core.errors import AppError
from app.network.answers import RetrieveRequest
from app.network.echo import echo
from app.network.find import find
from app.network.inbox import Inbox
from app.network.listener import Listener, ListenerSettings
from app.network.peers import DimsePeer
from app.network.retrieve import get
from app.network.send import send
from tests.network.peers import peer_of
from tests.support.orthanc import Orthanc
from tests.support.synthetic_dicom import SeriesSpec, uid, write_series

SECONDS = float(os.environ.get("OVERREAD_FUZZ_SECONDS", "4"))
CLOSING = 0x05


def _pdus(conversation: bytes) -> list[bytes]:
    """The PDUs of one direction (PS3.8 9.3.1: type, length)."""
    found, start = [], 0
    while start < len(conversation):
        end = start + 6 + int.from_bytes(conversation[start + 2 : start + 6], "big")
        found.append(conversation[start:end])
        start = end
    return found


def _mutated(pdus: list[bytes], chance: random.Random) -> list[bytes]:
    """A few bytes, lengths and places changed."""
    changed = [bytearray(pdu) for pdu in pdus]
    for _ in range(chance.randint(1, 4)):
        n = chance.randrange(len(changed)) if changed else 0
        kind = chance.randrange(6)
        if not changed or not changed[n]:
            break
        at = chance.randrange(len(changed[n]))
        if kind == 0:
            changed[n][at] = chance.randrange(256)
        elif kind == 1:
            del changed[n]
        elif kind == 2:
            changed.insert(n, bytearray(chance.choice(pdus)))
        elif kind == 3:
            del changed[n][at:]
        elif kind == 4:
            changed[n][2:6] = chance.randrange(2**32).to_bytes(4, "big")
        else:
            changed[n][at : at + 16] = chance.randbytes(len(changed[n][at : at + 16]))
    return [bytes(pdu) for pdu in changed]


class _Recorder:
    """Passes one connection at a time on to ``port`` and keeps what each side said."""

    def __init__(self, port: int) -> None:
        self.asked, self.answered = bytearray(), bytearray()
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._pass_on)
        self._thread.start()

    def close(self) -> None:
        self._thread.join()
        self._listener.close()

    def _pass_on(self) -> None:
        client, _ = self._listener.accept()
        with client, socket.create_connection(("127.0.0.1", self._port)) as server:
            while True:
                for source in select.select([client, server], [], [])[0]:
                    block = source.recv(1 << 16)
                    if not block:
                        return
                    kept = self.asked if source is client else self.answered
                    kept += block
                    (server if source is client else client).sendall(block)


@contextmanager
def _recording(port: int) -> Iterator[_Recorder]:
    recorder = _Recorder(port)
    yield recorder
    recorder.close()


def test_mutated_callers_do_not_harm_the_listener(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    paths = write_series(tmp_path / "sent", SeriesSpec(count=3))
    inbox = Inbox(tmp_path / "inbox")
    settings = ListenerSettings(host="127.0.0.1", port=0, timeout_s=2)
    listener = Listener(settings, inbox)
    listener.start()
    we = DimsePeer("we", "OVERREAD", "127.0.0.1", listener.port)
    with _recording(listener.port) as recorder:
        through = DimsePeer("we", "OVERREAD", "127.0.0.1", recorder.port)
        assert send(through, paths).failed == ()
    pdus = _pdus(bytes(recorder.asked))
    chance = random.Random(20261122)
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", listener.port)) as caller:
            caller.settimeout(0.1)
            for pdu in _mutated(pdus, chance):
                caller.sendall(pdu)
                if pdu[:1] in (b"\x01", b"\x05"):
                    with suppress(TimeoutError):
                        caller.recv(1 << 16)
    _wait_until_free(we)
    assert send(we, paths).failed == ()
    listener.stop()
    assert list(inbox.folder.glob("*.part")) == []
    assert set(threading.enumerate()) <= before


def _wait_until_free(peer: DimsePeer) -> None:
    """Callers that hold their line are cut off after the listener's two seconds."""
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        with suppress(AppError):
            echo(peer)
            return
        time.sleep(0.2)
    pytest.fail("the listener does not answer any more")


def test_a_scan_of_ports_takes_no_place(tmp_path: Path) -> None:
    listener = Listener(ListenerSettings(host="127.0.0.1", port=0), Inbox(tmp_path))
    listener.start()
    try:
        for _ in range(30):
            socket.create_connection(("127.0.0.1", listener.port)).close()
        _wait_until_free(DimsePeer("we", "OVERREAD", "127.0.0.1", listener.port))
    finally:
        listener.stop()


def test_a_pdu_of_four_gigabytes_is_not_read(tmp_path: Path) -> None:
    listener = Listener(ListenerSettings(host="127.0.0.1", port=0), Inbox(tmp_path))
    listener.start()
    try:
        with socket.create_connection(("127.0.0.1", listener.port)) as caller:
            caller.sendall(b"\x01\0\xff\xff\xff\xff" + b"\0" * 100)
            caller.settimeout(10)
            with suppress(ConnectionResetError):
                assert caller.recv(10) == b""
    finally:
        listener.stop()


class _Replay:
    """A server that answers every connection with a mutation of a recorded conversation."""

    def __init__(self, pdus: list[bytes], chance: random.Random) -> None:
        self._pdus, self._chance = pdus, chance
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._over = threading.Event()
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        self._over.set()
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        while not self._over.is_set():
            if not select.select([self._listener], [], [], 0.05)[0]:
                continue
            client, _ = self._listener.accept()
            client.settimeout(0.2)
            with client, suppress(OSError):
                for pdu in _mutated(self._pdus, self._chance):
                    with suppress(TimeoutError):
                        client.recv(1 << 16)
                    client.sendall(pdu)


@pytest.mark.parametrize("operation", ["find", "get", "send"])
def test_mutated_answers_do_not_harm_us(orthanc: Orthanc, tmp_path: Path, operation: str) -> None:
    before = set(threading.enumerate())
    paths = write_series(tmp_path / "sent", SeriesSpec(count=3))
    for path in paths:
        orthanc.upload(path)
    inbox = Inbox(tmp_path / "inbox")
    study = RetrieveRequest(uid("study"))

    def ask(port: int) -> None:
        peer = peer_of(orthanc, port=port, timeout_s=0.5)
        if operation == "find":
            find(peer, "series", {"StudyInstanceUID": study.study_instance_uid})
        elif operation == "get":
            get(peer, study, inbox)
        else:
            send(peer, paths)

    with _recording(orthanc.dicom_port) as recorder, suppress(AppError):
        ask(recorder.port)
    replay = _Replay(_pdus(bytes(recorder.answered)), random.Random(operation))
    deadline = time.monotonic() + SECONDS / 3
    try:
        while time.monotonic() < deadline:
            with suppress(AppError):
                ask(replay.port)
    finally:
        replay.close()
    assert list(inbox.folder.glob("*.part")) == []
    assert set(threading.enumerate()) <= before
