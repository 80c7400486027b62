"""From files to studies, from series to volumes. Runs in the io lane; no session needed."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from app.core.errors import InputError
from app.core.study import SeriesRef, Study
from app.core.volume import Volume
from app.dicom.files.scan import ScanResult, scan
from app.dicom.pixels.decode_pool import expect
from app.dicom.stacks.assemble import assemble
from app.dicom.stacks.grouping import group
from app.dicom.stacks.stack_reader import StackReader
from app.dicom.stacks.volume_size import thinned, too_large, volume_bytes
from app.jobs.cancel import CancelToken
from app.jobs.progress import Progress, no_progress
from app.workflow.completeness import with_known_counts
from app.workflow.context import AppContext
from app.workflow.library_facts import with_stored_counts, with_stored_identity
from app.workflow.volume_cache import find_stack, volume_key

OnFrame = Callable[[int, npt.NDArray[np.generic]], None]


@dataclass(frozen=True, slots=True)
class OpenedPaths:
    """What was found: the scan with what it left out and why, and the studies."""

    scan: ScanResult
    studies: tuple[Study, ...]


def open_paths(
    context: AppContext,
    paths: Sequence[Path],
    *,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> OpenedPaths:
    """Scan files, folders and ZIPs. Raises ``InputError`` where nothing readable is among them."""
    found = _scanned(context, paths, progress, cancel)
    studies = tuple(
        with_known_counts(context, with_stored_identity(context, study))
        for study in group(found.records)
    )
    return OpenedPaths(found, studies)


def open_stored(
    context: AppContext,
    study_instance_uid: str,
    *,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> Study:
    """A study of the library, read anew from its files."""
    stored = context.store.studies.get(study_instance_uid)
    if stored is None:
        raise InputError(
            "The library holds no study with this UID.",
            ru="В базе данных нет исследования с этим UID.",
            hint="overread studies lists what there is.",
            hint_ru="Список: overread studies.",
        )
    known = context.store.studies.paths(study_instance_uid)
    paths = _unpacked_last([path for path in known if path.exists()], context.workspace)
    if paths:
        found = _scanned(context, paths, progress, cancel)
        for study in group(found.records):
            if study.study_instance_uid == study_instance_uid:
                study = with_stored_counts(context, with_stored_identity(context, study))
                return with_known_counts(context, study)
    if stored.images_deleted_at_utc:
        raise InputError(
            "The images of this study were deleted from the library; its signed report is there.",
            ru="Снимки этого исследования удалены из базы; подписанное заключение сохранено.",
            hint="Import the images again to look at them.",
            hint_ru="Чтобы увидеть снимки, импортируйте их снова.",
        )
    if context.store.studies.is_from_archive_alone(study_instance_uid):
        raise InputError(
            "This study was read from an archive (ZIP) that was opened but not imported, and what"
            " was unpacked is gone.",
            ru="Исследование открыто из архива (ZIP) без импорта, распакованных файлов больше нет.",
            hint="Open the archive again, or overread import it to keep its images; what was"
            " decided is kept.",
            hint_ru="Откройте архив снова или выполните overread import, чтобы сохранить снимки;"
            " решения сохранены.",
        )
    raise InputError(
        "The images of this study are no longer where they were.",
        ru="Снимков этого исследования больше нет на прежнем месте.",
        hint="Open the study from its new place; what was decided is kept.",
        hint_ru="Откройте исследование с нового места; решения сохранены.",
    )


def _scanned(
    context: AppContext, paths: Sequence[Path], progress: Progress, cancel: CancelToken | None
) -> ScanResult:
    found = scan(paths, workspace=_own_folder(context), progress=progress, cancel=cancel)
    expect({record.instance.transfer_syntax_uid for record in found.records if record.has_pixels})
    return found


def known_priors(study: Study, opened: Sequence[Study]) -> tuple[Study, ...]:
    """Earlier studies of the same patient among ``opened``, newest first."""
    patient = study.patient
    return tuple(
        sorted(
            (
                other
                for other in opened
                if other.study_instance_uid != study.study_instance_uid
                and patient.id
                and other.patient.id == patient.id
                and other.patient.issuer == patient.issuer
                and "" < other.study_date < study.study_date
            ),
            key=lambda other: (other.study_date, other.study_time),
            reverse=True,
        )
    )


def load_volume(
    context: AppContext,
    study: Study,
    ref: SeriesRef,
    *,
    on_frame: OnFrame | None = None,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> Volume:
    """The assembled volume of a stack, from memory if it is there.

    ``on_frame(n, stored_values)`` is called per decoded frame, not for a volume from memory.
    Images that cannot be decoded are left empty and named: ``Volume.unreadable``.
    Raises ``TooLarge`` before anything is allocated where the memory for images does not suffice.
    """
    series, stack = find_stack(study, ref)
    key = volume_key(ref, stack)
    volume = context.volumes.get(key)
    if volume is None:
        reader = StackReader(study, series, stack)
        with context.volumes.reserved(volume_bytes(reader)) as fits:
            if not fits:
                raise too_large(reader, context.volumes.free_bytes)
            volume = assemble(
                reader, progress=progress, cancel=cancel, on_frame=on_frame, leaves_holes=True
            )
        context.volumes.put(key, volume)
    return volume


def load_thinned(
    context: AppContext,
    study: Study,
    ref: SeriesRef,
    every: int,
    *,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> Volume:
    """Each ``every``-th slice of a stack that is too large as a whole (``TooLarge.every``).

    Not kept: its grid is another than that of the stack, so nothing else may take it for that.
    Raises as ``load_volume``.
    """
    series, stack = find_stack(study, ref)
    reader = StackReader(study, series, thinned(stack, every))
    with context.volumes.reserved(volume_bytes(reader)) as fits:
        if not fits:
            raise too_large(reader, context.volumes.free_bytes)
        return assemble(reader, progress=progress, cancel=cancel)


def _unpacked_last(paths: Sequence[Path], workspace: Path) -> list[Path]:
    """Without what was unpacked earlier than last: an archive opened ten times is one study."""
    folders = {path.relative_to(workspace).parts[0] for path in paths if workspace in path.parents}
    if not folders:
        return list(paths)
    newest = workspace / max(folders, key=lambda name: (workspace / name).stat().st_mtime_ns)
    return [path for path in paths if workspace not in path.parents or newest in path.parents]


def _own_folder(context: AppContext) -> Path:
    """A folder for this scan alone: what is open from another archive is never written over."""
    return context.workspace / uuid.uuid4().hex
