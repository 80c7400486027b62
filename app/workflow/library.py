"""Keeping the library: delete a study, find files that moved, see whether all is well."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from app.core.errors import InputError, ReportError
from app.dicom.files.record import Record
from app.jobs.cancel import CancelToken
from app.jobs.progress import Progress, no_progress
from app.store.backup import sha256_of
from app.store.library_files import StoredObject
from app.store.library_imports import ImportJob
from app.store.studies import StoredStudy
from app.workflow.context import AppContext
from app.workflow.disk_space import check_space
from app.workflow.import_batch import BatchIndexer, judge_identity, library_images, study_folder
from app.workflow.library_backup import backup, restore
from app.workflow.library_scan import batches, is_archive, read_batch, walk

__all__ = [
    "backup", "check_library", "check_space", "delete_study", "relocate", "repair_library",
    "restore",
]  # fmt: skip

_SET_ASIDE: Final = ".damaged"


@dataclass(frozen=True, slots=True)
class Deletion:
    """What went: objects from the index, copies from the disk. In-place files are never touched."""

    study_instance_uid: str
    objects: int
    files_deleted: int
    bytes_freed: int
    report_kept: bool


def delete_study(
    context: AppContext, study_instance_uid: str, *, keep_report: bool = False
) -> Deletion:
    """Take a study out of the library with the library's own copies of its images.

    Files indexed in place stay where they are. A study with a signed report is refused, or with
    ``keep_report`` stays in the list with its report and without images. The journal of decisions
    and the audit trail stay in any case; they hold no patient data. Raises ``InputError``,
    ``ReportError``. Any thread; not for a study that is open.
    """
    store = context.store
    known_study(context, study_instance_uid)
    is_signed = store.removal.has_signed_report(study_instance_uid)
    if is_signed and not keep_report:
        raise ReportError(
            "This study has a signed report and is not deleted.",
            ru="У исследования есть подписанное заключение, оно не удаляется.",
            hint="With --keep-report the images go and the report stays.",
            hint_ru="С --keep-report снимки удаляются, заключение остаётся.",
        )
    objects = {
        (item.series_instance_uid, item.sop_instance_uid, item.variant)
        for item in store.files.of_study(study_instance_uid)
    }
    # the rows first: files left over by a crash are found by a check, rows without files mislead
    with store.transaction():
        if is_signed:
            store.removal.remove_images(study_instance_uid, context.clock.now_utc())
            store.studies.refresh(study_instance_uid)
        else:
            store.removal.remove_study(study_instance_uid)
        store.audit.append(
            context.user, "study.deleted", study_instance_uid,
            {"objects": str(len(objects)), "report": "kept" if is_signed else "none"},
        )  # fmt: skip
    files, freed = _remove_files([study_folder(library_images(context), study_instance_uid)])
    return Deletion(study_instance_uid, len(objects), files, freed, is_signed)


@dataclass(frozen=True, slots=True)
class Relocation:
    """How many objects were found again, and how many of those asked for are still missing."""

    found: int
    still_missing: int
    studies: tuple[str, ...]


def relocate(
    context: AppContext,
    root: Path,
    *,
    study_instance_uid: str = "",
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> Relocation:
    """Find objects whose files are gone below ``root``, by their UIDs; all, or of one study.

    Archives are not looked into: what lies in them must be imported. Raises ``InputError``.
    """
    token, store = cancel or CancelToken(), context.store
    if study_instance_uid:
        known_study(context, study_instance_uid)
    update_missing(context, study_instance_uid=study_instance_uid)
    found = walk([root], workspace=context.workspace, cancel=token)
    files = [file for file in found.files if not is_archive(file.path)]
    indexer = BatchIndexer(context, copies=False, cancel=token)
    count, done, touched = 0, 0, set()
    for batch in batches(files):
        token.raise_if_cancelled()
        records = read_batch(batch, context.workspace, token).records
        gone = {id(record): _gone(context, record, study_instance_uid) for record in records}
        wanted = [record for record in records if gone[id(record)]]
        with store.transaction():
            studies = indexer.store(indexer.prepare(batch, wanted))
            store.files.drop(item.key for record in wanted for item in gone[id(record)])
            _settle(context, studies)
        touched |= studies
        count += len(wanted)
        done += len(batch)
        progress(done / max(1, len(files)), f"{done} of {len(files)} files, {count} found")
    for uid in sorted(touched):
        store.audit.append(context.user, "study.relocated", uid, {})
    still = store.files.everything(missing=True)
    left = [item for item in still if study_instance_uid in ("", item.study_instance_uid)]
    return Relocation(count, len(left), tuple(sorted(touched)))


@dataclass(frozen=True, slots=True)
class LibraryState:
    """What a check found. ``fault`` and ``broken_at`` (the audit trail) are serious.

    ``missing`` are objects of which no file is left, ``left_over`` files of the library's own
    that belong to no study, ``damaged`` copies whose content is not what was imported.
    """

    fault: str
    broken_at: int | None
    studies: int
    objects: int
    missing: int
    damaged: tuple[Path, ...] = ()
    left_over: tuple[Path, ...] = ()
    left_over_bytes: int = 0
    blocked: tuple[StoredStudy, ...] = ()
    unfinished: tuple[ImportJob, ...] = field(default=())

    @property
    def is_well(self) -> bool:
        """Whether nothing is damaged and no file is missing."""
        is_whole = not self.fault and self.broken_at is None and not self.damaged
        return is_whole and not self.missing


def check_library(
    context: AppContext, *, with_content: bool = False, progress: Progress = no_progress
) -> LibraryState:
    """Look at database, trail and every file of the library; what is missing is marked so.

    ``with_content`` reads the library's own copies and compares them with what was imported.
    """
    store = context.store
    fault, broken = store.fault(), store.audit.verify()
    update_missing(context, progress=progress)
    studies = store.studies.all()
    left_over = _left_over(context)
    return LibraryState(
        fault=fault,
        broken_at=None if broken is None else broken.seq,
        studies=len(studies),
        objects=sum(study.instances for study in studies),
        missing=sum(study.missing_files for study in studies),
        damaged=tuple(_damaged(context)) if with_content else (),
        left_over=tuple(left_over),
        left_over_bytes=sum(path.stat().st_size for path in left_over),
        blocked=tuple(study for study in studies if study.blocked),
        unfinished=store.imports.unfinished(),
    )


def repair_library(context: AppContext, state: LibraryState) -> None:
    """Delete the files that belong to no study, make the search index anew. Audited.

    Damaged copies are set aside under another name and count as missing, so that the next import
    of their source, or a relocation, brings them back.
    """
    _remove_files(state.left_over)
    for path in state.damaged:
        path.replace(path.with_suffix(_SET_ASIDE))
    update_missing(context)
    context.store.studies.index_again()
    context.store.audit.append(
        context.user, "library.repaired", "",
        {"removed": str(len(state.left_over)), "set_aside": str(len(state.damaged))},
    )  # fmt: skip


def update_missing(
    context: AppContext, *, study_instance_uid: str = "", progress: Progress = no_progress
) -> None:
    """Look whether the files are where the index says; what changed is marked."""
    store = context.store
    total = 1 if study_instance_uid else max(1, store.studies.count())
    items: Iterable[StoredObject] = (
        store.files.of_study(study_instance_uid) if study_instance_uid else store.files.everything()
    )
    gone: list[int] = []
    back: list[int] = []
    studies: set[str] = set()
    seen: set[str] = set()
    for item in items:
        if item.path.exists() == item.is_missing:
            (back if item.is_missing else gone).append(item.key)
            studies.add(item.study_instance_uid)
        if item.study_instance_uid not in seen:
            seen.add(item.study_instance_uid)
            progress(len(seen) / total, f"{len(seen)} of {total} studies")
    with store.transaction():
        store.files.set_objects_missing(gone, missing=True)
        store.files.set_objects_missing(back, missing=False)
        _settle(context, studies)


def known_study(context: AppContext, study_instance_uid: str) -> StoredStudy:
    """The study of the library. Raises ``InputError`` where there is none."""
    found = context.store.studies.get(study_instance_uid)
    if found is None:
        raise InputError(
            "The library holds no study with this UID.",
            ru="В базе данных нет исследования с этим UID.",
            hint="overread studies lists what there is.",
            hint_ru="Список: overread studies.",
        )
    return found


def _settle(context: AppContext, studies: Iterable[str]) -> None:
    for uid in studies:
        context.store.studies.refresh(uid)
        judge_identity(context, uid)


def _gone(context: AppContext, record: Record, study_instance_uid: str) -> list[StoredObject]:
    """The places of this object that are missing, in the study asked for."""
    return [
        item
        for item in context.store.files.with_uid(record.instance.sop_instance_uid)
        if item.is_missing
        and item.study_instance_uid == record.study_instance_uid
        and item.series_instance_uid == record.series_instance_uid
        and study_instance_uid in ("", item.study_instance_uid)
    ]


def _damaged(context: AppContext) -> Iterator[Path]:
    for item in context.store.files.everything(missing=False):
        if item.sha256 and item.path.exists() and sha256_of(item.path) != item.sha256:
            yield item.path


def _left_over(context: AppContext) -> list[Path]:
    """Files of the library's own that no study has: of a deletion or import that was cut off."""
    images = library_images(context)
    known = {item.path for item in context.store.files.everything() if item.origin == "copy"}
    return [
        path
        for path in sorted(images.rglob("*"))
        if path.is_file() and path not in known and path.suffix != _SET_ASIDE
    ]


def _remove_files(paths: Iterable[Path]) -> tuple[int, int]:
    """Remove files and folders; how many files and bytes are gone. What is in use stays."""
    count = freed = 0
    for given in paths:
        files = [path for path in given.rglob("*") if path.is_file()] if given.is_dir() else [given]
        sizes = {path: path.stat().st_size for path in files if path.exists()}
        if given.is_dir():
            shutil.rmtree(given, ignore_errors=True)
        else:
            given.unlink(missing_ok=True)
        gone = [path for path in sizes if not path.exists()]
        count += len(gone)
        freed += sum(sizes[path] for path in gone)
    return count, freed
