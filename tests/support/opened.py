"""Opens files the way the program does: scan, group, assemble."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from app.core.study import Series, Stack, Study
from app.core.volume import Volume
from app.dicom.files.scan import ScanResult, scan
from app.dicom.stacks.assemble import assemble_volume
from app.dicom.stacks.grouping import group


def open_all(workspace: Path, *paths: Path) -> tuple[ScanResult, tuple[Study, ...]]:
    """Scan ``paths`` and group what was found; checks that no frame is lost (G09)."""
    found = scan(paths, workspace=workspace / "workspace")
    studies = group(found.records)
    for study in studies:
        for series in study.series:
            shown = [ref for stack in series.stacks for ref in stack.frames]
            assert len(shown) == len(set(shown)) == series.frames
    return found, studies


def open_series(workspace: Path, *paths: Path) -> tuple[Study, Series]:
    """The only series of the only study in ``paths``."""
    _, (study,) = open_all(workspace, *paths)
    (series,) = study.series
    return study, series


def open_stack(workspace: Path, *paths: Path) -> tuple[Study, Series, Stack]:
    """The only stack in ``paths``."""
    study, series = open_series(workspace, *paths)
    (stack,) = series.stacks
    return study, series, stack


def open_volume(workspace: Path, paths: Sequence[Path]) -> tuple[Stack, Volume]:
    """The only stack in ``paths``, and its voxels."""
    study, series, stack = open_stack(workspace, *paths)
    return stack, assemble_volume(study, series, stack)


def codes(stack: Stack) -> list[str]:
    """The warning codes of a stack."""
    return [warning.code for warning in stack.warnings]
