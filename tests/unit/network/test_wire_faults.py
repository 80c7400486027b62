"""Every reason has a sentence and an advice in both languages, and names the peer."""

from __future__ import annotations

import errno
import socket
import ssl

import pytest

from app.core.errors import NetworkFault, PeerUnavailable
from app.core.report import Message
from app.network import wire_faults
from app.network.peers import DimsePeer

PEER = DimsePeer("Archive", "PACS", "10.0.0.7", 104)
SERVICE = Message("the search", "поиск")


def _tls(code: int = 0, reason: str = "") -> ssl.SSLError:
    error = ssl.SSLCertVerificationError(1, reason)
    error.verify_code = code  # type: ignore[misc]
    error.reason = reason  # type: ignore[misc]
    return error


FAULTS = [
    wire_faults.of_connection(PEER, socket.gaierror(-2, "unknown")),
    wire_faults.of_connection(PEER, ConnectionRefusedError()),
    wire_faults.of_connection(PEER, TimeoutError()),
    wire_faults.of_connection(PEER, OSError(errno.EHOSTUNREACH, "no route")),
    wire_faults.of_connection(PEER, ConnectionResetError()),
    *(wire_faults.of_tls(PEER, _tls(code)) for code in (9, 10, 18, 19, 20, 62, 64)),
    wire_faults.of_tls(PEER, _tls(reason="TLSV13_ALERT_CERTIFICATE_REQUIRED")),
    wire_faults.of_tls(PEER, _tls(reason="WRONG_VERSION_NUMBER")),
    wire_faults.silent(PEER),
    wire_faults.lost(PEER),
    wire_faults.closed_unasked(PEER),
    wire_faults.nothing_in_common(PEER, SERVICE),
    *(
        wire_faults.rejected(PEER, source, reason)
        for source in (1, 2, 3) for reason in (1, 2, 3, 7)
    ),
    *(
        wire_faults.of_status(PEER, SERVICE, status)
        for status in (0x0110, 0x0122, 0xA700, 0xA701, 0xA702, 0xA801, 0xA900, 0xC001, 0x9999)
    ),
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.message[:60])
def test_plain_words_in_both_languages(fault: NetworkFault) -> None:
    assert "Archive" in fault.message
    assert "Archive" in fault.ru
    assert fault.hint
    assert any("а" <= letter <= "я" for letter in fault.ru)
    assert any("а" <= letter <= "я" for letter in fault.hint_ru)
    assert not any("а" <= letter <= "я" for letter in fault.text("en"))
    assert fault.exit_code == 4


def test_what_may_succeed_later_is_told_apart() -> None:
    assert isinstance(wire_faults.of_connection(PEER, ConnectionRefusedError()), PeerUnavailable)
    assert isinstance(wire_faults.silent(PEER), PeerUnavailable)
    assert isinstance(wire_faults.of_status(PEER, SERVICE, 0xA700), PeerUnavailable)
    assert not isinstance(wire_faults.rejected(PEER, 1, 7), PeerUnavailable)
    assert not isinstance(wire_faults.of_tls(PEER, _tls(10)), PeerUnavailable)


def test_the_status_stays_visible() -> None:
    fault = wire_faults.of_status(PEER, SERVICE, 0xA801)
    assert "A801" in fault.message
    assert "AE title" in fault.message
    assert wire_faults.status_message(0xC123).en.endswith("(status C123)")
