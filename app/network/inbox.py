"""The inbox: a folder in which received objects appear whole or not at all.

An object is written to a ``.part`` file, flushed to the disk and only then renamed, so a crash at
any point leaves complete objects and ``.part`` files, which ``recover`` removes: no peer was told
that those had been received. Names are hashes of UIDs, never text of a header (D19).
"""

from __future__ import annotations

import contextlib
import errno
import filecmp
import hashlib
import os
import shutil
import sys
import threading
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, Final

from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_file_meta_info

from app.core.errors import DiskFull, EnvironmentFault, InputError

if sys.platform != "win32":
    import fcntl

_PART: Final = ".part"
_OBJECT: Final = ".dcm"
_BUFFER_BYTES: Final = 1 << 20
_NO_SPACE: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Inbox:
    """Received objects in ``folder``. Safe from any thread, and for several processes at once.

    ``reserve_bytes`` of the disk are left free: below that nothing more is received.
    """

    def __init__(self, folder: Path, *, reserve_bytes: int = 64 * 2**20) -> None:
        self.folder: Final = folder
        self.reserve_bytes = reserve_bytes
        self._lock = threading.Lock()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _fault(error) from error

    def recover(self) -> int:
        """Remove what a crash left half written; the number of files. Others' live ones stay."""
        removed = 0
        for path in self.folder.glob(f"*{_PART}"):
            # On Windows an open file cannot be deleted; elsewhere its lock says that it is open.
            with contextlib.suppress(OSError), path.open("rb") as stream:
                if sys.platform != "win32":
                    fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    path.unlink()
                    removed += 1
                    continue
            if sys.platform == "win32":
                with contextlib.suppress(OSError):
                    path.unlink()
                    removed += 1
        return removed

    def objects(self) -> tuple[Path, ...]:
        """The complete objects, the oldest first."""
        found = []
        for path in self.folder.glob(f"*{_OBJECT}"):
            with contextlib.suppress(OSError):  # taken meanwhile
                found.append((path.stat().st_mtime_ns, path))
        return tuple(path for _, path in sorted(found))

    def take(self, path: Path) -> None:
        """Remove an object that the library has now; one that is gone already is no fault."""
        if path.parent != self.folder:
            raise ValueError("this file is not of the inbox")
        path.unlink(missing_ok=True)

    def new_part(self) -> Part:
        """An empty file to receive one object. Raises ``DiskFull`` or ``EnvironmentFault``."""
        try:
            if shutil.disk_usage(self.folder).free < self.reserve_bytes:
                raise _disk_full("the reserve of free space is reached")
            return Part(self, self.folder / f"{uuid.uuid4().hex}{_PART}")
        except OSError as error:
            raise _fault(error) from error

    def receive(self, blocks: Iterable[bytes]) -> Path:
        """Write a whole DICOM file that arrives in blocks; its place in the inbox.

        Whatever ``blocks`` raises is passed on, and nothing is left. Raises ``InputError`` where it
        is no DICOM file, ``DiskFull`` and ``EnvironmentFault`` as ``new_part``.
        """
        part = self.new_part()
        try:
            for block in blocks:
                part.write(block)
            return part.commit(part.sop_instance_uid())
        finally:
            part.discard()

    def settle(self, part: Path, sop_instance_uid: str) -> Path:
        """Rename a finished file; called by ``Part``.

        The same object received again takes the place of the first; another object under the same
        UID gets a name of its own, so that the import can tell that there are two.
        """
        name = hashlib.sha256(sop_instance_uid.encode()).hexdigest()[:40]
        with self._lock:
            path = self.folder / f"{name}{_OBJECT}"
            if path.exists() and not filecmp.cmp(part, path, shallow=False):
                with part.open("rb") as stream:
                    digest = hashlib.file_digest(stream, "sha256").hexdigest()
                path = self.folder / f"{name}-{digest[:16]}{_OBJECT}"
            part.replace(path)
            _flush_folder(self.folder)
        return path


class Part:
    """One object while it arrives. One thread writes; ``commit`` and ``discard`` may race."""

    def __init__(self, inbox: Inbox, path: Path) -> None:
        self._inbox = inbox
        self._path = path
        self._lock = threading.Lock()
        self._stream: BinaryIO | None = path.open("xb", buffering=_BUFFER_BYTES)
        if sys.platform != "win32":
            fcntl.flock(self._stream, fcntl.LOCK_EX)

    def write(self, block: bytes | memoryview) -> None:
        """Append. Raises ``DiskFull`` or ``EnvironmentFault``; the file is gone then."""
        with self._lock:
            if self._stream is None:
                raise _gone()
            try:
                self._stream.write(block)
            except OSError as error:
                self._drop()
                raise _fault(error) from error

    def sop_instance_uid(self) -> str:
        """The UID in the file meta information of what was written. Raises ``InputError``."""
        try:
            with self._lock:
                if self._stream is None:
                    raise _gone()
                self._stream.flush()
            meta = read_file_meta_info(self._path)
            uid = str(meta.get("MediaStorageSOPInstanceUID", ""))
        except (InvalidDicomError, ValueError, OSError, EOFError) as error:
            raise _no_dicom() from error
        if not uid:
            raise _no_dicom()
        return uid

    def commit(self, sop_instance_uid: str) -> Path:
        """Make it a complete object that survives a crash; its path. Raises as ``write``."""
        with self._lock:
            if self._stream is None:
                raise _gone()
            try:
                self._stream.flush()
                os.fsync(self._stream.fileno())
                self._stream.close()
                path = self._inbox.settle(self._path, sop_instance_uid)
            except OSError as error:
                self._drop()
                raise _fault(error) from error
            self._stream = None
            return path

    def discard(self) -> None:
        """Remove it unless it was committed; may be called again."""
        with self._lock:
            self._drop()

    def _drop(self) -> None:
        if self._stream is None:
            return
        with contextlib.suppress(OSError):  # closing writes the buffer: a full disk refuses it
            self._stream.close()
        self._stream = None
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)


def _flush_folder(folder: Path) -> None:
    """Make a rename survive a power cut; Windows does it by itself."""
    if sys.platform != "win32":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _fault(error: OSError) -> EnvironmentFault:
    if error.errno in _NO_SPACE:
        return _disk_full(str(error.strerror))
    return EnvironmentFault(
        "The inbox folder cannot be written.",
        ru="Не удаётся записать в папку входящих.",
        hint="Check that the folder exists and that you may write to it.",
        hint_ru="Проверьте, что папка существует и доступна для записи.",
        technical_detail=f"{type(error).__name__}: {error.strerror}",
    )


def _disk_full(detail: str) -> DiskFull:
    return DiskFull(
        "The disk is full: nothing more can be received.",
        ru="Диск заполнен: приём остановлен.",
        hint="Free some space and ask for the missing images again; nothing was lost.",
        hint_ru="Освободите место и запросите недостающие снимки ещё раз; ничего не потеряно.",
        technical_detail=detail,
    )


def _gone() -> EnvironmentFault:
    return EnvironmentFault(
        "The connection ended before the object was complete.",
        ru="Соединение прервалось до получения всего объекта.",
        hint="Ask for the missing images again.",
        hint_ru="Запросите недостающие снимки ещё раз.",
    )


def _no_dicom() -> InputError:
    return InputError(
        "The peer sent something that is not a DICOM object.",
        ru="Узел прислал не объект DICOM.",
        hint="Ask the administrator of the peer.",
        hint_ru="Обратитесь к администратору этого узла.",
    )
