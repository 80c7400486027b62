"""Coded content and content items (SR, acquisition context) in a de-identified object."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pydicom.dataset import Dataset

from app.dicom.deid.values import told_years
from app.dicom.deid.words import REMOVED, Identifiers, clean, is_safe
from app.dicom.tolerant import MALFORMED, items_of, number_of, words_of

# DCM codes of TID 1003-1009 and 1204: who the subject and the observers are.
_PERSONS: Final = frozenset(
    {
        "121009", "121017", "121020", "121021", "121022", "121029", "121030", "121031", "121036",
        "121041",
    }
)  # fmt: skip
_CHARACTERISTICS: Final = frozenset({"121032", "121033"})
_DEVICES: Final = frozenset({"121013", "121016"})
_AGE: Final = "121033"
_PROGRAMS: Final = frozenset({"111001", "111003", "122405"})


def kept_items(items: Sequence[Dataset], *, keep_device: bool, keep_patient: bool) -> list[Dataset]:
    """The items of a sequence without content items that say who subject and observers are.

    Names of persons (PNAME) and UIDs stay as items: their values are replaced by the table.
    """
    dropped = _PERSONS
    dropped = dropped if keep_device else dropped | _DEVICES
    dropped = dropped if keep_patient else dropped | _CHARACTERISTICS
    return [
        _aged(item) if _concept(item) == _AGE else item
        for item in items
        if _concept(item) not in dropped
    ]


def names_a_program(item: Dataset) -> bool:
    """Whether a TEXT item names an algorithm: no more a patient's than the device's model."""
    return _concept(item) in _PROGRAMS


def clean_code(ds: Dataset, identifiers: Identifiers) -> None:
    """In place: value and meaning of a local code are free text, cut to known words.

    Our own finding codes, for one, are made from the label that a reader typed.
    """
    scheme = (words_of(ds, "CodingSchemeDesignator") or ("",))[0]
    meaning = (words_of(ds, "CodeMeaning") or ("",))[0]
    if not meaning or not (scheme == "L" or scheme.startswith("99")):
        return
    if not is_safe(meaning.replace("@", " "), identifiers):
        ds.CodeMeaning = clean(meaning, identifiers)[:64] or REMOVED
    value = (words_of(ds, "CodeValue") or ("",))[0]
    # a method carries its version: voxel-count@1
    if value and not is_safe(value.replace("@", " "), identifiers):
        ds.CodeValue = REMOVED


def _concept(item: Dataset) -> str:
    """The DCM code of the item's concept name, or empty."""
    for name in items_of(item, "ConceptNameCodeSequence"):
        try:
            if name.get("CodingSchemeDesignator") == "DCM":
                return str(name.get("CodeValue") or "")
        except MALFORMED:
            return ""
    return ""


def _aged(item: Dataset) -> Dataset:
    """A copy of an age measurement that tells nothing above 89 years."""
    copy = Dataset(item)
    measured = []
    for value in items_of(item, "MeasuredValueSequence"):
        years, changed = number_of(value, "NumericValue"), Dataset(value)
        units = items_of(value, "MeasurementUnitsCodeSequence")
        if years is not None and any(str(unit.get("CodeValue")) == "a" for unit in units):
            changed.NumericValue = str(told_years(years))
        measured.append(changed)
    if measured:
        copy.MeasuredValueSequence = measured
    return copy
