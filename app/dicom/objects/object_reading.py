"""What the readers of objects other than images share: opening, codes, references, failures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.sr._snomed_dict import mapping as snomed_mapping

from app.core.codes import Code
from app.core.errors import DicomReadError
from app.core.report import Message
from app.core.study import Instance
from app.dicom.character_sets import text_of
from app.dicom.files.headers import iso_date, iso_time, read_dataset
from app.dicom.pixels.image_object import ImageObject
from app.dicom.tolerant import (
    MALFORMED,
    integer_of,
    items_of,
    numbers_of,
    quiet,
    value_of,
    words_of,
)


@dataclass(frozen=True, slots=True)
class ObjectReference:
    """A reference to an instance; empty ``frames`` (from 1) and ``segments`` mean all of it."""

    sop_class_uid: str
    sop_instance_uid: str
    frames: tuple[int, ...] = ()
    segments: tuple[int, ...] = ()


@contextmanager
def reading(kind: Message) -> Iterator[None]:
    """Inside, a malformed object becomes a ``DicomReadError`` that names its kind in words."""
    try:
        with quiet():
            yield
    except MALFORMED as error:
        raise DicomReadError(
            f"The {kind.en} cannot be read: its content is damaged.",
            ru=f"Объект «{kind.ru}» не читается: его содержимое повреждено.",
            hint="Ask its source to send it again.",
            hint_ru="Запросите его у источника ещё раз.",
            technical_detail=type(error).__name__,
        ) from error


def dataset_of(source: Path | Dataset, *, pixels: bool = True) -> Dataset:
    """The dataset of a file, or the one given. Raises ``DicomReadError``."""
    return source if isinstance(source, Dataset) else read_dataset(source, pixels=pixels)


def image_object(path: Path) -> ImageObject:
    """An object with frames, ready to decode them one by one. Raises ``DicomReadError``."""
    header = read_dataset(path, pixels=False)
    return ImageObject(
        Instance(
            path=path,
            sop_instance_uid=word_of(header, "SOPInstanceUID"),
            sop_class_uid=word_of(header, "SOPClassUID"),
            transfer_syntax_uid=str(header.file_meta.TransferSyntaxUID),
            instance_number=None,
            number_of_frames=max(1, integer_of(header, "NumberOfFrames", 1)),
            rows=integer_of(header, "Rows", 0),
            columns=integer_of(header, "Columns", 0),
        )
    )


def require_described_frames(ds: Dataset) -> None:
    """Raise ``DicomReadError`` where an object claims more frames than it has groups for (D19)."""
    described = len(items_of(ds, "PerFrameFunctionalGroupsSequence"))
    if integer_of(ds, "NumberOfFrames", 1) > max(1, described):
        raise DicomReadError(
            "The object has more frames than it describes.",
            ru="Кадров в объекте больше, чем описано.",
            hint="Ask its source to send it again.",
            hint_ru="Запросите его у источника ещё раз.",
        )


def word_of(ds: Dataset | None, keyword: str) -> str:
    """The first text of ``keyword``, or empty."""
    words = () if ds is None else words_of(ds, keyword)
    return words[0] if words else ""


def code_of(holder: Dataset | None, keyword: str) -> Code | None:
    """The first code of a code sequence (PS3.3 8.8), or None where it holds none.

    Codes of the retired SNOMED RT scheme (SRT, 99SDM) come back as SNOMED CT, so that one concept
    is one code whoever wrote it.
    """
    for item in items_of(holder, keyword):
        return _code(item)
    return None


def codes_of(holder: Dataset | None, keyword: str) -> tuple[Code, ...]:
    """All codes of a code sequence, in order."""
    found = (_code(item) for item in items_of(holder, keyword))
    return tuple(code for code in found if code is not None)


def _code(item: Dataset) -> Code | None:
    value = next(
        (
            text
            for keyword in ("CodeValue", "LongCodeValue", "URNCodeValue")
            if (text := text_of(item, keyword))
        ),
        "",
    )
    meaning = text_of(item, "CodeMeaning")
    scheme = word_of(item, "CodingSchemeDesignator")
    if not value and not meaning:
        return None
    if scheme in ("SRT", "99SDM"):
        current = snomed_mapping["SRT"].get(value)
        if current:
            value, scheme = str(current), "SCT"
    return Code(value or meaning, scheme or "unknown", meaning or value)


def references_of(holder: Dataset | None, keyword: str) -> tuple[ObjectReference, ...]:
    """The instances that a sequence of SOP references names, with their frames and segments."""
    found = []
    for item in items_of(holder, keyword):
        uid = word_of(item, "ReferencedSOPInstanceUID")
        if uid:
            found.append(
                ObjectReference(
                    word_of(item, "ReferencedSOPClassUID"),
                    uid,
                    whole_numbers(item, "ReferencedFrameNumber"),
                    whole_numbers(item, "ReferencedSegmentNumber"),
                )
            )
    return tuple(found)


def whole_numbers(ds: Dataset, keyword: str) -> tuple[int, ...]:
    """The whole numbers of ``keyword``; empty where absent."""
    return tuple(int(number) for number in numbers_of(ds, keyword))


def moment_of(ds: Dataset, *pairs: tuple[str, str]) -> str:
    """The first date of ``pairs`` (date keyword, time keyword) as ISO 8601, or empty."""
    for date_keyword, time_keyword in pairs:
        date, time = iso_date(word_of(ds, date_keyword)), iso_time(word_of(ds, time_keyword))
        if date:
            return f"{date}T{time}" if time else date
    return ""


def made_at(ds: Dataset) -> str:
    """When an object was made, ISO 8601: its content, else its creation, series or study."""
    return moment_of(
        ds,
        ("ContentDate", "ContentTime"),
        ("PresentationCreationDate", "PresentationCreationTime"),
        ("StructureSetDate", "StructureSetTime"),
        ("InstanceCreationDate", "InstanceCreationTime"),
        ("SeriesDate", "SeriesTime"),
        ("StudyDate", "StudyTime"),
    )


def maker_of(ds: Dataset) -> str:
    """Manufacturer, model and software version, as far as they are stated."""
    parts = dict.fromkeys(
        text_of(ds, keyword)
        for keyword in ("Manufacturer", "ManufacturerModelName", "SoftwareVersions")
    )
    return " ".join(part for part in parts if part)


def bytes_of(ds: Dataset, keyword: str) -> bytes:
    """The bytes of a binary element; empty where absent."""
    value = value_of(ds, keyword)
    return value if isinstance(value, bytes) else b""
