"""``multipart/related`` bodies (RFC 2387) block by block: a study never lies in memory."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from email.message import Message as MimeHeader
from pathlib import Path
from typing import Final

_BLOCK: Final = 1 << 18
_LONGEST_HEADER: Final = 1 << 16


class BrokenMultipart(ValueError):
    """The body ends before its last boundary, or is no multipart body at all."""


def parameter(content_type: str, name: str) -> str:
    """A parameter of a Content-Type value such as ``boundary``, without quotes, or empty."""
    header = MimeHeader()
    header["Content-Type"] = content_type
    found = header.get_param(name)
    return found if isinstance(found, str) else ""


class Parts:
    """The parts of a body that comes as ``blocks``, in order, each as blocks again.

    Raises ``BrokenMultipart`` where the body is cut off: the last part is then not whole, and the
    consumer of its blocks meets the fault before it can take it for whole.
    """

    def __init__(self, blocks: Iterator[bytes], boundary: str) -> None:
        self._blocks = blocks
        self._delimiter = b"\r\n--" + boundary.encode("ascii", "replace")
        # the first boundary may stand at the very start
        self._buffer = bytearray(b"\r\n")

    def __iter__(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        """Content type and blocks of each part; what a consumer leaves of a part is skipped."""
        self._skip(self._until_delimiter())
        while not self._is_last():
            content_type = self._header()
            content = self._until_delimiter()
            yield content_type, content
            self._skip(content)

    def _is_last(self) -> bool:
        self._have(2)
        return self._buffer.startswith(b"--")

    def _header(self) -> str:
        """The content type of the part that begins here."""
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if len(self._buffer) > _LONGEST_HEADER:
                raise BrokenMultipart("the header of a part does not end")
            self._have(len(self._buffer) + 1)
        lines = self._buffer[:end].decode("latin-1").split("\r\n")
        del self._buffer[: end + 4]
        for line in lines:
            name, _, value = line.partition(":")
            if name.strip().lower() == "content-type":
                return value.strip()
        return ""

    def _until_delimiter(self) -> Iterator[bytes]:
        keep = len(self._delimiter) - 1
        while (end := self._buffer.find(self._delimiter)) < 0:
            if len(self._buffer) > keep:
                block = bytes(self._buffer[:-keep])
                del self._buffer[:-keep]
                yield block
            self._have(len(self._buffer) + 1)
        block = bytes(self._buffer[:end])
        del self._buffer[: end + len(self._delimiter)]
        if block:
            yield block

    def _have(self, count: int) -> None:
        while len(self._buffer) < count:
            block = next(self._blocks, None)
            if block is None:
                raise BrokenMultipart("the body ends before its last boundary")
            self._buffer += block

    @staticmethod
    def _skip(content: Iterator[bytes]) -> None:
        for _block in content:
            pass


class FilesBody:
    """A request body of whole files, one part each; its length is known before it is read."""

    def __init__(self, paths: Sequence[Path], part_type: str = "application/dicom") -> None:
        self._paths = paths
        self._boundary = f"overread-{uuid.uuid4().hex}"
        self._head = f"--{self._boundary}\r\nContent-Type: {part_type}\r\n\r\n".encode("ascii")
        self._end = f"--{self._boundary}--\r\n".encode("ascii")
        self.content_type = f'multipart/related; type="{part_type}"; boundary="{self._boundary}"'

    def __len__(self) -> int:
        """Bytes of the whole body."""
        files = sum(len(self._head) + path.stat().st_size + 2 for path in self._paths)
        return files + len(self._end)

    def __iter__(self) -> Iterator[bytes]:
        """The body in blocks; may be asked for again."""
        for path in self._paths:
            yield self._head
            with path.open("rb") as file:
                while block := file.read(_BLOCK):
                    yield block
            yield b"\r\n"
        yield self._end
