"""Small HTTP servers on loopback that stand before a real PACS: a gate that wants a token, a proxy,
a line that breaks, a server that is no PACS at all."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests

# what belongs to one connection only, or is undone by the one who relays
_HOP_BY_HOP = {
    "connection", "transfer-encoding", "content-length", "content-encoding", "host",
    "proxy-authorization",
}  # fmt: skip


@dataclass
class Relay:
    """What the relay does; tests change it while it runs.

    ``target`` is the URL that requests go on to (empty: to the URL that the client names, as a
    proxy does). ``token``: others than this bearer token get 401. ``proxy_login``: the
    Proxy-Authorization that is asked for. ``cut_after``: bytes of an answer's body after which the
    line breaks. ``tls``: it speaks HTTPS, as a web server before a PACS does. ``answer``: (status,
    content type, body) given, with ``headers``, instead of asking anybody.
    """

    target: str = ""
    token: str = ""
    proxy_login: str = ""
    cut_after: int | None = None
    tls: ssl.SSLContext | None = None
    answer: tuple[int, str, bytes] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    url: str = ""
    requests: list[str] = field(default_factory=list)


@contextlib.contextmanager
def running_relay(relay: Relay) -> Iterator[Relay]:
    """The relay, listening at ``relay.url`` until the block is left."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._handle()

        def do_POST(self) -> None:
            self._handle()

        def do_CONNECT(self) -> None:
            _tunnel(self, relay)

        def log_message(self, format: str, *args: object) -> None:
            pass

        def _handle(self) -> None:
            _serve(self, relay)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = False
        if relay.tls is not None:
            server.socket = relay.tls.wrap_socket(server.socket, server_side=True)
        scheme = "http" if relay.tls is None else "https"
        relay.url = f"{scheme}://localhost:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield relay
        finally:
            server.shutdown()
            thread.join()


def _serve(handler: BaseHTTPRequestHandler, relay: Relay) -> None:
    body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
    relay.requests.append(f"{handler.command} {handler.path}")
    handler.close_connection = True
    if relay.proxy_login and handler.headers.get("Proxy-Authorization") != relay.proxy_login:
        return _reply(handler, 407, {"Proxy-Authenticate": "Basic"}, b"")
    if relay.token and handler.headers.get("Authorization") != f"Bearer {relay.token}":
        return _reply(handler, 401, {"WWW-Authenticate": "Bearer"}, b"")
    if relay.answer is not None:
        status, kind, content = relay.answer
        return _reply(handler, status, {"Content-Type": kind, **relay.headers}, content)
    headers = {k: v for k, v in handler.headers.items() if k.lower() not in _HOP_BY_HOP}
    with requests.Session() as session:
        session.trust_env = False
        answer = session.request(
            handler.command, relay.target + handler.path, data=body, headers=headers, timeout=30
        )
    kept = {k: v for k, v in answer.headers.items() if k.lower() not in _HOP_BY_HOP}
    return _reply(handler, answer.status_code, kept, answer.content, relay.cut_after)


def _tunnel(handler: BaseHTTPRequestHandler, relay: Relay) -> None:
    """As a proxy does for HTTPS: it only carries what it cannot read."""
    relay.requests.append(f"{handler.command} {handler.path}")
    handler.close_connection = True
    if relay.proxy_login and handler.headers.get("Proxy-Authorization") != relay.proxy_login:
        return _reply(handler, 407, {"Proxy-Authenticate": "Basic"}, b"")
    host, _, port = handler.path.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=10) as far:
        handler.send_response(200)
        handler.end_headers()
        back = threading.Thread(target=_pump, args=(far, handler.connection))
        back.start()
        _pump(handler.connection, far)
        back.join()
    return None


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while block := source.recv(1 << 16):
            target.sendall(block)
        target.shutdown(socket.SHUT_WR)


def _reply(
    handler: BaseHTTPRequestHandler,
    status: int,
    headers: dict[str, str],
    body: bytes,
    cut_after: int | None = None,
) -> None:
    with contextlib.suppress(OSError):  # the client may be gone
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.send_header("Connection", "close")
        handler.end_headers()
        if cut_after is not None and cut_after < len(body):
            handler.wfile.write(body[:cut_after])
            handler.wfile.flush()
            handler.connection.shutdown(socket.SHUT_RDWR)
        else:
            handler.wfile.write(body)
