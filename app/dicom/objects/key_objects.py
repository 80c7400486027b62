"""Key object selections: which images somebody marked, and why (PS3.3 A.35.4, PS3.16 TID 2010)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset

from app.dicom.objects.object_reading import ObjectReference
from app.dicom.objects.sr_tree import SrDocument, read_sr

_TITLE_MODIFIER = "113011"
_DESCRIPTION = "113012"


@dataclass(frozen=True, slots=True)
class KeyObjects:
    """The marked instances; ``reasons`` are the modifiers of the title (of a rejection, say)."""

    title: str
    reasons: tuple[str, ...]
    description: str
    observers: tuple[str, ...]
    references: tuple[ObjectReference, ...]
    at: str
    made_by: str
    sop_instance_uid: str
    document: SrDocument


def key_object_refs(source: Path | Dataset) -> KeyObjects:
    """A key object selection. Raises ``DicomReadError``."""
    document = read_sr(source)
    nodes = tuple(document.root.walk())
    return KeyObjects(
        title=document.root.name,
        reasons=tuple(
            node.text for node in nodes if node.concept and node.concept.value == _TITLE_MODIFIER
        ),
        description="\n".join(
            node.text for node in nodes if node.concept and node.concept.value == _DESCRIPTION
        ),
        observers=tuple(node.text for node in nodes if node.value_type == "PNAME"),
        references=tuple(
            reference
            for node in nodes
            if node.value_type in ("IMAGE", "COMPOSITE", "WAVEFORM")
            for reference in node.references
        ),
        at=document.at,
        made_by=document.made_by,
        sop_instance_uid=document.sop_instance_uid,
        document=document,
    )
