"""What other programs make of a folder of DICOM files, in one form that can be compared.

Each reader gives images in patient space (LPS); ``canonical`` turns them so that the axes run
towards the left, the back and the head, whatever order and flips a reader prefers.
"""

from __future__ import annotations

import subprocess
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import SimpleITK as sitk
from pydicom.errors import InvalidDicomError

from app.core.study import Series, Stack, Study
from app.core.volume import Volume
from app.dicom.stacks.assemble import assemble_volume
from app.dicom.tolerant import quiet
from tests.support.highdicom_reader import read_image

CORNER_TOLERANCE_MM = 0.01


def canonical(image: sitk.Image) -> sitk.Image:
    """``image`` with its axes towards left, back and head; nothing is interpolated."""
    return sitk.DICOMOrient(sitk.Cast(image, sitk.sitkFloat32), "LPS")


def image_of(volume: Volume) -> sitk.Image:
    """Our volume in modality values."""
    geometry = volume.geometry
    assert geometry is not None
    image = sitk.GetImageFromArray(np.asarray(volume.modality_values(), dtype=np.float32))
    image.SetOrigin(geometry.origin_lps)
    image.SetSpacing(geometry.spacing_ijk)
    image.SetDirection(geometry.direction)
    return canonical(image)


def by_overread(study: Study, series: Series) -> list[sitk.Image]:
    """All volumes of a series that needed no new grid."""
    return [
        image_of(assemble_volume(study, series, stack))
        for stack in series.stacks
        if _is_volume(stack)
    ]


def by_dcm2niix(program: str, folder: Path, out: Path) -> dict[str, list[sitk.Image]]:
    """Volumes by SeriesInstanceUID; time points of one file one by one."""
    out.mkdir()
    # -p n: stored values by the rescale of the header, not by Philips' private one.
    command = [program, "-f", "%j", "-b", "n", "-z", "n", "-p", "n", "-d", "9", "-o"]
    subprocess.run([*command, out, folder], check=False, timeout=300, capture_output=True)
    found = defaultdict(list)
    for path in sorted(out.glob("*.nii")):
        image = sitk.ReadImage(str(path))
        uid = path.stem.split("_")[0].rstrip("abcdefghijklmnopqrstuvwxyz")
        if image.GetDimension() == 4:
            found[uid] += [canonical(image[:, :, :, n]) for n in range(image.GetSize()[3])]
        elif image.GetDimension() == 3 and image.GetNumberOfComponentsPerPixel() == 1:
            found[uid].append(canonical(image))
    return found


def by_simpleitk(folder: Path) -> dict[str, list[sitk.Image]]:
    """Volumes by SeriesInstanceUID, one for each series that its series reader accepts."""
    found = defaultdict(list)
    for directory in [folder, *(path for path in sorted(folder.rglob("*")) if path.is_dir())]:
        for uid in _gdcm_series(directory):
            try:
                image = _gdcm_image(directory, uid)
            except RuntimeError:
                continue
            if image.GetNumberOfComponentsPerPixel() == 1 and image.GetDimension() == 3:
                # GDCM adds details of its own to the UID of a series that it splits.
                found[uid.split(".....")[0]].append(canonical(image))
    return found


def _gdcm_series(directory: Path) -> tuple[str, ...]:
    try:
        return tuple(sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(directory)))
    except RuntimeError:
        return ()  # one file that GDCM cannot parse hides the folder


def _gdcm_image(directory: Path, uid: str) -> sitk.Image:
    names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(directory), uid)
    if len(names) == 1:
        return sitk.ReadImage(names[0])
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(names)
    return reader.Execute()


def by_highdicom(stacks: Iterable[Stack]) -> list[sitk.Image]:
    """The volume of a whole series, or nothing where it refuses: uneven, mixed, no geometry."""
    paths = list(dict.fromkeys(ref.instance.path for stack in stacks for ref in stack.frames))
    try:
        with quiet():
            if len(paths) == 1:
                volume = read_image(paths[0]).get_volume(dtype=np.float32)
            else:
                datasets = [pydicom.dcmread(path, force=True) for path in paths]
                for dataset in datasets:
                    # One frame of reference per slice is a known fault of anonymisers (G21).
                    dataset.FrameOfReferenceUID = datasets[0].get("FrameOfReferenceUID", "1.2.3")
                volume = highdicom.get_volume_from_series(datasets, dtype=np.float32)
    except (ValueError, RuntimeError, AttributeError, TypeError, LookupError, InvalidDicomError):
        return []
    if volume.array.ndim != 3:
        return []
    # Its axes are slice, row, column.
    matrix = volume.affine[:3, 2::-1]
    spacing = np.linalg.norm(matrix, axis=0)
    image = sitk.GetImageFromArray(np.asarray(volume.array, dtype=np.float32))
    image.SetOrigin([float(v) for v in volume.affine[:3, 3]])
    image.SetSpacing([float(v) for v in spacing])
    image.SetDirection([float(v) for v in (matrix / spacing).ravel()])
    return [canonical(image)]


def difference(a: sitk.Image, b: sitk.Image) -> str:
    """What sets two canonical images apart, in words; empty where they are the same."""
    if a.GetSize() != b.GetSize():
        return f"size {a.GetSize()} and {b.GetSize()}"
    distance = float(np.linalg.norm(_corners(a) - _corners(b), axis=1).max())
    if distance > CORNER_TOLERANCE_MM:
        return f"corners {distance:.3f} mm apart"
    first, second = sitk.GetArrayViewFromImage(a), sitk.GetArrayViewFromImage(b)
    scale = max(1.0, float(np.abs(first).max()))
    apart = float(np.abs(first - second).max())
    return f"values up to {apart:g} apart" if apart > 1e-5 * scale else ""


def _corners(image: sitk.Image) -> np.ndarray:
    ends = [(0, n - 1) for n in image.GetSize()]
    return np.asarray(
        [
            image.TransformIndexToPhysicalPoint((i, j, k))
            for k in ends[2]
            for j in ends[1]
            for i in ends[0]
        ]
    )


def _is_volume(stack: Stack) -> bool:
    return stack.is_volume and stack.verdict == "ok"
