"""The key of the de-identification: made once, kept with the user's settings, never exported."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final

from app.core.errors import InputError
from app.dicom.deid.values import KEY_BYTES
from app.workflow.output_files import disk_faults

KEY_NAME: Final = "deidentification.key"


def load_key(path: Path, *, outside: Path) -> bytes:
    """The key in ``path``, made there (readable by the user alone) where there is none.

    ``outside`` is the folder of the output: a key in it would undo the work. Raises
    ``InputError`` for that and for a file that is no key, ``EnvironmentFault`` from the disk.
    """
    if outside.resolve() in path.resolve().parents:
        raise InputError(
            "The key file must not lie in the folder that is exported.",
            ru="Файл ключа не должен лежать в папке экспорта.",
            hint="Who has both can trace the images back. Give another place for it.",
            hint_ru="По ключу снимки можно связать с пациентом. Укажите другое место.",
        )
    with disk_faults(path.parent):
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            _make(path)
        text = path.read_bytes()
    try:
        key = bytes.fromhex(text.decode("ascii").strip())
    except ValueError as fault:
        raise _no_key(path) from fault
    if len(key) < KEY_BYTES:
        raise _no_key(path)
    return key


def _make(path: Path) -> None:
    """Exclusively created, so two programs that start at once cannot have two keys."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(handle, "w", encoding="ascii") as stream:
        stream.write(secrets.token_hex(KEY_BYTES) + "\n")


def _no_key(path: Path) -> InputError:
    return InputError(
        f"{path} is not a key file.",
        ru=f"{path} не является файлом ключа.",
        hint=f"A key file holds {KEY_BYTES} random bytes in hexadecimal; a new name makes one.",
        hint_ru=f"Файл ключа: {KEY_BYTES} случайных байта в шестнадцатеричной записи. Для нового "
        "имени он создаётся.",
    )
