"""TLS both ways with a private authority: against a real PACS, and each refusal in words."""

from __future__ import annotations

import datetime
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from app.core.errors import EnvironmentFault, NetworkFault
from app.network.answers import RetrieveRequest
from app.network.echo import echo
from app.network.inbox import Inbox
from app.network.listener import Listener, ListenerSettings
from app.network.peers import DimsePeer, TlsFiles
from app.network.retrieve import get, move
from app.network.send import send
from app.network.tls import client_context, server_context
from tests.network.peers import peer_of
from tests.support.orthanc import Orthanc, OrthancOptions, OrthancTls, running_orthanc
from tests.support.synthetic_dicom import SeriesSpec, uid, write_series


@dataclass(frozen=True)
class Authority:
    """A hospital's own authority and what it issued; an unknown one beside it."""

    folder: Path
    ca: trustme.CA
    unknown: trustme.CA

    def issue(self, name: str, *hosts: str, **options: object) -> tuple[Path, Path]:
        """Certificate and key files for ``hosts``."""
        issued = self.ca.issue_cert(*hosts, **options)  # type: ignore[arg-type]
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        issued.cert_chain_pems[0].write_to_path(certificate)
        issued.private_key_pem.write_to_path(key)
        return certificate, key

    @property
    def ca_file(self) -> Path:
        return self.folder / "ca.pem"

    @property
    def unknown_file(self) -> Path:
        return self.folder / "unknown.pem"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    made = Authority(tmp_path_factory.mktemp("tls"), trustme.CA(), trustme.CA())
    made.ca.cert_pem.write_to_path(made.ca_file)
    made.unknown.cert_pem.write_to_path(made.unknown_file)
    return made


@pytest.fixture(scope="module")
def ours(authority: Authority) -> TlsFiles:
    """Our own certificate and whom we trust."""
    certificate, key = authority.issue("ours", "127.0.0.1", "localhost")
    return TlsFiles(authority.ca_file, certificate, key)


@pytest.fixture(scope="module")
def secure(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """A PACS that speaks TLS only and wants certificates of the authority."""
    certificate, key = authority.issue("pacs", "127.0.0.1", "localhost")
    options = OrthancOptions(tls=OrthancTls(certificate, key, authority.ca_file))
    with running_orthanc(tmp_path_factory.mktemp("secure"), options) as pacs:
        yield pacs


@contextmanager
def _listening(folder: Path, tls: TlsFiles, port: int = 0) -> Iterator[Listener]:
    settings = ListenerSettings(host="127.0.0.1", port=port, tls=tls, timeout_s=5)
    listener = Listener(settings, Inbox(folder))
    listener.start()
    try:
        yield listener
    finally:
        listener.stop()


def test_everything_over_tls(secure: Orthanc, ours: TlsFiles, tmp_path: Path) -> None:
    peer = peer_of(secure, tls=ours)
    assert echo(peer).seconds > 0
    paths = write_series(tmp_path / "sent", SeriesSpec(count=10, rows=64, columns=64))
    assert len(send(peer, paths).sent) == 10
    request = RetrieveRequest(uid("study"))
    assert get(peer, request, Inbox(tmp_path / "got")).received == 10
    with _listening(tmp_path / "moved", ours, secure.our_port) as listener:
        assert move(peer, request, listener).received == 10
        assert len(listener.inbox.objects()) == 10


def test_without_tls_the_secure_pacs_says_nothing(secure: Orthanc) -> None:
    with pytest.raises(NetworkFault, match="perhaps this peer expects TLS"):
        echo(peer_of(secure))


def test_tls_to_a_pacs_without(orthanc: Orthanc, ours: TlsFiles) -> None:
    with pytest.raises(NetworkFault) as caught:
        echo(peer_of(orthanc, tls=ours, timeout_s=3.0))
    assert "pacs" in caught.value.message


def test_a_certificate_of_nobody_we_trust(
    secure: Orthanc, authority: Authority, ours: TlsFiles
) -> None:
    wary = TlsFiles(authority.unknown_file, ours.certificate, ours.key)
    with pytest.raises(NetworkFault, match="signed by nobody whom you trust"):
        echo(peer_of(secure, tls=wary))
    with pytest.raises(NetworkFault, match="signed by nobody whom you trust"):
        echo(peer_of(secure, tls=TlsFiles()))


def test_we_show_no_certificate(secure: Orthanc, authority: Authority) -> None:
    with pytest.raises(NetworkFault) as caught:
        echo(peer_of(secure, tls=TlsFiles(authority.ca_file)))
    assert "certificate" in caught.value.text("en")
    assert "сертификат" in caught.value.text("ru")


def test_certificate_of_another_computer(authority: Authority, tmp_path: Path) -> None:
    certificate, key = authority.issue("other", "pacs.example")
    with _listening(tmp_path, TlsFiles(None, certificate, key)) as listener:
        peer = DimsePeer(
            "we", "OVERREAD", "127.0.0.1", listener.port, tls=TlsFiles(authority.ca_file)
        )
        with pytest.raises(NetworkFault, match="issued for another computer"):
            echo(peer)
        lenient = TlsFiles(authority.ca_file, check_host=False)
        echo(DimsePeer("we", "OVERREAD", "127.0.0.1", listener.port, tls=lenient))


def test_certificate_that_expired(authority: Authority, tmp_path: Path) -> None:
    past = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    certificate, key = authority.issue("old", "127.0.0.1", not_after=past)
    with _listening(tmp_path, TlsFiles(None, certificate, key)) as listener:
        peer = DimsePeer(
            "we", "OVERREAD", "127.0.0.1", listener.port, tls=TlsFiles(authority.ca_file)
        )
        with pytest.raises(NetworkFault, match="has expired"):
            echo(peer)


def test_our_listener_wants_a_certificate_of_the_authority(
    authority: Authority, ours: TlsFiles, tmp_path: Path
) -> None:
    with _listening(tmp_path, ours) as listener:
        peer = DimsePeer("we", "OVERREAD", "127.0.0.1", listener.port, tls=ours)
        echo(peer)
        bare = TlsFiles(authority.ca_file)
        with pytest.raises(NetworkFault) as caught:
            echo(DimsePeer("we", "OVERREAD", "127.0.0.1", listener.port, tls=bare))
        assert "certificate" in caught.value.text("en")


def test_a_caller_that_never_shakes_hands_blocks_nobody(ours: TlsFiles, tmp_path: Path) -> None:
    before = set(threading.enumerate())
    with _listening(tmp_path, ours) as listener:  # noqa: SIM117 - the caller leaves first
        with socket.create_connection(("127.0.0.1", listener.port)):
            echo(DimsePeer("we", "OVERREAD", "127.0.0.1", listener.port, tls=ours))
    assert set(threading.enumerate()) <= before


def test_a_plain_caller_is_turned_away(ours: TlsFiles, tmp_path: Path) -> None:
    with _listening(tmp_path, ours) as listener, pytest.raises(NetworkFault):
        echo(DimsePeer("we", "OVERREAD", "127.0.0.1", listener.port, timeout_s=3))


def test_files_that_are_no_certificates(orthanc: Orthanc, tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("no certificate")
    for files in (TlsFiles(text), TlsFiles(None, text, text), TlsFiles(tmp_path / "missing")):
        with pytest.raises(EnvironmentFault, match="cannot be read"):
            echo(peer_of(orthanc, tls=files))
    with pytest.raises(EnvironmentFault, match="needs a certificate"):
        Listener(ListenerSettings(port=0, tls=TlsFiles()), Inbox(tmp_path)).start()


def test_only_tls_1_2_and_newer(ours: TlsFiles) -> None:
    for context in (client_context(ours), server_context(ours)):
        assert context.minimum_version == ssl.TLSVersion.TLSv1_2


def test_stop_does_not_wait_for_a_caller_that_says_nothing(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    listener = Listener(ListenerSettings(host="127.0.0.1", port=0, timeout_s=60), Inbox(tmp_path))
    listener.start()
    with socket.create_connection(("127.0.0.1", listener.port)):
        echo(DimsePeer("we", "OVERREAD", "127.0.0.1", listener.port))
        began = time.monotonic()
        listener.stop()
        assert time.monotonic() - began < 8
    assert set(threading.enumerate()) <= before
