"""What a list of objects says of each: title, time, maker, and what it refers to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pydicom
from pydicom.dataset import Dataset

from app.core.report import Message
from app.dicom.character_sets import text_of
from app.dicom.objects.object_reading import code_of, made_at, maker_of, word_of
from app.dicom.tolerant import MALFORMED, items_of, quiet

_REFERENCING: Final = (
    "ReferencedSeriesSequence", "CurrentRequestedProcedureEvidenceSequence",
    "PertinentOtherEvidenceSequence", "ReferencedFrameOfReferenceSequence",
    "SourceInstanceSequence", "ReferencedImageRealWorldValueMappingSequence",
    "ReferencedImageSequence", "ReferencedInstanceSequence",
)  # fmt: skip
_TITLES: Final = (
    "DocumentTitle", "StructureSetName", "StructureSetLabel", "ContentDescription", "ContentLabel",
    "SeriesDescription",
)  # fmt: skip
_READ: Final = [
    "SpecificCharacterSet", "Manufacturer", "ManufacturerModelName", "SoftwareVersions",
    "ConceptNameCodeSequence", "ContentDate", "ContentTime", "PresentationCreationDate",
    "PresentationCreationTime", "StructureSetDate", "StructureSetTime", "InstanceCreationDate",
    "InstanceCreationTime", "SeriesDate", "SeriesTime", "StudyDate", "StudyTime", *_TITLES,
    *_REFERENCING,
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class ObjectFacts:
    """``fault`` says why the header cannot be read; the other fields are then empty."""

    title: str = ""
    at: str = ""
    made_by: str = ""
    references: tuple[str, ...] = ()
    fault: Message | None = None


def object_facts(path: Path) -> ObjectFacts:
    """Header facts of one object; a file that cannot be read has its fault in words."""
    try:
        with quiet():
            ds = pydicom.dcmread(path, force=True, stop_before_pixels=True, specific_tags=_READ)
            return ObjectFacts(
                title=_title(ds),
                at=made_at(ds),
                made_by=maker_of(ds),
                references=_references(ds),
            )
    except (*MALFORMED, OSError):
        return ObjectFacts(
            fault=Message("The file can no longer be read.", "Файл больше не читается.")
        )


def _title(ds: Dataset) -> str:
    concept = code_of(ds, "ConceptNameCodeSequence")
    if concept is not None:
        description = text_of(ds, "SeriesDescription")
        return f"{concept.meaning}: {description}" if description else concept.meaning
    return next((text for keyword in _TITLES if (text := text_of(ds, keyword))), "")


def _references(ds: Dataset) -> tuple[str, ...]:
    """Each instance named below the sequences that list references, once, in order."""
    found: dict[str, None] = {}
    waiting = [item for keyword in _REFERENCING for item in items_of(ds, keyword)]
    waiting.reverse()
    while waiting:
        item = waiting.pop()
        uid = word_of(item, "ReferencedSOPInstanceUID")
        if uid:
            found[uid] = None
        inner = [below for e in item if e.VR == "SQ" for below in items_of(item, e.keyword)]
        waiting += reversed(inner)
    return tuple(found)
