"""The one place where an association is opened; it is always released or aborted.

Every failure is a ``NetworkFault`` that names the peer and the reason.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom import build_role
from pynetdicom.association import Association
from pynetdicom.presentation import build_context

from app.core.errors import NetworkFault
from app.core.report import Message
from app.network import wire_faults
from app.network.inbox import Inbox
from app.network.peers import DimsePeer
from app.network.tls import client_context
from app.network.wire import (
    MAXIMUM_PDU_BYTES,
    WireEntity,
    WireMessages,
    WireSocket,
    forget_unfinished,
)

T = TypeVar("T")

MAXIMUM_CONTEXTS: Final = 128
_END_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is asked of a peer: the service in words, its contexts, and the part of an acceptor.

    ``contexts`` are pairs of a SOP class and the transfer syntaxes offered for it; without
    ``required``, one of these classes, the association is of no use. For the classes
    of ``received_classes`` we take objects in (C-GET, PS3.7 D.3.3.4). ``handlers`` are
    pynetdicom's; ``inbox`` takes the objects that come over this association.
    """

    service: Message
    contexts: Sequence[tuple[str, Sequence[str]]]
    required: str = ""
    received_classes: Sequence[str] = ()
    handlers: Sequence[Any] = ()
    inbox: Inbox | None = None


class Link:
    """An open association with ``peer``. One thread uses it."""

    def __init__(self, peer: DimsePeer, association: Association) -> None:
        self.peer: Final = peer
        self.association: Final = association

    @property
    def accepted(self) -> tuple[tuple[str, str], ...]:
        """Pairs of SOP class and transfer syntax in which the peer serves us."""
        return tuple(
            (str(context.abstract_syntax), str(context.transfer_syntax[0]))
            for context in self.association.accepted_contexts
            if context.as_scu
        )

    @property
    def implementation(self) -> str:
        """What the peer's program calls itself."""
        return str(self.association.acceptor.implementation_version_name or "")

    def on_waiting(self, tick: Callable[[], bool]) -> None:
        """Call ``tick`` while an answer is waited for; False waits no longer."""
        messages = self.association.dimse
        if isinstance(messages, WireMessages):
            messages.tick = tick

    def request(self, operation: Callable[..., T], *arguments: object, **options: object) -> T:
        """Call a ``send_`` method of the association. Raises ``NetworkFault`` where it is over."""
        try:
            return operation(*arguments, **options)
        except RuntimeError as error:  # how pynetdicom says that the association ended meanwhile
            raise self.broken() from error

    def keep_waiting(self) -> None:
        """Count this moment as a sign of life: the peer works for us on another connection."""
        wire = self.association.dul.socket
        if isinstance(wire, WireSocket):
            wire.active_at = time.monotonic()

    def status_of(self, answer: Dataset) -> int:
        """The status of an answer. Raises ``NetworkFault`` where the answer never came."""
        if "Status" in answer:
            return int(answer.Status)
        raise self.broken()

    def broken(self) -> NetworkFault:
        """Why there is no answer: silence, a lost connection, or an abort of the peer."""
        wire = self.association.dul.socket
        failure = wire.failure if isinstance(wire, WireSocket) else None
        if failure is not None and not isinstance(failure, TimeoutError):
            return wire_faults.lost(self.peer, str(failure))
        if failure is not None or self.association._sent_abort:
            return wire_faults.silent(self.peer)
        return wire_faults.broken_off(self.peer)


@contextlib.contextmanager
def associate(peer: DimsePeer, proposal: Proposal) -> Iterator[Link]:
    """An association for the block: released at its end, aborted where the block raises.

    Raises ``NetworkFault``: no connection, refused, none of the contexts accepted;
    ``EnvironmentFault`` where our own TLS files cannot be read.
    """
    link = _open(peer, proposal)
    try:
        yield link
        if link.association.is_established:
            link.association.release()
    finally:
        _close(link.association)


def _open(peer: DimsePeer, proposal: Proposal) -> Link:
    entity = WireEntity(peer.calling_ae_title, proposal.inbox)
    entity.acse_timeout = entity.dimse_timeout = entity.connection_timeout = peer.timeout_s
    entity.network_timeout = None  # silence is judged by WireMessages, while it waits
    try:
        association = entity.associate(
            peer.host,
            peer.port,
            contexts=[build_context(uid, list(syntaxes)) for uid, syntaxes in proposal.contexts],
            ae_title=peer.ae_title,
            max_pdu=MAXIMUM_PDU_BYTES,
            ext_neg=[build_role(UID(uid), scp_role=True) for uid in proposal.received_classes],
            tls_args=None if peer.tls is None else (client_context(peer.tls), peer.host),
            evt_handlers=list(proposal.handlers),
        )
    except socket.gaierror as error:
        raise wire_faults.of_connection(peer, error) from error
    if association.is_established:
        _forget_what_was_not_offered(association)
        link = Link(peer, association)
        classes = {uid for uid, _ in link.accepted}
        if classes and (not proposal.required or proposal.required in classes):
            return link
    fault = _refusal(peer, association, proposal.service)
    _close(association)
    raise fault


def _forget_what_was_not_offered(association: Association) -> None:
    """A peer may only choose; with a syntax of its own invention nothing could be exchanged."""
    offered = {
        context.context_id: context.transfer_syntax
        for context in association.requestor.requested_contexts
    }
    for number, context in list(association._accepted_cx.items()):
        if context.transfer_syntax[0] not in offered.get(number, ()):
            del association._accepted_cx[number]


def _refusal(peer: DimsePeer, association: Association, service: Message) -> NetworkFault:
    """Why there is no association."""
    wire = association.dul.socket
    failure = wire.failure if isinstance(wire, WireSocket) else None
    answer = association.acceptor.primitive
    if association.is_rejected and answer is not None:
        return wire_faults.rejected(peer, answer.result_source or 0, answer.diagnostic or 0)
    if answer is not None:
        return wire_faults.nothing_in_common(peer, service)
    if failure is not None and not isinstance(failure, ConnectionResetError | BrokenPipeError):
        return wire_faults.of_connection(peer, failure)
    if association._sent_abort:
        return wire_faults.silent(peer)
    return wire_faults.closed_unasked(peer)


def _close(association: Association) -> None:
    """End the association, its thread and its socket, whatever state they are in."""
    if association.is_established:
        association.abort()
    association.kill()
    association.dul.kill_dul()
    for thread in (association.dul, association):
        if thread.is_alive():
            thread.join(_END_SECONDS)
    wire = association.dul.socket
    if wire is not None and wire.socket is not None:
        wire.close()
    forget_unfinished(association)
