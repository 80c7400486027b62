"""One portion of an import: what is new in it, its copies, its rows. A portion is whole or not."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from app.core.errors import DicomReadError
from app.core.report import Message
from app.core.study import Patient
from app.dicom.files.headers import read_header
from app.dicom.files.record import Record
from app.dicom.files.scan import REPEATED, SkippedFile, is_same_object
from app.dicom.stacks.grouping import group
from app.dicom.stacks.identity import identity_conflict
from app.jobs.cancel import CancelToken
from app.store.studies import FileFacts
from app.workflow.context import AppContext
from app.workflow.disk_space import check_space
from app.workflow.library_scan import FoundFile
from app.workflow.output_files import disk_faults, whole_or_not

CONFLICTING: Final = Message(
    "Another object with the same UID and different content is there already; both are kept.",
    "Уже есть другой объект с тем же UID и иным содержимым; сохранены оба.",
)
_CHUNK: Final = 1 << 20
_FLUSHED_AT_ONCE: Final = 16


@dataclass(slots=True)
class Prepared:
    """Objects with their place and facts, ready to be stored in one transaction."""

    records: list[Record] = field(default_factory=list)
    files: dict[Path, FileFacts] = field(default_factory=dict)
    repeated: list[SkippedFile] = field(default_factory=list)
    conflicts: list[SkippedFile] = field(default_factory=list)
    unreadable: list[SkippedFile] = field(default_factory=list)
    copies: list[Path] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Twin:
    """An object with the same UID that is there already, or was met in this portion."""

    path: Path
    series_instance_uid: str
    variant: int
    record: Record | None
    is_copy: bool
    is_gone: bool


class BatchIndexer:
    """Prepares and stores the portions of one import."""

    def __init__(self, context: AppContext, *, copies: bool, cancel: CancelToken) -> None:
        self._context = context
        self._copies = copies
        self._cancel = cancel
        self._images = library_images(context)

    def prepare(self, batch: Sequence[FoundFile], records: Sequence[Record]) -> Prepared:
        """Compare with what is there and make the copies. Raises ``DiskFull``, ``Cancelled``."""
        prepared = Prepared()
        self._check_space(records)
        by_path = {file.path: file for file in batch}
        met: dict[str, list[_Twin]] = {}
        for record in records:
            self._cancel.raise_if_cancelled()
            path = record.instance.path
            # a member of an archive: the portion is that archive
            is_member = path not in by_path
            source = batch[0] if is_member else by_path[path]
            twins = met.setdefault(record.instance.sop_instance_uid, self._twins(record))
            same = next((twin for twin in twins if _is_same(record, twin)), None)
            if same is not None:
                variant = same.variant
            else:
                variant = 1 + max((twin.variant for twin in twins), default=-1)
            if same is None and twins:
                prepared.conflicts.append(SkippedFile(source.path, CONFLICTING))
            elif same is not None and not same.is_gone and same.path != path:
                prepared.repeated.append(SkippedFile(source.path, REPEATED))
            has_copy = any(t.is_copy and not t.is_gone and t.variant == variant for t in twins)
            facts = FileFacts(source.path, source.size_bytes, source.mtime_ns, variant=variant)
            if is_member or (self._copies and not has_copy):
                try:
                    path, sha256 = _copied(record, self._images)
                except DicomReadError as error:
                    reason = Message(error.message, error.ru)
                    prepared.unreadable.append(SkippedFile(source.path, reason))
                    continue
                facts = replace(facts, origin="copy", sha256=sha256)
                prepared.copies.append(path)
            prepared.records.append(
                replace(record, instance=replace(record.instance, path=path))
            )  # fmt: skip
            prepared.files[path] = facts
            twins.append(
                _Twin(
                    path, record.series_instance_uid, variant, prepared.records[-1],
                    facts.origin == "copy", is_gone=False,
                )
            )  # fmt: skip
        _flush(prepared.copies)
        return prepared

    def store(self, prepared: Prepared) -> set[str]:
        """Write the rows, within the caller's transaction; the studies touched."""
        studies, at_utc = self._context.store.studies, self._context.clock.now_utc()
        parts: dict[tuple[str, Patient], list[Record]] = {}
        for record in prepared.records:
            parts.setdefault((record.study_instance_uid, record.patient), []).append(record)
        for records in parts.values():
            for study in group(records):
                studies.put(study, at_utc=at_utc, files=prepared.files)
        touched = {uid for uid, _ in parts}
        for uid in touched:
            judge_identity(self._context, uid)
        return touched

    def _check_space(self, records: Sequence[Record]) -> None:
        """What came out of an archive has another size than the archive: asked anew each time."""
        own = self._context.workspace
        paths = (record.instance.path for record in records)
        copied = [path for path in paths if self._copies or own in path.parents]
        if copied:
            reserve_mb = self._context.settings.disk_reserve_mb
            check_space(
                self._images,
                sum(path.stat().st_size for path in copied if path.exists()),
                reserve_mb=reserve_mb,
            )

    def _twins(self, record: Record) -> list[_Twin]:
        return [
            _Twin(
                known.path, known.series_instance_uid, known.variant, None,
                known.origin == "copy", is_gone=known.is_missing or not known.path.exists(),
            )
            for known in self._context.store.files.with_uid(record.instance.sop_instance_uid)
            if known.study_instance_uid == record.study_instance_uid
        ]  # fmt: skip


def judge_identity(context: AppContext, study_instance_uid: str) -> None:
    """Block a study whose objects name two patients, free one whose objects no longer do (D08)."""
    studies = context.store.studies
    before = studies.get(study_instance_uid)
    reason = identity_conflict(studies.patients(study_instance_uid))
    studies.set_blocked(study_instance_uid, reason)
    if reason is not None and before is not None and not before.blocked:
        context.store.audit.append(
            context.user, "study.blocked", study_instance_uid, {"reason": "identity"}
        )


def library_images(context: AppContext) -> Path:
    """The folder of the library's own copies."""
    return context.store.folder / "images"


def study_folder(images: Path, study_instance_uid: str) -> Path:
    """Where the copies of a study lie. Names are hashes: a UID may hold what no name may."""
    return images / _short(study_instance_uid)


def _is_same(record: Record, twin: _Twin) -> bool:
    """Whether both are one image. What is gone cannot be compared: it came back, or was moved."""
    if twin.series_instance_uid != record.series_instance_uid:
        return False
    if twin.path == record.instance.path or twin.is_gone:
        return True
    other = twin.record or _read(twin.path)
    return other is not None and is_same_object(record, other)


def _read(path: Path) -> Record | None:
    try:
        with path.open("rb") as stream:
            return read_header(stream, path, path.stat().st_size)
    except (DicomReadError, OSError):
        return None


def _copied(record: Record, images: Path) -> tuple[Path, str]:
    """Copy the object to a place named by its UIDs and content; the place and its SHA-256.

    Raises ``DicomReadError`` where the source fails, ``DiskFull`` and ``EnvironmentFault`` where
    the library's disk does.
    """
    folder = study_folder(images, record.study_instance_uid) / _short(record.series_instance_uid)
    name = _short(record.instance.sop_instance_uid)
    part = folder / f"{name}.{os.getpid()}.part"
    digest = hashlib.sha256()
    try:
        with whole_or_not(part):
            with part.open("wb") as sink:
                for chunk in _chunks(record.instance.path):
                    digest.update(chunk)
                    sink.write(chunk)
            target = folder / f"{name}-{digest.hexdigest()[:16]}.dcm"
            if target.exists():
                part.unlink()
            else:
                part.replace(target)
    except DicomReadError:
        part.unlink(missing_ok=True)
        raise
    return target, digest.hexdigest()


def _chunks(path: Path) -> Iterator[bytes]:
    """The bytes of the file that is copied: its faults are not those of the library's disk."""
    try:
        with path.open("rb") as source:
            while chunk := source.read(_CHUNK):
                yield chunk
    except OSError as error:
        words = error.strerror or type(error).__name__
        raise DicomReadError(
            f"It cannot be read to its end: {words}.", ru=f"Не читается до конца: {words}."
        ) from error


def _flush(paths: Sequence[Path]) -> None:
    """To the disk: the row that says that a file is there must not get there before its bytes.

    Several at a time: a file system writes its journal once for all that wait.
    """
    with ThreadPoolExecutor(_FLUSHED_AT_ONCE) as threads:
        for _ in threads.map(_flush_one, paths):
            pass


def _flush_one(path: Path) -> None:
    with disk_faults(path.parent), path.open("rb+") as copy:
        os.fsync(copy.fileno())


def _short(uid: str) -> str:
    return hashlib.sha256(uid.encode("utf-8")).hexdigest()[:16]
