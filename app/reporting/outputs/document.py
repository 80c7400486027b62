"""The values that every output of a report is made from; whoever writes one is given these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from app.core.finding import Finding
from app.core.measurement import Measurement
from app.core.report import Message, Report
from app.core.study import PatientText


@dataclass(frozen=True, slots=True)
class Letterhead:
    """Of the clinic, at the head of the first page and the foot of each.

    Lines are printed as they are; ``logo`` is a PNG or JPEG, empty: none.
    """

    name: str = ""
    lines: tuple[str, ...] = ()
    footer: str = ""
    logo: bytes = b""


@dataclass(frozen=True, slots=True)
class KeyImage:
    """A PNG and the line below it."""

    png: bytes
    caption: str


@dataclass(frozen=True, slots=True)
class MeasurementRow:
    """A measured value with the finding it belongs to."""

    finding: Finding
    measurement: Measurement


@dataclass(frozen=True, slots=True)
class VersionLine:
    """One earlier version: its number, what it was, who signed it and when (ISO 8601 UTC)."""

    number: int
    what: Message
    name: str
    at_utc: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SeriesLine:
    """A series that was read: its UID, modality, description and number of images."""

    uid: str
    modality: str
    description: str
    images: int


@dataclass(frozen=True, slots=True)
class ReportDocument:
    """Everything that stands on the printed report.

    ``models`` are lines such as "cxr-lung-fields 1.0.0 (cpu)". ``study_date`` is ISO 8601.
    ``missing`` says what of the study was not there when it was read, without full stop.
    ``study_time`` is ``HH:MM:SS`` or empty; ``modality`` a DICOM code; ``findings`` are those of
    the report, ``chain_uid`` its first version (empty: itself). ``pdf`` is the printed report
    where it travels inside another output.
    ``communications`` are sentences on who was told of a critical finding, in the report's
    language; ``versions`` are those before this one, the oldest first.
    """

    report: Report
    patient_name: PatientText
    patient_id: PatientText
    patient_birth_date: PatientText
    patient_sex: str
    study_description: str
    study_date: str
    accession_number: PatientText
    models: Sequence[str] = ()
    key_images: Sequence[KeyImage] = ()
    missing: Message | None = None
    letterhead: Letterhead = Letterhead()
    measurements: Sequence[MeasurementRow] = ()
    communications: Sequence[str] = ()
    versions: Sequence[VersionLine] = ()
    referring_physician: PatientText = field(default=PatientText(""))
    study_time: str = ""
    modality: str = ""
    findings: Sequence[Finding] = ()
    series: Sequence[SeriesLine] = ()
    pdf: bytes = field(default=b"", repr=False)
    chain_uid: str = ""
