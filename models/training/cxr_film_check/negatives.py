"""Pictures that are no frontal chest film: slices, projections, extremities, pieces, patterns.

No lateral chest film was at hand. Side views are projections of CT volumes through 60 to 120
degrees: of the demonstration phantom and a public abdomen for training, of another public CT for
the test. Sources are split, not pictures: nothing of a test source is ever trained on.
"""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pydicom
import SimpleITK as sitk
from PIL import Image
from scipy import ndimage

from app.demo.ct import CtPlan, scan
from app.demo.mediastinum import ENHANCED
from app.demo.thorax import Visit
from models.training.films import Picture

LONG_SIDE = 320
Plane = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Negative:
    """A picture of 8 bit, its kind, and whether it is for the test only."""

    picture: Picture
    kind: str
    is_test: bool


def shown(values: npt.NDArray[np.generic]) -> Picture:
    """Values as a picture of at most 320 pixels a side, 1st to 99th percentile."""
    plane = np.asarray(values, np.float32)
    low, high = np.percentile(plane, (1, 99))
    gray = np.clip((plane - low) / max(float(high - low), 1e-6), 0, 1) * 255
    picture = Image.fromarray(gray.astype(np.uint8))
    scale = LONG_SIDE / max(picture.size)
    size = (max(8, round(picture.width * scale)), max(8, round(picture.height * scale)))
    return np.array(picture.resize(size, Image.Resampling.BILINEAR))


def projection(hu: Plane, degrees: float, spacing_kji: tuple[float, float, float]) -> Plane:
    """The volume [k up, j, i] seen from the side at ``degrees`` (0 frontal), feet down."""
    density = np.clip(hu + 1000, 0, 2500) / 1000
    if degrees % 90:
        density = ndimage.rotate(density, degrees % 90, axes=(1, 2), reshape=False, order=1)
    axis = 2 if degrees >= 45 else 1
    path = density.sum(axis) * spacing_kji[axis]
    seen = 1 - np.exp(-0.004 * path)
    across = spacing_kji[1 if axis == 2 else 2]
    return ndimage.zoom(seen[::-1], (1, across / spacing_kji[0]), order=1).astype(np.float32)


def _windows(hu: Plane) -> Iterator[Plane]:
    for low, high in ((-1000, 400), (-160, 240), (-400, 1200)):
        yield np.clip(hu, low, high)


def _reslices(
    volume: Plane, kind: str, is_test: bool, every: int, spacing_kji: tuple[float, float, float]
) -> Iterator[Negative]:
    """Axial, coronal and sagittal planes of a volume [k up, j, i]."""
    for k in range(every // 2, volume.shape[0], every):
        yield Negative(shown(volume[k]), f"{kind}, axial", is_test)
    for j in range(every, volume.shape[1] - every, 2 * every):
        plane = ndimage.zoom(volume[::-1, j], (spacing_kji[0] / spacing_kji[2], 1), order=1)
        yield Negative(shown(plane), f"{kind}, coronal", is_test)
    for i in range(every, volume.shape[2] - every, 2 * every):
        plane = ndimage.zoom(volume[::-1, :, i], (spacing_kji[0] / spacing_kji[1], 1), order=1)
        yield Negative(shown(plane), f"{kind}, sagittal", is_test)


def _dicom_images(archive: Path) -> list[pydicom.Dataset]:
    found = []
    with zipfile.ZipFile(archive) as file:
        for name in sorted(file.namelist()):
            if name.endswith("/"):
                continue
            image = pydicom.dcmread(io.BytesIO(file.read(name)), force=True)
            if "PixelData" in image and int(image.get("NumberOfFrames", 1) or 1) == 1:
                found.append(image)
    return found


def _values(image: pydicom.Dataset) -> Plane:
    slope, offset = float(image.get("RescaleSlope", 1)), float(image.get("RescaleIntercept", 0))
    return image.pixel_array.astype(np.float32) * slope + offset


def _series(images: list[pydicom.Dataset], description: str) -> Plane:
    chosen = [image for image in images if image.get("SeriesDescription", "") == description]
    chosen.sort(key=lambda image: float(image.get("ImagePositionPatient", [0, 0, 0])[2]))
    return np.stack([_values(image) for image in chosen])


def _of_ct(studies: Path) -> Iterator[Negative]:
    image = sitk.ReadImage(str(studies / "organ-masks" / "example_ct.nii.gz"))
    abdomen = sitk.GetArrayFromImage(image).astype(np.float32)
    abdomen, even = abdomen[:, ::-1, ::-1], (3.0, 3.0, 3.0)
    for hu in _windows(abdomen):
        yield from _reslices(hu, "CT", False, 9, even)
    for top in (112, 84, 60):
        for degrees in (0, 8, 60, 75, 90, 105):
            yield Negative(
                shown(projection(abdomen[top - 60 : top], degrees, even)), "CT projected", False
            )
    images = _dicom_images(studies / "ct-abdomen-200.zip")
    images.sort(key=lambda item: float(item.ImagePositionPatient[2]))
    trunk = np.stack([_values(item)[::3, ::3] for item in images])
    spacing = (1.0, 2.34, 2.34)
    for hu in _windows(trunk):
        yield from _reslices(hu, "CT", True, 20, spacing)
    for degrees in (60, 68, 75, 83, 90, 98, 105, 113, 120):
        for bottom in (0, 30, 60):
            side = projection(trunk[bottom:], degrees, spacing)
            yield Negative(shown(side), "CT projected from the side", True)
    for number, item in enumerate(_dicom_images(studies / "ct-chest-single-slices-20.zip")):
        for hu in _windows(_values(item)):
            yield Negative(shown(hu), "CT, axial", number % 2 == 1)
    for item in _dicom_images(studies / "ct-20-slices-j2k.zip")[::3]:
        for hu in _windows(_values(item)):
            yield Negative(shown(hu), "CT, axial", True)


def _of_mr(shared: Path) -> Iterator[Negative]:
    images = _dicom_images(shared / "studies" / "mr-brain-memprage.zip")
    head = _series(images, "mocoMEMPRAGE_220FOV RMS")
    yield from _reslices(head, "MR of the head", False, 7, (1.0, 1.0, 1.0))
    images = _dicom_images(shared / "studies" / "mr-brain-multisequence.zip")
    for name in ("T1pre_reg", "FLAIR_reg"):
        for plane in _series(images, name)[2::2]:
            yield Negative(shown(plane), "MR of the head", True)
    body = sitk.ReadImage(str(shared / "studies" / "organ-masks" / "example_mr_sm.nii.gz"))
    for plane in sitk.GetArrayFromImage(body)[::2]:
        yield Negative(shown(plane[::-1]), "MR of the body", True)
    with zipfile.ZipFile(shared / "mr-hippocampus" / "hippocampus.zip") as file:
        names = [name for name in file.namelist() if name.startswith("images/")]
        for number, name in enumerate(sorted(names)[::2]):
            with tempfile.NamedTemporaryFile(suffix=".nii.gz") as copy:
                copy.write(file.read(name))
                copy.flush()
                crop = sitk.GetArrayFromImage(sitk.ReadImage(copy.name))
            middle = crop[crop.shape[0] // 2], crop[:, crop.shape[1] // 2]
            for plane in middle:
                yield Negative(shown(plane), "MR crop", number % 2 == 1)


def _of_phantom() -> Iterator[Negative]:
    """The demonstration patient's chest from the side, and slices of it."""
    plan = CtPlan(columns=128, slice_mm=4.0)
    spacing = (plan.slice_mm, plan.pixel_mm, plan.pixel_mm)
    for shift, fluid in ((0.0, 22.0), (14.0, 0.0)):
        made = scan(Visit(True, ENHANCED, shift, fluid, 9.0), plan)
        hu = made.hu.astype(np.float32)
        yield from _reslices(hu, "CT", False, 12, spacing)
        for degrees in range(60, 121, 4):
            side = projection(hu, degrees, spacing)
            yield Negative(shown(side), "CT projected from the side", False)


def _of_corpus(shared: Path) -> Iterator[Negative]:
    """What else stands in the DICOM corpus: extremities, ultrasound, screens; one half each.

    Much of it is damaged on purpose; what cannot be read is passed over.
    """
    number = 0
    for name in ("pydicom", "pydicom-data", "highdicom"):
        with zipfile.ZipFile(shared / "dicom-corpus" / f"{name}.zip") as file:
            for entry in sorted(file.namelist()):
                plane = _gray_plane(file.read(entry)) if entry.endswith(".dcm") else None
                if plane is not None:
                    number += 1
                    yield Negative(shown(plane), "other DICOM images", number % 2 == 1)


def _gray_plane(content: bytes) -> Plane | None:
    try:
        image = pydicom.dcmread(io.BytesIO(content))
        if image.get("BodyPartExamined", "") == "CHEST" or min(image.Rows, image.Columns) < 48:
            return None
        values = image.pixel_array.astype(np.float32)
    except Exception:  # noqa: BLE001 - damaged in every way there is
        return None
    plane = values.mean(-1) if values.ndim == 3 and values.shape[-1] == 3 else values
    return plane if plane.ndim == 2 and plane.std() > 0 else None


def _patterns(count: int) -> Iterator[Negative]:
    """Flat fields, ramps, noise of every coarseness, discs: made in code."""
    random = np.random.default_rng(3)
    rows, columns = np.mgrid[-1:1:256j, -1:1:256j]
    for number in range(count):
        noise = random.normal(size=(256, 256))
        plane = ndimage.gaussian_filter(noise, float(np.exp(random.uniform(-1, 3.5))))
        plane = plane / max(plane.std(), 1e-6) * random.uniform(0.05, 1)
        plane += random.normal() * rows + random.normal() * columns
        for _ in range(random.integers(0, 4)):
            x, y = random.uniform(-0.6, 0.6, 2)
            a, b = random.uniform(0.1, 0.8, 2)
            plane += random.normal() * (((columns - x) / a) ** 2 + ((rows - y) / b) ** 2 < 1)
        yield Negative(shown(plane), "patterns", number % 3 == 0)


def negatives(shared: Path) -> Iterator[Negative]:
    """All of them, in one order."""
    yield from _of_ct(shared / "studies")
    yield from _of_mr(shared)
    yield from _of_phantom()
    yield from _of_corpus(shared)
    yield from _patterns(150)
