"""Unpacking ZIP archives that may come from anyone: names are not trusted, sizes are limited (D19).

Python's zipfile opens deflate, bzip2 and LZMA. Members get numbered file names of our own, so no
name in an archive can lead outside the workspace.
"""

from __future__ import annotations

import errno
import lzma
import os
import shutil
import struct
import tempfile
import threading
import zipfile
import zlib
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import Final

from app.core.errors import DicomReadError, EnvironmentFault, InputError
from app.jobs.cancel import CancelToken

MAXIMUM_DEPTH: Final = 4
MAXIMUM_MEMBERS: Final = 200_000
MAXIMUM_BYTES: Final = 64 * 2**30
# Images compress two- to tenfold, empty ones a hundredfold; small archives may do what they like.
MAXIMUM_RATIO: Final = 150
RATIO_COUNTS_FROM_BYTES: Final = 256 * 2**20
_CHUNK: Final = 1 << 20
_THREADS: Final = min(max(os.cpu_count() or 1, 2), 8)
_BROKEN: Final = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, IndexError, OverflowError,
    ValueError, struct.error,
)  # fmt: skip


def is_zip(head: bytes) -> bool:
    """Whether a file that begins with ``head`` is a ZIP archive."""
    return head[:4] in (b"PK\x03\x04", b"PK\x05\x06")


class Unpacker:
    """Unpacks archives below one folder; its limits count over all archives of a scan together."""

    def __init__(self, workspace: Path, cancel: CancelToken) -> None:
        self._workspace = workspace
        self._cancel = cancel
        self._members = 0
        self._packed_bytes = 0
        self._unpacked_bytes = 0
        self._counting = threading.Lock()

    def members(self, archive: Path, depth: int) -> Iterator[tuple[Path | None, PurePosixPath]]:
        """Each file of ``archive`` unpacked, with the name it has there; sorted by name.

        A member that is damaged comes as None: the others are read. ``depth`` counts the archives
        around this one. Raises ``DicomReadError`` for an archive that is broken as a whole or
        encrypted, ``InputError`` beyond a limit, ``EnvironmentFault`` when the disk is full.
        """
        if depth >= MAXIMUM_DEPTH:
            raise _bomb(f"archives lie {depth + 1} deep in each other")
        if depth == 0:
            self._packed_bytes += archive.stat().st_size
        try:
            with zipfile.ZipFile(archive) as opened:
                entries = [entry for entry in opened.infolist() if not entry.is_dir()]
                self._check_declared(entries)
                # A folder of its own: the files of an earlier scan may still be open.
                folder = Path(tempfile.mkdtemp(prefix="archive-", dir=self._workspace))
                entries.sort(key=lambda entry: entry.filename)
                yield from self._extracted(opened, entries, folder)
        except RuntimeError as error:
            raise DicomReadError(
                "The archive is protected by a password.", ru="Архив защищён паролем."
            ) from error
        except NotImplementedError as error:
            raise DicomReadError(
                "The archive uses a compression that is not supported.",
                ru="Способ сжатия архива не поддерживается.",
            ) from error
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise _disk_full() from error
            raise
        except _BROKEN as error:
            raise DicomReadError("The archive is damaged.", ru="Архив повреждён.") from error

    def _extracted(
        self, opened: zipfile.ZipFile, entries: list[zipfile.ZipInfo], folder: Path
    ) -> Iterator[tuple[Path | None, PurePosixPath]]:
        """Members in order; the next ones are unpacked while one is looked at.

        The decompressors of Python let other threads work, so this uses all cores.
        """
        waiting: deque[tuple[Future[None], Path, zipfile.ZipInfo]] = deque()
        with ThreadPoolExecutor(_THREADS, "unpacking") as threads:
            try:
                for n, entry in enumerate(entries):
                    target = folder / f"{n:06d}"
                    work = threads.submit(self._extract, opened, entry, target)
                    waiting.append((work, target, entry))
                    if len(waiting) > 2 * _THREADS:
                        yield _finished(waiting.popleft())
                while waiting:
                    yield _finished(waiting.popleft())
            finally:
                threads.shutdown(wait=True, cancel_futures=True)

    def _check_declared(self, entries: list[zipfile.ZipInfo]) -> None:
        self._members += len(entries)
        if self._members > MAXIMUM_MEMBERS:
            raise _bomb(f"it holds more than {MAXIMUM_MEMBERS} files")
        declared = self._unpacked_bytes + sum(entry.file_size for entry in entries)
        self._check_bytes(declared)
        self._workspace.mkdir(parents=True, exist_ok=True)
        if declared - self._unpacked_bytes > shutil.disk_usage(self._workspace).free:
            raise _disk_full()

    def _check_bytes(self, unpacked: int) -> None:
        if unpacked > MAXIMUM_BYTES:
            raise _bomb(f"it unpacks to more than {MAXIMUM_BYTES // 2**30} GB")
        allowed = max(RATIO_COUNTS_FROM_BYTES, MAXIMUM_RATIO * self._packed_bytes)
        if unpacked > allowed:
            raise _bomb(f"it unpacks to more than {MAXIMUM_RATIO} times its size")

    def _extract(self, opened: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> None:
        """Write one member; the limits hold for what really comes out, not for what is declared."""
        with opened.open(entry) as source, target.open("wb") as sink:
            while chunk := source.read(_CHUNK):
                self._cancel.raise_if_cancelled()
                with self._counting:
                    self._unpacked_bytes += len(chunk)
                    self._check_bytes(self._unpacked_bytes)
                sink.write(chunk)


def _finished(
    member: tuple[Future[None], Path, zipfile.ZipInfo],
) -> tuple[Path | None, PurePosixPath]:
    work, target, entry = member
    try:
        work.result()
    except _BROKEN:
        return None, _shown_name(entry.filename)
    return target, _shown_name(entry.filename)


def _shown_name(name: str) -> PurePosixPath:
    """The member's name for messages, without parts that climb or start at a root."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return PurePosixPath(*[part for part in parts if part not in ("/", "..", ".")] or ["member"])


def _disk_full() -> EnvironmentFault:
    return EnvironmentFault(
        "The disk has not enough space to unpack the archive.",
        ru="На диске не хватает места, чтобы распаковать архив.",
        hint="Free some space, or unpack it elsewhere and open the folder.",
        hint_ru="Освободите место или распакуйте архив в другом месте и откройте папку.",
    )


def _bomb(why: str) -> InputError:
    return InputError(
        f"The archive was not unpacked: {why}.",
        ru="Архив не распакован: после распаковки он слишком велик или вложен слишком глубоко.",
        hint="If it is genuine, unpack it yourself and open the folder.",
        hint_ru="Если архив настоящий, распакуйте его сами и откройте папку.",
    )
