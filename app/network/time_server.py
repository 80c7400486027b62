"""One question to a time server (SNTP, RFC 4330): how far is our clock off."""

from __future__ import annotations

import socket
import struct
import time
from typing import Final

# from 1900, where NTP begins, to 1970
_EPOCH_S: Final = 2_208_988_800
_PACKET: Final = 48
_REQUEST: Final = b"\x23" + bytes(_PACKET - 1)


def clock_offset_s(server: str, *, timeout_s: float = 1.0) -> float | None:
    """Seconds that the server is ahead of us; None where it does not answer or is not in step.

    ``server`` is a name or address, with ``:port`` if it is not 123. Blocks up to ``timeout_s``.
    """
    host, _, port = server.partition(":") if server.count(":") == 1 else (server, "", "")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, int(port or 123), type=socket.SOCK_DGRAM
        )[0]
        with socket.socket(family, kind, protocol) as line:
            line.settimeout(timeout_s)
            line.connect(address)
            sent = time.time()
            line.send(_REQUEST)
            answer = line.recv(_PACKET * 2)
            received = time.time()
    except (OSError, ValueError):
        return None
    return _offset_s(answer, sent, received)


def _offset_s(answer: bytes, sent: float, received: float) -> float | None:
    if len(answer) < _PACKET:
        return None
    leap, mode, stratum = answer[0] >> 6, answer[0] & 7, answer[1]
    if leap == 3 or mode != 4 or not 0 < stratum < 16:
        return None
    arrived, left = (_seconds(answer[start : start + 8]) for start in (32, 40))
    return ((arrived - sent) + (left - received)) / 2


def _seconds(stamp: bytes) -> float:
    whole, fraction = struct.unpack(">II", stamp)
    # after 2036 the seconds begin anew (RFC 4330, section 3)
    era = 0 if whole & 0x8000_0000 else 1 << 32
    return float(whole + era - _EPOCH_S) + float(fraction) / 2**32
