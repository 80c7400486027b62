"""What one run of a model proposed, as DICOM objects: masks as SEG, all else as SR."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from app.core.errors import AppError, InputError
from app.core.geometry import Geometry
from app.core.ports import Clock
from app.core.report import findings_sha256
from app.core.segmentation import Mask, MaskArray
from app.core.study import SeriesRef
from app.dicom.writing.authoring import Identity, SourceImages, write_dataset
from app.inference.to_findings import ProposedFindings
from app.workflow.derived_uid import derived_uid
from app.workflow.output_files import disk_faults

if TYPE_CHECKING:
    import pydicom

Written = tuple[list[Path], list[dict[str, str]]]
_SEG_NUMBER, _SR_NUMBER = 9101, 9102


@dataclass(frozen=True, slots=True)
class DicomTarget:
    """The folder that takes ``dicom/``, and the images that were read.

    ``own_grid``: the slices were resampled to a grid that is not that of the images.
    """

    out: Path
    images: SourceImages
    ref: SeriesRef
    own_grid: Geometry | None = None


def write_ai_seg(target: DicomTarget, proposed: ProposedFindings, clock: Clock) -> Written:
    """The DICOM SEG of the proposals; or a note where the images do not allow one."""
    from app.dicom.writing.seg_writer import SegmentSource, SegRequest, write_seg

    segments = tuple(
        SegmentSource(finding, partial(_mask, proposed.masks, region.mask_sha256))
        for finding in proposed.findings
        if (region := finding.current.region) is not None and region.mask_sha256
    )
    if not segments:
        return [], []
    now = clock.now_utc()
    try:
        dataset = write_seg(
            SegRequest(
                source=target.images,
                segments=segments,
                identity=_identity(target, proposed, "infer-seg", _SEG_NUMBER, now),
                description="AI segmentation",
                at_utc=now,
                resampled_grid=target.own_grid,
            )
        )
    except InputError as error:  # what the images are does not allow the object; masks are there
        return [], [_note(error)]
    return [_write(target, dataset, "ai-seg-1.dcm")], []


def write_ai_sr(target: DicomTarget, proposed: ProposedFindings, clock: Clock) -> Written:
    """An unverified SR of the proposals: boxes, points, scores and numbers, or that there is
    nothing; or a note where the images do not allow one.
    """
    from app.dicom.writing.sr_writer import SrRequest, write_sr

    now = clock.now_utc()
    try:
        dataset = write_sr(
            SrRequest(
                source=target.images,
                findings=proposed.findings,
                places={},
                identity=_identity(target, proposed, "infer-sr", _SR_NUMBER, now),
                device_uid=derived_uid("device", "overread"),
                description="AI findings",
                at_utc=now,
            )
        )
    except InputError as error:
        return [], [_note(error)]
    return [_write(target, dataset, "ai-sr-1.dcm")], []


def _mask(masks: Mapping[str, Mask], sha256: str) -> MaskArray:
    """Made when it is written: the masks of a result come from one label map."""
    return masks[sha256].voxels


def _identity(
    target: DicomTarget, proposed: ProposedFindings, kind: str, number: int, now: str
) -> Identity:
    ref = target.ref
    seed = (
        kind, ref.study_instance_uid, ref.series_instance_uid, str(ref.stack),
        findings_sha256(proposed.findings), now,
    )  # fmt: skip
    return Identity(derived_uid("series", *seed), derived_uid("sop", *seed), number)


def _write(target: DicomTarget, dataset: pydicom.Dataset, name: str) -> Path:
    path = target.out / "dicom" / name
    with disk_faults(target.out):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_dataset(dataset, path)
    return path


def _note(error: AppError) -> dict[str, str]:
    return {"en": error.text("en"), "ru": error.text("ru")}
