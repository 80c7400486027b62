"""What a segmentation says of each of its segments (PS3.3 C.8.20.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from highdicom.color import CIELabColor
from pydicom.dataset import Dataset

from app.core.codes import LATERALITY_CODES, Code, Laterality
from app.dicom.character_sets import text_of
from app.dicom.objects.object_reading import code_of, word_of
from app.dicom.tolerant import integer_of, items_of, numbers_of

_OLD_SIDES: Final[dict[str, Laterality]] = {
    "G-A100": "right", "G-A101": "left", "G-A102": "bilateral",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class SegmentFacts:
    """Number, name, coded meaning, colour and origin of one segment.

    ``algorithm_type`` is AUTOMATIC, SEMIAUTOMATIC, MANUAL or empty. ``is_described`` is False for
    a number that stands in the pixels of a label map but not in its list of segments.
    """

    number: int
    label: str
    description: str = ""
    category: Code | None = None
    property_type: Code | None = None
    laterality: Laterality | None = None
    region: Code | None = None
    color_rgb: tuple[int, int, int] | None = None
    algorithm_type: str = ""
    algorithm_name: str = ""
    algorithm_version: str = ""
    tracking_id: str = ""
    tracking_uid: str = ""
    is_described: bool = True


def segment_facts(item: Dataset) -> SegmentFacts:
    """The facts of one item of the Segment Sequence."""
    types = items_of(item, "SegmentedPropertyTypeCodeSequence")
    regions = items_of(item, "AnatomicRegionSequence")
    algorithms = items_of(item, "SegmentationAlgorithmIdentificationSequence")
    property_type = code_of(item, "SegmentedPropertyTypeCodeSequence")
    number = integer_of(item, "SegmentNumber", 0)
    label = text_of(item, "SegmentLabel") or (property_type.meaning if property_type else "")
    return SegmentFacts(
        number=number,
        label=label or str(number),
        description=text_of(item, "SegmentDescription"),
        category=code_of(item, "SegmentedPropertyCategoryCodeSequence"),
        property_type=property_type,
        laterality=_laterality(types, "SegmentedPropertyTypeModifierCodeSequence")
        or _laterality(regions, "AnatomicRegionModifierSequence"),
        region=code_of(item, "AnatomicRegionSequence"),
        color_rgb=_color(item),
        algorithm_type=word_of(item, "SegmentAlgorithmType").upper(),
        algorithm_name=text_of(item, "SegmentAlgorithmName")
        or (text_of(algorithms[0], "AlgorithmName") if algorithms else ""),
        algorithm_version=text_of(algorithms[0], "AlgorithmVersion") if algorithms else "",
        tracking_id=text_of(item, "TrackingID"),
        tracking_uid=word_of(item, "TrackingUID"),
    )


def laterality_of(code: Code | None) -> Laterality | None:
    """The side that a code names, or None."""
    if code is None:
        return None
    if code.value in _OLD_SIDES:
        return _OLD_SIDES[code.value]
    return next((side for side, own in LATERALITY_CODES.items() if own.same_concept(code)), None)


def _laterality(holders: tuple[Dataset, ...], keyword: str) -> Laterality | None:
    return laterality_of(code_of(holders[0], keyword)) if holders else None


def _color(item: Dataset) -> tuple[int, int, int] | None:
    """The recommended colour, from CIELab as DICOM scales it to RGB of the screen."""
    values = numbers_of(item, "RecommendedDisplayCIELabValue")
    if len(values) != 3 or not all(0 <= value <= 65535 for value in values):
        return None
    red, green, blue = CIELabColor.from_dicom_value([int(v) for v in values]).to_rgb(clip=True)
    return int(red), int(green), int(blue)
