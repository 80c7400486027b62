"""Studies into the library: their index always, their files where asked or where they must."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from app.core.study import Instance, Series, Study
from app.dicom.scan import ScanResult
from app.jobs.cancel import CancelToken
from app.jobs.progress import Progress, no_progress, part_of
from app.workflow.context import AppContext
from app.workflow.open_study import open_paths
from app.workflow.output_files import disk_faults, whole_or_not


@dataclass(frozen=True, slots=True)
class ImportOutcome:
    """What was imported, and what was left out with the reasons."""

    studies: tuple[Study, ...]
    scan: ScanResult
    copied: int


def import_paths(
    context: AppContext,
    paths: Sequence[Path],
    *,
    copy: bool = False,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> ImportOutcome:
    """Index the studies in ``paths``; with ``copy`` keep their files in the data folder.

    What came out of an archive is always copied: the unpacked files do not stay. Any thread.
    Raises ``InputError``, ``DiskFull``; a study is imported whole or not at all.
    """
    token = cancel or CancelToken()
    opened = open_paths(context, paths, progress=part_of(progress, 0.0, 0.5), cancel=token)
    images = context.store.folder / "images"
    studies, copied = [], 0
    for n, study in enumerate(opened.studies):
        token.raise_if_cancelled()
        kept, count = _kept(study, images, context.workspace, copy, token)
        with context.store.transaction():
            context.store.studies.put(kept, at_utc=context.clock.now_utc())
            context.store.audit.append(
                context.user, "study.imported", study.study_instance_uid, {"copied": str(count)}
            )
        studies.append(kept)
        copied += count
        progress(0.5 + 0.5 * (n + 1) / len(opened.studies), "importing")
    return ImportOutcome(tuple(studies), opened.scan, copied)


def _kept(
    study: Study, images: Path, workspace: Path, copy: bool, cancel: CancelToken
) -> tuple[Study, int]:
    series, count = [], 0
    for one in study.series:
        instances = []
        for instance in one.instances:
            cancel.raise_if_cancelled()
            if copy or workspace in instance.path.parents:
                instances.append(_copied(study, one, instance, images))
                count += 1
            else:
                instances.append(replace(instance, path=instance.path.resolve()))
        series.append(replace(one, instances=tuple(instances)))
    return replace(study, series=tuple(series)), count


def _copied(study: Study, series: Series, instance: Instance, images: Path) -> Instance:
    """The instance, copied to a place named by its UIDs; already there: nothing is written.

    Names are hashes: UIDs of damaged files hold what no file name may.
    """
    folder = images / _short(study.study_instance_uid) / _short(series.series_instance_uid)
    with disk_faults(folder):
        digest = hashlib.sha256(instance.path.read_bytes()).hexdigest()[:16]
        target = folder / f"{_short(instance.sop_instance_uid)}-{digest}.dcm"
        if not target.exists():
            part = target.with_suffix(".part")
            with whole_or_not(part):
                shutil.copyfile(instance.path, part)
                part.replace(target)
    return replace(instance, path=target)


def _short(uid: str) -> str:
    return hashlib.sha256(uid.encode("utf-8")).hexdigest()[:16]
