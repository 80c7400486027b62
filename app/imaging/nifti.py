"""Reading and writing NIfTI and NRRD. RAS exists only inside those files; here all is LPS."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from app.core.errors import DiskFull, EnvironmentFault, InputError
from app.core.geometry import Geometry

_ENDINGS = (".nii.gz", ".nii", ".nrrd")


def to_sitk(
    array: npt.NDArray[Any],
    geometry: Geometry | None,
    pixel_spacing_mm: tuple[float, float] | None = None,
) -> sitk.Image:
    """A SimpleITK image with a copy of ``array`` ``[k, j, i]`` (or ``[k, j, i, 3]``) at its place.

    Without geometry (projection images) it gets an identity direction, and ``pixel_spacing_mm``
    (row, column order) or 1 mm.
    """
    data = np.asarray(array)
    if data.dtype == np.bool_:
        data = data.astype(np.uint8)
    if data.dtype == np.float16:
        data = data.astype(np.float32)
    image = sitk.GetImageFromArray(data, isVector=data.ndim == 4)
    if geometry is not None:
        if data.shape[:3] != geometry.shape_kji:
            raise ValueError(f"array {data.shape} and geometry {geometry.shape_kji} differ")
        image.SetSpacing(geometry.spacing_ijk)
        image.SetOrigin(geometry.origin_lps)
        image.SetDirection(geometry.direction)
    else:
        row_mm, column_mm = pixel_spacing_mm or (1.0, 1.0)
        image.SetSpacing((float(column_mm), float(row_mm), 1.0))
    return image


def geometry_of(image: sitk.Image, frame_of_reference_uid: str = "") -> Geometry:
    """The grid of a three-dimensional SimpleITK image."""
    return Geometry.from_arrays(
        image.GetSize(),
        image.GetSpacing(),
        image.GetOrigin(),
        image.GetDirection(),
        frame_of_reference_uid,
    )


def require_known_ending(path: Path) -> str:
    """The ending of ``path`` that names a format we write, or ``InputError``."""
    for ending in _ENDINGS:
        if path.name.lower().endswith(ending):
            return ending
    raise InputError(
        f"The ending of {path.name} names no image format.",
        ru=f"Расширение файла {path.name} не обозначает формат изображений.",
        hint="Use .nii.gz, .nii or .nrrd.",
        hint_ru="Используйте .nii.gz, .nii или .nrrd.",
    )


def write_nifti(
    path: Path,
    array: npt.NDArray[Any],
    geometry: Geometry | None,
    pixel_spacing_mm: tuple[float, float] | None = None,
) -> None:
    """Write ``array`` ``[k, j, i]`` as NIfTI or NRRD, by the ending of ``path``.

    The file appears whole or not at all. Raises ``InputError`` for an unknown ending and
    ``EnvironmentFault`` where the disk does not take it.
    """
    require_known_ending(path)
    _write_whole(path, to_sitk(array, geometry, pixel_spacing_mm))


def write_like(path: Path, mask: npt.NDArray[Any], like: Path) -> None:
    """Write ``mask`` ``[k, j, i]`` in the very grid of the image file ``like``: a flat image gets
    a flat mask, and axes that point elsewhere than a patient's stay as they are.

    ``mask`` must have the size of that image. Raises as ``write_nifti`` and ``read_nifti`` do.
    """
    require_known_ending(path)
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(like))
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise _not_readable(like, error) from error
    if reader.GetDimension() == 2:
        image = sitk.GetImageFromArray(np.asarray(mask)[0])
        image.SetSpacing(reader.GetSpacing())
        image.SetOrigin(reader.GetOrigin())
        image.SetDirection(reader.GetDirection())
    else:
        image = to_sitk(mask, read_nifti(like)[1])
    _write_whole(path, image)


def _write_whole(path: Path, image: sitk.Image) -> None:
    partial = path.with_name(f".{path.name}.partial{require_known_ending(path)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Level 1: the volumes of a reading are written often and read once or twice.
        sitk.WriteImage(image, partial, True, compressionLevel=1)
        _require_whole(partial, image)
        partial.replace(path)
    except (RuntimeError, OSError, DiskFull) as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        if isinstance(error, DiskFull):
            raise
        raise EnvironmentFault(
            f"{path.name} could not be written.",
            ru=f"Не удалось записать {path.name}.",
            hint="Check the free space and the rights of the folder.",
            hint_ru="Проверьте свободное место и права на папку.",
            technical_detail=str(error),
        ) from error


def _require_whole(written: Path, image: sitk.Image) -> None:
    """Read the file again: on a full disk ITK's NIfTI writer stops short without raising."""
    try:
        is_whole = np.array_equal(_values(sitk.ReadImage(written)), _values(image))
    except RuntimeError:
        is_whole = False
    if not is_whole:
        raise DiskFull(
            "The disk is full: the image file could not be written whole.",
            ru="Диск заполнен: файл изображения не удалось записать целиком.",
            hint="Free some space and write it again.",
            hint_ru="Освободите место и запишите его ещё раз.",
        )


def _values(image: sitk.Image) -> npt.NDArray[Any]:
    """All values in a row: one colour image comes back from NIfTI without its axis of slices.

    ITK's reader of NIfTI makes zeros of what is no finite number, so it counts as zero here.
    """
    values = sitk.GetArrayFromImage(image).ravel()
    return np.where(np.isfinite(values), values, 0) if values.dtype.kind == "f" else values


def read_nifti(path: Path) -> tuple[npt.NDArray[Any], Geometry]:
    """Voxels ``[k, j, i]`` and their grid in LPS; 2D images become one slice.

    The frame of reference is empty: these formats carry none. Raises ``InputError``.
    """
    try:
        image = sitk.ReadImage(path)
    except RuntimeError as error:
        raise _not_readable(path, error) from error
    if image.GetDimension() == 4 and image.GetSize()[3] == 1:
        image = image[:, :, :, 0]
    if image.GetDimension() == 2:
        image = sitk.JoinSeries(image)
    if image.GetDimension() != 3:
        raise InputError(
            f"{path.name} holds {image.GetDimension()} dimensions; three are needed.",
            ru=f"В {path.name} измерений: {image.GetDimension()}; нужно три.",
            hint="Split it into single volumes first.",
            hint_ru="Сначала разделите его на отдельные тома.",
        )
    # GetArrayFromImage copies; a view would outlive the image it points into.
    return sitk.GetArrayFromImage(image), geometry_of(image)


def _not_readable(path: Path, error: RuntimeError) -> InputError:
    return InputError(
        f"{path.name} is not a readable NIfTI or NRRD image.",
        ru=f"{path.name} не читается как изображение NIfTI или NRRD.",
        hint="Check that the file is complete and of one of these formats.",
        hint_ru="Проверьте, что файл целый и в одном из этих форматов.",
        technical_detail=str(error),
    )
