"""What is to be sent: the DICOM objects in files, folders and archives."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from app.dicom.files.scan import scan
from app.jobs.progress import Progress, no_progress


def objects_in(
    paths: Sequence[Path], workspace: Path, *, progress: Progress = no_progress
) -> tuple[Path, ...]:
    """The objects to send. Archives are unpacked into ``workspace``; raises ``InputError``.

    What Overread cannot read is sent too: the peer decides. Files that are no DICOM are left out.
    """
    found = scan(paths, workspace=workspace, progress=progress)
    readable = [record.instance.path for record in found.records]
    return tuple(dict.fromkeys([*readable, *(item.path for item in found.unreadable)]))
