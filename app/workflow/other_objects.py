"""Everything in a study that is no image: listed with kind, title and time, and opened."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from app.core.errors import InputError
from app.core.report import Message
from app.core.study import Instance, Series, Study
from app.dicom.objects.encapsulated import EncapsulatedDocument, encapsulated_document
from app.dicom.objects.key_objects import KeyObjects, key_object_refs
from app.dicom.objects.object_facts import ObjectFacts, object_facts
from app.dicom.objects.object_kinds import Family, kind_of
from app.dicom.objects.parametric_map import ParametricMap, parametric_map
from app.dicom.objects.presentation_state import PresentationState, presentation_state
from app.dicom.objects.real_world_values import RealWorldMap, real_world_maps
from app.dicom.objects.seg_reader import ReadSegmentation, read_segmentation
from app.dicom.objects.sr_tree import SrDocument, read_sr
from app.dicom.objects.structure_set import StructureSet, structure_set

OpenedObject = (
    ReadSegmentation
    | ParametricMap
    | SrDocument
    | KeyObjects
    | PresentationState
    | StructureSet
    | EncapsulatedDocument
    | tuple[RealWorldMap, ...]
)


@dataclass(frozen=True, slots=True)
class OtherObject:
    """An object of a study other than an image.

    ``kind`` is its name for people, ``family`` says what ``open_object`` gives for it. ``at`` is
    ISO 8601 or empty. ``references`` are the SOP Instance UIDs it speaks of. ``fault`` says why
    it cannot be opened, None where it can.
    """

    kind: Message
    family: Family
    title: str
    path: Path
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    at: str
    made_by: str = ""
    references: tuple[str, ...] = ()
    fault: Message | None = None


def list_objects(study: Study) -> tuple[OtherObject, ...]:
    """All objects of a study that are no images, by time; reads their headers. Any thread."""
    found = [
        listed
        for series in study.series
        for instance in series.instances
        if (listed := _listed(series, instance)) is not None
    ]
    return tuple(sorted(found, key=lambda one: (one.at, one.sop_instance_uid)))


def open_object(listed: OtherObject, study: Study) -> OpenedObject:
    """What the object holds; segmentations are laid on the images of ``study``. Any thread.

    Raises ``InputError`` for a kind that is only listed, ``DicomReadError``, ``GeometryError``,
    ``FrameOfReferenceMismatch`` for an object that cannot be read or placed.
    """
    match listed.family:
        case "segmentation":
            return read_segmentation(listed.path, study)
        case "parametric-map":
            return parametric_map(listed.path)
        case "report":
            return read_sr(listed.path)
        case "key-objects":
            return key_object_refs(listed.path)
        case "presentation-state":
            return presentation_state(listed.path)
        case "structure-set":
            return structure_set(listed.path)
        case "document":
            return encapsulated_document(listed.path)
        case "real-world-values":
            return real_world_maps(listed.path)
        case "unsupported":
            fault = listed.fault
            raise InputError(
                fault.en if fault else "Objects of this kind are not shown.",
                ru=fault.ru if fault else "Объекты этого вида не показываются.",
            )


def _listed(series: Series, instance: Instance) -> OtherObject | None:
    kind = kind_of(instance.sop_class_uid, has_pixels=instance.number_of_frames > 0)
    if kind is None:
        return None
    facts: ObjectFacts = object_facts(instance.path)
    fault = facts.fault
    if kind.family == "unsupported":
        fault = Message(
            f"Objects of this kind ({kind.name.en}) are listed but not shown.",
            f"Объекты этого вида ({kind.name.ru}) перечисляются, но не показываются.",
        )
    return OtherObject(
        kind=kind.name,
        family=kind.family,
        title=facts.title or series.description,
        path=instance.path,
        series_instance_uid=series.series_instance_uid,
        sop_instance_uid=instance.sop_instance_uid,
        sop_class_uid=instance.sop_class_uid,
        at=facts.at,
        made_by=facts.made_by,
        references=facts.references,
        fault=fault,
    )
