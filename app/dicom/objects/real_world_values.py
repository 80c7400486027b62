"""What stored values mean in physical units (PS3.3 C.7.6.16.2.11, C.11.12)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset

from app.core.codes import Code
from app.dicom.character_sets import text_of
from app.dicom.objects.object_kinds import REAL_WORLD
from app.dicom.objects.object_reading import (
    ObjectReference,
    code_of,
    codes_of,
    dataset_of,
    reading,
    references_of,
)
from app.dicom.tolerant import items_of, number_of, numbers_of


@dataclass(frozen=True, slots=True)
class RealWorldMap:
    """One mapping: linear (``slope``, ``intercept``) or a ``table`` from ``first`` on.

    It is true for stored values from ``first`` to ``last``. ``quantity`` are the coded meanings of
    the value, ``references`` the images (none: the object itself, or all its images).
    """

    label: str
    explanation: str
    unit: Code | None
    quantity: tuple[Code, ...]
    first: float | None
    last: float | None
    slope: float | None
    intercept: float
    table: tuple[float, ...]
    references: tuple[ObjectReference, ...] = ()

    @property
    def is_linear(self) -> bool:
        """Whether a slope is given."""
        return self.slope is not None

    def value(self, stored: float) -> float | None:
        """The value in ``unit``, or None for a stored value that the mapping does not cover."""
        if self.first is not None and stored < self.first:
            return None
        if self.last is not None and stored > self.last:
            return None
        if self.slope is not None:
            return stored * self.slope + self.intercept
        index = round(stored - (self.first or 0.0))
        return self.table[index] if 0 <= index < len(self.table) else None


def real_world_maps(source: Path | Dataset) -> tuple[RealWorldMap, ...]:
    """All mappings of an RWVM object or an image, in the order of the file, each once.

    Raises ``DicomReadError``.
    """
    ds = dataset_of(source, pixels=False)
    with reading(REAL_WORLD):
        return tuple(dict.fromkeys(_maps(ds)))


def maps_of_groups(groups: Dataset) -> tuple[RealWorldMap, ...]:
    """The mappings of one item of functional groups, or of a dataset's top level."""
    return tuple(_map(item, ()) for item in items_of(groups, "RealWorldValueMappingSequence"))


def _maps(ds: Dataset) -> Iterator[RealWorldMap]:
    for holder in items_of(ds, "ReferencedImageRealWorldValueMappingSequence"):
        references = references_of(holder, "ReferencedImageSequence")
        for item in items_of(holder, "RealWorldValueMappingSequence"):
            yield _map(item, references)
    yield from maps_of_groups(ds)
    for keyword in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        for groups in items_of(ds, keyword):
            yield from maps_of_groups(groups)


def _map(item: Dataset, references: tuple[ObjectReference, ...]) -> RealWorldMap:
    def either(*keywords: str) -> float | None:
        found = (number_of(item, keyword) for keyword in keywords)
        return next((number for number in found if number is not None), None)

    return RealWorldMap(
        label=text_of(item, "LUTLabel"),
        explanation=text_of(item, "LUTExplanation"),
        unit=code_of(item, "MeasurementUnitsCodeSequence"),
        quantity=tuple(
            code
            for quantity in items_of(item, "QuantityDefinitionSequence")
            for code in codes_of(quantity, "ConceptCodeSequence")
        ),
        first=either("DoubleFloatRealWorldValueFirstValueMapped", "RealWorldValueFirstValueMapped"),
        last=either("DoubleFloatRealWorldValueLastValueMapped", "RealWorldValueLastValueMapped"),
        slope=number_of(item, "RealWorldValueSlope"),
        intercept=number_of(item, "RealWorldValueIntercept") or 0.0,
        table=numbers_of(item, "RealWorldValueLUTData"),
        references=references,
    )
