"""An HL7 receiver on loopback: one frame per connection, answered as the test says."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Answer = Callable[[socket.socket, bytes], None]


def acknowledgement(code: str, about: str, more: str = "") -> bytes:
    """A framed ACK."""
    head = "MSH|^~\\&|C|D|A|B|2026||ACK^R01|X|P|2.5.1"
    return f"\x0b{head}\rMSA|{code}|{about}\r{more}\x1c\r".encode()


def says(content: bytes) -> Answer:
    """Answers with these bytes, whatever comes."""
    return lambda line, _received: line.sendall(content)


def acknowledges(code: str = "AA") -> Answer:
    """Answers about the message that came."""

    def answer(line: socket.socket, received: bytes) -> None:
        identifier = received.decode().split("\r")[0].split("|")[9]
        line.sendall(acknowledgement(code, identifier))

    return answer


class Receiver:
    """Takes one frame per connection, keeps it, and answers as it is told."""

    def __init__(self, answer: Answer, context: ssl.SSLContext | None = None) -> None:
        self.frames: list[bytes] = []
        self.answer = answer
        self.released = threading.Event()
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        """End; what waits in an answer is released."""
        self.released.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            try:
                if self._context is not None:
                    line = self._context.wrap_socket(line, server_side=True)
                received = b""
                while not received.endswith(b"\x1c\r"):
                    block = line.recv(65536)
                    if not block:
                        break
                    received += block
                if received:  # else somebody only looked whether the port is open
                    self.frames.append(received)
                    self.answer(line, received)
            except OSError:
                pass
            finally:
                line.close()


@contextmanager
def receiver(answer: Answer, context: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """Running while the block runs."""
    one = Receiver(answer, context)
    try:
        yield one
    finally:
        one.close()
