"""Documents inside DICOM objects: PDF, CDA, STL and their kin (PS3.3 A.45, A.104)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydicom.dataset import Dataset

from app.core.errors import DicomReadError
from app.core.report import Message
from app.dicom.character_sets import text_of
from app.dicom.objects.object_kinds import DOCUMENT
from app.dicom.objects.object_reading import (
    ObjectReference,
    bytes_of,
    code_of,
    dataset_of,
    made_at,
    maker_of,
    reading,
    references_of,
    word_of,
)
from app.dicom.tolerant import integer_of

_STORAGE: Final = "1.2.840.10008.5.1.4.1.1.104."
_MIME_OF: Final = {
    _STORAGE + "1": "application/pdf",
    _STORAGE + "2": "text/xml",
    _STORAGE + "3": "model/stl",
    _STORAGE + "4": "model/obj",
    _STORAGE + "5": "model/mtl",
}
_LARGEST: Final = 2**30
_STL_HEADER: Final = 84
_STL_FACET: Final = 50


@dataclass(frozen=True, slots=True)
class EncapsulatedDocument:
    """The document as it was put in, without padding. ``doubt`` says what is wrong with it."""

    data: bytes
    mime_type: str
    title: str
    concept: str
    at: str
    made_by: str
    sop_instance_uid: str
    references: tuple[ObjectReference, ...]
    doubt: Message | None = None


def encapsulated_document(source: Path | Dataset) -> EncapsulatedDocument:
    """The document. Raises ``DicomReadError`` where there is none or it is implausibly large."""
    ds = dataset_of(source)
    with reading(DOCUMENT):
        data = bytes_of(ds, "EncapsulatedDocument")
        if not data:
            raise DicomReadError(
                "The object holds no document.",
                ru="В объекте нет документа.",
                hint="Ask its source to send it again.",
                hint_ru="Запросите его у источника ещё раз.",
            )
        length = integer_of(ds, "EncapsulatedDocumentLength", 0)
        if len(data) > _LARGEST or length > len(data):
            raise DicomReadError(
                "The document is cut short or implausibly large.",
                ru="Документ обрезан или неправдоподобно велик.",
                hint="Ask its source to send it again.",
                hint_ru="Запросите его у источника ещё раз.",
            )
        if length:
            data = data[:length]
        mime_type = word_of(ds, "MIMETypeOfEncapsulatedDocument").lower()
        mime_type = mime_type or _MIME_OF.get(word_of(ds, "SOPClassUID"), "")
        concept = code_of(ds, "ConceptNameCodeSequence")
        return EncapsulatedDocument(
            data=data,
            mime_type=mime_type,
            title=text_of(ds, "DocumentTitle"),
            concept=concept.meaning if concept else "",
            at=made_at(ds),
            made_by=maker_of(ds),
            sop_instance_uid=word_of(ds, "SOPInstanceUID"),
            references=references_of(ds, "SourceInstanceSequence"),
            doubt=_doubt(data, mime_type),
        )


def _doubt(data: bytes, mime_type: str) -> Message | None:
    """What shows at first sight that the content is not what the type says."""
    if mime_type == "application/pdf":
        is_as_stated = b"%PDF-" in data[:1024]
    elif mime_type == "model/stl" and not data[:512].lstrip().startswith(b"solid"):
        facets = int.from_bytes(data[80:_STL_HEADER], "little")
        is_as_stated = len(data) - _STL_HEADER - facets * _STL_FACET in (0, 1)
    elif mime_type == "text/xml":
        is_as_stated = b"<" in data[:16]
    else:
        return None
    if is_as_stated:
        return None
    return Message(
        f"The content is not what its type says ({mime_type}).",
        f"Содержимое не соответствует типу ({mime_type}).",
    )
