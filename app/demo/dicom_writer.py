"""The phantom's images as DICOM files: uncompressed, UTF-8, identifiers derived from a root."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    UID,
    CTImageStorage,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
)  # fmt: skip

from app import __version__
from app.demo.ct import CtScan
from app.demo.radiograph import Film

PATIENT_ID: Final = "OVERREAD-DEMO"
_IMPLEMENTATION_UID: Final = "2.25.202611200001"


@dataclass(frozen=True, slots=True)
class StudyFrame:
    """Identity of one examination: key for its identifiers, date and time, what it is called."""

    key: str
    date: str
    time: str
    accession: str
    description: str
    series_description: str
    age: str
    procedure: tuple[str, str]

    @property
    def study_uid(self) -> str:
        """Study Instance UID."""
        return demo_uid(self.key, "study")

    @property
    def series_uid(self) -> str:
        """Series Instance UID."""
        return demo_uid(self.key, "series")

    @property
    def frame_of_reference_uid(self) -> str:
        """Frame of Reference UID."""
        return demo_uid(self.key, "frame")


def demo_uid(*parts: object) -> str:
    """A UID under 2.25 from a hash: the same parts give the same UID."""
    digest = hashlib.sha256("/".join(["overread-demo", *map(str, parts)]).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:15], 'big')}"


def write_ct(
    scan: CtScan, study: StudyFrame, shift_mm: tuple[float, float, float], folder: Path
) -> None:
    """One file a slice. ``shift_mm`` moves the anatomical frame into the scanner's (LPS)."""
    folder.mkdir(parents=True, exist_ok=True)
    x, y, z = (a + b for a, b in zip(scan.first_voxel, shift_mm, strict=True))
    for k, pixels in enumerate(scan.hu):
        image = _common(study, CTImageStorage, "CT", k + 1)
        image.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        image.FrameOfReferenceUID = study.frame_of_reference_uid
        image.PositionReferenceIndicator = ""
        image.PatientPosition = "HFS"
        image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        image.ImagePositionPatient = [_ds(x), _ds(y), _ds(z + k * scan.slice_mm)]
        image.PixelSpacing = [_ds(scan.pixel_mm), _ds(scan.pixel_mm)]
        image.SliceThickness = _ds(scan.slice_mm)
        image.SliceLocation = _ds(z + k * scan.slice_mm)
        image.KVP = "120"
        image.ConvolutionKernel = "B30"
        image.RescaleIntercept, image.RescaleSlope, image.RescaleType = "-1024", "1", "HU"
        image.WindowCenter, image.WindowWidth = ["40", "-600"], ["400", "1500"]
        image.WindowCenterWidthExplanation = ["MEDIASTINUM", "LUNG"]
        image.AcquisitionNumber = 1
        _pixels(image, (pixels.astype(np.int32) + 1024).astype(np.uint16), 12)
        _save(image, folder / f"ct{k + 1:04d}.dcm")


def write_film(film: Film, study: StudyFrame, folder: Path) -> str:
    """One DX object for presentation; returns its SOP Instance UID."""
    folder.mkdir(parents=True, exist_ok=True)
    image = _common(study, DigitalXRayImageStorageForPresentation, "DX", 1)
    image.ImageType = ["ORIGINAL", "PRIMARY", ""]
    image.PresentationIntentType = "FOR PRESENTATION"
    image.PatientOrientation = ["L", "F"]
    image.ViewPosition = "PA"
    image.ImageLaterality = "U"
    image.PixelSpacing = image.ImagerPixelSpacing = [_ds(film.pixel_mm), _ds(film.pixel_mm)]
    image.DetectorType = "DIRECT"
    image.PositionerType = "COLUMN"
    image.KVP = "125"
    image.BurnedInAnnotation = "NO"
    image.LossyImageCompression = "00"
    image.PixelIntensityRelationship, image.PixelIntensityRelationshipSign = "LOG", -1
    image.RescaleIntercept, image.RescaleSlope, image.RescaleType = "0", "1", "US"
    image.PresentationLUTShape = "IDENTITY"
    image.WindowCenter, image.WindowWidth = "2048", "4096"
    image.AnatomicRegionSequence = [_code("51185008", "SCT", "Chest")]
    view = _code("399348003", "SCT", "postero-anterior")
    view.ViewModifierCodeSequence = []
    image.ViewCodeSequence = [view]
    image.AcquisitionContextSequence = []
    _pixels(image, film.values, 12)
    _save(image, folder / "dx0001.dcm")
    return str(image.SOPInstanceUID)


def _common(study: StudyFrame, sop_class: str, modality: str, number: int) -> Dataset:
    image = Dataset()
    image.SpecificCharacterSet = "ISO_IR 192"
    image.SOPClassUID = sop_class
    image.SOPInstanceUID = demo_uid(study.key, "instance", number)
    image.StudyInstanceUID = study.study_uid
    image.SeriesInstanceUID = study.series_uid
    image.StudyDate = image.SeriesDate = image.AcquisitionDate = image.ContentDate = study.date
    image.StudyTime = image.SeriesTime = image.AcquisitionTime = image.ContentTime = study.time
    image.TimezoneOffsetFromUTC = "+0000"
    image.AccessionNumber = study.accession
    image.StudyID = study.key[:16]
    image.StudyDescription = study.description
    image.SeriesDescription = study.series_description
    image.Modality = modality
    image.Manufacturer = "Overread"
    image.ManufacturerModelName = "Demonstration phantom"
    image.SoftwareVersions = __version__
    image.DeviceSerialNumber = "1"
    image.InstitutionName = "Overread demonstration"
    image.ReferringPhysicianName = ""
    image.PatientName = "Demo^Anna"
    image.PatientID = PATIENT_ID
    image.PatientBirthDate = "19650302"
    image.PatientSex = "F"
    image.PatientAge = study.age
    image.PatientComments = "Not a person: made by Overread in code"
    image.BodyPartExamined = "CHEST"
    image.SeriesNumber = 1
    image.InstanceNumber = number
    value, meaning = study.procedure
    image.ProcedureCodeSequence = [_code(value, "SCT", meaning)]
    return image


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
    return code


def _pixels(image: Dataset, pixels: NDArray[np.uint16], bits: int) -> None:
    image.SamplesPerPixel = 1
    image.PhotometricInterpretation = "MONOCHROME2"
    image.Rows, image.Columns = pixels.shape
    image.BitsAllocated, image.BitsStored, image.HighBit = 16, bits, bits - 1
    image.PixelRepresentation = 0
    image.PixelData = np.ascontiguousarray(pixels, "<u2").tobytes()


def _ds(number: float) -> str:
    """A decimal string of at most 16 characters."""
    return f"{number:.5f}".rstrip("0").rstrip(".") or "0"


def _save(image: Dataset, path: Path) -> None:
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.file_meta.MediaStorageSOPClassUID = image.SOPClassUID
    image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
    image.file_meta.ImplementationClassUID = UID(_IMPLEMENTATION_UID)
    pydicom.dcmwrite(path, image, enforce_file_format=True)
