"""Arrays that two processes see: memory-mapped files, in memory where the machine offers that.

``multiprocessing.shared_memory`` is not used: it ends the program with a bus error where
``/dev/shm`` is too small (containers), and its tracker warns when a process was killed. Here the
space is reserved first, and a lack of it is an error in words.
"""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from app.core.errors import DiskFull, EnvironmentFault

_SHM = Path("/dev/shm")  # noqa: S108 - the kernel's memory file system, not a temporary folder


@dataclass(frozen=True, slots=True)
class ArrayPlace:
    """Where a shared array is; goes through a pipe."""

    path: str
    shape: tuple[int, ...]
    dtype: str


class SharedArray:
    """An array in a file that another process can map; ``array`` is writable."""

    def __init__(self, place: ArrayPlace, mapping: mmap.mmap) -> None:
        self.place = place
        self._mapping = mapping

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
        try:
            handle, path = tempfile.mkstemp(prefix="overread-", suffix=".raw", dir=_folder(size))
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
        return cls(ArrayPlace(path, tuple(int(n) for n in shape), kind.str), mapping)

    @classmethod
    def open(cls, place: ArrayPlace) -> Self:
        """Map an array that another process made."""
        with Path(place.path).open("r+b") as file:
            return cls(place, mmap.mmap(file.fileno(), 0))

    def unlink(self) -> None:
        """Remove the name; where the system allows it, both sides may go on using the array."""
        with contextlib.suppress(OSError):
            Path(self.place.path).unlink(missing_ok=True)

    def close(self) -> None:
        """Unmap and remove. Views of ``array`` that are still alive keep the memory."""
        with contextlib.suppress(BufferError):
            self._mapping.close()
        self.unlink()


def _folder(size: int) -> str | None:
    """The memory file system if it has room for the array and as much again, else temporary."""
    if sys.platform == "linux" and _SHM.is_dir():
        with contextlib.suppress(OSError):
            if shutil.disk_usage(_SHM).free > 2 * size and os.access(_SHM, os.W_OK):
                return str(_SHM)
    return None


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
