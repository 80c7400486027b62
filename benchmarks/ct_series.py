"""Folders of CT slices to measure on: of the real study if it is there, else synthetic."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian, generate_uid

_REAL = "data/studies/ct-abdomen-200.zip"
_SHARED = Path(__file__).resolve().parents[2] / "shared"


def write_ct(folder: Path, count: int, *, transfer_syntax_uid: str = "") -> str:
    """``count`` slices of 512 x 512 in ``folder``, names unlike the order in space; their origin.

    Slices of the real study are repeated until there are enough, each with a place and UID of its
    own. ``transfer_syntax_uid`` compresses them; default: as the source has them.
    """
    folder.mkdir(parents=True)
    slices, origin = _slices()
    for n in range(count):
        ds = slices[n % len(slices)]
        ds.ImagePositionPatient = [-180.0, -180.0, round(n * 0.8, 4)]
        ds.InstanceNumber = n + 1
        ds.SOPInstanceUID = generate_uid(entropy_srcs=["overread", "benchmark", str(n)])
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
        path = folder / f"{n * 7 % 10_000:05d}-{n}.dcm"
        ds.save_as(path, enforce_file_format=True)
        if transfer_syntax_uid:
            packed = pydicom.dcmread(path)
            packed.compress(UID(transfer_syntax_uid), generate_instance_uid=False)
            packed.save_as(path)
    return origin


def _slices() -> tuple[list[Dataset], str]:
    real = Path(os.environ.get("OVERREAD_SHARED", _SHARED)) / _REAL
    if not real.exists():
        return [_synthetic(n) for n in range(20)], "synthetic"
    with zipfile.ZipFile(real) as archive:
        names = [entry for entry in archive.infolist() if entry.file_size > 10_000]
        found = [pydicom.dcmread(archive.open(name)) for name in names]
    found.sort(key=lambda ds: float(ds.ImagePositionPatient[2]))
    return found, "ct-abdomen-200"


def _synthetic(n: int) -> Dataset:
    """A round body with organs of different density, and noise."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = CTImageStorage
    ds.PatientID, ds.PatientName, ds.Modality = "BENCH", "Bench^Mark", "CT"
    ds.StudyInstanceUID = generate_uid(entropy_srcs=["overread", "benchmark", "study"])
    ds.SeriesInstanceUID = generate_uid(entropy_srcs=["overread", "benchmark", "series"])
    ds.FrameOfReferenceUID = generate_uid(entropy_srcs=["overread", "benchmark", "frame"])
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.StudyDate, ds.StudyTime = "20260101", "120000"
    ds.ImageOrientationPatient, ds.PixelSpacing = [1, 0, 0, 0, 1, 0], [0.7, 0.7]
    ds.RescaleSlope, ds.RescaleIntercept, ds.RescaleType = 1, -1024, "HU"
    ds.WindowCenter, ds.WindowWidth = 40, 400
    ds.Rows = ds.Columns = 512
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    noise = np.random.default_rng(n).normal(0, 15, (512, 512))
    y, x = np.mgrid[-1:1:512j, -1:1:512j]
    body = np.where(x**2 + (y * 1.3) ** 2 < 0.8, 1064 + 80 * np.sin(9 * x + n / 5), 24)
    ds.PixelData = np.clip(body + noise, 0, 4095).astype("<u2").tobytes()
    ds["PixelData"].VR = "OW"
    return ds
