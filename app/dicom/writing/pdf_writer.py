"""The signed report as an Encapsulated PDF (PS3.3 A.45.1)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import EncapsulatedPDFStorage, ExplicitVRLittleEndian

from app.dicom.writing import authoring

_COPIED_KEYWORDS = (
    "PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex",
    "PatientAge", "StudyInstanceUID", "StudyDate", "StudyTime", "StudyID", "StudyDescription",
    "AccessionNumber", "ReferringPhysicianName",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PdfRequest:
    """A PDF to wrap; ``source`` any images of the study, ``at_utc`` the time of signing."""

    source: authoring.SourceImages
    pdf: bytes
    title: str
    identity: authoring.Identity
    at_utc: str
    is_verified: bool = True
    version: int = 1


def write_encapsulated_pdf(request: PdfRequest) -> pydicom.Dataset:
    """The object, with patient and study copied from the source image."""
    header = authoring.read_source_headers(request.source)[0]
    document = Dataset()
    document.SpecificCharacterSet = authoring.CHARACTER_SET
    for keyword in _COPIED_KEYWORDS:
        if keyword in header:
            setattr(document, keyword, header[keyword].value)
    document.SOPClassUID = EncapsulatedPDFStorage
    document.SOPInstanceUID = request.identity.sop_instance_uid
    document.SeriesInstanceUID = request.identity.series_instance_uid
    document.SeriesNumber = request.identity.series_number
    document.InstanceNumber = request.version
    document.Modality = "DOC"
    document.ConversionType = "WSD"
    document.BurnedInAnnotation = "YES"
    document.Manufacturer = authoring.MANUFACTURER
    document.ManufacturerModelName = authoring.MODEL_NAME
    document.DeviceSerialNumber = authoring.DEVICE_SERIAL_NUMBER
    document.SoftwareVersions = authoring.SOFTWARE_VERSION
    document.DocumentTitle = request.title
    document.VerificationFlag = "VERIFIED" if request.is_verified else "UNVERIFIED"
    document.ConceptNameCodeSequence = [_document_title()]
    moment = dt.datetime.fromisoformat(request.at_utc).astimezone(dt.UTC)
    document.AcquisitionDateTime = moment.strftime("%Y%m%d%H%M%S+0000")
    authoring.finish(document, header, request.title, request.at_utc)
    document.MIMETypeOfEncapsulatedDocument = "application/pdf"
    padded = request.pdf + b"\0" * (len(request.pdf) % 2)
    document.EncapsulatedDocument = padded
    document.EncapsulatedDocumentLength = len(request.pdf)
    document.file_meta = FileMetaDataset()
    document.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    document.file_meta.MediaStorageSOPClassUID = EncapsulatedPDFStorage
    document.file_meta.MediaStorageSOPInstanceUID = document.SOPInstanceUID
    return document


def _document_title() -> Dataset:
    code = Dataset()
    code.CodeValue = "18748-4"
    code.CodingSchemeDesignator = "LN"
    code.CodeMeaning = "Diagnostic imaging report"
    return code
