"""Whether an element holds what its attribute says: what does not could be anything."""

from __future__ import annotations

import re
from typing import Final

from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.uid import UID

PROSE_VRS: Final = ("LT", "ST", "UT", "UR")
TEXT_VRS: Final = (*PROSE_VRS, "LO", "SH", "UC")

_ALIKE: Final = (
    {"DS", "FD", "FL", "IS", "SL", "SS", "SV", "UL", "US", "UV"},
    {"OB", "OW", "OF", "OD", "OL", "OV"},
    {*TEXT_VRS},
)
_FORMS: Final = {
    "DS": re.compile(r"[\d.eE+ -]*"), "IS": re.compile(r"[\d.+-]*"),
    "DA": re.compile(r"[\d.]*"), "TM": re.compile(r"[\d:.]*"), "DT": re.compile(r"[\d.+-]*"),
    "AS": re.compile(r"(\d{1,3}[DWMY])?"),
}  # fmt: skip


def is_of_its_kind(element: DataElement) -> bool:
    """Whether the value is text where the standard has text, a number where it has a number.

    A value that cannot be parsed comes as text of another VR, a person's name may be written as
    LO: what is not what its attribute says could be anything.
    """
    allowed = dictionary_VR(element.tag).split(" or ")
    both = (set(allowed) | {element.VR}) - {"UN"}
    if not (element.VR in allowed or any(both <= kind for kind in _ALIKE)):
        return False
    form = _FORMS.get(element.VR)
    return form is None or all(form.fullmatch(text.strip("\0 ")) for text in texts_of(element))


def texts_of(element: DataElement) -> list[str]:
    """The values of an element as texts, one or many."""
    value = element.value
    is_many = hasattr(value, "__iter__") and not isinstance(value, (str, bytes))
    return [str(one) for one in (value if is_many else [value])]


def is_encapsulated(ds: Dataset) -> bool:
    """Whether pixel data lie in fragments; a syntax that nobody knows counts as such."""
    syntax = UID(str(ds.file_meta.get("TransferSyntaxUID", "")))
    return not syntax.is_transfer_syntax or bool(syntax.is_encapsulated)
