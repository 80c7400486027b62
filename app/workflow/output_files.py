"""Writing results: each file complete or not at all, a full disk in one sentence."""

from __future__ import annotations

import errno
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from app.core.errors import DiskFull, EnvironmentFault
from app.inference.run_report import SCHEMA as RUN_SCHEMA


@contextmanager
def disk_faults(folder: Path) -> Iterator[None]:
    """Turn faults of the disk into the program's errors."""
    try:
        yield
    except OSError as fault:
        if _is_disk_full(fault):
            raise DiskFull(
                f"The disk is full: the outputs in {folder} are incomplete.",
                ru=f"Диск заполнен: результаты в {folder} неполны.",
                hint="Free some space and write them again; what was decided is kept.",
                hint_ru="Освободите место и запишите ещё раз; решения сохранены.",
                technical_detail=str(fault),
            ) from fault
        raise EnvironmentFault(
            f"The folder {folder} cannot be written.",
            ru=f"В папку {folder} нельзя записать.",
            hint="Check its permissions or give another folder.",
            hint_ru="Проверьте права или укажите другую папку.",
            technical_detail=str(fault),
        ) from fault


def folder_name(uid: str) -> str:
    """A folder for what ``uid`` names: the UID, or its hash where it is none (D19)."""
    if re.fullmatch(r"[0-9]+(\.[0-9]+)*", uid) and len(uid) <= 64:
        return uid
    return hashlib.sha256(uid.encode("utf-8", "replace")).hexdigest()[:32]


def _is_disk_full(fault: BaseException | None) -> bool:
    """Whether the fault, or the one behind it, is a full disk: pydicom raises a new one."""
    while fault is not None:
        if isinstance(fault, OSError) and fault.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        fault = fault.__cause__ or fault.__context__
    return False


@contextmanager
def whole_or_not(part: Path) -> Iterator[None]:
    """``disk_faults``, and no half-written ``part`` stays."""
    try:
        with disk_faults(part.parent):
            part.parent.mkdir(parents=True, exist_ok=True)
            yield
    except EnvironmentFault:
        if not part.is_dir():
            with suppress(OSError):
                part.unlink(missing_ok=True)
        raise


def write_bytes(path: Path, content: bytes) -> Path:
    """Write the file; an older one stays until the new one is complete."""
    part = path.with_name(path.name + ".part")
    with whole_or_not(part):
        part.write_bytes(content)
        part.replace(path)
    return path


def write_text(path: Path, text: str) -> Path:
    """Write text as UTF-8."""
    return write_bytes(path, text.encode("utf-8"))


def write_json(path: Path, value: Any) -> Path:  # noqa: ANN401 - any JSON value
    """Write indented JSON, UTF-8, not escaped."""
    return write_text(path, json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def name_for(number: int, label: str) -> str:
    """A file name such as ``1-left-lung``: letters and digits of the label, joined by hyphens."""
    words = re.findall(r"[a-z0-9]+", label.lower())
    return "-".join([str(number), *words])[:60]


def remove_outputs(out: Path) -> None:
    """Remove what an earlier reading or run wrote into ``out``: none of its files may pass for new.

    Removes exactly the files that its ``run.json`` lists, and nothing of anybody else.
    """
    listing = out / "run.json"
    try:
        earlier = json.loads(listing.read_text("utf-8"))
    except (OSError, ValueError):
        return
    if not isinstance(earlier, dict) or earlier.get("schema") != RUN_SCHEMA:
        return
    with disk_faults(out):
        for name in earlier.get("files", []):
            path = (out / str(name)).resolve()
            if out.resolve() in path.parents:
                path.unlink(missing_ok=True)
        listing.unlink(missing_ok=True)
