"""Private attributes in a de-identified object: none, or those known to hold no identity."""

from __future__ import annotations

from typing import Final

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag, Tag

from app.dicom.deid.table import safe_private_elements
from app.dicom.deid.words import Identifiers
from app.dicom.tolerant import MALFORMED

# Numbers, and codes in capitals. A vendor may put anything into text, dates and blobs.
_SAFE_VRS: Final = frozenset(
    {"CS", "DS", "FD", "FL", "IS", "SL", "SS", "SV", "UL", "US", "UV", "OF", "OD"}
)
_CREATORS: Final = range(0x10, 0x100)


def safe_private(ds: Dataset, identifiers: Identifiers) -> list[DataElement]:
    """The elements of one level that may stay (PS3.15 E.3.10), each creator with its own.

    A creator stays in the block where it was, so the elements keep their numbers.
    """
    kept: dict[BaseTag, DataElement] = {}
    for tag in [tag for tag in ds.keys() if tag.is_private and tag.element > 0xFF]:  # noqa: SIM118
        creator_tag = Tag(tag.group, tag.element >> 8)
        try:
            creator = str(ds[creator_tag].value).strip("\0 ")
            element = ds[tag]
            is_safe = (creator, tag.group, tag.element & 0xFF) in safe_private_elements()
            if is_safe and element.VR in _SAFE_VRS and not _names_someone(element, identifiers):
                kept[creator_tag] = DataElement(creator_tag, "LO", creator)
                kept[tag] = element
        except MALFORMED:
            continue
    return [kept[tag] for tag in sorted(kept)]


def _names_someone(element: DataElement, identifiers: Identifiers) -> bool:
    text = "" if isinstance(element.value, bytes) else str(element.value)
    return identifiers.scrub(text) != text
