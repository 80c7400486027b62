"""Synthetic studies with known answers: written to a temporary folder, read back by the tests.

Default voxel values are a linear function of the place in the patient (``linear_hu``), so a slice
in the wrong place, a flipped axis or a wrong spacing shows in a number, and linear interpolation
reproduces the values exactly.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import (
    UID,
    ComputedRadiographyImageStorage,
    CTImageStorage,
    DigitalXRayImageStorageForPresentation,
    EnhancedMRImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
    SecondaryCaptureImageStorage,
    UltrasoundMultiFrameImageStorage,
    generate_uid,
)

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
SAGITTAL = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)
CORONAL = (1.0, 0.0, 0.0, 0.0, 0.0, -1.0)

Change = Callable[[Dataset, int], None]
Values = Callable[[np.ndarray], np.ndarray]


def uid(*parts: object) -> str:
    """The same UID for the same words, always."""
    return str(generate_uid(entropy_srcs=["overread-tests", *map(str, parts)]))


def linear_hu(points_lps: np.ndarray) -> np.ndarray:
    """Modality value at each point: linear in x, y and z, different for each axis."""
    return points_lps @ np.array([1.0, 3.0, 7.0]) + 40.0


@dataclass(frozen=True)
class SeriesSpec:
    """What a synthetic cross-sectional series looks like; ``change`` edits each slice's header.

    ``positions_mm`` along the normal overrides ``count`` and ``step_mm``; ``tilt_deg`` shears the
    stack along the columns' direction as a tilted gantry does. ``values`` maps LPS points to
    modality values.
    """

    count: int = 8
    rows: int = 24
    columns: int = 20
    pixel_spacing: tuple[float, float] = (0.8, 0.7)
    step_mm: float = 2.0
    orientation: Sequence[float] = AXIAL
    origin_lps: Sequence[float] = (-10.0, -20.0, 30.0)
    positions_mm: Sequence[float] | None = None
    tilt_deg: float = 0.0
    modality: str = "CT"
    name: str = "series"
    study: str = "study"
    description: str = "synthetic"
    slope: float = 1.0
    intercept: float = -1024.0
    values: Values = field(default=linear_hu)
    change: Change | None = None
    transfer_syntax_uid: str = ExplicitVRLittleEndian


def base_dataset(sop_class_uid: str, *, study: str, series: str, instance: object) -> Dataset:
    """Patient, study and series attributes of an anonymous object, without an image."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.MediaStorageSOPClassUID = sop_class_uid
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID = sop_class_uid
    ds.SOPInstanceUID = uid(study, series, "instance", instance)
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.StudyInstanceUID = uid(study)
    ds.SeriesInstanceUID = uid(study, series)
    ds.FrameOfReferenceUID = uid(study, series, "frame of reference")
    ds.PatientID = "TEST-1"
    ds.PatientName = "Phantom^Synthetic"
    ds.PatientBirthDate = "19700101"
    ds.PatientSex = "O"
    ds.StudyDate = "20260102"
    ds.StudyTime = "101500"
    ds.StudyID = "1"
    ds.AccessionNumber = "A1"
    ds.ReferringPhysicianName = ""
    ds.StudyDescription = "Synthetic study"
    ds.SeriesNumber = 1
    ds.Manufacturer = "Overread tests"
    return ds


def put_pixels(ds: Dataset, pixels: np.ndarray) -> None:
    """Stored pixels, ``[(frames,) rows, columns]``, with a third axis of RGB where uint8."""
    color = pixels.ndim >= 3 and pixels.shape[-1] == 3 and pixels.dtype == np.uint8
    spatial = pixels.shape[:-1] if color else pixels.shape
    ds.Rows, ds.Columns = int(spatial[-2]), int(spatial[-1])
    if len(spatial) == 3:
        ds.NumberOfFrames = int(spatial[0])
    ds.SamplesPerPixel = 3 if color else 1
    ds.PhotometricInterpretation = (
        "RGB" if color else ds.get("PhotometricInterpretation", "MONOCHROME2")
    )
    if color:
        ds.PlanarConfiguration = 0
    bits = pixels.dtype.itemsize * 8
    ds.BitsAllocated = bits
    ds.BitsStored = ds.get("BitsStored", bits)
    ds.HighBit = ds.BitsStored - 1
    ds.PixelRepresentation = int(pixels.dtype.kind == "i")
    raw = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
    ds.PixelData = raw + (b"\0" if len(raw) % 2 else b"")
    ds["PixelData"].VR = "OB" if bits == 8 else "OW"


def save(ds: Dataset, path: Path) -> Path:
    """Write ``ds`` as a DICOM file; compresses where its transfer syntax asks for it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    wanted = ds.file_meta.TransferSyntaxUID
    if wanted.is_encapsulated:
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.compress(wanted, generate_instance_uid=False)
    ds.save_as(path, enforce_file_format=True)
    return path


def slice_points_lps(spec: SeriesSpec, position_mm: float) -> tuple[np.ndarray, np.ndarray]:
    """Origin (3,) and all pixel centres (rows, columns, 3) of the slice at ``position_mm``."""
    row, column = np.array(spec.orientation[:3]), np.array(spec.orientation[3:])
    normal = np.cross(row, column)
    shear = math.tan(math.radians(spec.tilt_deg)) * position_mm
    origin = np.array(spec.origin_lps) + normal * position_mm + column * shear
    j, i = np.meshgrid(np.arange(spec.rows), np.arange(spec.columns), indexing="ij")
    points = (
        origin
        + row * (i * spec.pixel_spacing[1])[..., None]
        + column * (j * spec.pixel_spacing[0])[..., None]
    )
    return origin, points


def write_series(folder: Path, spec: SeriesSpec | None = None) -> list[Path]:
    """A CT or MR series, one file per slice, file order unlike the order in space."""
    spec = spec or SeriesSpec()
    positions = spec.positions_mm or [n * spec.step_mm for n in range(spec.count)]
    sop_class = MRImageStorage if spec.modality == "MR" else CTImageStorage
    paths = []
    for n, position in enumerate(positions):
        ds = base_dataset(sop_class, study=spec.study, series=spec.name, instance=n)
        ds.file_meta.TransferSyntaxUID = UID(spec.transfer_syntax_uid)
        origin, points = slice_points_lps(spec, float(position))
        ds.Modality = spec.modality
        ds.SeriesDescription = spec.description
        ds.BodyPartExamined = "CHEST"
        ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        ds.InstanceNumber = n + 1
        ds.AcquisitionNumber = 1
        ds.PatientPosition = "HFS"
        ds.ImagePositionPatient = [f"{v:.6f}"[:16] for v in origin]
        ds.ImageOrientationPatient = [f"{v:.10f}"[:16] for v in spec.orientation]
        ds.PixelSpacing = list(spec.pixel_spacing)
        ds.SliceThickness = 99.0  # wrong on purpose: nothing may use it for geometry (G03)
        if spec.modality == "CT":
            ds.RescaleType = "HU"
            ds.KVP = 120
        if spec.modality == "CT" or (spec.slope, spec.intercept) != (1.0, 0.0):
            ds.RescaleSlope, ds.RescaleIntercept = spec.slope, spec.intercept
        ds.WindowCenter, ds.WindowWidth = 40, 400
        stored = np.round((spec.values(points) - spec.intercept) / spec.slope)
        put_pixels(ds, stored.astype(np.int16))
        if spec.change is not None:
            spec.change(ds, n)
        paths.append(save(ds, folder / f"{spec.name}-{(n * 7) % 1000:03d}-{n}"))
    return paths


def write_projection(
    path: Path,
    pixels: np.ndarray | None = None,
    *,
    modality: str = "DX",
    photometric: str = "MONOCHROME2",
    change: Callable[[Dataset], Any] | None = None,
) -> Path:
    """A chest film (DX or CR), 48 x 40, detector spacing 0.2 mm."""
    sop_class = (
        DigitalXRayImageStorageForPresentation if modality == "DX"
        else ComputedRadiographyImageStorage
    )  # fmt: skip
    ds = base_dataset(sop_class, study="film", series=modality, instance=path.name)
    del ds.FrameOfReferenceUID
    ds.Modality = modality
    ds.BodyPartExamined = "CHEST"
    ds.ViewPosition = "PA"
    ds.PatientOrientation = ["L", "F"]
    ds.ImageType = ["ORIGINAL", "PRIMARY"]
    ds.InstanceNumber = 1
    ds.ImagerPixelSpacing = [0.2, 0.2]
    ds.WindowCenter, ds.WindowWidth = 2048, 4096
    ds.PhotometricInterpretation = photometric
    ds.BitsStored = 12
    if pixels is None:
        pixels = (np.arange(48 * 40, dtype=np.uint16) * 2 % 4096).reshape(48, 40)
    put_pixels(ds, pixels)
    if change is not None:
        change(ds)
    return save(ds, path)


def write_ultrasound(path: Path, *, frames: int = 5, change: Change | None = None) -> Path:
    """A colour multi-frame cine; frame ``n`` is filled with ``(10 n, 20 n, 200)``."""
    ds = base_dataset(
        UltrasoundMultiFrameImageStorage, study="echo", series="US", instance=path.name
    )
    del ds.FrameOfReferenceUID
    ds.Modality = "US"
    ds.InstanceNumber = 1
    ds.ImageType = ["ORIGINAL", "PRIMARY"]
    ds.FrameTime = 40.0
    pixels = np.zeros((frames, 16, 18, 3), np.uint8)
    for n in range(frames):
        pixels[n] = (10 * n, 20 * n, 200)
    put_pixels(ds, pixels)
    if change is not None:
        change(ds, 0)
    return save(ds, path)


def write_secondary_capture(path: Path, pixels: np.ndarray | None = None) -> Path:
    """A colour screen capture with no geometry at all."""
    ds = base_dataset(SecondaryCaptureImageStorage, study="capture", series="SC", instance=1)
    del ds.FrameOfReferenceUID
    ds.Modality = "OT"
    ds.ConversionType = "WSD"
    ds.InstanceNumber = 1
    put_pixels(ds, np.full((12, 14, 3), 77, np.uint8) if pixels is None else pixels)
    return save(ds, path)


def write_enhanced_mr(
    path: Path, spec: SeriesSpec | None = None, *, order: Sequence[int] | None = None
) -> Path:
    """One enhanced multi-frame object whose frames lie in ``order`` (default: shuffled, G12).

    Spacing and orientation are shared, position and rescale per frame; the top level carries a
    wrong PixelSpacing that must not be read.
    """
    spec = spec or SeriesSpec(modality="MR", intercept=0.0)
    positions = spec.positions_mm or [n * spec.step_mm for n in range(spec.count)]
    order = order or sorted(range(len(positions)), key=lambda n: (n * 5) % 7)
    ds = base_dataset(EnhancedMRImageStorage, study=spec.study, series=spec.name, instance="e")
    ds.Modality = "MR"
    ds.SeriesDescription = spec.description
    ds.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    ds.InstanceNumber = 1
    ds.PixelSpacing = [9.0, 9.0]
    shared_groups = Dataset()
    orientation = Dataset()
    orientation.ImageOrientationPatient = list(spec.orientation)
    shared_groups.PlaneOrientationSequence = DicomSequence([orientation])
    measures = Dataset()
    measures.PixelSpacing = list(spec.pixel_spacing)
    measures.SliceThickness = 99.0
    shared_groups.PixelMeasuresSequence = DicomSequence([measures])
    ds.SharedFunctionalGroupsSequence = DicomSequence([shared_groups])
    per_frame, pixels = [], []
    for n in order:
        origin, points = slice_points_lps(spec, float(positions[n]))
        group, position, values, window = Dataset(), Dataset(), Dataset(), Dataset()
        position.ImagePositionPatient = [float(v) for v in origin]
        group.PlanePositionSequence = DicomSequence([position])
        values.RescaleSlope, values.RescaleIntercept = spec.slope, spec.intercept
        values.RescaleType = "US"
        group.PixelValueTransformationSequence = DicomSequence([values])
        window.WindowCenter, window.WindowWidth = 100.0, 200.0
        group.FrameVOILUTSequence = DicomSequence([window])
        per_frame.append(group)
        stored = np.round((spec.values(points) - spec.intercept) / spec.slope)
        pixels.append(stored.astype(np.int16))
    ds.PerFrameFunctionalGroupsSequence = DicomSequence(per_frame)
    put_pixels(ds, np.stack(pixels))
    if spec.change is not None:
        spec.change(ds, 0)
    return save(ds, path)
