"""Which of the given files are DICOM objects: found by content, never by extension.

Files, folders and ZIP archives (nested ones too) are walked in sorted order, so the same input
gives the same result. Whatever is not read is listed with the reason in both languages.
"""

from __future__ import annotations

import filecmp
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import BinaryIO, Final

from app.core.errors import AppError, DicomReadError, InputError
from app.core.report import Message
from app.dicom.files.archive import Unpacker, is_zip
from app.dicom.files.headers import read_dataset, read_header
from app.dicom.files.media_index import files_named, not_among, not_on_disk
from app.dicom.files.record import Record
from app.dicom.tolerant import value_of
from app.jobs.cancel import CancelToken
from app.jobs.progress import Progress, no_progress

_NOT_DICOM: Final = Message("It is not a DICOM file.", "Это не файл DICOM.")
INDEX: Final = Message(
    "It is an index (DICOMDIR); the files themselves were read.",
    "Это указатель (DICOMDIR); прочитаны сами файлы.",
)
_MISSING: Final = Message(
    "It is missing: the index of the medium (DICOMDIR) names it.",
    "Файла нет: его называет указатель носителя (DICOMDIR).",
)
_DAMAGED_MEMBER: Final = Message(
    "It is damaged in the archive: it cannot be unpacked.",
    "Файл в архиве повреждён и не распаковывается.",
)
_EMPTY: Final = Message("The file is empty.", "Файл пуст.")
REPEATED: Final = Message(
    "The same object was already read from another file.",
    "Этот же объект уже прочитан из другого файла.",
)
_META_WITHOUT_PREAMBLE: Final = b"DICM\x02\x00"
_VALUE_REPRESENTATIONS: Final = frozenset(
    b"AE AS AT CS DA DS DT FL FD IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI UL UN "
    b"UR US UT UV".split()
)


@dataclass(frozen=True, slots=True)
class SkippedFile:
    """A file that was not read and why; inside an archive the path is ``archive.zip/member``."""

    path: Path
    reason: Message


@dataclass(frozen=True, slots=True)
class ScanResult:
    """What a scan found; ``seen`` is the sum of records, skipped and unreadable files.

    Files that the index of a medium names and that are missing count as unreadable.
    """

    seen: int
    records: tuple[Record, ...]
    skipped: tuple[SkippedFile, ...]
    unreadable: tuple[SkippedFile, ...]


def scan(
    paths: Sequence[Path],
    *,
    workspace: Path,
    progress: Progress | None = None,
    cancel: CancelToken | None = None,
) -> ScanResult:
    """Read the headers of all DICOM objects in ``paths``; archives are unpacked to ``workspace``.

    Runs in any thread. Raises ``InputError`` when a path does not exist, an archive is a bomb, or
    nothing readable is found; ``Cancelled`` when asked to stop.
    """
    result = survey(paths, workspace=workspace, progress=progress, cancel=cancel)
    if not result.records:
        raise nothing_readable(paths, result)
    return result


def survey(
    paths: Sequence[Path],
    *,
    workspace: Path,
    progress: Progress | None = None,
    cancel: CancelToken | None = None,
) -> ScanResult:
    """``scan`` that finds nothing readable without an error: what was found says why."""
    run = _Scan(workspace, progress or no_progress, cancel or CancelToken())
    for path in paths:
        if not path.exists():
            raise InputError(
                f"{path} does not exist.",
                ru=f"{path} не существует.",
                hint="Check the spelling of the path.",
                hint_ru="Проверьте путь.",
            )
    for path in paths:
        run.add(path)
    return run.result()


def scan_files(
    files: Sequence[Path], *, workspace: Path, cancel: CancelToken | None = None
) -> ScanResult:
    """``scan`` of exactly these files: a batch of a larger walk, in which nothing is an error.

    An index (DICOMDIR) is skipped and not followed; an archive beyond the limits is unreadable;
    an object that several files hold has a record for each.
    """
    run = _Scan(workspace, no_progress, cancel or CancelToken(), keeps_repeated=True)
    for file in files:
        run.add_found(file)
    return run.result()


def files_below(folder: Path, tell: Callable[[OSError], None]) -> Iterator[Path]:
    """All files below ``folder`` in sorted order; what may not be entered goes to ``tell``."""
    for root, folders, files in os.walk(folder, onerror=tell):
        folders.sort()
        for name in sorted(files):
            path = Path(root, name)
            if path.is_file():
                yield path


def looks_like_dicom(head: bytes) -> bool:
    """Whether the first 132 bytes are those of a DICOM file, with or without a preamble."""
    if head[128:132] == b"DICM":
        return True
    if len(head) < 16:
        return False
    little = int.from_bytes(head[0:2], "little"), int.from_bytes(head[2:4], "little")
    big = int.from_bytes(head[0:2], "big"), int.from_bytes(head[2:4], "big")
    if head[4:6] in _VALUE_REPRESENTATIONS:
        return little[0] in (0x0002, 0x0008) or big[0] in (0x0002, 0x0008)
    # Implicit VR: a group that objects begin with, a low element, a short even length.
    length = int.from_bytes(head[4:8], "little")
    return little[0] in (0x0002, 0x0008) and little[1] <= 0x0070 and length % 2 == 0 < 1024 > length


class _Scan:
    def __init__(
        self,
        workspace: Path,
        progress: Progress,
        cancel: CancelToken,
        *,
        keeps_repeated: bool = False,
    ) -> None:
        self._keeps_repeated = keeps_repeated
        self._workspace = workspace
        self._mended: Path | None = None
        self._unpacker = Unpacker(workspace, cancel)
        self._progress = progress
        self._cancel = cancel
        self._records: list[Record] = []
        self._skipped: list[SkippedFile] = []
        self._unreadable: list[SkippedFile] = []
        self._met: dict[str, list[Record]] = {}
        self._named_in_archives: list[tuple[Path, tuple[PurePath, ...]]] = []
        self._members: list[Path] = []

    def add(self, path: Path) -> None:
        """Read a file, or everything below a folder."""
        if path.is_dir():
            for file in files_below(path, lambda error: self._not_entered(path, error)):
                self.add_found(file)
            return
        self._add_file(path, path, depth=0)
        if self._skipped and self._skipped[-1] == SkippedFile(path, INDEX):
            # Who opens the index means the medium: its files lie beside it.
            self._skipped.pop()
            self.add(path.parent)

    def add_found(self, file: Path) -> None:
        """Read a file met on the way: one archive bomb must not hide the rest of a folder."""
        try:
            self._add_file(file, file, depth=0)
        except InputError as error:
            self._unreadable.append(SkippedFile(file, Message(error.message, error.ru)))

    def result(self) -> ScanResult:
        """What was found so far."""
        for folder, named in self._named_in_archives:
            missing = not_among(folder, named, self._members)
            self._unreadable += [SkippedFile(path, _MISSING) for path in missing]
        # An index that was opened itself is met again in its folder.
        unreadable = tuple(dict.fromkeys(self._unreadable))
        seen = len(self._records) + len(self._skipped) + len(unreadable)
        return ScanResult(seen, tuple(self._records), tuple(self._skipped), unreadable)

    def _not_entered(self, folder: Path, error: OSError) -> None:
        self._cannot_open(Path(error.filename or folder), error)

    def _cannot_open(self, shown: Path, error: OSError) -> None:
        words = error.strerror or type(error).__name__
        self._unreadable.append(
            SkippedFile(
                shown, Message(f"It cannot be opened: {words}.", f"Не открывается: {words}.")
            )
        )

    def _add_file(self, path: Path, shown: Path, depth: int) -> None:
        self._cancel.raise_if_cancelled()
        try:
            with path.open("rb") as stream:
                head = stream.read(132)
                if is_zip(head):
                    self._add_archive(path, shown, depth)
                    return
                if head[:6] == _META_WITHOUT_PREAMBLE:
                    self._add_file(self._with_preamble(stream), shown, depth)
                    return
                if not looks_like_dicom(head):
                    self._skipped.append(SkippedFile(shown, _NOT_DICOM if head else _EMPTY))
                    return
                stream.seek(0)
                record = read_header(stream, path, os.fstat(stream.fileno()).st_size)
        except DicomReadError as error:
            self._unreadable.append(SkippedFile(shown, Message(error.message, error.ru)))
        except OSError as error:
            self._cannot_open(shown, error)
        else:
            if record is None:
                self._note_missing(path, shown)
            self._take(record, shown)

    def _with_preamble(self, stream: BinaryIO) -> Path:
        """A copy that every reader knows how to open."""
        if self._mended is None:
            self._workspace.mkdir(parents=True, exist_ok=True)
            self._mended = Path(tempfile.mkdtemp(prefix="archive-", dir=self._workspace))
        handle, copy = tempfile.mkstemp(dir=self._mended)
        with os.fdopen(handle, "wb") as sink:
            sink.write(bytes(128))
            stream.seek(0)
            shutil.copyfileobj(stream, sink)
        return Path(copy)

    def _note_missing(self, index: Path, shown: Path) -> None:
        """List the files that an index names and that are not there (D18)."""
        named = files_named(index)
        if index == shown:
            missing = not_on_disk(index.parent, named)
            self._unreadable += [SkippedFile(path, _MISSING) for path in missing]
        else:
            self._named_in_archives.append((shown.parent, named))

    def _take(self, record: Record | None, shown: Path) -> None:
        if record is None:
            self._skipped.append(SkippedFile(shown, INDEX))
            return
        twins = self._met.setdefault(record.instance.sop_instance_uid, [])
        if not self._keeps_repeated and any(is_same_object(record, twin) for twin in twins):
            self._skipped.append(SkippedFile(shown, REPEATED))
            return
        twins.append(record)
        self._records.append(record)
        if len(self._records) % 25 == 1:
            # The number of files is not known before the walk ends: the fraction only creeps up.
            done = len(self._records)
            self._progress(done / (done + 500.0), f"{done} images found")

    def _add_archive(self, path: Path, shown: Path, depth: int) -> None:
        try:
            for member, name in self._unpacker.members(path, depth):
                self._members.append(shown / name)
                if member is None:
                    self._unreadable.append(SkippedFile(shown / name, _DAMAGED_MEMBER))
                else:
                    self._add_file(member, shown / name, depth + 1)
        except DicomReadError as error:
            self._unreadable.append(SkippedFile(shown, Message(error.message, error.ru)))


def is_same_object(a: Record, b: Record) -> bool:
    """Whether two files with one SOP Instance UID hold the same image.

    Anonymisers exist that give many images one UID, so the UID alone proves nothing; copies that
    travelled different ways differ in their headers, so the bytes of the file alone neither.
    """
    if a.series_instance_uid != b.series_instance_uid or a.patient != b.patient:
        return False
    if a.photometric != b.photometric:
        return False
    if [f.position_lps for f in a.frames] != [f.position_lps for f in b.frames]:
        return False
    if filecmp.cmp(a.instance.path, b.instance.path, shallow=False):
        return True
    if not a.has_pixels or a.instance.transfer_syntax_uid != b.instance.transfer_syntax_uid:
        return False
    first, second = read_dataset(a.instance.path), read_dataset(b.instance.path)
    pixels = value_of(first, "PixelData")
    return pixels is not None and pixels == value_of(second, "PixelData")


def nothing_readable(paths: Sequence[Path], result: ScanResult) -> AppError:
    """The error where nothing of what was given can be read, with the first reason."""
    name = paths[0].name if len(paths) == 1 else f"{len(paths)} paths"
    first = next(iter((*result.unreadable, *result.skipped)), None)
    why = f" {first.path.name}: {first.reason.en}" if first else " It holds no file."
    why_ru = f" {first.path.name}: {first.reason.ru}" if first else " Файлов нет."
    return InputError(
        f"There is no readable DICOM object in {name}.{why}",
        ru=f"В {name} нет читаемых объектов DICOM.{why_ru}",
        hint="Choose a DICOM file, a folder or a ZIP archive of them.",
        hint_ru="Выберите файл DICOM, папку или ZIP-архив с ними.",
    )
