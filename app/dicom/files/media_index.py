"""The index of a medium (DICOMDIR): which files it names, and which of them are not there.

Only the names are used: the files are found by looking (``scan``), and no path from an index is
ever opened (D19). Media are written in capitals and read under systems that change the case.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePath

from app.core.errors import DicomReadError
from app.dicom.files.headers import read_dataset
from app.dicom.tolerant import items_of, quiet, words_of

MOST_RECORDS = 200_000
"""More entries than any medium has."""


def files_named(index: Path) -> tuple[PurePath, ...]:
    """The files that an index names, relative to its folder; empty where it cannot be read."""
    try:
        ds = read_dataset(index, pixels=False)
    except DicomReadError:
        return ()
    with quiet():
        entries = items_of(ds, "DirectoryRecordSequence")[:MOST_RECORDS]
        parts = [words_of(entry, "ReferencedFileID") for entry in entries]
    return tuple(dict.fromkeys(PurePath(*one) for one in parts if one and _is_below(one)))


def not_on_disk(folder: Path, named: Iterable[PurePath]) -> tuple[Path, ...]:
    """Those of ``named`` that are not below ``folder``, whatever the case of their names."""
    listed: dict[Path, dict[str, str]] = {}

    def found(path: PurePath) -> bool:
        at = folder
        for part in path.parts:
            if at not in listed:
                listed[at] = {name.casefold(): name for name in _names_in(at)}
            name = listed[at].get(part.casefold())
            if name is None:
                return False
            at /= name
        return True

    return tuple(folder / path for path in named if not found(path))


def not_among(folder: Path, named: Iterable[PurePath], present: Iterable[Path]) -> tuple[Path, ...]:
    """Those of ``named`` that are none of the paths ``present``: the members of an archive."""
    known = {str(path).casefold() for path in present}
    return tuple(folder / path for path in named if str(folder / path).casefold() not in known)


def _is_below(parts: tuple[str, ...]) -> bool:
    return all(part and part not in (".", "..") and not set(part) & set("/\\:\0") for part in parts)


def _names_in(folder: Path) -> list[str]:
    try:
        return [path.name for path in folder.iterdir()]
    except OSError:
        return []
