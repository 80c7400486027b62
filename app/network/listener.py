"""We as a peer: receives objects (C-STORE) and says that it is there (C-ECHO).

All storage SOP classes and transfer syntaxes are accepted, private and future ones too: what
cannot be shown is listed with the reason later, which is better than a peer that cannot send.
"""

from __future__ import annotations

import errno
import logging
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from socketserver import BaseServer
from typing import Any, Final

from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import evt
from pynetdicom.association import Association
from pynetdicom.transport import RequestHandler, ThreadedAssociationServer

from app.core.errors import NetworkFault
from app.network.inbox import Inbox
from app.network.peers import OUR_AE_TITLE, TlsFiles, check_ae_title
from app.network.reception import Arrivals, OnObject, Reception
from app.network.tls import server_context
from app.network.wire import (
    MAXIMUM_PDU_BYTES,
    WireEntity,
    WireSocket,
    fit_out,
    forget_unfinished,
    hang_up,
)

VERIFICATION: Final = "1.2.840.10008.1.1"
STORAGE_COMMITMENT: Final = "1.2.840.10008.1.20.1"
_SYNTAXES: Final = [str(ExplicitVRLittleEndian), str(ImplicitVRLittleEndian)]
_POLL_SECONDS: Final = 0.1
_HANDSHAKE_SECONDS: Final = 10.0
_END_SECONDS: Final = 10.0
_log = logging.getLogger("overread.network")

OnReport = Callable[[int, Dataset], None]


@dataclass(frozen=True, slots=True)
class ListenerSettings:
    """How we listen.

    ``host`` empty: at every address of the computer; ``port`` 0: a free one. ``check_called``:
    who calls us by another AE title is refused. ``allowed_calling``: who may call (empty: all).
    ``timeout_s``: a caller that stays silent as long is cut off.
    """

    ae_title: str = OUR_AE_TITLE
    host: str = ""
    port: int = 11112
    tls: TlsFiles | None = field(default=None, repr=False)
    check_called: bool = True
    allowed_calling: tuple[str, ...] = ()
    maximum_associations: int = 10
    timeout_s: float = 60.0

    def __post_init__(self) -> None:
        for title in (self.ae_title, *self.allowed_calling):
            check_ae_title(title)


class Listener:
    """Listens in threads of its own between ``start`` and ``stop``.

    ``on_object(path)`` is called for every complete object, in the thread of its association; the
    peer is told of success when it returns.
    """

    def __init__(
        self, settings: ListenerSettings, inbox: Inbox, on_object: OnObject | None = None
    ) -> None:
        self.settings: Final = settings
        self.inbox: Final = inbox
        self._reception = Reception(on_object)
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None
        self._reports: dict[str, OnReport] = {}
        self._lock = threading.Lock()

    @property
    def port(self) -> int:
        """The port that it listens at; 0 while it does not."""
        return int(self._server.server_address[1]) if self._server is not None else 0

    def start(self) -> None:
        """Begin to listen; first removes what a crash left half received.

        Raises ``NetworkFault`` where the port is taken or not allowed, ``EnvironmentFault`` for
        bad TLS files. A second call while it listens does nothing.
        """
        if self._server is not None:
            return
        settings = self.settings
        tls = None if settings.tls is None else server_context(settings.tls)
        self.inbox.recover()
        entity = WireEntity(settings.ae_title, self.inbox)
        entity.require_called_aet = settings.check_called
        entity.require_calling_aet = list(settings.allowed_calling)
        entity.maximum_associations = settings.maximum_associations
        entity.maximum_pdu_size = MAXIMUM_PDU_BYTES
        entity.acse_timeout = entity.dimse_timeout = settings.timeout_s
        entity.network_timeout = settings.timeout_s
        entity.add_supported_context(VERIFICATION, _SYNTAXES)
        entity.add_supported_context(STORAGE_COMMITMENT, _SYNTAXES, scu_role=False, scp_role=True)
        handlers: list[Any] = [
            (evt.EVT_C_STORE, self._reception.take),
            (evt.EVT_N_EVENT_REPORT, self._take_report),
        ]
        try:
            self._server = _Server(
                entity,
                (settings.host, settings.port),
                settings.ae_title,
                entity.supported_contexts,
                evt_handlers=handlers,
                request_handler=_Caller,
            )
        except OSError as error:
            raise _cannot_listen(settings, error) from error
        self._server.tls = tls
        self._server.inbox = self.inbox
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            args=(_POLL_SECONDS,),
            name="dicom-listener",
            daemon=True,  # a program that fails to stop it can still end
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop listening and break off what is being received; returns when no thread is left."""
        server, thread = self._server, self._thread
        self._server = self._thread = None
        if server is None or thread is None:
            return
        server.end_loop()
        thread.join()
        server.hang_up_all()
        server.server_close()

    def watching(self, expected: Collection[str], sender: str) -> AbstractContextManager[Arrivals]:
        """Count what arrives for one retrieval (``Reception.watching``)."""
        return self._reception.watching(expected, sender)

    def expect_report(self, transaction_uid: str, on_report: OnReport | None) -> None:
        """Call ``on_report(event type, data set)`` for a commitment report; None: no more."""
        with self._lock:
            if on_report is None:
                self._reports.pop(transaction_uid, None)
            else:
                self._reports[transaction_uid] = on_report

    def _take_report(self, event: evt.Event) -> tuple[int, None]:
        return take_report(event, self._reports, self._lock)


def take_report(
    event: evt.Event, waiting: dict[str, OnReport], lock: threading.Lock
) -> tuple[int, None]:
    """Handler of ``EVT_N_EVENT_REPORT``: to whoever asked for this transaction (PS3.4 J.3.3)."""
    report = event.event_information
    with lock:
        on_report = waiting.get(str(report.get("TransactionUID", "")))
    if on_report is None:
        return 0x0112, None
    on_report(int(event.event_type or 0), report)
    return 0x0000, None


class _Server(ThreadedAssociationServer):
    """One thread for each caller: the TLS handshake, the association, tidying up after it."""

    daemon_threads = True
    request_queue_size = 64  # with pynetdicom's 5 a burst of callers waits for seconds
    block_on_close = False  # ``hang_up_all`` waits
    tls: ssl.SSLContext | None = None
    inbox: Inbox

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - as pynetdicom's
        self._lock = threading.Lock()
        self._connections: dict[socket.socket, socket.socket] = {}
        super().__init__(*arguments, **options)

    def server_bind(self) -> None:
        """Take the port; on Windows for ourselves alone, which its SO_REUSEADDR does not mean."""
        if sys.platform == "win32" and self.socket is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
            self.socket.bind(self.server_address)
            self.server_address = self.socket.getsockname()
        else:
            super().server_bind()

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Begin the thread of one caller."""
        with self._lock:
            self._connections[request] = request
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Serve one caller; a silent one blocks nobody else, a failed handshake ends it."""
        connection: socket.socket = request
        try:
            if self.tls is not None:
                connection = self._shake_hands(request, self.tls)
            self.finish_request(connection, client_address)
        except OSError as error:
            _log.warning("a caller was turned away: %s", type(error).__name__)
        finally:
            connection.close()
            with self._lock:
                del self._connections[request]

    def end_loop(self) -> None:
        """Accept nobody any more."""
        BaseServer.shutdown(self)

    def hang_up_all(self) -> None:
        """End every connection, wherever it stands; returns when their threads are done."""
        deadline = time.monotonic() + _END_SECONDS
        while time.monotonic() < deadline:
            with self._lock:
                connections = tuple(self._connections.values())
            if not connections:
                break
            for connection in connections:
                hang_up(connection)
            time.sleep(_POLL_SECONDS / 10)

    def _shake_hands(self, request: socket.socket, tls: ssl.SSLContext) -> ssl.SSLSocket:
        wrapped = tls.wrap_socket(request, server_side=True, do_handshake_on_connect=False)
        with self._lock:
            self._connections[request] = wrapped
        wrapped.settimeout(_HANDSHAKE_SECONDS)
        try:
            wrapped.do_handshake()
        except OSError:
            wrapped.close()
            raise
        return wrapped


class _Caller(RequestHandler):
    """One caller; its association writes into the inbox."""

    server: _Server

    def handle(self) -> None:
        """Serve the association to its end, then remove what it left unfinished."""
        association = self._create_association()
        evt.trigger(association, evt.EVT_CONN_OPEN, {"address": self.client_address})
        association.start()
        association.join()
        association.dul.kill_dul()
        association.dul.join()
        forget_unfinished(association)

    def _create_association(self) -> Association:
        association = super()._create_association()
        fit_out(association, self.server.inbox)
        association.set_socket(WireSocket(association, client_socket=self.request))
        return association


def _cannot_listen(settings: ListenerSettings, error: OSError) -> NetworkFault:
    host, port = settings.host, settings.port
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return NetworkFault(
            f"This computer has no address {host}.",
            ru=f"У этого компьютера нет адреса {host}.",
            hint="Leave the address empty to listen at all addresses of this computer.",
            hint_ru="Оставьте адрес пустым, чтобы принимать по всем адресам компьютера.",
            technical_detail=str(error),
        )
    if isinstance(error, PermissionError):
        return NetworkFault(
            f"This user may not listen at port {port}.",
            ru=f"Этому пользователю нельзя принимать соединения на порту {port}.",
            hint="Choose a port from 1024 up, for example 11112.",
            hint_ru="Выберите порт от 1024, например 11112.",
            technical_detail=str(error),
        )
    return NetworkFault(
        f"Port {port} cannot be listened at; another program may use it.",
        ru=f"Порт {port} занят или недоступен.",
        hint="Choose another port, or end the other program.",
        hint_ru="Выберите другой порт или закройте другую программу.",
        technical_detail=str(error),
    )
