"""MLLP against a receiver on loopback that answers well, is slow, refuses, lies, dies."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest
import trustme

from app.core.errors import NetworkFault, PeerUnavailable
from app.network.mllp import Acknowledgement, MllpPeer, send
from app.network.peers import TlsFiles
from tests.support.hl7_receiver import Receiver, acknowledgement, receiver, says

MESSAGE = "MSH|^~\\&|A|B|C|D|20261120||ORU^R01^ORU_R01|ID1|P|2.5.1\rPID|1||Иванова\r".encode()


def _peer(there: Receiver, *, timeout_s: float = 20.0, tls: TlsFiles | None = None) -> MllpPeer:
    return MllpPeer("RIS", "127.0.0.1", there.port, tls, timeout_s)


def test_a_message_arrives_whole_and_is_acknowledged() -> None:
    with receiver(says(acknowledgement("AA", "ID1"))) as there:
        assert send(_peer(there), MESSAGE, "ID1") == Acknowledgement("AA")
    assert there.frames == [b"\x0b" + MESSAGE + b"\x1c\r"]


@pytest.mark.parametrize(
    ("code", "may_retry"), [("AE", True), ("CE", True), ("AR", False), ("CR", False)]
)
def test_a_refusal_is_told_without_the_words_of_the_receiver(code: str, may_retry: bool) -> None:
    answer = acknowledgement(
        code, "ID1", more="ERR|||204^Unknown key^HL70357|E||||Иванова not known\r"
    )
    with receiver(says(answer)) as there:
        said = send(_peer(there), MESSAGE, "ID1")
    assert (said.code, said.may_retry) == (code, may_retry)
    assert said.reason is not None
    assert f"({code}, 204)" in said.reason.en
    assert "Иванова" not in said.reason.en + said.reason.ru


@pytest.mark.parametrize(
    "answer",
    [
        acknowledgement("AA", "ID2"),  # of another message
        acknowledgement("ZZ", "ID1"),
        acknowledgement("", "ID1"),
        b"\x0bhello\x1c\r",
        b"\x0b\x1c\r",
        b"HTTP/1.1 400 Bad Request\r\n\r\n\x1c\r",
        b"\x0bMSH|\x1c\r",
        b"\x0b" + b"x" * (1 << 19),
    ],
)
def test_a_lie_is_no_acknowledgement(answer: bytes) -> None:
    with receiver(says(answer)) as there, pytest.raises(NetworkFault) as raised:
        send(_peer(there), MESSAGE, "ID1")
    assert not isinstance(raised.value, PeerUnavailable)


def test_a_receiver_that_dies_before_or_amid_its_answer_has_not_taken_it() -> None:
    for answer in (b"", acknowledgement("AA", "ID1")[:25]):
        with receiver(says(answer)) as there, pytest.raises(PeerUnavailable):
            send(_peer(there), MESSAGE, "ID1")


def test_silence_and_dripping_end_at_the_limit() -> None:
    def silent(_line: socket.socket, _received: bytes) -> None:
        there.released.wait()

    with receiver(silent) as there, pytest.raises(PeerUnavailable) as raised:
        send(_peer(there, timeout_s=0.3), MESSAGE, "ID1")
    assert raised.value.technical_detail == "TimeoutError"

    def dripping(line: socket.socket, _received: bytes) -> None:
        while not dripper.released.wait(0.05):
            line.sendall(b"x")

    with receiver(dripping) as dripper, pytest.raises(PeerUnavailable):
        send(_peer(dripper, timeout_s=0.5), MESSAGE, "ID1")


def test_a_slow_answer_in_pieces_is_taken() -> None:
    def pieces(line: socket.socket, _received: bytes) -> None:
        for at in range(0, len(acknowledgement("AA", "ID1")), 7):
            line.sendall(acknowledgement("AA", "ID1")[at : at + 7])

    with receiver(pieces) as there:
        assert send(_peer(there), MESSAGE, "ID1").reason is None


def test_nobody_there() -> None:
    with receiver(says(b"")) as there:
        port = there.port
    with pytest.raises(PeerUnavailable, match="does not answer"):
        send(MllpPeer("RIS", "127.0.0.1", port, timeout_s=5.0), MESSAGE, "ID1")


def test_tls_is_verified_and_nothing_is_sent_to_a_stranger(tmp_path: Path) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    own = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(own))
    tls = TlsFiles(ca_file=own)
    good = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(good)
    with receiver(says(acknowledgement("AA", "ID1")), good) as there:
        assert send(_peer(there, tls=tls), MESSAGE, "ID1").code == "AA"
    assert there.frames[0] == b"\x0b" + MESSAGE + b"\x1c\r"
    bad = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    stranger.issue_cert("127.0.0.1").configure_cert(bad)
    with (
        receiver(says(acknowledgement("AA", "ID1")), bad) as there,
        pytest.raises(PeerUnavailable, match="cannot be trusted"),
    ):
        send(_peer(there, tls=tls), MESSAGE, "ID1")
    assert there.frames == []


def test_a_byte_of_the_frame_inside_a_message_is_a_bug() -> None:
    with pytest.raises(ValueError, match="framing"):
        send(MllpPeer("RIS", "127.0.0.1", 1), b"a\x1cb", "ID1")
