"""Masks as NIfTI files in the grid of their images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from app.core.segmentation import Mask
from app.imaging.labelmap import content_sha256
from app.imaging.nifti import write_nifti
from app.workflow.open_study import load_volume
from app.workflow.output_files import name_for
from app.workflow.run_models import ModelOutcome
from app.workflow.session import StudySession


def write_masks(
    session: StudySession, outcomes: Sequence[ModelOutcome], out: Path
) -> dict[str, str]:
    """Write every label of every run and every mask of a finding; file name by content hash.

    A label with no voxel is written too. The run reports get the names, which are those of the
    contract (``masks/<index>-<label>.nii.gz``), with the number of the run where there are several.
    """
    names: dict[str, str] = {}
    for n, outcome in enumerate(outcomes, 1):
        rows = {row["index"]: row for row in outcome.report["outputs"]}
        for index, voxels in outcome.result.masks:
            row = rows[index]
            if len(outcomes) > 1:
                row["mask"] = f"masks/run-{n}-{Path(row['mask']).name}"
            _write(session, Mask(voxels, outcome.result.source), out / row["mask"])
            names.setdefault(content_sha256(voxels), row["mask"])
    for n, finding in enumerate(session.findings, 1):
        region = finding.current.region
        mask = session.mask(finding.uid)
        if region is not None and mask is not None and region.mask_sha256 not in names:
            name = f"masks/finding-{name_for(n, finding.current.label.en)}.nii.gz"
            _write(session, mask, out / name)
            names[region.mask_sha256] = name
    return names


def _write(session: StudySession, mask: Mask, path: Path) -> None:
    volume = load_volume(session.context, session.study, mask.source)
    write_nifti(path, mask.voxels, volume.geometry, pixel_spacing_mm=volume.pixel_spacing_mm)
