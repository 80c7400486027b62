"""What every DICOM object that Overread writes has in common.

UTF-8 always: with another character set highdicom replaces Cyrillic text by question marks
(copilot-practice 5.4, T1).
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import highdicom as hd
import pydicom
from highdicom.sr import CodedConcept
from pydicom.valuerep import validate_value

from app import __version__
from app.core.codes import Code
from app.core.errors import DicomReadError
from app.core.finding import Finding
from app.core.study import FrameRef, Instance
from app.dicom.character_sets import decode_texts

CHARACTER_SET: Final = "ISO_IR 192"
MANUFACTURER: Final = "Overread"
MODEL_NAME: Final = "Overread"
DEVICE_SERIAL_NUMBER: Final = "1"
SOFTWARE_VERSION: Final = __version__
PRIVATE_SCHEME: Final = "99OVERREAD"

_LONGEST_CODE_VALUE = 16
_HASH_DIGITS = 6
_TYPE_2_ATTRIBUTES = (
    "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime",
    "StudyID", "AccessionNumber", "ReferringPhysicianName",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SourceImages:
    """The images a result was made from: frames of one stack in its order, and their series."""

    study_instance_uid: str
    series_instance_uid: str
    frames: tuple[FrameRef, ...]


@dataclass(frozen=True, slots=True)
class Identity:
    """The identifiers of a new object: series and instance UID, series number."""

    series_instance_uid: str
    sop_instance_uid: str
    series_number: int


def read_source_headers(source: SourceImages) -> list[pydicom.Dataset]:
    """Headers of the instances behind the source's frames, each once, in the order of the frames.

    Identifiers come from the source and not from the file: some files leave them empty.
    """
    first_frames = {frame.instance.sop_instance_uid: frame for frame in reversed(source.frames)}
    uids = dict.fromkeys(frame.instance.sop_instance_uid for frame in source.frames)
    return [_read_header(source, first_frames[uid].instance) for uid in uids]


def _read_header(source: SourceImages, instance: Instance) -> pydicom.Dataset:
    try:
        header = pydicom.dcmread(instance.path, stop_before_pixels=True, force=True)
        decode_texts(header)
    except (OSError, pydicom.errors.InvalidDicomError, LookupError, ValueError) as fault:
        raise DicomReadError(
            "A source image of the result can no longer be read.",
            ru="Исходное изображение результата больше не читается.",
            hint="Check that the study's folder is still there, then repeat the export.",
            hint_ru="Проверьте, что папка исследования на месте, и повторите экспорт.",
            technical_detail=type(fault).__name__,
        ) from fault
    header.SOPClassUID = instance.sop_class_uid
    header.SOPInstanceUID = instance.sop_instance_uid
    header.StudyInstanceUID = source.study_instance_uid
    header.SeriesInstanceUID = source.series_instance_uid
    _drop_invalid_patient_values(header)
    for keyword in _TYPE_2_ATTRIBUTES:
        if keyword not in header:
            setattr(header, keyword, "")
    return header


def _drop_invalid_patient_values(header: pydicom.Dataset) -> None:
    """A malformed value of the source (an age of "62") is left out, not passed on as a fault."""
    for element in list(header.group_dataset(0x0010)):
        values = element.value if element.VM > 1 else [element.value]
        try:
            for value in values:
                validate_value(element.VR, value, pydicom.config.RAISE)
        except ValueError:
            del header[element.tag]
    if str(header.get("PatientSex", "")) not in ("M", "F", "O", ""):
        header.PatientSex = ""


def with_accepted_name(header: pydicom.Dataset) -> pydicom.Dataset:
    """A copy whose patient name highdicom takes without a warning; ``finish`` restores it."""
    copy = pydicom.Dataset(header)
    copy.file_meta = header.file_meta
    copy.PatientName = person_name(str(header.PatientName))
    return copy


def person_name(name: str) -> str:
    """A name as highdicom takes it without doubt: a lone component gets a trailing caret."""
    plain = name.strip()
    return f"{plain}^" if plain and "^" not in plain else plain


def coded(code: Code) -> CodedConcept:
    """Our code as highdicom's."""
    return CodedConcept(code.value, code.scheme, code.meaning[:64])


def private_code(value: str, meaning: str) -> Code:
    """A code of our own scheme, with at most the 16 characters DICOM allows (SH).

    A longer value ends in six digits of its hash: cut short, two of them could become one.
    """
    if len(value) > _LONGEST_CODE_VALUE:
        digits = hashlib.sha256(value.encode("utf-8")).hexdigest()[:_HASH_DIGITS]
        value = f"{value[: _LONGEST_CODE_VALUE - _HASH_DIGITS - 1]}-{digits}"
    return Code(value, PRIVATE_SCHEME, meaning[:64])


def finding_code(finding: Finding) -> Code:
    """The finding's concept; without one, its English label in our own scheme, never a default."""
    content = finding.current
    if content.concept is not None:
        return content.concept
    slug = "".join(c if c.isalnum() else "-" for c in content.label.en.lower())
    return private_code(slug, content.label.en)


def algorithm_parameters(finding: Finding) -> list[str]:
    """What a reader needs to repeat the run: weights, threshold, device (law 7)."""
    origin = finding.provenance
    point = finding.proposal.operating_point
    stated = {
        "weights_sha256": origin.weights_sha256,
        "manifest_sha256": origin.manifest_sha256,
        "device": origin.device,
    }
    # Of a model of another maker only its name and version are known.
    rows = [f"{name}={value}" for name, value in stated.items() if value or not origin.manufacturer]
    if point is not None:
        rows.append(f"operating_point={point.name}:{point.threshold:g}")
    if origin.forced:
        rows.append("forced=yes")
    if origin.partial:
        rows.append("partial=yes")
    return rows


def write_dataset(dataset: pydicom.Dataset, path: Path) -> Path:
    """Write as a DICOM file, complete or not at all."""
    part = path.with_suffix(".part")
    dataset.save_as(part, enforce_file_format=True)
    part.replace(path)
    return path


def finish(document: Any, header: pydicom.Dataset, description: str, at_utc: str) -> None:  # noqa: ANN401 - as below
    """What every written document gets last: description, dates, the patient's name untouched."""
    document.PatientName = header.PatientName
    document.SeriesDescription = description[:64]
    set_dates(document, at_utc)


def set_dates(dataset: Any, at_utc: str) -> None:  # noqa: ANN401 - pydicom attributes are dynamic
    """Content and series date and time, with the offset from UTC."""
    moment = dt.datetime.fromisoformat(at_utc).astimezone(dt.UTC)
    dataset.ContentDate = dataset.SeriesDate = dataset.InstanceCreationDate = moment.strftime(
        "%Y%m%d"
    )
    dataset.ContentTime = dataset.SeriesTime = dataset.InstanceCreationTime = moment.strftime(
        "%H%M%S"
    )
    dataset.TimezoneOffsetFromUTC = "+0000"
    # highdicom writes the local time of writing here
    whole = moment.strftime("%Y%m%d%H%M%S+0000")
    for observer in dataset.get("VerifyingObserverSequence") or ():
        observer.VerificationDateTime = whole
    for equipment in dataset.get("ContributingEquipmentSequence") or ():
        equipment.ContributionDateTime = whole


@dataclass(frozen=True, slots=True)
class Algorithm:
    """The model that proposed a finding, each field as long as DICOM allows."""

    name: str
    version: str
    maker: str


def algorithm_of(finding: Finding) -> Algorithm:
    """The model behind a finding; models of other makers do not always state a version."""
    origin = finding.provenance
    return Algorithm(
        (origin.pack or "not stated")[:64],
        (origin.version or "not stated")[:64],
        (origin.manufacturer or MANUFACTURER)[:64],
    )


def contributing_equipment(findings: Iterable[Finding]) -> list[hd.ContributingEquipment]:
    """The models that took part, as processing equipment (109102 DCM)."""
    algorithms = {algorithm_of(finding) for finding in findings if finding.is_from_model}
    return [
        hd.ContributingEquipment(
            purpose_of_reference=CodedConcept("109102", "DCM", "Processing Equipment"),
            manufacturer=algorithm.maker,
            manufacturer_model_name=algorithm.name,
            software_versions=algorithm.version,
        )
        for algorithm in sorted(algorithms, key=lambda one: (one.maker, one.name, one.version))
    ]
