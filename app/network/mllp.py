"""HL7 v2 messages over MLLP (HL7 v2 transport, appendix C): sent, and acknowledged or not.

Original acknowledgement mode: the receiver answers each message with MSA. What does not answer,
answers something else or answers to another message has not taken it.
"""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass, field
from typing import Final

from app.core.errors import NetworkFault, PeerUnavailable
from app.core.report import Message
from app.network.peers import TlsFiles
from app.network.tls import client_context

_START: Final = b"\x0b"
_END: Final = b"\x1c\r"
_LARGEST_ANSWER: Final = 1 << 18
_TAKEN: Final = ("AA", "CA")
_REJECTED: Final = ("AR", "CR")


@dataclass(frozen=True, slots=True)
class MllpPeer:
    """A receiver. ``timeout_s``: how long opening may take, and then the answer."""

    name: str
    host: str
    port: int
    tls: TlsFiles | None = field(default=None, repr=False)
    timeout_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What the receiver said. ``code`` is MSA-1; ``reason`` is None where it took the message."""

    code: str
    reason: Message | None = None
    may_retry: bool = False


def send(peer: MllpPeer, message: bytes, control_id: str) -> Acknowledgement:
    """Send one message and wait for its acknowledgement.

    Raises ``PeerUnavailable`` where nobody answers or the connection breaks, ``NetworkFault`` where
    what comes back is no acknowledgement of this message.
    """
    if _START in message or _END[:1] in message:
        raise ValueError("a message holds no byte of the framing")
    context = None if peer.tls is None else client_context(peer.tls)
    try:
        with socket.create_connection((peer.host, peer.port), peer.timeout_s) as plain:
            if context is None:
                answer = _exchange(plain, message, peer.timeout_s)
            else:
                with context.wrap_socket(plain, server_hostname=peer.host) as secured:
                    answer = _exchange(secured, message, peer.timeout_s)
    except OSError as fault:
        raise _away(peer, fault) from fault
    return _read(peer, answer, control_id)


def _exchange(line: socket.socket, message: bytes, timeout_s: float) -> bytes:
    """The first frame that comes back; empty where the line was closed before it was whole."""
    line.settimeout(timeout_s)
    line.sendall(_START + message + _END)
    deadline = time.monotonic() + timeout_s
    received = b""
    while _END not in received:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("no acknowledgement in time")
        line.settimeout(left)
        block = line.recv(65536)
        if not block:
            raise ConnectionError("closed before the acknowledgement")
        received += block
        if len(received) > _LARGEST_ANSWER:
            return b""
    frame, _, _ = received.partition(_END)
    return frame.lstrip(b"\r\n").removeprefix(_START) if _START in frame[:4] else b""


def _read(peer: MllpPeer, answer: bytes, control_id: str) -> Acknowledgement:
    text = answer.decode("utf-8", "replace")
    segments = [row for row in text.replace("\n", "\r").split("\r") if row]
    if not segments or not segments[0].startswith("MSH") or len(segments[0]) < 8:
        raise _no_answer(peer, "no MSH")
    separator = segments[0][3]
    rows = {row[:3]: row.split(separator) for row in reversed(segments)}
    said = rows.get("MSA", [])
    code = said[1].strip().upper() if len(said) > 1 else ""
    about = said[2].strip() if len(said) > 2 else ""
    if about != control_id:
        raise _no_answer(peer, "of another message")
    if code in _TAKEN:
        return Acknowledgement(code)
    if code in _REJECTED:
        return Acknowledgement(code, _refusal(peer, code, rows), may_retry=False)
    if code in ("AE", "CE"):
        return Acknowledgement(code, _refusal(peer, code, rows), may_retry=True)
    raise _no_answer(peer, "unknown code")


def _refusal(peer: MllpPeer, code: str, rows: dict[str, list[str]]) -> Message:
    """The receiver's code and error number. Its free text is left out: it may name the patient."""
    fields = rows.get("ERR", [])
    number = fields[3].split("^")[0] if len(fields) > 3 else ""
    shown = f"{code}, {number}" if number.isascii() and number.isalnum() else code
    return Message(
        f"{peer.name} did not take the report ({shown}).",
        f"{peer.name} не принимает заключение ({shown}).",
    )


def _no_answer(peer: MllpPeer, why: str) -> NetworkFault:
    return NetworkFault(
        f"{peer.name} answers with something that is no acknowledgement of the report.",
        ru=f"Ответ {peer.name} не является подтверждением заключения.",
        hint="Check that host and port are those of the HL7 receiver.",
        hint_ru="Проверьте, что адрес и порт принадлежат приёмнику HL7.",
        technical_detail=why,
    )


def _away(peer: MllpPeer, fault: OSError) -> PeerUnavailable:
    import ssl

    if isinstance(fault, ssl.SSLCertVerificationError):
        return PeerUnavailable(
            f"The certificate of {peer.name} cannot be trusted.",
            ru=f"Сертификату {peer.name} нельзя доверять.",
            hint="Check ca_file and host in the settings; nothing was sent.",
            hint_ru="Проверьте ca_file и host в настройках; ничего не отправлено.",
            technical_detail=fault.reason or "",
        )
    return PeerUnavailable(
        f"{peer.name} does not answer.",
        ru=f"{peer.name} не отвечает.",
        hint="It is tried again by itself.",
        hint_ru="Отправка повторится автоматически.",
        technical_detail=type(fault).__name__,
    )
