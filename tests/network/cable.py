"""A network cable that a test can cut: a TCP proxy that ends both sides after some bytes."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Cable:
    """Forwards each connection to ``port`` of loopback.

    After ``cut_after`` bytes in the direction ``cut_answers`` (True: from the server) every open
    connection is reset. None: never. Each block of 16 KB takes ``block_s`` seconds.
    """

    def __init__(
        self, port: int, cut_after: int | None, *, cut_answers: bool = True, block_s: float = 0.0
    ) -> None:
        self._port = port
        self._block_s = block_s
        self._cut_answers = cut_answers
        self._threads: list[threading.Thread] = []
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.cut_after = cut_after
        self.port = int(self._listener.getsockname()[1])

    def serve(self) -> None:
        """Accept until closed."""
        while not self._over.is_set():
            readable, _, _ = select.select([self._listener], [], [], 0.05)
            if readable:
                client, _ = self._listener.accept()
                thread = threading.Thread(target=self._forward, args=(client,))
                self._threads.append(thread)
                thread.start()

    def end(self) -> None:
        """Make ``serve`` return."""
        self._over.set()

    def close(self) -> None:
        """Release everything, after ``serve`` returned."""
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _forward(self, client: socket.socket) -> None:
        passed = 0
        with client, socket.create_connection(("127.0.0.1", self._port)) as server:
            while not self._over.is_set():
                readable, _, _ = select.select([client, server], [], [], 0.05)
                for source in readable:
                    target = client if source is server else server
                    block = b""
                    with contextlib.suppress(OSError):
                        block = source.recv(16384)
                    if not block:
                        return
                    passed += len(block) if (source is server) == self._cut_answers else 0
                    if self.cut_after is not None and passed > self.cut_after:
                        for end in (client, server):
                            reset = struct.pack("ii", 1, 0)
                            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
                        return
                    with contextlib.suppress(OSError):
                        target.sendall(block)
                    time.sleep(self._block_s)


@contextmanager
def cable_to(
    port: int, cut_after: int | None = None, *, cut_answers: bool = True, block_s: float = 0.0
) -> Iterator[Cable]:
    """A running cable."""
    cable = Cable(port, cut_after, cut_answers=cut_answers, block_s=block_s)
    thread = threading.Thread(target=cable.serve)
    thread.start()
    try:
        yield cable
    finally:
        cable.end()
        thread.join()
        cable.close()
