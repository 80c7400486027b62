"""Header facts of one DICOM object: what grouping, routing and display need, no pixels."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, Final

import pydicom
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag, Tag
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from app.core.errors import DicomReadError
from app.core.study import FrameRef, Instance, Patient, PatientText, StudyWarning
from app.dicom import wording
from app.dicom.character_sets import doubts_of, text_of
from app.dicom.files.header_memory import remembered
from app.dicom.files.quick_header import FIRST_BYTES, quick_header
from app.dicom.files.record import FrameFacts, Record, is_projection
from app.dicom.files.series_facts import SERIES_FACT_TAGS, series_facts_of
from app.dicom.files.stated_counts import STATED_COUNT_TAGS, stated_counts_of
from app.dicom.files.whole_file import (
    NATIVE,
    ends_with_an_element,
    frames_beyond,
    is_deflated,
    require_complete,
    require_plausible,
    without_pixels,
)
from app.dicom.functional_groups import FUNCTIONAL_GROUP_TAGS, FunctionalGroups
from app.dicom.pixels.codestream import ALWAYS_LOSSY
from app.dicom.pixels.value_facts import real_world_unit
from app.dicom.stacks.mosaic import ASSUMED, MOSAIC_TAGS
from app.dicom.stacks.phases import SPLITTING_TAGS, Labels, phases_of, splitters_of
from app.dicom.stacks.pixel_spacing import PixelSpacing, pixel_spacing_of
from app.dicom.stacks.plane import orientation_of, position_of, unplaced_reason
from app.dicom.tolerant import (
    MALFORMED,
    integer_of,
    items_of,
    number_of,
    quiet,
    text_words_upper,
    uid_name,
    words_of,
)

DICOMDIR_SOP_CLASS: Final = "1.2.840.10008.1.3.10"

_TAGS: Final[tuple[str | int, ...]] = (
    "SpecificCharacterSet", "ImageType", "SOPClassUID", "SOPInstanceUID", "StudyDate",
    "StudyTime", "AccessionNumber", "Modality", "Manufacturer", "ReferringPhysicianName",
    "StudyDescription", "SeriesDescription", "PatientName", "PatientID", "IssuerOfPatientID",
    "PatientBirthDate", "PatientSex", "ContrastBolusAgent", "BodyPartExamined", "ViewPosition",
    "StudyInstanceUID", "SeriesInstanceUID", "StudyID", "SeriesNumber", "InstanceNumber",
    "AcquisitionNumber", "Laterality", "ImageLaterality", "ImagePositionPatient",
    "ImageOrientationPatient", "FrameOfReferenceUID", "SamplesPerPixel",
    "PhotometricInterpretation", "NumberOfFrames", "Rows", "Columns", "PixelSpacing",
    "ImagerPixelSpacing", "PixelSpacingCalibrationType", "NominalScannedPixelSpacing",
    "EstimatedRadiographicMagnificationFactor", "DistanceSourceToDetector",
    "DistanceSourceToPatient", "BitsAllocated", "RescaleSlope", "RescaleIntercept", "RescaleType",
    "Units", "LossyImageCompression", "LossyImageCompressionRatio", "GridFrameOffsetVector",
    "DoseUnits", "RealWorldValueMappingSequence",
    "ModalityLUTSequence", *FUNCTIONAL_GROUP_TAGS, *STATED_COUNT_TAGS, *MOSAIC_TAGS,
    *SERIES_FACT_TAGS, *SPLITTING_TAGS,
)  # fmt: skip
_READ_TAGS: Final[list[BaseTag]] = [Tag(tag) for tag in _TAGS]
_QUICK_TAGS: Final = frozenset(int(tag) for tag in _READ_TAGS)
# Texts that people read, and that tell patients apart (D10).
_READABLE: Final = (
    "PatientName", "PatientID", "StudyDescription", "SeriesDescription", "ReferringPhysicianName",
    "BodyPartExamined",
)  # fmt: skip


def read_dataset(path: Path, *, pixels: bool = True) -> Dataset:
    """The whole dataset of a file that was found to be DICOM, its pixel module made complete.

    Raises ``DicomReadError``. Without ``pixels`` reading ends before the pixel data.
    """
    try:
        with quiet():
            ds = pydicom.dcmread(path, force=True, stop_before_pixels=not pixels)
    except (*MALFORMED, OSError) as error:
        raise DicomReadError(
            f"{path.name} cannot be read as DICOM.",
            ru=f"{path.name} не читается как DICOM.",
            hint="Copy the file again from its source.",
            hint_ru="Скопируйте файл из источника ещё раз.",
            technical_detail=f"{type(error).__name__}",
        ) from error
    _complete_meta(ds)
    return ds


def read_header(stream: BinaryIO, path: Path, size_bytes: int) -> Record | None:
    """Header facts from an open file, or None for a DICOMDIR (an index, no object).

    ``path`` is where the file can be opened again. Raises ``DicomReadError`` naming the cause.
    """
    try:
        with quiet():
            ds, end = _header_and_end(stream, size_bytes)
            _complete_meta(ds)
            if _meta(ds, "MediaStorageSOPClassUID") == DICOMDIR_SOP_CLASS:
                return None
            is_header = end == size_bytes and _is_image_header(ds, stream, size_bytes)
            record = _record(ds, path, size_bytes - end, is_header=is_header)
            if record.frames and record.instance.transfer_syntax_uid in NATIVE:
                beyond = frames_beyond(ds, stream, end, size_bytes)
                if beyond:
                    told = wording.warning("D12", wording.frames_beyond(beyond))
                    record = replace(record, warnings=(*record.warnings, told))
            return record
    except MALFORMED as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk, not the header
        raise DicomReadError(
            "The header is damaged.",
            ru="Заголовок повреждён.",
            technical_detail=type(error).__name__,
        ) from error


def _header_and_end(stream: BinaryIO, size_bytes: int) -> tuple[Dataset, int]:
    """The wanted elements, and where reading ended: at the pixel data or at the end."""
    head = b""
    for length in (FIRST_BYTES, 16 * FIRST_BYTES):
        head += stream.read(length - len(head))
        quick = quick_header(head, size_bytes, _QUICK_TAGS)
        if quick is not None:
            return quick.dataset, quick.end
    stream.seek(0)
    ds = pydicom.dcmread(stream, force=True, stop_before_pixels=True, specific_tags=_READ_TAGS)
    return ds, stream.tell()


def _is_image_header(ds: Dataset, stream: BinaryIO, size_bytes: int) -> bool:
    """The header of an image, stored alone and whole."""
    sop_class = _shape(ds)[3]
    is_identified = bool(_word(ds, "StudyInstanceUID") and _word(ds, "SeriesInstanceUID"))
    is_image = bool(sop_class) and "Image" in uid_name(sop_class) and is_identified
    if not is_image or is_deflated(str(ds.file_meta.TransferSyntaxUID)):
        return False
    return ends_with_an_element(stream, size_bytes)


def _record(ds: Dataset, path: Path, bytes_left: int, *, is_header: bool) -> Record:
    rows, columns, frames, sop_class = _shape(ds)
    sop_class = sop_class or _meta(ds, "MediaStorageSOPClassUID")
    if not sop_class and not rows:
        raise DicomReadError(
            "It has neither a SOP class nor an image.",
            ru="В файле нет ни класса SOP, ни изображения.",
        )
    kind = uid_name(sop_class).removesuffix(" Storage") if sop_class else "Image"
    syntax = str(ds.file_meta.TransferSyntaxUID)
    has_pixels = rows > 0 and columns > 0 and (bytes_left > 0 or is_deflated(syntax))
    if has_pixels:
        require_plausible(frames, bytes_left, syntax)
    if has_pixels and syntax in NATIVE:
        require_complete(ds, rows * columns * frames, bytes_left)
    is_identified = bool(_word(ds, "StudyInstanceUID") and _word(ds, "SeriesInstanceUID"))
    if not has_pixels and not is_header and (rows or "Image" in kind or not is_identified):
        raise without_pixels(kind, is_image=bool(rows) or "Image" in kind)
    uid, warnings = _identifiers(ds, path)
    mosaic = FunctionalGroups(ds).mosaic if has_pixels else None
    if mosaic is not None and mosaic.per_row:
        rows, columns = rows // mosaic.per_row, columns // mosaic.per_row
        frames = mosaic.slices
    if mosaic is not None and mosaic.is_direction_assumed:
        warnings += (wording.warning("G01", ASSUMED),)
    instance = Instance(
        path=path,
        sop_instance_uid=uid["SOPInstanceUID"],
        sop_class_uid=sop_class,
        transfer_syntax_uid=syntax,
        instance_number=_whole(ds, "InstanceNumber"),
        number_of_frames=frames if has_pixels else 0,
        rows=rows if has_pixels else 0,
        columns=columns if has_pixels else 0,
        mosaic_per_row=mosaic.per_row if mosaic is not None else 0,
    )
    return Record(
        instance=instance,
        study_instance_uid=uid["StudyInstanceUID"],
        series_instance_uid=uid["SeriesInstanceUID"],
        acquisition_number=_whole(ds, "AcquisitionNumber"),
        # anonymisers exist that give each image one of its own (G19)
        frame_of_reference_uid=_word(ds, "FrameOfReferenceUID"),
        kind=kind,
        frames=_frames(ds, instance) if has_pixels else (),
        warnings=(*warnings, *_lossy(ds), *_no_numbers(ds)),
        **_shared_by_series(ds),
    )


@remembered
def _shape(ds: Dataset) -> tuple[int, int, int, str]:
    """Rows, columns, number of frames, SOP class."""
    return (
        integer_of(ds, "Rows", 0),
        integer_of(ds, "Columns", 0),
        max(1, integer_of(ds, "NumberOfFrames", 1)),
        _word(ds, "SOPClassUID"),
    )


@remembered
def _shared_by_series(ds: Dataset) -> dict[str, Any]:
    """The fields of a record that are the same in all images of a series, almost always."""
    photometric = _word(ds, "PhotometricInterpretation").upper() or "MONOCHROME2"
    patient, study_date = _patient(ds), iso_date(_word(ds, "StudyDate"))
    return {
        "patient": patient,
        "study_date": study_date,
        "study_time": iso_time(_word(ds, "StudyTime")),
        "accession_number": PatientText(text_of(ds, "AccessionNumber")),
        "study_description": text_of(ds, "StudyDescription"),
        "study_id": text_of(ds, "StudyID"),
        "referring_physician": PatientText(text_of(ds, "ReferringPhysicianName")),
        "modality": _word(ds, "Modality").upper(),
        "series_description": text_of(ds, "SeriesDescription"),
        "series_number": _whole(ds, "SeriesNumber"),
        "body_part": text_of(ds, "BodyPartExamined"),
        "laterality": _laterality(ds),
        "view_position": _word(ds, "ViewPosition").upper(),
        "contrast": _contrast(ds),
        "photometric": photometric,
        "is_color": integer_of(ds, "SamplesPerPixel", 1) == 3 or photometric == "PALETTE COLOR",
        "quantity": quantity_of(ds),
        "counts": stated_counts_of(ds),
        "doubts": doubts_of(ds, _READABLE),
        "facts": series_facts_of(ds, birth_date=patient.birth_date, study_date=study_date),
    }


def _laterality(ds: Dataset) -> str:
    """Of the image, of its first frame (tomosynthesis), of the series, in this order (D15)."""
    stated = _word(ds, "ImageLaterality")
    if not stated and "SharedFunctionalGroupsSequence" in ds:
        stated = _word(FunctionalGroups(ds).holder(0, "FrameLaterality"), "FrameLaterality")
    return (stated or _word(ds, "Laterality")).upper()


def quantity_of(ds: Dataset, index: int = 0) -> str:
    """What a modality value is: ``HU``, ``OD``, ``BQML``, ``mm2/s``... or ``arbitrary`` (I14, I06).

    Hounsfield units are stated only where RescaleType says so, or for original CT images that
    carry a rescale and no other type. Units of real world mappings are in UCUM.
    """
    holder = FunctionalGroups(ds).holder(index, "RescaleType")
    rescale_type = _word(holder, "RescaleType").upper()
    for table in items_of(ds, "ModalityLUTSequence")[:1]:
        rescale_type = _word(table, "ModalityLUTType").upper()
    if rescale_type and rescale_type not in ("US", "UNSPECIFIED"):
        return "HU" if rescale_type in ("HU", "HU_MOD") else rescale_type
    modality, image_type = _word(ds, "Modality").upper(), text_words_upper(ds, "ImageType")
    if modality == "PT" and _word(FunctionalGroups(ds).holder(index, "Units"), "Units"):
        return _word(FunctionalGroups(ds).holder(index, "Units"), "Units").upper()
    if modality == "RTDOSE":
        return "GY" if _word(ds, "DoseUnits").upper() == "GY" else "arbitrary"
    unit = real_world_unit(ds, FunctionalGroups(ds), index)
    if unit:
        return unit
    slope = FunctionalGroups(ds).holder(index, "RescaleSlope")
    has_rescale = number_of(slope, "RescaleSlope") is not None
    is_original = bool(image_type) and image_type[0] == "ORIGINAL" and "LOCALIZER" not in image_type
    if modality == "CT" and is_original and has_rescale:
        return "HU"
    return "arbitrary"


def iso_date(text: str) -> str:
    """A DICOM date (DA, also the old dotted form) as ISO 8601; empty where it is none."""
    digits = text.replace(".", "").replace("-", "").strip()[:8]
    if len(digits) != 8 or not digits.isdigit():
        return ""
    return f"{digits[:4]}-{digits[4:6]}-{digits[6:]}"


def iso_time(text: str) -> str:
    """A DICOM time (TM) as ISO 8601, to the second; empty where it is none."""
    digits = text.replace(":", "").split(".")[0].strip()
    if not digits.isdigit() or len(digits) not in (2, 4, 6):
        return ""
    digits = digits.ljust(6, "0")
    return f"{digits[:2]}:{digits[2:4]}:{digits[4:]}"


def _frames(ds: Dataset, instance: Instance) -> tuple[FrameFacts, ...]:
    groups = FunctionalGroups(ds)
    projection = is_projection(_word(ds, "Modality").upper(), instance.sop_class_uid)
    unplaced = unplaced_reason(ds, groups, instance.number_of_frames)
    single = instance.number_of_frames == 1
    facts = []
    for index in range(instance.number_of_frames):
        if single:
            orientation, spacing, splitters = _plane_of_only_frame(ds, projection)
            phases = _phases_of_only_frame(ds)
        else:
            orientation, spacing, splitters = _plane(ds, groups, index, projection)
            phases = phases_of(ds, groups, index)
        facts.append(
            FrameFacts(
                ref=FrameRef(instance, index + 1),
                position_lps=position_of(ds, groups, index, instance.number_of_frames),
                orientation=orientation,
                spacing=spacing,
                splitters=splitters,
                phases=phases,
                unplaced=unplaced,
            )
        )
    return tuple(facts)


def _plane(
    ds: Dataset, groups: FunctionalGroups, index: int, projection: bool
) -> tuple[tuple[float, ...] | None, PixelSpacing, Labels]:
    """Orientation, spacing and splitters of frame ``index``."""
    orientation = orientation_of(groups.holder(index, "ImageOrientationPatient"))
    spacing = pixel_spacing_of(
        groups.holder(index, "PixelSpacing"),
        ds,
        in_patient=orientation is not None and not projection,
    )
    return orientation, spacing, splitters_of(ds, groups, index)


@remembered
def _plane_of_only_frame(
    ds: Dataset, projection: bool
) -> tuple[tuple[float, ...] | None, PixelSpacing, Labels]:
    return _plane(ds, FunctionalGroups(ds), 0, projection)


@remembered
def _phases_of_only_frame(ds: Dataset) -> Labels:
    return phases_of(ds, FunctionalGroups(ds), 0)


def _patient(ds: Dataset) -> Patient:
    sex = _word(ds, "PatientSex").upper()
    return Patient(
        id=PatientText(text_of(ds, "PatientID")),
        name=PatientText(text_of(ds, "PatientName").rstrip("^=")),
        birth_date=PatientText(iso_date(_word(ds, "PatientBirthDate"))),
        sex=sex if sex in ("M", "F", "O") else "",
        issuer=text_of(ds, "IssuerOfPatientID"),
    )


def _contrast(ds: Dataset) -> bool | None:
    agent = text_of(ds, "ContrastBolusAgent").upper()
    if not agent:
        return None
    return agent not in ("NO", "NONE", "N", "NON", "WITHOUT", "NATIVE")


@remembered
def _no_numbers(ds: Dataset) -> tuple[StudyWarning, ...]:
    """The rescale decides about every value: one that cannot be read is not left out silently."""
    return tuple(
        wording.warning("D12", wording.no_number(keyword))
        for keyword in ("RescaleSlope", "RescaleIntercept")
        if keyword in ds and number_of(ds, keyword) is None and _has_text(ds, keyword)
    )


def _has_text(ds: Dataset, keyword: str) -> bool:
    raw = getattr(ds.get_item(keyword), "value", None)
    return bool(raw.strip(b" \0")) if isinstance(raw, bytes) else bool(raw)


def _lossy(ds: Dataset) -> tuple[StudyWarning, ...]:
    if _word(ds, "LossyImageCompression") != "01" and _meta(ds, "TransferSyntaxUID") not in (
        ALWAYS_LOSSY
    ):
        return ()
    ratio = number_of(ds, "LossyImageCompressionRatio")
    return (wording.warning("I16", wording.compressed_with_loss(ratio)),)


def _identifiers(ds: Dataset, path: Path) -> tuple[dict[str, str], tuple[StudyWarning, ...]]:
    """The three UIDs; a missing one is derived from what is known, so the object still opens."""
    found = {
        "StudyInstanceUID": _word(ds, "StudyInstanceUID"),
        "SeriesInstanceUID": _word(ds, "SeriesInstanceUID"),
        "SOPInstanceUID": _word(ds, "SOPInstanceUID") or _meta(ds, "MediaStorageSOPInstanceUID"),
    }
    missing = [keyword for keyword, value in found.items() if not value]
    if not missing:
        return found, ()
    known = [text_of(ds, "PatientID"), _word(ds, "StudyDate"), _word(ds, "StudyID")]
    for keyword in missing:
        if keyword == "SeriesInstanceUID":
            known += [found["StudyInstanceUID"], _word(ds, "SeriesNumber"), _word(ds, "Modality")]
        if keyword == "SOPInstanceUID":
            known += [path.name, _word(ds, "InstanceNumber")]
        digest = hashlib.sha256("|".join((keyword, *known)).encode()).hexdigest()
        found[keyword] = f"2.25.{int(digest[:32], 16)}"
    warnings = tuple(wording.warning("D12", wording.made_up(word)) for word in missing)
    return found, warnings


def _complete_meta(ds: Dataset) -> None:
    """Give a dataset without meta header the transfer syntax in which it was in fact read."""
    if not hasattr(ds, "file_meta"):
        ds.file_meta = pydicom.dataset.FileMetaDataset()
    if ds.file_meta.get("TransferSyntaxUID"):
        return
    implicit, little = ds.original_encoding
    if implicit or implicit is None:
        ds.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    else:
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian if little else ExplicitVRBigEndian


def _meta(ds: Dataset, keyword: str) -> str:
    return _word(ds.file_meta, keyword)


def _word(ds: Dataset, keyword: str) -> str:
    words = words_of(ds, keyword)
    return words[0] if words else ""


def _whole(ds: Dataset, keyword: str) -> int | None:
    number = number_of(ds, keyword)
    return None if number is None else int(number)
