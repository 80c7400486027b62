"""What pynetdicom lacks for our work, added by its own seams: socket, entity, message service.

- The reason of a failed connection is kept, and the socket is closed then.
- Time-outs mean silence: an object that takes minutes is no time-out while its bytes flow.
- A received object goes to the inbox block by block, never as a whole to memory.
- Who waits for an answer looks around (``tick``): for the user's cancel.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import socket
import ssl
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any, Final, cast

from pynetdicom import AE, _config, evt
from pynetdicom.association import Association
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dimse_messages import C_STORE_RQ, DIMSEMessage
from pynetdicom.dimse_primitives import DimseServiceType
from pynetdicom.dul import DULServiceProvider
from pynetdicom.fsm import InvalidEventError, StateMachine
from pynetdicom.pdu_primitives import A_P_ABORT, P_DATA
from pynetdicom.transport import T_CONNECT, AddressInformation, AssociationSocket

from app.core.errors import AppError, EnvironmentFault
from app.dicom.tolerant import MALFORMED, quiet
from app.network.file_head import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION, FileHead
from app.network.inbox import Inbox, Part

MAXIMUM_PDU_BYTES: Final = 1 << 18
# Nobody sends such by the standard; a broken or hostile caller must not fill our memory.
_LARGEST_PDU_BYTES: Final = 1 << 25
_LARGEST_MESSAGE_BYTES: Final = 1 << 25
_BLOCK_BYTES: Final = 1 << 16
# A peer that leaves Nagle's algorithm on waits for our delayed acknowledgement, 40 ms for each
# image: 300 images took 15 s from Orthanc and take 1.5 s with this. Linux alone has the option.
_QUICK_ACK: Final[int | None] = getattr(socket, "TCP_QUICKACK", None)
_TICK_SECONDS: Final = 0.1
_Received = tuple[None, None] | tuple[int, DimseServiceType]

_log = logging.getLogger("overread.network")

# Identifiers hold patient data, so nothing of them may reach a log.
_config.LOG_HANDLER_LEVEL = "none"
_config.LOG_REQUEST_IDENTIFIERS = False
_config.LOG_RESPONSE_IDENTIFIERS = False
_config.UNRESTRICTED_STORAGE_SERVICE = True
_config.STORE_SEND_CHUNKED_DATASET = True


class WireEntity(AE):
    """An application entity that calls peers through ``WireSocket`` and ``WireMessages``."""

    def __init__(self, ae_title: str, inbox: Inbox | None = None) -> None:
        super().__init__(ae_title)
        self.implementation_class_uid = IMPLEMENTATION_CLASS_UID
        self.implementation_version_name = IMPLEMENTATION_VERSION
        self._inbox = inbox

    def _create_socket(
        self,
        assoc: Association,
        address: AddressInformation,
        tls_args: tuple[ssl.SSLContext, str] | None,
    ) -> AssociationSocket:
        fit_out(assoc, self._inbox)
        wire = WireSocket(assoc, address=address)
        wire.tls_args = tls_args
        return wire


def fit_out(association: Association, inbox: Inbox | None) -> None:
    """Give an association that has not begun our reactor and messages."""
    association.dul = WireReactor(association)
    association.dimse = WireMessages(association, inbox)
    # Its timers live in the reactor, so they are set again.
    association.acse_timeout = association.ae.acse_timeout
    association.network_timeout = association.ae.network_timeout


def forget_unfinished(association: Association) -> None:
    """Remove what was still arriving when an association ended: it will never be complete."""
    if isinstance(association.dimse, WireMessages):
        association.dimse.discard_unfinished()


def hang_up(connection: socket.socket) -> None:
    """End a connection as if the peer had, from any thread: its own thread notices and tidies up.

    The plain method, since that of a TLS socket changes what its own thread is using.
    """
    with contextlib.suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


class WireReactor(DULServiceProvider):
    """Reads and writes PDUs in a thread: nonsense of a peer ends the association, not the thread.

    pynetdicom raises there what would reach the program's crash handler.
    """

    def __init__(self, assoc: Association) -> None:
        super().__init__(assoc)
        self.state_machine = _QuietMachine(self)
        self.daemon = True  # as the association's own thread

    def run_reactor(self) -> None:
        """Serve the connection until it ends."""
        try:
            super().run_reactor()
        except (*MALFORMED, InvalidEventError) as error:
            _log.warning("an association was broken off: %s", type(error).__name__)
            self._give_up()
        if self.assoc.is_acceptor and self.assoc.requestor.primitive is None:
            # The caller left before its first word, as scanners of ports do. None is how the wait
            # for that word times out; else it would take up one of few places for a minute.
            self.to_user_queue.put(cast(Any, None))

    def _give_up(self) -> None:
        """Close the connection and wake up whoever waits for it."""
        if self.socket is not None:
            self.socket._shutdown_socket()
        self.assoc.is_aborted = True
        self.assoc.is_established = False
        self.assoc._kill = True
        self.to_user_queue.put(A_P_ABORT())
        self.assoc.dimse.msg_queue.put((None, None))


class _QuietMachine(StateMachine):
    """Without pydicom's warnings of UIDs that are none: they are the peer's."""

    def do_action(self, event: str) -> None:
        with quiet():
            super().do_action(event)


class WireSocket(AssociationSocket):
    """Remembers why it failed and when the last byte went through. Used by pynetdicom's thread."""

    def __init__(
        self,
        assoc: Association,
        client_socket: socket.socket | None = None,
        address: AddressInformation | None = None,
    ) -> None:
        self.failure: OSError | None = None
        self.active_at = time.monotonic()
        super().__init__(assoc, client_socket, address)
        if client_socket is not None:
            self._ready_for_work(client_socket)

    def connect(self, primitive: T_CONNECT) -> None:
        """Connect, then shake hands where TLS is asked for."""
        wire = cast(socket.socket, self.socket)
        try:
            wire.settimeout(self.assoc.connection_timeout)
            wire.connect(primitive.address_info.as_tuple)
            if self.tls_args:
                context, server_name = self.tls_args
                wire = context.wrap_socket(wire, server_hostname=server_name)
                self.socket = wire
            self._ready_for_work(wire)
            local = AddressInformation.from_tuple(wire.getsockname())
            self.assoc.requestor.address_info = local
            self._is_connected = True
            evt.trigger(self.assoc, evt.EVT_CONN_OPEN, {"address": primitive.address_info.as_tuple})
            primitive.result = "Evt2"
        except OSError as error:
            self.failure = error
            wire.close()
            self.socket = None
            primitive.result = "Evt17"
        finally:
            self.provider_queue.put(primitive)
            self._ready.set()

    def recv(self, nr_bytes: int) -> bytearray:
        """Read ``nr_bytes``; fewer where the peer closed. Raises ``OSError``."""
        wire = cast(socket.socket, self.socket)
        received = bytearray()
        try:
            if nr_bytes > _LARGEST_PDU_BYTES:
                raise ConnectionAbortedError("a PDU longer than any that was agreed upon")
            if _QUICK_ACK is not None:
                wire.setsockopt(socket.IPPROTO_TCP, _QUICK_ACK, 1)
            while len(received) < nr_bytes:
                block = wire.recv(min(_BLOCK_BYTES, nr_bytes - len(received)))
                if not block:
                    break
                received += block
                self.active_at = time.monotonic()
        except OSError as error:
            self.failure = error
            raise
        return received

    def send(self, bytestream: bytes) -> None:
        """Write all; a failure ends the association as a closed connection does."""
        wire = self.socket
        try:
            if wire is None:
                raise ConnectionAbortedError("closed")
            rest = memoryview(bytestream)
            while rest:
                rest = rest[wire.send(rest[:_BLOCK_BYTES]) :]
                self.active_at = time.monotonic()
        except OSError as error:
            self.failure = self.failure or error
            self.event_queue.put("Evt17")

    def _ready_for_work(self, wire: socket.socket) -> None:
        # Requests and answers alternate: with Nagle's algorithm each would wait for the other's
        # delayed acknowledgement.
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wire.settimeout(self.assoc.dimse_timeout)

    def _shutdown_socket(self) -> None:
        wire = self.socket
        if wire is not None:
            try:
                wire.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # not connected any more
            finally:
                wire.close()


class WireMessages(DIMSEServiceProvider):
    """The messages of one association.

    ``inbox``: where objects of incoming C-STORE requests go. ``tick`` is called ten times a second
    while an answer is waited for; it returns False to wait no longer.
    """

    def __init__(self, assoc: Association, inbox: Inbox | None) -> None:
        super().__init__(assoc)
        self.tick: Callable[[], bool] = _always
        self._inbox = inbox
        self._incoming: list[IncomingObject] = []

    def get_msg(self, block: bool = False) -> _Received:
        """The next message, or a pair of None where none came and nothing moved."""
        if not block:
            # Asked by the association's own thread, which must not run away with the answer to a
            # request of ours: pynetdicom pauses it for that, but not in time on a busy computer.
            return (None, None) if self.assoc.is_requestor else super().get_msg(block=False)
        began = time.monotonic()
        while True:
            if not self.tick():
                return None, None
            try:
                return self.msg_queue.get(timeout=_TICK_SECONDS)
            except queue.Empty:
                wire = self.dul.socket
                active_at = wire.active_at if isinstance(wire, WireSocket) else began
                silence = time.monotonic() - max(began, active_at)
                if self.dimse_timeout is not None and silence >= self.dimse_timeout:
                    return None, None

    def receive_primitive(self, primitive: P_DATA) -> None:
        """Take a piece of a message from the wire; pynetdicom's thread."""
        if self.message is None:
            self.message = DIMSEMessage()
            self.message.encoded_command_set = BoundedBytes()
            if self._inbox is not None:
                self._incoming = [entry for entry in self._incoming if entry.is_open]
                self._incoming.append(IncomingObject(self.message, self.assoc, self._inbox))
                self.message.data_set = self._incoming[-1]
        super().receive_primitive(primitive)

    def discard_unfinished(self) -> None:
        """Remove what was being received; called when the association is over."""
        for entry in self._incoming:
            entry.discard()
        self._incoming = []


class BoundedBytes(BytesIO):
    """Bytes in memory, up to what any message may need."""

    def write(self, block: Any) -> int:  # noqa: ANN401 - as BytesIO says
        """Append. Raises ``OverflowError``, upon which pynetdicom aborts the association."""
        if self.tell() + len(block) > _LARGEST_MESSAGE_BYTES:
            raise OverflowError("a message longer than any service needs")
        return super().write(block)


class IncomingObject(BoundedBytes):
    """The data set of a message while it arrives: of a C-STORE request a file, else in memory.

    A full disk must not break the association off: it is remembered in ``fault``, the rest of the
    object is read and thrown away, and the handler answers with a status.
    """

    def __init__(self, message: DIMSEMessage, assoc: Association, inbox: Inbox) -> None:
        super().__init__()
        self._message = message
        self._assoc = assoc
        self._inbox = inbox
        self._part: Part | None = None
        self._is_over = False
        self.fault: AppError | None = None

    @property
    def is_open(self) -> bool:
        """Whether it may still become a file."""
        return not self._is_over

    def write(self, block: Any) -> int:  # noqa: ANN401 - as BytesIO says
        """Take a block; pynetdicom's thread."""
        if not isinstance(self._message, C_STORE_RQ):
            return super().write(block)
        if self.fault is None:
            try:
                if self._part is None:
                    self._part = self._begin()
                self._part.write(block)
            except AppError as error:
                self.fault = error
                self.discard()
        return len(block)

    def commit(self, sop_instance_uid: str) -> Path:
        """The path of the complete object. Raises ``AppError``; the association's thread."""
        self._is_over = True
        if self.fault is not None:
            raise self.fault
        if self._part is None:
            raise EnvironmentFault(
                "The peer sent an object without content.", ru="Узел прислал пустой объект."
            )
        return self._part.commit(sop_instance_uid)

    def discard(self) -> None:
        """Remove the file unless it is complete."""
        self._is_over = True
        if self._part is not None:
            self._part.discard()

    def _begin(self) -> Part:
        """A new file with the preamble and the meta information (PS3.10 7.1)."""
        command = self._message.command_set
        context = self._assoc._accepted_cx.get(cast(int, self._message.context_id))
        if context is None or self._is_over:
            raise EnvironmentFault(
                "The peer sent an object that was not agreed upon.",
                ru="Узел прислал объект, о котором не было договорённости.",
            )
        head = FileHead(
            sop_class_uid=str(command.AffectedSOPClassUID),
            sop_instance_uid=str(command.AffectedSOPInstanceUID),
            transfer_syntax_uid=str(context.transfer_syntax[0]),
            sender=str(self._assoc.remote["ae_title"] or ""),
        )
        part = self._inbox.new_part()
        part.write(head.encoded())
        return part


def _always() -> bool:
    return True
