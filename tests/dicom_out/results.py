"""A reviewed study made in code: images, findings, masks; what the writers are given."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom

from app.core import codes
from app.core.codes import Laterality
from app.core.finding import Decision, Finding, FindingContent, Label, Proposal, Region, decide
from app.core.measurement import Measurement
from app.core.provenance import Provenance
from app.core.study import FrameRef, Instance
from app.dicom.writing.authoring import Identity, SourceImages
from tests.support.synthetic_dicom import uid

AT_UTC = "2026-11-21T10:20:30.000+00:00"


def source_of(paths: list[Path]) -> SourceImages:
    """The images in the order of their positions."""
    headers = [(pydicom.dcmread(path, stop_before_pixels=True), path) for path in paths]
    if "ImagePositionPatient" in headers[0][0]:
        headers.sort(key=lambda row: float(row[0].ImagePositionPatient[2]))
    frames = tuple(
        FrameRef(
            Instance(
                path=path,
                sop_instance_uid=header.SOPInstanceUID,
                sop_class_uid=header.SOPClassUID,
                transfer_syntax_uid=header.file_meta.TransferSyntaxUID,
                instance_number=1,
                number_of_frames=1,
                rows=header.Rows,
                columns=header.Columns,
            )
        )
        for header, path in headers
    )
    first = headers[0][0]
    return SourceImages(first.StudyInstanceUID, first.SeriesInstanceUID, frames)


def identity(name: str) -> Identity:
    """Stable identifiers for a new object."""
    return Identity(uid("series", name), uid("instance", name), 9001)


def proposed(source: SourceImages, side: Laterality, *, name: str = "lung") -> Finding:
    """A model's proposal of one lung."""
    content = FindingContent(
        codes.LUNG,
        Label(f"{side} {name}", "правое лёгкое" if side == "right" else "левое лёгкое"),
        laterality=side,
        region=Region("segment", mask_sha256="a" * 64),
        measurements=(
            Measurement("area", 123.25, "cm2", "pixel-area@1"),
            Measurement("area_ratio", 0.875, "1", "area-ratio@1", status="low_quality"),
            Measurement("volume", None, "mL", "voxel-count@1", status="absent"),
        ),
    )
    origin = Provenance(
        "model", AT_UTC, pack="cxr-lung-fields", version="1.0.0", weights_sha256="b" * 64,
        manifest_sha256="c" * 64, device="cpu",
    )  # fmt: skip
    return Finding(
        uid=uid("finding", side, name),
        tracking_uid=uid("tracking", side, name),
        study_instance_uid=source.study_instance_uid,
        series_instance_uid=source.series_instance_uid,
        stack=0,
        proposal=Proposal(content),
        current=content,
        state="proposed",
        provenance=origin,
    )


def accepted(finding: Finding) -> Finding:
    """The finding after acceptance."""
    return decide(finding, Decision("accept", "Петров^Иван", AT_UTC))


def edited(finding: Finding) -> Finding:
    """The finding after its mask was changed by hand."""
    content = replace(finding.current, region=Region("segment", mask_sha256="d" * 64))
    return decide(finding, Decision("edit", "Петров^Иван", AT_UTC), content)


def asymmetric_masks(shape_kji: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Two overlapping masks without any symmetry, so that a flip shows in a number."""
    k, j, i = shape_kji
    first, second = np.zeros(shape_kji, np.uint8), np.zeros(shape_kji, np.uint8)
    first[: max(1, k // 2), 2 : j // 2, 1 : i // 3] = 1
    second[k // 3 :, j // 3 : j - 1, 2 : i - 4] = 1
    first[0, 0, 0] = 1
    return first, second
