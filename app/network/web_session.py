"""HTTP with one peer: authorisation, proxy, certificates, and each failure in words."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote, urlencode, urlsplit

import requests
import urllib3.exceptions
from requests.auth import AuthBase, HTTPBasicAuth

from app import __version__
from app.core.errors import InputError, NetworkFault
from app.network import web_faults
from app.network.web_peer import WebPeer

_CONNECT_S: Final = 10.0
# of a body that is cut off, what is left of a block is lost
_BLOCK: Final = 1 << 16
_CUT_OFF: Final = (
    requests.exceptions.ChunkedEncodingError,
    urllib3.exceptions.ProtocolError,
)


class WebSession:
    """The connection to one peer. One thread at a time; close it after use.

    Redirects are not followed (a token must not travel to another host) and neither ``.netrc``
    nor variables such as ``REQUESTS_CA_BUNDLE`` change what the settings say.
    """

    def __init__(self, peer: WebPeer) -> None:
        self.peer = peer
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["User-Agent"] = f"overread/{__version__}"
        self._session.auth = _authorisation(peer)
        self._session.proxies = _proxies(peer)
        for path in (peer.ca_file, peer.client_certificate, peer.client_key):
            if path is not None and not path.is_file():
                raise InputError(
                    f"The certificate file {path} of the peer {peer.name} does not exist.",
                    ru=f"Файла сертификата {path} узла {peer.name} нет.",
                    hint="Correct its path in the settings.",
                    hint_ru="Исправьте путь в настройках.",
                )
        if peer.ca_file is not None:
            self._session.verify = str(peer.ca_file)
        if peer.client_certificate is not None:
            own = str(peer.client_certificate)
            self._session.cert = (own, str(peer.client_key)) if peer.client_key else own

    def __enter__(self) -> Self:
        """The session itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connections."""
        self._session.close()

    @contextmanager
    def get(
        self, path: str, accept: str, params: Iterable[tuple[str, str]] = ()
    ) -> Iterator[requests.Response]:
        """The answer to GET, its body not read yet. Raises ``NetworkFault`` for no success."""
        # the wildcards of DICOM stay as they are: they may (RFC 3986), and some servers insist
        query = urlencode(list(params), quote_via=quote, safe="*?")
        where = f"{path}?{query}" if query else path
        with self.answer("GET", where, headers={"Accept": accept}) as response:
            self.require_success(response)
            yield response

    @contextmanager
    def answer(self, method: str, path: str, **request: Any) -> Iterator[requests.Response]:  # noqa: ANN401
        """The answer whatever its status; failures while it is read are translated too."""
        with translated(self.peer):
            response = self._session.request(
                method,
                f"{self.peer.url}/{path}",
                stream=True,
                allow_redirects=False,
                timeout=(min(_CONNECT_S, self.peer.timeout_s), self.peer.timeout_s),
                **request,
            )
            with response:
                yield response

    def require_success(self, response: requests.Response) -> None:
        """Raise ``NetworkFault`` in plain words unless the status is 2xx."""
        if not 200 <= response.status_code < 300:
            place = urlsplit(response.headers.get("Location", "")).hostname or ""
            raise web_faults.of_status(self.peer, response.status_code, place)

    @staticmethod
    def blocks(response: requests.Response) -> Iterator[bytes]:
        """The body in blocks; where it is cut off, ``answer`` raises ``NetworkFault``."""
        yield from response.iter_content(_BLOCK)


@contextmanager
def translated(peer: WebPeer) -> Iterator[None]:
    """Turn the faults of requests, urllib3 and the socket into ``NetworkFault``."""
    try:
        yield
    except requests.exceptions.ProxyError as fault:
        raise web_faults.proxy(peer, root_of(fault)) from None
    except requests.exceptions.SSLError as fault:
        raise web_faults.tls(peer, root_of(fault)) from None
    except requests.exceptions.Timeout as fault:
        raise web_faults.timeout(peer, isinstance(fault, requests.ConnectTimeout)) from None
    except requests.exceptions.ConnectionError as fault:
        raise _connection(peer, root_of(fault)) from None
    except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as fault:
        if isinstance(fault, _CUT_OFF):
            raise web_faults.cut_off(peer, type(root_of(fault)).__name__) from None
        raise web_faults.not_dicomweb(peer, type(fault).__name__) from None


def root_of(fault: BaseException) -> BaseException:
    """The first cause: libraries wrap it several times, as argument, reason or context."""
    while True:
        inner = getattr(fault, "reason", None)
        if not isinstance(inner, BaseException):
            inner = next((a for a in fault.args if isinstance(a, BaseException)), None)
        if inner is None:
            inner = fault.__cause__ or fault.__context__
        if inner is None:
            return fault
        fault = inner


def _connection(peer: WebPeer, root: BaseException) -> NetworkFault:
    if isinstance(root, socket.gaierror):
        return web_faults.unknown_host(peer)
    if isinstance(root, TimeoutError):
        return web_faults.timeout(peer, is_connecting=False)
    if isinstance(root, ConnectionRefusedError):
        return web_faults.refused(peer)
    if isinstance(root, ssl.SSLError):
        return web_faults.tls(peer, root)
    if isinstance(root, OSError) and not isinstance(root, ConnectionError):
        return web_faults.unreachable(peer, type(root).__name__)
    return web_faults.cut_off(peer, type(root).__name__)


class _Bearer(AuthBase):
    """Puts the token on a request (RFC 6750); never shows it."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _authorisation(peer: WebPeer) -> AuthBase | None:
    if peer.auth == "none":
        return None
    if not peer.secret:
        raise InputError(
            f"The peer {peer.name} needs a secret ({peer.auth}) and none is known.",
            ru=f"Для узла {peer.name} нужен секрет ({peer.auth}), он не задан.",
            hint=f"Set it: overread peers secret {peer.name}",
            hint_ru=f"Задайте его: overread peers secret {peer.name}",
        )
    if any(ord(character) < 32 or ord(character) == 127 for character in peer.secret):
        raise InputError(
            f"The secret of the peer {peer.name} holds line breaks or other control characters.",
            ru=f"Секрет узла {peer.name} содержит переносы строк или управляющие символы.",
            hint=f"Set it anew: overread peers secret {peer.name}",
            hint_ru=f"Задайте его заново: overread peers secret {peer.name}",
        )
    if peer.auth == "bearer":
        return _Bearer(peer.secret)
    # bytes: RFC 7617 wants UTF-8, and text would be sent as Latin-1
    return HTTPBasicAuth(peer.user.encode("utf-8"), peer.secret.encode("utf-8"))


def _proxies(peer: WebPeer) -> dict[str, str]:
    if peer.proxy == "direct":
        return {}
    if not peer.proxy:
        return dict(requests.utils.get_environ_proxies(peer.url))
    address = peer.proxy
    if peer.proxy_user:
        scheme, _, place = address.partition("://")
        credentials = f"{quote(peer.proxy_user, safe='')}:{quote(peer.proxy_secret, safe='')}"
        address = f"{scheme}://{credentials}@{place}"
    return {"http": address, "https": address}
