"""A time-stamp authority on loopback: it stamps, is away, lies, sends elsewhere."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from asn1crypto import keys, tsp
from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko.sign.timestamps.dummy_client import DummyTimeStamper
from pyhanko_certvalidator.registry import SimpleCertificateStore

from app.core.errors import NetworkFault, PeerUnavailable
from app.network.timestamp import HttpTimestamper
from tests.support.certificates import authority, identity
from tests.support.orthanc import free_port

_DIGEST = hashlib.sha256(b"a report").digest()
_REPLY = "application/timestamp-reply"


def _dummy() -> DummyTimeStamper:
    root = authority()
    one = identity(root, "TSA", is_timestamper=True, is_rsa=True)
    store = SimpleCertificateStore()
    store.register(asn1_x509.Certificate.load(root.certificate.public_bytes(Encoding.DER)))
    return DummyTimeStamper(
        asn1_x509.Certificate.load(one.certificate_der),
        keys.PrivateKeyInfo.load(one.key_der),
        store,
    )


@contextmanager
def _serving(status: int, kind: str, content: bytes | None) -> Iterator[str]:
    """An authority that answers so; ``content`` None: with a real stamp."""
    dummy = _dummy() if content is None else None

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = self.rfile.read(int(self.headers["Content-Length"]))
            body = content
            if dummy is not None:
                assert self.headers["Content-Type"] == "application/timestamp-query"
                request = tsp.TimeStampReq.load(asked)
                body = asyncio.run(dummy.async_request_tsa_response(request)).dump()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Location", "http://127.0.0.1:1/")
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/stamp"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _stamp(url: str) -> object:
    return asyncio.run(HttpTimestamper(url, timeout_s=20).async_timestamp(_DIGEST, "sha256"))


def test_a_stamp_is_of_what_was_asked() -> None:
    with _serving(200, _REPLY, None) as url:
        token = _stamp(url)
    stamped = token["content"]["encap_content_info"]["content"].parsed
    assert stamped["message_imprint"]["hashed_message"].native == _DIGEST


@pytest.mark.parametrize(
    ("status", "kind", "content"),
    [
        (200, "text/html", b"<html>log in</html>"),
        (200, _REPLY, b"not ASN.1"),
        (200, _REPLY, b""),
        (302, _REPLY, b""),
        (500, _REPLY, b""),
        (200, _REPLY, b"0" * (2 << 20)),
    ],
)
def test_what_is_no_stamp_is_refused(status: int, kind: str, content: bytes) -> None:
    with (
        _serving(status, kind, content) as url,
        pytest.raises(NetworkFault, match="no time stamp") as raised,
    ):
        _stamp(url)
    assert not isinstance(raised.value, PeerUnavailable)


def test_an_authority_that_is_away_is_waited_for() -> None:
    with pytest.raises(PeerUnavailable, match="does not answer"):
        _stamp(f"http://127.0.0.1:{free_port()}/")
