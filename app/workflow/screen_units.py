"""What an archive-wide run works through: one unit is the files of one study, or one ZIP."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from app.core.errors import InputError
from app.dicom.files.archive import is_zip
from app.dicom.files.scan import SkippedFile, files_below, scan_files
from app.jobs.progress import Progress, no_progress
from app.store.store import Store

_BATCH = 500


@dataclass(frozen=True, slots=True)
class ScreenUnit:
    """``paths`` of one study, or of one archive that may hold several (then without a UID).

    ``fingerprint`` changes when a file comes, goes or is written: names, sizes and times, no bytes.
    """

    paths: tuple[str, ...]
    fingerprint: str
    study_instance_uid: str = ""


@dataclass(slots=True)
class FoundUnits:
    """The units in the order of their first file, and the files that could not be read."""

    units: list[ScreenUnit] = field(default_factory=list)
    unreadable: list[SkippedFile] = field(default_factory=list)


def units_of_paths(
    paths: Sequence[Path], workspace: Path, progress: Progress = no_progress
) -> FoundUnits:
    """The studies below ``paths``: headers are read, pixels are not; archives stay packed.

    A study may lie in several folders. Raises ``InputError`` where a path does not exist.
    """
    for path in paths:
        if not path.exists():
            raise InputError(
                f"{path} does not exist.",
                ru=f"{path} не существует.",
                hint="Check the spelling of the path.",
                hint_ru="Проверьте путь.",
            )
    found = FoundUnits()
    by_study: dict[str, list[Path]] = {}
    plain: list[Path] = []
    seen = 0
    for file in _files(paths):
        seen += 1
        if _is_archive(file):
            found.units.append(ScreenUnit((str(file),), fingerprint([file])))
            continue
        plain.append(file)
        if len(plain) == _BATCH:
            _read(plain, workspace, by_study, found)
            progress(0.0, f"Looking for studies: {seen} files")
            plain = []
    if plain:
        _read(plain, workspace, by_study, found)
    found.units += [
        ScreenUnit(tuple(map(str, files)), fingerprint(files), uid)
        for uid, files in by_study.items()
    ]
    return found


def units_of_library(store: Store) -> FoundUnits:
    """The studies of the library whose files are where they were."""
    found = FoundUnits()
    for stored in store.studies.all():
        uid = stored.study_instance_uid
        files = [path for path in store.studies.paths(uid) if path.exists()]
        if files:
            found.units.append(ScreenUnit(tuple(map(str, files)), fingerprint(files), uid))
    return found


def fingerprint(files: Iterable[Path]) -> str:
    """A hash over names, sizes and times of change."""
    digest = hashlib.sha256()
    for file in sorted(files):
        try:
            facts = file.stat()
        except OSError:  # gone meanwhile: who reads it will say so
            continue
        digest.update(f"{file}\0{facts.st_size}\0{facts.st_mtime_ns}\n".encode("utf-8", "replace"))
    return digest.hexdigest()


def content_sha256(files: Iterable[Path]) -> str:
    """A hash over the bytes of all files, whatever they are called and wherever they lie."""
    hashes = set()
    for file in files:
        with file.open("rb") as stream:
            hashes.add(hashlib.file_digest(stream, "sha256").hexdigest())
    return hashlib.sha256("\n".join(sorted(hashes)).encode()).hexdigest()


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from files_below(path, lambda error: None)
        else:
            yield path


def _is_archive(file: Path) -> bool:
    try:
        with file.open("rb") as stream:
            return is_zip(stream.read(4))
    except OSError:
        return False


def _read(
    files: Sequence[Path], workspace: Path, by_study: dict[str, list[Path]], found: FoundUnits
) -> None:
    scanned = scan_files(files, workspace=workspace)
    found.unreadable += scanned.unreadable
    for record in scanned.records:
        known = by_study.setdefault(record.study_instance_uid, [])
        if record.instance.path not in known[-1:]:
            known.append(record.instance.path)
