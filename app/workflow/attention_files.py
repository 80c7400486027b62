"""Attention maps as files: NIfTI on the grid of the image, and DICOM Parametric Maps."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from app.core.errors import InputError
from app.core.report import Message
from app.core.study import FrameRef, SeriesRef
from app.core.volume import Volume
from app.imaging.nifti import write_like, write_nifti
from app.inference.manifest import ModelPack
from app.inference.result import InferenceResult
from app.inference.run_report import attention_file_name
from app.workflow.derived_uid import derived_uid
from app.workflow.output_files import disk_faults

FIRST_SERIES_NUMBER = 9201


@dataclass(frozen=True, slots=True)
class MapSource:
    """What the maps belong to: the stack's images, or the image ``file`` that is not DICOM."""

    ref: SeriesRef
    frames: tuple[FrameRef, ...]
    volume: Volume
    file: Path | None = None


def write_attention(
    out: Path, pack: ModelPack, result: InferenceResult, source: MapSource
) -> list[Path]:
    """``attention/<index>-<label>.nii.gz``, float32 0..1, for every map. Raises ``DiskFull``."""
    files = []
    with disk_faults(out):
        for index, values in result.attention:
            path = out / attention_file_name(pack, index)
            path.parent.mkdir(parents=True, exist_ok=True)
            if source.file is None:
                volume = source.volume
                write_nifti(path, values, volume.geometry, volume.pixel_spacing_mm)
            else:
                write_like(path, values, source.file)
            files.append(path)
    return files


def write_attention_dicom(
    out: Path, pack: ModelPack, result: InferenceResult, source: MapSource, at_utc: str
) -> tuple[list[Path], list[Message]]:
    """``dicom/ai-attention-<index>.dcm`` for every map, or why the images do not allow it."""
    from app.dicom.writing.authoring import (
        MANUFACTURER,
        Algorithm,
        Identity,
        SourceImages,
        write_dataset,
    )
    from app.dicom.writing.map_writer import MapRequest, write_map

    ref = source.ref
    images = SourceImages(ref.study_instance_uid, ref.series_instance_uid, source.frames)
    files: list[Path] = []
    for number, (index, values) in enumerate(result.attention):
        seed = (
            "infer-attention", ref.study_instance_uid, ref.series_instance_uid, str(ref.stack),
            result.weights_sha256, str(index), at_utc,
        )  # fmt: skip
        try:
            dataset = write_map(
                MapRequest(
                    source=images,
                    values=values,
                    label=pack.label(index).name.en,
                    algorithm=Algorithm(pack.id[:64], pack.version[:64], MANUFACTURER),
                    identity=Identity(
                        derived_uid("series", *seed),
                        derived_uid("sop", *seed),
                        FIRST_SERIES_NUMBER + number,
                    ),
                    at_utc=at_utc,
                )
            )
        except InputError as error:  # the NIfTI is there
            return files, [Message(error.text("en"), error.text("ru"))]
        target = out / "dicom" / f"ai-attention-{index}.dcm"
        with disk_faults(out):
            target.parent.mkdir(parents=True, exist_ok=True)
            write_dataset(dataset, target)
        files.append(target)
    return files, []
