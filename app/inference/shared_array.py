"""Arrays that two processes see: anonymous memory on Linux, memory-mapped files elsewhere.

``multiprocessing.shared_memory`` is not used: it ends the program with a bus error where
``/dev/shm`` is too small (containers), leaves its files behind when a process is killed, and its
tracker warns then. Here nothing has a name on Linux; elsewhere the space is reserved first, and a
lack of it is an error in words.
"""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from app.core.errors import DiskFull, EnvironmentFault

_OWN_FILES = Path("/proc/self/fd")


@dataclass(frozen=True, slots=True)
class ArrayPlace:
    """Where a shared array is; goes through a pipe."""

    path: str
    shape: tuple[int, ...]
    dtype: str


class SharedArray:
    """An array that another process can map; ``array`` is writable."""

    def __init__(self, place: ArrayPlace, mapping: mmap.mmap, handle: int | None = None) -> None:
        self.place = place
        self._mapping = mapping
        self._handle = handle

    @property
    def array(self) -> npt.NDArray[Any]:
        """The voxels; must not be used after ``close``."""
        flat: npt.NDArray[Any] = np.frombuffer(self._mapping, dtype=np.dtype(self.place.dtype))
        count = int(np.prod(self.place.shape))
        return flat[:count].reshape(self.place.shape)

    @classmethod
    def create(cls, shape: tuple[int, ...], dtype: npt.DTypeLike) -> Self:
        """A new array of zeros. Raises ``DiskFull``."""
        kind = np.dtype(dtype)
        size = max(1, int(np.prod(shape)) * kind.itemsize)
        length = tuple(int(n) for n in shape)
        if sys.platform == "linux" and _OWN_FILES.is_dir():
            try:
                handle = os.memfd_create("overread")
                os.ftruncate(handle, size)
                mapping = mmap.mmap(handle, size)
            except OSError as error:
                raise _no_space(error) from error
            path = f"/proc/{os.getpid()}/fd/{handle}"
            return cls(ArrayPlace(path, length, kind.str), mapping, handle)
        try:
            handle, path = tempfile.mkstemp(prefix="overread-", suffix=".raw")
        except OSError as error:
            raise _no_space(error) from error
        try:
            _reserve(handle, size)
            mapping = mmap.mmap(handle, size)
        except OSError as error:
            Path(path).unlink(missing_ok=True)
            raise _no_space(error) from error
        finally:
            os.close(handle)
        return cls(ArrayPlace(path, length, kind.str), mapping)

    @classmethod
    def open(cls, place: ArrayPlace) -> Self:
        """Map an array that another process made."""
        with Path(place.path).open("r+b") as file:
            return cls(place, mmap.mmap(file.fileno(), 0))

    def unlink(self) -> None:
        """Remove the name; where the system allows it, both sides may go on using the array."""
        handle, self._handle = self._handle, None
        with contextlib.suppress(OSError):
            if handle is not None:
                os.close(handle)
            elif not self.place.path.startswith("/proc/"):
                Path(self.place.path).unlink(missing_ok=True)

    def close(self) -> None:
        """Unmap and remove. Views of ``array`` that are still alive keep the memory."""
        with contextlib.suppress(BufferError):
            self._mapping.close()
        self.unlink()


def _reserve(handle: int, size: int) -> None:
    """Take the space now: writing into a hole on a full disk would end the process."""
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(handle, 0, size)
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
                raise
        else:
            return
    block = bytes(1 << 20)
    with open(handle, "wb", closefd=False) as file:
        for start in range(0, size, len(block)):
            file.write(block[: min(len(block), size - start)])


def _no_space(error: OSError) -> EnvironmentFault:
    """The error for images that cannot be passed on."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(
            "There is no space left to pass the images to the model.",
            ru="Нет места, чтобы передать изображения модели.",
            hint="Free some disk space and repeat the job.",
            hint_ru="Освободите место на диске и повторите задание.",
        )
    return EnvironmentFault(
        "The images cannot be passed to the model.",
        ru="Изображения не удаётся передать модели.",
        hint="Check the rights of the folder for temporary files.",
        hint_ru="Проверьте права на папку временных файлов.",
        technical_detail=str(error.strerror),
    )
