"""Walking what may hold studies: the files with their size and time, their headers in batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.core.errors import InputError
from app.core.report import Message
from app.dicom.files.archive import is_zip
from app.dicom.files.scan import INDEX, ScanResult, SkippedFile, files_below, scan_files
from app.jobs.cancel import CancelToken

_BATCH: Final = 100


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file on the disk as it now is."""

    path: Path
    size_bytes: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Walk:
    """The files below the roots, in order, and what could not be entered."""

    roots: tuple[Path, ...]
    files: tuple[FoundFile, ...]
    closed: tuple[SkippedFile, ...]


def walk(paths: Sequence[Path], *, workspace: Path, cancel: CancelToken) -> Walk:
    """List the files; a DICOMDIR stands for the medium on which it lies.

    Raises ``InputError`` where a path does not exist.
    """
    for path in paths:
        if not path.exists():
            raise InputError(
                f"{path} does not exist.",
                ru=f"{path} не существует.",
                hint="Check the spelling of the path.",
                hint_ru="Проверьте путь.",
            )
    roots = tuple(_medium(path.resolve(), workspace) for path in paths)
    files: dict[Path, FoundFile] = {}
    closed: list[SkippedFile] = []

    def tell(error: OSError) -> None:
        closed.append(_closed(Path(error.filename or roots[0]), error))

    for root in roots:
        for path in files_below(root, tell) if root.is_dir() else (root,):
            cancel.raise_if_cancelled()
            try:
                facts = path.stat()
            except OSError as error:
                closed.append(_closed(path, error))
            else:
                files[path] = FoundFile(path, facts.st_size, facts.st_mtime_ns)
    return Walk(roots, tuple(files.values()), tuple(closed))


def batches(files: Sequence[FoundFile]) -> Iterator[tuple[FoundFile, ...]]:
    """The files in portions, each archive a portion of its own."""
    batch: list[FoundFile] = []
    for file in files:
        if is_archive(file.path):
            yield (file,)
            continue
        batch.append(file)
        if len(batch) == _BATCH:
            yield tuple(batch)
            batch = []
    if batch:
        yield tuple(batch)


def read_batch(batch: Sequence[FoundFile], workspace: Path, cancel: CancelToken) -> ScanResult:
    """The headers of one portion; nothing in it is an error."""
    return scan_files([file.path for file in batch], workspace=workspace, cancel=cancel)


def is_archive(path: Path) -> bool:
    """Whether the file is a ZIP archive, by its first bytes."""
    try:
        with path.open("rb") as stream:
            return is_zip(stream.read(4))
    except OSError:
        return False


def _medium(path: Path, workspace: Path) -> Path:
    if path.is_dir():
        return path
    skipped = scan_files([path], workspace=workspace).skipped if not is_archive(path) else ()
    return path.parent if skipped and skipped[0].reason == INDEX else path


def _closed(path: Path, error: OSError) -> SkippedFile:
    words = error.strerror or type(error).__name__
    return SkippedFile(path, Message(f"It cannot be opened: {words}.", f"Не открывается: {words}."))
