"""``overread volume``: one assembled volume in modality values, as NIfTI or NRRD."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy.typing as npt

    from app.core.study import Series, Stack, Study
    from app.core.volume import Volume


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the verb."""
    parser.add_argument("path", type=Path, metavar="PATH")
    parser.add_argument("--series", required=True, metavar="UID", help="SeriesInstanceUID")
    parser.add_argument("--stack", type=int, default=0, metavar="N", help="counted from 0")
    parser.add_argument(
        "--every", type=int, default=1, metavar="N", help="one slice in N, where memory is short"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.nii.gz")


def run(args: argparse.Namespace) -> int:
    """Write the volume. Stacks that are no volume are written image by image without a place."""
    from app.cli.exit_codes import ExitCode
    from app.cli.progress_line import ProgressLine
    from app.dicom.files.scan import scan
    from app.dicom.stacks.assemble import assemble_volume
    from app.dicom.stacks.grouping import group
    from app.imaging.nifti import require_known_ending, write_nifti

    require_known_ending(args.out)
    with tempfile.TemporaryDirectory(prefix="overread-") as workspace, ProgressLine() as progress:
        found = scan([args.path], workspace=Path(workspace), progress=progress.show)
        study, series, stack = find_stack(group(found.records), args.series, args.stack)
        if args.every != 1:
            stack = one_slice_in(stack, args.every)
        volume = assemble_volume(study, series, stack, progress=progress.show)
        write_nifti(args.out, modality_array(volume), volume.geometry, volume.pixel_spacing_mm)
    if not stack.is_volume or stack.verdict == "blocked":
        _note_no_volume(stack)
    return ExitCode.DONE


def _note_no_volume(stack: Stack) -> None:
    """A file of images one after another looks like a volume to whoever opens it."""
    from app.cli.language import in_language

    sys.stderr.write(
        "overread: "
        + in_language(
            f"These images are no volume ({stack.why}). The file holds them one after another, "
            "without a place in space and without a distance between them.",
            f"Эти снимки не образуют объёма ({stack.why_in('ru')}). В файле они идут подряд, "
            "без положения в пространстве и без расстояния между ними.",
        )
        + "\n"
    )


def find_stack(
    studies: tuple[Study, ...], series_instance_uid: str, index: int
) -> tuple[Study, Series, Stack]:
    """The stack named on the command line. Raises ``InputError`` naming what there is, or why it
    is not shown.
    """
    from app.core.errors import InputError

    for study in studies:
        series = study.find_series(series_instance_uid)
        if series is None:
            continue
        if 0 <= index < len(series.stacks):
            _require_shown(series.stacks[index])
            return study, series, series.stacks[index]
        raise InputError(
            f"The series has {len(series.stacks)} stacks; there is no stack {index}.",
            ru=f"В серии стопок: {len(series.stacks)}; стопки {index} нет.",
            hint="Stacks are counted from 0; overread inspect lists them.",
            hint_ru="Стопки нумеруются с 0; их список даёт overread inspect.",
        )
    raise InputError(
        "There is no series with this UID in these files.",
        ru="В этих файлах нет серии с таким UID.",
        hint="overread inspect lists the series.",
        hint_ru="Список серий даёт overread inspect.",
    )


def one_slice_in(stack: Stack, every: int) -> Stack:
    """``thinned``. Raises ``InputError`` where that makes no volume."""
    from app.core.errors import InputError
    from app.dicom.stacks.volume_size import can_be_thinned, thinned

    if not can_be_thinned(stack) or not 1 < every <= len(stack.frames):
        raise InputError(
            f"There is no volume of one slice in {every} of these images.",
            ru=f"Из каждого {every}-го среза этих снимков объём не получается.",
            hint="Only a volume with equal steps can be thinned, by 2 or more.",
            hint_ru="Прореживается только объём с равными шагами, в 2 раза и более.",
        )
    return thinned(stack, every)


def _require_shown(stack: Stack) -> None:
    """What the workstation refuses to show, no verb shows either (D16)."""
    from app.core.errors import InputError
    from app.dicom.stacks.health import not_shown_reason

    reason = not_shown_reason(stack)
    if reason:
        raise InputError(
            f"{reason.en[:1].upper()}{reason.en[1:]}.",
            ru=f"{reason.ru[:1].upper()}{reason.ru[1:]}.",
            hint="Open them in a program for this kind of images.",
            hint_ru="Откройте их в программе для таких изображений.",
        )


def modality_array(volume: Volume) -> npt.NDArray[Any]:
    """Modality values ``[k, j, i]``: int16 where they are whole numbers that fit, else float32."""
    import numpy as np

    slope, intercept = volume.rescale.slope, volume.rescale.intercept
    if volume.is_color or (slope, intercept) == (1.0, 0.0):
        return volume.voxels
    if slope == int(slope) and intercept == int(intercept) and volume.voxels.dtype.kind in "iu":
        ends = np.array([volume.voxels.min(), volume.voxels.max()], dtype=np.float64)
        ends = ends * slope + intercept
        if ends.min() >= -32768 and ends.max() <= 32767:
            values = volume.voxels.astype(np.int32) * int(slope) + int(intercept)
            return values.astype(np.int16)
    return volume.modality_values()
