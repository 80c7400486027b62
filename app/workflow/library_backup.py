"""Backup and restore of the library: the database, the list of its images, their files if asked.

A backup is a folder ``overread-backup-...`` with ``library.sqlite3``, ``images.jsonl`` (one line
per file of an object: UIDs, path, size, hash where known), ``images/`` where files were asked for,
and ``backup.json``, which holds the hashes of the first two.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from app import __version__
from app.core.errors import InputError, StoreError
from app.core.ports import Clock, SystemClock
from app.jobs.progress import Progress, no_progress
from app.store.backup import put_aside, sha256_of
from app.store.store import Store
from app.workflow.context import AppContext
from app.workflow.disk_space import check_space
from app.workflow.import_batch import library_images
from app.workflow.output_files import disk_faults, write_json

BACKUP_SCHEMA: Final = "overread.backup/1"
_LIST_NAME: Final = "images.jsonl"
_ABOUT_NAME: Final = "backup.json"


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was written. ``damaged`` are copies whose content is not what was imported."""

    folder: Path
    studies: int
    objects: int
    files_copied: int
    bytes_written: int
    damaged: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Restored:
    """What the library holds now, and where the one before it was put (None: there was none)."""

    studies: int
    objects: int
    files_copied: int
    old_library: Path | None


def backup(
    context: AppContext,
    destination: Path,
    *,
    with_images: bool = False,
    progress: Progress = no_progress,
) -> Backup:
    """Write a backup folder into ``destination`` while the library stays in use.

    ``with_images`` takes the library's own copies along; files indexed in place are only listed.
    The folder gets its name when it is complete. Raises ``DiskFull``, ``EnvironmentFault``.
    """
    store, images = context.store, library_images(context)
    stamp = _stamp(context.clock)
    folder = destination / f"overread-backup-{stamp}"
    part = destination / f"overread-backup-{stamp}.partial"
    own = [item for item in store.files.everything() if item.origin == "copy"]
    own_bytes = sum(item.path.stat().st_size for item in own if item.path.exists())
    needed = (store.folder / Store.DATABASE_NAME).stat().st_size + with_images * own_bytes
    check_space(destination, needed, reserve_mb=context.settings.disk_reserve_mb)
    damaged: list[Path] = []
    copied = 0
    with disk_faults(destination):
        part.mkdir(parents=True)
        with _no_half(part):
            store.backup(part / Store.DATABASE_NAME)
            objects, list_sha256 = _write_list(store, part / _LIST_NAME)
            if with_images:
                for number, item in enumerate(own, 1):
                    progress(number / len(own), f"{number} of {len(own)} images")
                    if not item.path.exists():
                        continue
                    target = part / "images" / item.path.relative_to(images)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(item.path, target)
                    copied += 1
                    if item.sha256 and sha256_of(target) != item.sha256:
                        damaged.append(item.path)
            database = part / Store.DATABASE_NAME
            sha256 = sha256_of(database)
            about = {
                "schema": BACKUP_SCHEMA,
                "created_at": context.clock.now_utc(),
                "program": __version__,
                "database": {"sha256": sha256, "bytes": database.stat().st_size},
                "images": {"objects": objects, "sha256": list_sha256, "files": copied},
            }
            write_json(part / _ABOUT_NAME, about)
            written = sum(path.stat().st_size for path in part.rglob("*") if path.is_file())
            part.replace(folder)
    store.audit.append(context.user, "library.backed-up", "", {"sha256": sha256})
    return Backup(folder, store.studies.count(), objects, copied, written, tuple(damaged))


def restore(folder: Path, data_folder: Path, *, user: str, clock: Clock | None = None) -> Restored:
    """Put a backup in the place of the library in ``data_folder``; nobody may have it open.

    The backup is checked whole (hashes, database, audit trail) and brought to the newest form
    beside the library first; the old library is copied to ``backups/before-restore-...``. Until
    the last step, one renaming, the old library is in force. Raises ``InputError`` where the
    backup is damaged, ``DatabaseTooNew``, ``StoreError``, ``DiskFull``.
    """
    clock = clock or SystemClock()
    about = _checked(folder)
    stamp = _stamp(clock)
    images = sum(path.stat().st_size for path in (folder / "images").rglob("*") if path.is_file())
    check_space(data_folder, 2 * int(about["database"]["bytes"]) + images, reserve_mb=0)
    staging = data_folder / f"restoring-{stamp}"
    aside = data_folder / "backups" / f"before-restore-{stamp}"
    with disk_faults(data_folder):
        staging.mkdir(parents=True)
        try:
            staged = staging / Store.DATABASE_NAME
            shutil.copyfile(folder / Store.DATABASE_NAME, staged)
            _bring_up(staging, about, user=user, clock=clock)
            is_replaced = put_aside(data_folder / Store.DATABASE_NAME, aside)
            staged.replace(data_folder / Store.DATABASE_NAME)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
        copied = _restore_images(folder / "images", data_folder / "images")
    store = Store(data_folder, clock=clock)
    try:
        studies = store.studies.all()
    finally:
        store.close()
    objects = sum(study.instances for study in studies)
    return Restored(len(studies), objects, copied, aside if is_replaced else None)


def _write_list(store: Store, path: Path) -> tuple[int, str]:
    """The list of images; how many lines, and the hash of the file."""
    digest, count = hashlib.sha256(), 0
    with path.open("wb") as sink:
        for item in store.files.everything():
            row = {
                "study_instance_uid": item.study_instance_uid,
                "series_instance_uid": item.series_instance_uid,
                "sop_instance_uid": item.sop_instance_uid,
                "path": str(item.path),
                "origin": item.origin,
                "size_bytes": item.size_bytes,
                "sha256": item.sha256,
                "missing": item.is_missing,
            }
            line = (json.dumps(row, ensure_ascii=False) + "\n").encode("utf-8")
            digest.update(line)
            sink.write(line)
            count += 1
    return count, digest.hexdigest()


def _checked(folder: Path) -> dict[str, Any]:
    """``backup.json``, where both files are what it says."""
    try:
        about = json.loads((folder / _ABOUT_NAME).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{folder} is not a backup of Overread.",
            ru=f"{folder} не является резервной копией Overread.",
            hint="Choose a folder named overread-backup-...; it holds a file backup.json.",
            hint_ru="Выберите папку overread-backup-... с файлом backup.json.",
        ) from error
    if not isinstance(about, dict) or about.get("schema") != BACKUP_SCHEMA:
        raise InputError(
            "The backup was written by another version of Overread.",
            ru="Резервная копия создана другой версией Overread.",
            hint="Restore it with the version that wrote it or a newer one.",
            hint_ru="Восстановите её той же или более новой версией.",
        )
    for name, part in ((Store.DATABASE_NAME, "database"), (_LIST_NAME, "images")):
        path = folder / name
        if not path.is_file() or sha256_of(path) != about.get(part, {}).get("sha256"):
            raise InputError(
                f"The backup is damaged: {name} is not the file that was written.",
                ru=f"Резервная копия повреждена: {name} отличается от записанного файла.",
                hint="Nothing was changed. Choose another backup.",
                hint_ru="Ничего не изменено. Выберите другую копию.",
            )
    return about


def _bring_up(staging: Path, about: dict[str, Any], *, user: str, clock: Clock) -> None:
    """Migrate the staged database, look whether it is whole, and note what happened in it."""
    store = Store(staging, clock=clock)
    try:
        fault, broken = store.fault(), store.audit.verify()
        if fault or broken is not None:
            raise StoreError(
                "The library in the backup is damaged.",
                ru="База данных в резервной копии повреждена.",
                hint="Nothing was changed. Choose another backup.",
                hint_ru="Ничего не изменено. Выберите другую копию.",
                technical_detail=fault or f"audit event {broken.seq if broken else ''}",
            )
        store.audit.append(
            user, "library.restored", "",
            {"created_at": str(about.get("created_at")), "sha256": about["database"]["sha256"]},
        )  # fmt: skip
    finally:
        store.close()


def _restore_images(source: Path, target: Path) -> int:
    """Copy back the images that are not there; how many."""
    count = 0
    for path in sorted(source.rglob("*")):
        place = target / path.relative_to(source)
        if not path.is_file() or place.exists():
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        part = place.with_name(place.name + ".part")
        shutil.copyfile(path, part)
        part.replace(place)
        count += 1
    return count


@contextmanager
def _no_half(part: Path) -> Iterator[None]:
    is_whole = False
    try:
        yield
        is_whole = True
    finally:
        if not is_whole:
            shutil.rmtree(part, ignore_errors=True)


def _stamp(clock: Clock) -> str:
    """The time as a part of a file name."""
    return clock.now_utc()[:19].replace(":", "").replace("T", "-")
