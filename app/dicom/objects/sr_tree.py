"""Structured reports of any template as a tree of content items (PS3.3 C.17.3).

Nothing is interpreted and nothing is dropped: an item of an unknown value type is shown as such.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydicom.dataset import Dataset

from app.core.codes import Code
from app.core.errors import DicomReadError
from app.dicom.character_sets import display_name, text_of
from app.dicom.files.headers import iso_date, iso_time
from app.dicom.objects.object_kinds import REPORT
from app.dicom.objects.object_reading import (
    ObjectReference,
    code_of,
    dataset_of,
    made_at,
    maker_of,
    reading,
    references_of,
    whole_numbers,
    word_of,
)
from app.dicom.tolerant import items_of, number_of, numbers_of

_DEEPEST: Final = 200


@dataclass(frozen=True, slots=True)
class SrNode:
    """One content item.

    ``position`` counts from the root, ``1.2.3`` (PS3.3 C.17.3.2.5): by-reference items name their
    ``target`` by it and are not followed, so that no document can run in a circle. ``text`` is the
    value as a person reads it, without its unit; ``number`` the same of a NUM item. ``points`` are
    column and row of the image for SCOORD (0, 0 is the corner of the first pixel), LPS millimetres
    in ``frame_of_reference_uid`` for SCOORD3D.
    """

    position: str
    relationship: str
    value_type: str
    concept: Code | None
    text: str = ""
    number: float | None = None
    unit: Code | None = None
    code: Code | None = None
    references: tuple[ObjectReference, ...] = ()
    graphic_type: str = ""
    points: tuple[tuple[float, ...], ...] = ()
    frame_of_reference_uid: str = ""
    target: str = ""
    children: tuple[SrNode, ...] = ()

    @property
    def name(self) -> str:
        """The meaning of the concept, or empty."""
        return self.concept.meaning if self.concept else ""

    def walk(self) -> Iterator[SrNode]:
        """This item and all below it, in the order of the document."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True, slots=True)
class Verification:
    """Who verified a document and when (ISO 8601)."""

    by: str
    organization: str
    at: str


@dataclass(frozen=True, slots=True)
class SrDocument:
    """A structured report: its tree, and how far it is complete and verified."""

    root: SrNode
    sop_instance_uid: str
    title: str
    at: str
    made_by: str
    template_id: str
    is_complete: bool
    is_verified: bool
    is_final: bool
    verified_by: tuple[Verification, ...]
    predecessors: tuple[str, ...]


def read_sr(source: Path | Dataset) -> SrDocument:
    """A structured report, or a key object selection, which is one. Raises ``DicomReadError``."""
    ds = dataset_of(source, pixels=False)
    with reading(REPORT):
        root = sr_tree(ds)
        templates = items_of(ds, "ContentTemplateSequence")
        return SrDocument(
            root=root,
            sop_instance_uid=word_of(ds, "SOPInstanceUID"),
            title=root.name,
            at=made_at(ds),
            made_by=maker_of(ds),
            template_id=word_of(templates[0], "TemplateIdentifier") if templates else "",
            is_complete=word_of(ds, "CompletionFlag") == "COMPLETE",
            is_verified=word_of(ds, "VerificationFlag") == "VERIFIED",
            is_final=word_of(ds, "PreliminaryFlag") == "FINAL",
            verified_by=tuple(
                Verification(
                    display_name(text_of(item, "VerifyingObserverName")),
                    text_of(item, "VerifyingOrganization"),
                    _moment(word_of(item, "VerificationDateTime")),
                )
                for item in items_of(ds, "VerifyingObserverSequence")
            ),
            predecessors=_predecessors(ds),
        )


def sr_tree(source: Path | Dataset) -> SrNode:
    """The content tree of a document. Raises ``DicomReadError`` where there is none."""
    ds = dataset_of(source, pixels=False)
    with reading(REPORT):
        if not word_of(ds, "ValueType") and not items_of(ds, "ContentSequence"):
            raise DicomReadError(
                "The structured report has no content.",
                ru="В структурированном отчёте нет содержания.",
                hint="Ask its source to send it again.",
                hint_ru="Запросите его у источника ещё раз.",
            )
        return _node(ds, "1", 0)


def _node(item: Dataset, position: str, depth: int) -> SrNode:
    if depth > _DEEPEST:
        raise DicomReadError(
            f"The structured report is nested more than {_DEEPEST} levels deep.",
            ru=f"Вложенность структурированного отчёта больше {_DEEPEST} уровней.",
            hint="Ask its source for a plain version.",
            hint_ru="Запросите у источника обычную версию.",
        )
    value_type = word_of(item, "ValueType").upper()
    target = ".".join(str(n) for n in whole_numbers(item, "ReferencedContentItemIdentifier"))
    unit, number, text = _value(item, value_type)
    return SrNode(
        position=position,
        relationship=word_of(item, "RelationshipType").upper(),
        value_type=value_type,
        concept=code_of(item, "ConceptNameCodeSequence"),
        text=text,
        number=number,
        unit=unit,
        code=code_of(item, "ConceptCodeSequence"),
        references=references_of(item, "ReferencedSOPSequence"),
        graphic_type=word_of(item, "GraphicType").upper(),
        points=_points(item, value_type),
        frame_of_reference_uid=word_of(item, "ReferencedFrameOfReferenceUID"),
        target=target,
        children=tuple(
            _node(child, f"{position}.{n}", depth + 1)
            for n, child in enumerate(items_of(item, "ContentSequence"), 1)
        ),
    )


def _value(item: Dataset, value_type: str) -> tuple[Code | None, float | None, str]:
    """Unit, number and text of the item's value."""
    if value_type == "NUM":
        return _measured(item)
    if value_type == "CODE":
        code = code_of(item, "ConceptCodeSequence")
        return None, None, code.meaning if code else ""
    if value_type == "PNAME":
        return None, None, display_name(text_of(item, "PersonName"))
    if value_type == "DATE":
        date = word_of(item, "Date")
        return None, None, iso_date(date) or date
    if value_type == "TIME":
        time = word_of(item, "Time")
        return None, None, iso_time(time) or time
    if value_type == "DATETIME":
        return None, None, _moment(word_of(item, "DateTime"))
    if value_type == "TCOORD":
        keywords = (
            "ReferencedSamplePositions", "ReferencedTimeOffsets", "ReferencedDateTime",
            "TemporalRangeType",
        )  # fmt: skip
        return None, None, "; ".join(text for k in keywords if (text := text_of(item, k)))
    keyword = {"TEXT": "TextValue", "UIDREF": "UID"}.get(value_type)
    if keyword is not None:
        return None, None, text_of(item, keyword)
    known = ("CONTAINER", "IMAGE", "COMPOSITE", "WAVEFORM", "SCOORD", "SCOORD3D", "")
    return None, None, "" if value_type in known else _whatever(item)


def _measured(item: Dataset) -> tuple[Code | None, float | None, str]:
    """A number keeps the digits with which it was written; none has its reason instead."""
    values = items_of(item, "MeasuredValueSequence")
    qualifier = code_of(item, "NumericValueQualifierCodeSequence")
    if not values:
        return None, None, qualifier.meaning if qualifier else ""
    unit = code_of(values[0], "MeasurementUnitsCodeSequence")
    number = number_of(values[0], "FloatingPointValue")
    written = number_of(values[0], "NumericValue")
    text = word_of(values[0], "NumericValue")
    if qualifier:
        text = f"{text} ({qualifier.meaning})".strip()
    return unit, written if number is None else number, text


def _points(item: Dataset, value_type: str) -> tuple[tuple[float, ...], ...]:
    width = 3 if value_type == "SCOORD3D" else 2
    numbers = numbers_of(item, "GraphicData")
    return tuple(tuple(numbers[n : n + width]) for n in range(0, len(numbers), width))


def _whatever(item: Dataset) -> str:
    """The plain values of an item whose value type is not known, so that none is lost."""
    parts = []
    for element in item:
        keyword = element.keyword
        if keyword not in ("RelationshipType", "ValueType") and element.VR != "SQ":
            parts.append(f"{keyword or element.tag}={text_of(item, keyword) or element.value!s}")
    return "; ".join(parts)


def _predecessors(ds: Dataset) -> tuple[str, ...]:
    return tuple(
        reference.sop_instance_uid
        for study in items_of(ds, "PredecessorDocumentsSequence")
        for series in items_of(study, "ReferencedSeriesSequence")
        for reference in references_of(series, "ReferencedSOPSequence")
    )


def _moment(text: str) -> str:
    """A DICOM date and time (DT) as ISO 8601, or as it was written where it is none."""
    plain = text.split("+")[0].split(".")[0]
    date, time = iso_date(plain[:8]), iso_time(plain[8:14])
    if not date:
        return text
    return f"{date}T{time}" if time else date
