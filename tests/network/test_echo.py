"""C-ECHO against a real PACS, and each way in which a connection can fail, in words."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from app.core.errors import NetworkFault, PeerUnavailable
from app.network.echo import echo
from app.network.peers import DimsePeer
from tests.network.peers import peer_of
from tests.support.orthanc import Orthanc, free_port


def _failure(peer: DimsePeer) -> NetworkFault:
    with pytest.raises(NetworkFault) as caught:
        echo(peer)
    fault = caught.value
    assert fault.hint
    assert fault.ru != fault.message
    assert fault.hint_ru != fault.hint
    assert peer.name in fault.message
    return fault


@contextmanager
def _server(answer: bytes | None) -> Iterator[int]:
    """Accepts one connection; sends ``answer`` and closes, or with None says nothing at all."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        over = threading.Event()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                if answer is None:
                    over.wait(10)
                else:
                    connection.recv(100)
                    connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            over.set()
            thread.join()


def test_echo_reaches_the_pacs(orthanc: Orthanc) -> None:
    result = echo(peer_of(orthanc))
    assert 0 < result.seconds < 10
    assert "DCMTK" in result.implementation


def test_wrong_called_ae_title(orthanc: Orthanc) -> None:
    fault = _failure(peer_of(orthanc, ae_title="SOMEONE"))
    assert "does not know itself by the AE title 'SOMEONE'" in fault.message
    assert not isinstance(fault, PeerUnavailable)


def test_wrong_calling_ae_title(orthanc: Orthanc) -> None:
    fault = _failure(peer_of(orthanc, calling_ae_title="STRANGER"))
    assert "STRANGER" in fault.text("en")
    assert "STRANGER" in fault.text("ru")


def test_nothing_listens() -> None:
    port = free_port()
    fault = _failure(DimsePeer("pacs", "ORTHANC", "127.0.0.1", port))
    assert f"nothing listens at 127.0.0.1, port {port}" in fault.message
    assert isinstance(fault, PeerUnavailable)


def test_unknown_host() -> None:
    fault = _failure(DimsePeer("pacs", "ORTHANC", "no-such-host.invalid", 104))
    assert "no computer of the name no-such-host.invalid is known" in fault.message


def test_a_host_that_does_not_answer_the_connection() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        port = full.getsockname()[1]
        waiting = []
        for _ in range(8):  # nobody accepts: the queue is full, further ones hear nothing
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", port))
            waiting.append(client)
        fault = _failure(DimsePeer("pacs", "ORTHANC", "127.0.0.1", port, timeout_s=0.5))
        for client in waiting:
            client.close()
    assert isinstance(fault, PeerUnavailable)


def test_a_peer_that_stays_silent() -> None:
    with _server(None) as port:
        began = time.monotonic()
        fault = _failure(DimsePeer("pacs", "ORTHANC", "127.0.0.1", port, timeout_s=1.0))
        assert time.monotonic() - began < 8
    assert "did not answer within 1 seconds" in fault.message


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x02\x00"])
def test_a_server_that_is_no_dicom_peer(answer: bytes) -> None:
    with _server(answer) as port:
        fault = _failure(DimsePeer("pacs", "ORTHANC", "127.0.0.1", port, timeout_s=2.0))
    assert "closed the connection without an answer" in fault.message


def test_no_thread_and_no_socket_is_left(orthanc: Orthanc) -> None:
    before = set(threading.enumerate())
    echo(peer_of(orthanc))
    with pytest.raises(NetworkFault):
        echo(peer_of(orthanc, ae_title="SOMEONE"))
    with pytest.raises(NetworkFault):
        echo(DimsePeer("pacs", "ORTHANC", "127.0.0.1", free_port()))
    assert set(threading.enumerate()) <= before
