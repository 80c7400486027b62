"""Images that matter as a Key Object Selection (PS3.3 A.35.4, PS3.16 TID 2010)."""

from __future__ import annotations

from dataclasses import dataclass

import highdicom as hd
import pydicom
from highdicom.sr import CodedConcept

from app.core.study import FrameRef
from app.dicom.writing import authoring

_OF_INTEREST = CodedConcept("113000", "DCM", "Of Interest")


@dataclass(frozen=True, slots=True)
class KeyObjectRequest:
    """``source`` holds the marked images alone, each once; ``observer_name`` is who marked them."""

    source: authoring.SourceImages
    identity: authoring.Identity
    description: str
    at_utc: str
    observer_name: str = ""


def write_key_objects(request: KeyObjectRequest) -> pydicom.Dataset:
    """The selection; frames of multi-frame objects are named (D06)."""
    headers = authoring.read_source_headers(request.source)
    content = hd.ko.KeyObjectSelection(
        document_title=_OF_INTEREST,
        referenced_objects=headers,
        observer_person_context=_person(request.observer_name),
        description=request.description or None,
    )
    _name_frames(content[0], request.source.frames)
    document = hd.ko.KeyObjectSelectionDocument(
        evidence=[authoring.with_accepted_name(header) for header in headers],
        content=content,
        series_instance_uid=request.identity.series_instance_uid,
        series_number=request.identity.series_number,
        sop_instance_uid=request.identity.sop_instance_uid,
        instance_number=1,
        manufacturer=authoring.MANUFACTURER,
        specific_character_set=authoring.CHARACTER_SET,
    )
    document.ManufacturerModelName = authoring.MODEL_NAME
    document.SoftwareVersions = authoring.SOFTWARE_VERSION
    document.DeviceSerialNumber = authoring.DEVICE_SERIAL_NUMBER
    authoring.finish(document, headers[0], "Key images", request.at_utc)
    return document


def _person(name: str) -> hd.sr.ObserverContext | None:
    if not name:
        return None
    return hd.sr.ObserverContext(
        observer_type=CodedConcept("121006", "DCM", "Person"),
        observer_identifying_attributes=hd.sr.PersonObserverIdentifyingAttributes(
            name=authoring.person_name(name)
        ),
    )


def _name_frames(container: pydicom.Dataset, frames: tuple[FrameRef, ...]) -> None:
    for item in container.ContentSequence:
        for reference in item.get("ReferencedSOPSequence") or ():
            named = sorted(
                frame.frame
                for frame in frames
                if frame.instance.sop_instance_uid == reference.ReferencedSOPInstanceUID
                and frame.instance.is_multi_frame
            )
            if named:
                reference.ReferencedFrameNumber = named
