"""Who may ask, and over which way: passwords, tokens, certificates, proxies; each refusal in words.

Secrets show nowhere: not in a value's text, not in a fault, not in a log.
"""

from __future__ import annotations

import base64
import logging
import socket
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from app.core.errors import InputError, NetworkFault
from app.network import dicomweb
from app.network.answers import RetrieveRequest
from app.network.inbox import Inbox
from app.network.web_peer import WebPeer
from tests.support.orthanc import Orthanc, OrthancOptions, free_port, running_orthanc
from tests.support.web_relay import Relay, running_relay

SECRET = "sesame-0123456789"  # noqa: S105 - of a PACS that lives as long as the test


def _words(peer: WebPeer) -> str:
    """Both languages of the fault that the peer gives."""
    with pytest.raises(NetworkFault) as caught:
        dicomweb.echo(peer)
    fault = caught.value
    assert fault.ru != fault.message
    assert fault.hint
    assert fault.hint_ru
    told = " ".join(
        (fault.message, fault.ru, fault.hint, fault.hint_ru, fault.technical_detail, repr(fault))
    )
    assert SECRET not in told
    return told


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """A PACS that knows one user."""
    options = OrthancOptions(users={"доктор": SECRET})
    with running_orthanc(tmp_path_factory.mktemp("locked"), options) as orthanc:
        yield orthanc


def test_basic_user_and_password(locked: Orthanc) -> None:
    peer = WebPeer("PACS", locked.dicom_web_url, "basic", "доктор", "direct", secret=SECRET)
    assert dicomweb.echo(peer).seconds > 0
    assert SECRET not in repr(peer)
    assert "does not accept the user or the password" in _words(replace(peer, secret="wrong"))
    assert "asks for a user and password" in _words(replace(peer, auth="none"))
    assert "does not accept the token" in _words(replace(peer, auth="bearer"))
    with pytest.raises(InputError, match="needs a secret"):
        dicomweb.echo(replace(peer, secret=""))
    with pytest.raises(InputError, match="line breaks"):
        dicomweb.echo(replace(peer, secret="a\r\nX: b"))


def test_bearer_token(orthanc: Orthanc, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with running_relay(Relay(orthanc.url, token=SECRET)) as gate:
        peer = WebPeer("PACS", gate.url + "/dicom-web", "bearer", proxy="direct", secret=SECRET)
        assert dicomweb.echo(peer).seconds > 0
        assert "wrong or has expired" in _words(replace(peer, secret="old"))
    assert SECRET not in caplog.text


def test_the_token_does_not_follow_a_redirect(orthanc: Orthanc) -> None:
    elsewhere = {"Location": f"{orthanc.url}/dicom-web/studies"}
    with running_relay(Relay(answer=(302, "text/plain", b""), headers=elsewhere)) as relay:
        peer = WebPeer("PACS", relay.url, "bearer", proxy="direct", secret=SECRET)
        assert "has moved to localhost" in _words(peer)


def test_proxy(orthanc: Orthanc, monkeypatch: pytest.MonkeyPatch) -> None:
    peer = WebPeer("PACS", orthanc.dicom_web_url)
    with running_relay(Relay()) as proxy:
        through = replace(peer, proxy=proxy.url)
        assert dicomweb.echo(through).seconds > 0
        assert proxy.requests[0].startswith(f"GET {orthanc.url}")
        proxy.proxy_login = "Basic " + base64.b64encode(f"me:{SECRET}".encode()).decode()
        assert "the proxy asks for a user" in _words(through)
        named = replace(through, proxy_user="me", proxy_secret=SECRET)
        assert dicomweb.echo(named).seconds > 0
        assert SECRET not in repr(named)
        # the system's proxy is used unless the settings say otherwise
        proxy.proxy_login = ""
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("no_proxy", "")
        before = len(proxy.requests)
        dicomweb.echo(replace(peer, proxy="direct"))
        assert len(proxy.requests) == before
        dicomweb.echo(peer)
        assert len(proxy.requests) == before + 1
    gone = replace(peer, proxy=f"http://127.0.0.1:{free_port()}")
    assert "the proxy does not answer" in _words(gone)


def test_proxy_of_a_secure_peer(authority: trustme.CA, tmp_path: Path, orthanc: Orthanc) -> None:
    own, issuer = _pem(authority, tmp_path / "pem", "localhost")
    login = "Basic " + base64.b64encode(f"me:{SECRET}".encode()).decode()
    with (
        running_relay(Relay(orthanc.url, tls=_server_tls(own))) as secure,
        running_relay(Relay(proxy_login=login)) as proxy,
    ):
        peer = WebPeer("PACS", secure.url + "/dicom-web", proxy=proxy.url, ca_file=issuer)
        named = replace(peer, proxy_user="me", proxy_secret=SECRET)
        assert dicomweb.echo(named).seconds > 0
        assert proxy.requests[-1].startswith("CONNECT localhost:")
        assert "the proxy asks for a user" in _words(peer)
        assert "not vouched for" in _words(replace(named, ca_file=None))


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def _pem(authority: trustme.CA, folder: Path, *names: str) -> tuple[Path, Path]:
    """Certificate with key for a host, and the certificate of who issued it."""
    folder.mkdir(parents=True, exist_ok=True)
    own, issuer = folder / "own.pem", folder / "ca.pem"
    authority.issue_cert(*names).private_key_and_cert_chain_pem.write_to_path(str(own))
    authority.cert_pem.write_to_path(str(issuer))
    return own, issuer


def _server_tls(own: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own)
    return context


def test_private_certificate_of_the_peer(
    authority: trustme.CA, tmp_path: Path, orthanc: Orthanc
) -> None:
    """HTTPS before Orthanc: the one of Debian 12 resets each HTTPS connection after its request."""
    own, issuer = _pem(authority, tmp_path / "pem", "localhost")
    _other, stranger = _pem(trustme.CA(), tmp_path / "stranger", "localhost")
    with running_relay(Relay(orthanc.url, tls=_server_tls(own))) as secure:
        peer = WebPeer("PACS", secure.url + "/dicom-web", proxy="direct", ca_file=issuer)
        assert dicomweb.echo(peer).seconds > 0
        assert "not vouched for by a known authority" in _words(replace(peer, ca_file=None))
        assert "not vouched for" in _words(replace(peer, ca_file=stranger))
        by_number = peer.url.replace("localhost", "127.0.0.1")
        assert "certificate is for another host" in _words(replace(peer, url=by_number))
        missing = replace(peer, ca_file=tmp_path / "none.pem")
        with pytest.raises(InputError, match="does not exist"):
            dicomweb.echo(missing)
        broken = tmp_path / "broken.pem"
        broken.write_text("no certificate", "ascii")
        assert "certificate files" in _words(replace(peer, ca_file=broken))
    plain = orthanc.dicom_web_url.replace("http:", "https:")
    assert "does not speak TLS" in _words(replace(peer, url=plain))


def test_certificate_of_the_workstation(
    authority: trustme.CA, tmp_path: Path, orthanc: Orthanc
) -> None:
    own, issuer = _pem(authority, tmp_path / "server", "localhost")
    mine, _issuer = _pem(authority, tmp_path / "client", "overread")
    context = _server_tls(own)
    context.load_verify_locations(issuer)
    context.verify_mode = ssl.CERT_REQUIRED
    with running_relay(Relay(orthanc.url, tls=context)) as gate:
        peer = WebPeer("PACS", gate.url + "/dicom-web", proxy="direct", ca_file=issuer)
        assert dicomweb.echo(replace(peer, client_certificate=mine)).seconds > 0
        # which of the two depends on what arrives first: the alert or the end of the line
        told = _words(peer)
        assert "certificate of this workstation" in told or "closed the connection" in told


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((200, "text/html", b"<html>login</html>"), "answers, but not as DICOMweb"),
        ((200, "application/json", b'{"a": 1'), "answers, but not as DICOMweb"),
        ((200, "application/json", b"[1, 2]"), "answers, but not as DICOMweb"),
        ((200, "application/json", b"[" * 200_000), "answers, but not as DICOMweb"),
        ((200, "application/json", b"\xff\xfe\x00"), "answers, but not as DICOMweb"),
        ((403, "text/plain", b""), "does not allow it"),
        ((404, "text/plain", b""), "offers no DICOMweb at this address"),
        ((405, "text/plain", b""), "does not offer this DICOMweb service"),
        ((429, "text/plain", b""), "is busy"),
        ((500, "text/plain", b"stack trace"), "failed inside"),
        ((503, "text/plain", b""), "is busy"),
        ((507, "text/plain", b""), "has no space left"),
        ((418, "text/plain", b""), "does not understand"),
    ],
)
def test_what_is_no_success_is_told_in_words(answer: tuple[int, str, bytes], words: str) -> None:
    with running_relay(Relay(answer=answer)) as relay:
        assert words in _words(WebPeer("PACS", relay.url, proxy="direct"))


def test_an_answer_that_is_no_dicom_gives_no_objects(tmp_path: Path) -> None:
    body = b"\r\n--b\r\nContent-Type: application/dicom\r\n\r\nno image\r\n--b--\r\n"
    kind = 'multipart/related; type="application/dicom"; boundary=b'
    inbox = Inbox(tmp_path / "inbox")
    with running_relay(Relay(answer=(200, kind, body))) as relay:
        peer = WebPeer("PACS", relay.url, proxy="direct")
        outcome = dicomweb.retrieve(peer, RetrieveRequest("1.2.3"), inbox)
        relay.answer = (200, "text/html", b"<html>")
        with pytest.raises(NetworkFault, match="not as DICOMweb"):
            dicomweb.retrieve(peer, RetrieveRequest("1.2.3"), inbox)
    assert (outcome.received, inbox.objects()) == (0, ())
    assert not outcome.is_complete
    assert "not a DICOM object" in outcome.warnings[0].en


def test_nobody_there() -> None:
    assert "nothing listens at the port" in _words(
        WebPeer("PACS", f"http://127.0.0.1:{free_port()}", proxy="direct")
    )
    assert "the name of its host is not known" in _words(
        WebPeer("PACS", "http://no-such-host.invalid/dicom-web", proxy="direct")
    )


def test_a_peer_that_falls_silent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert "fell silent" in _words(WebPeer("PACS", url, proxy="direct", timeout_s=0.3))
