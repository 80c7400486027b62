"""MLLP against a receiver on loopback that answers well, is slow, refuses, lies, dies."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme

from app.core.errors import NetworkFault, PeerUnavailable
from app.network.mllp import Acknowledgement, MllpPeer, send
from app.network.peers import TlsFiles

MESSAGE = "MSH|^~\\&|A|B|C|D|20261120||ORU^R01^ORU_R01|ID1|P|2.5.1\rPID|1||Иванова\r".encode()
Answer = Callable[[socket.socket, bytes], None]


def _framed(code: str, about: str = "ID1", more: str = "") -> bytes:
    return (
        f"\x0bMSH|^~\\&|C|D|A|B|2026||ACK^R01|X|P|2.5.1\rMSA|{code}|{about}\r{more}\x1c\r".encode()
    )


class Receiver:
    """Takes one frame per connection, keeps it, and answers as it is told."""

    def __init__(self, answer: Answer, context: ssl.SSLContext | None = None) -> None:
        self.frames: list[bytes] = []
        self._answer, self._context = answer, context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._released = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    @property
    def port(self) -> int:
        return self._listener.getsockname()[1]

    def close(self) -> None:
        self._released.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def wait(self) -> None:
        """Until the test is over: a receiver that never answers."""
        self._released.wait()

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            try:
                if self._context is not None:
                    line = self._context.wrap_socket(line, server_side=True)
                received = b""
                while not received.endswith(b"\x1c\r"):
                    block = line.recv(65536)
                    if not block:
                        break
                    received += block
                self.frames.append(received)
                self._answer(line, received)
            except OSError:
                pass
            finally:
                line.close()


@contextmanager
def _receiver(answer: Answer, context: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    receiver = Receiver(answer, context)
    try:
        yield receiver
    finally:
        receiver.close()


def _says(content: bytes) -> Answer:
    return lambda line, _received: line.sendall(content)


def _peer(receiver: Receiver, *, timeout_s: float = 20.0, tls: TlsFiles | None = None) -> MllpPeer:
    return MllpPeer("RIS", "127.0.0.1", receiver.port, tls, timeout_s)


def test_a_message_arrives_whole_and_is_acknowledged() -> None:
    with _receiver(_says(_framed("AA"))) as receiver:
        assert send(_peer(receiver), MESSAGE, "ID1") == Acknowledgement("AA")
    assert receiver.frames == [b"\x0b" + MESSAGE + b"\x1c\r"]


@pytest.mark.parametrize(
    ("code", "may_retry"), [("AE", True), ("CE", True), ("AR", False), ("CR", False)]
)
def test_a_refusal_is_told_without_the_words_of_the_receiver(code: str, may_retry: bool) -> None:
    answer = _framed(code, more="ERR|||204^Unknown key^HL70357|E||||Иванова not known\r")
    with _receiver(_says(answer)) as receiver:
        said = send(_peer(receiver), MESSAGE, "ID1")
    assert (said.code, said.may_retry) == (code, may_retry)
    assert said.reason is not None
    assert f"({code}, 204)" in said.reason.en
    assert "Иванова" not in said.reason.en + said.reason.ru


@pytest.mark.parametrize(
    "answer",
    [
        _framed("AA", about="ID2"),  # of another message
        _framed("ZZ"),
        _framed(""),
        b"\x0bhello\x1c\r",
        b"\x0b\x1c\r",
        b"HTTP/1.1 400 Bad Request\r\n\r\n\x1c\r",
        b"\x0bMSH|\x1c\r",
        b"\x0b" + b"x" * (1 << 19),
    ],
)
def test_a_lie_is_no_acknowledgement(answer: bytes) -> None:
    with _receiver(_says(answer)) as receiver, pytest.raises(NetworkFault) as raised:
        send(_peer(receiver), MESSAGE, "ID1")
    assert not isinstance(raised.value, PeerUnavailable)


def test_a_receiver_that_dies_before_or_amid_its_answer_has_not_taken_it() -> None:
    for answer in (b"", _framed("AA")[:25]):
        with _receiver(_says(answer)) as receiver, pytest.raises(PeerUnavailable):
            send(_peer(receiver), MESSAGE, "ID1")


def test_silence_and_dripping_end_at_the_limit() -> None:
    def silent(_line: socket.socket, _received: bytes) -> None:
        receiver.wait()

    with _receiver(silent) as receiver, pytest.raises(PeerUnavailable) as raised:
        send(_peer(receiver, timeout_s=0.3), MESSAGE, "ID1")
    assert raised.value.technical_detail == "TimeoutError"

    def dripping(line: socket.socket, _received: bytes) -> None:
        while not dripper._released.wait(0.05):
            line.sendall(b"x")

    with _receiver(dripping) as dripper, pytest.raises(PeerUnavailable):
        send(_peer(dripper, timeout_s=0.5), MESSAGE, "ID1")


def test_a_slow_answer_in_pieces_is_taken() -> None:
    def pieces(line: socket.socket, _received: bytes) -> None:
        for at in range(0, len(_framed("AA")), 7):
            line.sendall(_framed("AA")[at : at + 7])

    with _receiver(pieces) as receiver:
        assert send(_peer(receiver), MESSAGE, "ID1").reason is None


def test_nobody_there() -> None:
    with _receiver(_says(b"")) as receiver:
        port = receiver.port
    with pytest.raises(PeerUnavailable, match="does not answer"):
        send(MllpPeer("RIS", "127.0.0.1", port, timeout_s=5.0), MESSAGE, "ID1")


def test_tls_is_verified_and_nothing_is_sent_to_a_stranger(tmp_path: Path) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    own = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(own))
    tls = TlsFiles(ca_file=own)
    good = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(good)
    with _receiver(_says(_framed("AA")), good) as receiver:
        assert send(_peer(receiver, tls=tls), MESSAGE, "ID1").code == "AA"
    assert receiver.frames[0] == b"\x0b" + MESSAGE + b"\x1c\r"
    bad = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    stranger.issue_cert("127.0.0.1").configure_cert(bad)
    with (
        _receiver(_says(_framed("AA")), bad) as receiver,
        pytest.raises(PeerUnavailable, match="cannot be trusted"),
    ):
        send(_peer(receiver, tls=tls), MESSAGE, "ID1")
    assert receiver.frames == []


def test_a_byte_of_the_frame_inside_a_message_is_a_bug() -> None:
    with pytest.raises(ValueError, match="framing"):
        send(MllpPeer("RIS", "127.0.0.1", 1), b"a\x1cb", "ID1")
