"""A disk that is nearly full is said before anything is written, not after half of it."""

from __future__ import annotations

import shutil
from pathlib import Path

from app.core.errors import DiskFull

_MIB = 2**20


def check_space(folder: Path, bytes_needed: int, *, reserve_mb: int) -> None:
    """Raise ``DiskFull`` where writing so much would leave less than ``reserve_mb`` free.

    ``folder`` need not exist yet. A disk that does not tell its free space is not judged.
    """
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    try:
        free = shutil.disk_usage(existing).free
    except OSError:
        return
    if bytes_needed + reserve_mb * _MIB <= free:
        return
    needed, left, reserve = bytes_needed / _MIB, free / _MIB, reserve_mb
    raise DiskFull(
        f"The disk has too little space: {needed:,.0f} MB are needed, {left:,.0f} MB are free,"
        f" and {reserve:,} MB stay reserved.",
        ru=f"На диске мало места: нужно {needed:.0f} МБ, свободно {left:.0f} МБ,"
        f" резерв {reserve} МБ не используется.",
        hint="Free some space, or import without copying; disk_reserve_mb in the settings is the"
        " reserve.",
        hint_ru="Освободите место или импортируйте без копирования; резерв задаёт disk_reserve_mb"
        " в настройках.",
    )
