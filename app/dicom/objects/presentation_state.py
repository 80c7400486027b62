"""Softcopy presentation states: how somebody wanted images shown (PS3.3 A.33, C.10.5, C.11)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset

from app.core.volume import Rescale, VoiTable, Window
from app.dicom.character_sets import display_name, text_of
from app.dicom.objects.object_kinds import PRESENTATION
from app.dicom.objects.object_reading import (
    ObjectReference,
    dataset_of,
    made_at,
    maker_of,
    reading,
    references_of,
    word_of,
)
from app.dicom.pixels.lookup_table import LookupTable, read_lookup_table
from app.dicom.tolerant import integer_of, items_of, number_of, numbers_of, words_of

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class VoiChoice:
    """Windows (some with a table) for some of the images; no ``references``: for all of them."""

    references: tuple[ObjectReference, ...]
    windows: tuple[Window, ...]


@dataclass(frozen=True, slots=True)
class DisplayedArea:
    """The part of the image to show: corners as (column, row) from 1, how large, on which images.

    ``size_mode`` is SCALE TO FIT, TRUE SIZE or MAGNIFY; ``pixel_spacing_mm`` is row, column.
    """

    references: tuple[ObjectReference, ...]
    top_left: tuple[int, int]
    bottom_right: tuple[int, int]
    size_mode: str
    pixel_spacing_mm: tuple[float, float] | None
    magnification: float | None


@dataclass(frozen=True, slots=True)
class DrawnText:
    """A text; ``box`` (two corners) and ``anchor`` are (column, row) in ``units``."""

    text: str
    units: str
    box: tuple[Point, ...]
    anchor: Point | None


@dataclass(frozen=True, slots=True)
class DrawnShape:
    """POINT, POLYLINE, INTERPOLATED, CIRCLE or ELLIPSE, (column, row) points in ``units``.

    PIXEL counts from the outer corner of the first pixel, whose centre is (0.5, 0.5); DISPLAY runs
    from 0 to 1 over the displayed area (PS3.3 C.10.5.1.2).
    """

    kind: str
    units: str
    points: tuple[Point, ...]
    is_filled: bool


@dataclass(frozen=True, slots=True)
class Annotation:
    """What is drawn in one layer on some of the images; no ``references``: on all of them."""

    layer: str
    references: tuple[ObjectReference, ...]
    texts: tuple[DrawnText, ...]
    shapes: tuple[DrawnShape, ...]


@dataclass(frozen=True, slots=True)
class PresentationState:
    """A presentation state. ``layers`` are names from the lowest to the highest.

    ``is_inverted`` alone decides the polarity: with a presentation state the photometric
    interpretation of the image counts no more (PS3.4 N.2.1.4, note 1). ``rescale`` replaces that
    of the images where it is given. ``rotation_deg`` is clockwise, after it the image is mirrored
    left to right where ``is_flipped``. ``not_shown`` names parts that are not supported.
    """

    label: str
    description: str
    creator: str
    at: str
    made_by: str
    sop_instance_uid: str
    references: tuple[ObjectReference, ...]
    rescale: Rescale | None
    voi: tuple[VoiChoice, ...]
    is_inverted: bool
    presentation_table: LookupTable | None
    areas: tuple[DisplayedArea, ...]
    rotation_deg: int
    is_flipped: bool
    layers: tuple[str, ...]
    annotations: tuple[Annotation, ...]
    not_shown: tuple[str, ...]

    def concerns(self, sop_instance_uid: str, frame: int = 1) -> bool:
        """Whether the state is meant for this image."""
        return names_image(self.references, sop_instance_uid, frame)


def names_image(
    references: tuple[ObjectReference, ...], sop_instance_uid: str, frame: int = 1
) -> bool:
    """Whether ``references`` name the image; an empty list names every image."""
    return not references or any(
        one.sop_instance_uid == sop_instance_uid and (not one.frames or frame in one.frames)
        for one in references
    )


def presentation_state(source: Path | Dataset) -> PresentationState:
    """A presentation state. Raises ``DicomReadError``."""
    ds = dataset_of(source)
    with reading(PRESENTATION):
        slope = number_of(ds, "RescaleSlope")
        tables = items_of(ds, "PresentationLUTSequence")
        return PresentationState(
            label=text_of(ds, "ContentLabel"),
            description=text_of(ds, "ContentDescription"),
            creator=display_name(text_of(ds, "ContentCreatorName")),
            at=made_at(ds),
            made_by=maker_of(ds),
            sop_instance_uid=word_of(ds, "SOPInstanceUID"),
            references=tuple(
                reference
                for series in items_of(ds, "ReferencedSeriesSequence")
                for reference in references_of(series, "ReferencedImageSequence")
            ),
            rescale=Rescale(slope, number_of(ds, "RescaleIntercept") or 0.0) if slope else None,
            voi=tuple(_voi(item) for item in items_of(ds, "SoftcopyVOILUTSequence")),
            is_inverted=word_of(ds, "PresentationLUTShape").upper() == "INVERSE",
            presentation_table=read_lookup_table(tables[0], is_signed=False) if tables else None,
            areas=tuple(_area(item) for item in items_of(ds, "DisplayedAreaSelectionSequence")),
            rotation_deg=integer_of(ds, "ImageRotation", 0) % 360,
            is_flipped=word_of(ds, "ImageHorizontalFlip").upper() == "Y",
            layers=_layers(ds),
            annotations=tuple(_annotation(i) for i in items_of(ds, "GraphicAnnotationSequence")),
            not_shown=_not_shown(ds),
        )


def _voi(item: Dataset) -> VoiChoice:
    names = words_of(item, "WindowCenterWidthExplanation")
    function = word_of(item, "VOILUTFunction").upper() or "LINEAR"
    pairs = zip(numbers_of(item, "WindowCenter"), numbers_of(item, "WindowWidth"), strict=False)
    windows = [
        Window(center, width, names[n] if n < len(names) else "", function)
        for n, (center, width) in enumerate(pairs)
        if width > 0
    ]
    tables = (_table_window(table) for table in items_of(item, "VOILUTSequence"))
    return VoiChoice(
        references=references_of(item, "ReferencedImageSequence"),
        windows=(*windows, *(window for window in tables if window is not None)),
    )


def _table_window(item: Dataset) -> Window | None:
    """A VOI table as the window that holds it, or None where it is invalid (I03)."""
    read = read_lookup_table(item, is_signed=True)
    if read is None:
        return None
    count = float(len(read.entries))
    table = VoiTable(read.first, read.bits, read.entries.astype("<u2").tobytes())
    name = word_of(item, "LUTExplanation")
    return Window(read.first + count / 2.0, max(count, 1.0), name, table=table)


def _area(item: Dataset) -> DisplayedArea:
    spacing = numbers_of(item, "PresentationPixelSpacing")
    top_left = numbers_of(item, "DisplayedAreaTopLeftHandCorner") or (1.0, 1.0)
    bottom_right = numbers_of(item, "DisplayedAreaBottomRightHandCorner") or (0.0, 0.0)
    return DisplayedArea(
        references=references_of(item, "ReferencedImageSequence"),
        top_left=(int(top_left[0]), int(top_left[-1])),
        bottom_right=(int(bottom_right[0]), int(bottom_right[-1])),
        size_mode=word_of(item, "PresentationSizeMode").upper(),
        pixel_spacing_mm=(spacing[0], spacing[1]) if len(spacing) == 2 else None,
        magnification=number_of(item, "PresentationPixelMagnificationRatio"),
    )


def _layers(ds: Dataset) -> tuple[str, ...]:
    items = sorted(
        items_of(ds, "GraphicLayerSequence"), key=lambda i: integer_of(i, "GraphicLayerOrder", 0)
    )
    return tuple(word_of(item, "GraphicLayer") for item in items)


def _annotation(item: Dataset) -> Annotation:
    return Annotation(
        layer=word_of(item, "GraphicLayer"),
        references=references_of(item, "ReferencedImageSequence"),
        texts=tuple(_text(one) for one in items_of(item, "TextObjectSequence")),
        shapes=tuple(_shape(one) for one in items_of(item, "GraphicObjectSequence")),
    )


def _text(item: Dataset) -> DrawnText:
    corners = (
        *numbers_of(item, "BoundingBoxTopLeftHandCorner"),
        *numbers_of(item, "BoundingBoxBottomRightHandCorner"),
    )
    anchor = _points(numbers_of(item, "AnchorPoint"))
    box = _points(corners)
    keyword = "BoundingBoxAnnotationUnits" if box else "AnchorPointAnnotationUnits"
    return DrawnText(
        text=text_of(item, "UnformattedTextValue"),
        units=word_of(item, keyword).upper() or "PIXEL",
        box=box,
        anchor=anchor[0] if anchor else None,
    )


def _shape(item: Dataset) -> DrawnShape:
    return DrawnShape(
        kind=word_of(item, "GraphicType").upper(),
        units=word_of(item, "GraphicAnnotationUnits").upper() or "PIXEL",
        points=_points(numbers_of(item, "GraphicData")),
        is_filled=word_of(item, "GraphicFilled").upper() == "Y",
    )


def _points(numbers: tuple[float, ...]) -> tuple[Point, ...]:
    return tuple((numbers[n], numbers[n + 1]) for n in range(0, len(numbers) - 1, 2))


def _not_shown(ds: Dataset) -> tuple[str, ...]:
    """Parts of the state that this program does not apply, by their names in the standard."""
    parts = {
        "ShutterShape": "Display Shutter",
        "MaskSubtractionSequence": "Mask",
        "ModalityLUTSequence": "Modality LUT",
        "BlendingSequence": "Blending",
    }
    found = [name for keyword, name in parts.items() if keyword in ds]
    if any("CompoundGraphicSequence" in i for i in items_of(ds, "GraphicAnnotationSequence")):
        found.append("Compound Graphic")
    if any(0x6000 <= element.tag.group <= 0x601E for element in ds):
        found.append("Overlay")
    return tuple(found)
