"""What a time server says of our clock; what does not answer or is not in step says nothing."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from app.network.time_server import clock_offset_s

_EPOCH_S = 2_208_988_800


def _stamp(seconds: float) -> bytes:
    ntp = seconds + _EPOCH_S
    return struct.pack(">II", int(ntp) % (1 << 32), int((ntp % 1) * 2**32))


@contextmanager
def _server(ahead_s: float, first: bytes = b"\x24\x02", size: int = 48) -> Iterator[str]:
    """A server on loopback that answers one question."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind(("127.0.0.1", 0))
        line.settimeout(10)

        def answer() -> None:
            question, asker = line.recvfrom(100)
            assert question[0] & 7 == 3
            now = _stamp(time.time() + ahead_s)
            line.sendto((first + bytes(30) + now + now)[:size], asker)

        thread = threading.Thread(target=answer)
        thread.start()
        yield f"127.0.0.1:{line.getsockname()[1]}"
        thread.join()


@pytest.mark.parametrize("ahead_s", [0.0, 3600.0, -3600.0])
def test_the_offset_is_told(ahead_s: float) -> None:
    with _server(ahead_s) as address:
        offset = clock_offset_s(address, timeout_s=10.0)
    assert offset == pytest.approx(ahead_s, abs=5.0)  # a machine may be slow


@pytest.mark.parametrize("first", [b"\xe4\x02", b"\x23\x02", b"\x24\x00", b"\x24\x10"])
def test_a_server_that_is_not_in_step_says_nothing(first: bytes) -> None:
    with _server(0.0, first) as address:
        assert clock_offset_s(address, timeout_s=10.0) is None


def test_a_short_answer_says_nothing() -> None:
    with _server(0.0, size=20) as address:
        assert clock_offset_s(address, timeout_s=10.0) is None


def test_no_server_says_nothing() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{line.getsockname()[1]}"
        assert clock_offset_s(address, timeout_s=0.05) is None
    assert clock_offset_s("127.0.0.1:no-port", timeout_s=0.05) is None
