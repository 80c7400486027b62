"""From stored values to modality values and windows: what the header of a frame says (I02-I11)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from app.core.volume import Rescale, VoiTable, Window
from app.dicom.functional_groups import FunctionalGroups
from app.dicom.pixels.lookup_table import LookupTable, read_lookup_table
from app.dicom.tolerant import (
    integer_of,
    items_of,
    number_of,
    numbers_of,
    text_words_upper,
    words_of,
)

# XA and XRF: their modality LUT is not for the image as shown (I05, PS3.3 C.8.7.1.1.2).
_NO_MODALITY_LUT: Final = (
    "1.2.840.10008.5.1.4.1.1.12.1",
    "1.2.840.10008.5.1.4.1.1.12.2",
    "1.2.840.10008.5.1.4.1.1.12.1.1",
    "1.2.840.10008.5.1.4.1.1.12.2.1",
)
_PARAMETRIC_MAP: Final = "1.2.840.10008.5.1.4.1.1.30"
_RT_DOSE: Final = "1.2.840.10008.5.1.4.1.1.481.2"
_UNIT_NAMES: Final = {"[hnsf'U]": "HU", "Bq/ml": "BQML"}
_FUNCTIONS: Final = ("LINEAR", "LINEAR_EXACT", "SIGMOID")


_recent_tables: deque[tuple[Dataset, bool, Window | None]] = deque(maxlen=16)


@dataclass(frozen=True, slots=True)
class ValueFacts:
    """How the stored values of one frame are to be read.

    ``padding`` is a range of stored values (I09). ``has_table``: a Modality LUT Sequence takes the
    place of the rescale (I04). ``windows``: those of the header, then its VOI tables.
    ``bad_tables``: how many lookup tables are invalid and were left out (I03).
    """

    rescale: Rescale
    has_table: bool
    padding: tuple[int, int] | None
    windows: tuple[Window, ...]
    bad_tables: int = 0


def value_facts(ds: Dataset, groups: FunctionalGroups, index: int) -> ValueFacts:
    """Rescale, padding and windows of frame ``index``, from its functional groups first (I11)."""
    table = modality_table(ds)
    is_bad = bool(items_of(ds, "ModalityLUTSequence")) and table is None and not _is_exempt(ds)
    rescale = rescale_of(ds, groups, index)
    holder = groups.holder(index, "WindowCenter")
    tables, bad = _voi_tables(holder, ds, rescale=None if table else rescale)
    return ValueFacts(
        rescale=rescale,
        has_table=table is not None,
        padding=padding_of(ds),
        windows=(*_windows(holder, is_map=_sop_class(ds) == _PARAMETRIC_MAP), *tables),
        bad_tables=bad + is_bad,
    )


def rescale_of(ds: Dataset, groups: FunctionalGroups, index: int) -> Rescale:
    """Slope and intercept of frame ``index``; none for XA and XRF (I05).

    A parametric map has them as its real world values, an RT dose as its grid scaling.
    """
    if _is_exempt(ds):
        return Rescale()
    sop_class = _sop_class(ds)
    if sop_class == _RT_DOSE:
        return Rescale(number_of(ds, "DoseGridScaling") or 1.0, 0.0)
    if sop_class == _PARAMETRIC_MAP:
        for item in real_world_items(ds, index):
            slope = number_of(item, "RealWorldValueSlope")
            if slope:
                return Rescale(slope, number_of(item, "RealWorldValueIntercept") or 0.0)
    holder = groups.holder(index, "RescaleSlope")
    # A slope of zero would make every value the same; no device means that.
    slope = number_of(holder, "RescaleSlope") or 1.0
    return Rescale(slope, number_of(holder, "RescaleIntercept") or 0.0)


def real_world_items(ds: Dataset, index: int) -> tuple[Dataset, ...]:
    """The real world value mappings of frame ``index``: its own, else shared, else on top."""
    frames = items_of(ds, "PerFrameFunctionalGroupsSequence")
    own = frames[index] if index < len(frames) else None
    shared = items_of(ds, "SharedFunctionalGroupsSequence")
    for holder in (own, shared[0] if shared else None, ds):
        items = items_of(holder, "RealWorldValueMappingSequence")
        if items:
            return items
    return ()


def real_world_unit(ds: Dataset, groups: FunctionalGroups, index: int) -> str:
    """The UCUM unit of frame ``index`` where a real world mapping is its rescale, else empty (I06).

    A mapping with other numbers than the rescale is about other values than those shown.
    """
    for item in real_world_items(ds, index):
        slope = number_of(item, "RealWorldValueSlope")
        mapped = Rescale(slope or 1.0, number_of(item, "RealWorldValueIntercept") or 0.0)
        codes = items_of(item, "MeasurementUnitsCodeSequence")
        unit = (words_of(codes[0], "CodeValue") or ("",))[0] if codes else ""
        if slope and mapped == rescale_of(ds, groups, index) and unit and unit[0] not in "1{":
            return _UNIT_NAMES.get(unit, unit)
    return ""


def modality_table(ds: Dataset) -> LookupTable | None:
    """The Modality LUT of an object, None where it has none, a broken one, or is XA (I04, I05)."""
    items = items_of(ds, "ModalityLUTSequence")
    if not items or _is_exempt(ds):
        return None
    return read_lookup_table(items[0], is_signed=integer_of(ds, "PixelRepresentation", 0) == 1)


def through_table(table: LookupTable, stored: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Modality values of stored values; inputs beyond the table take its first or last output."""
    index = np.clip(stored.astype(np.int64) - table.first, 0, len(table.entries) - 1)
    return np.asarray(table.entries[index], dtype=np.float32)


def padding_of(ds: Dataset) -> tuple[int, int] | None:
    """The range of stored values that is no image, ends included (PS3.3 C.7.5.1.1.2)."""
    value = _stored_number(ds, "PixelPaddingValue")
    if value is None:
        return None
    limit = _stored_number(ds, "PixelPaddingRangeLimit")
    limit = value if limit is None else limit
    return min(value, limit), max(value, limit)


def is_polarity_inverted(ds: Dataset) -> bool:
    """Whether the least value is shown white (I01).

    An image says it by MONOCHROME1; PresentationLUTShape INVERSE says the same once more and does
    not invert again (PS3.3 C.8.11.3). Where the photometric interpretation is missing the shape
    alone decides. A presentation state replaces both (PS3.4 N.2.1.4, ``presentation_state``).
    """
    photometric = (text_words_upper(ds, "PhotometricInterpretation") or ("",))[0]
    shape = (text_words_upper(ds, "PresentationLUTShape") or ("",))[0]
    return photometric == "MONOCHROME1" or shape == "INVERSE"


def _stored_number(ds: Dataset, keyword: str) -> int | None:
    number = number_of(ds, keyword)
    if number is None:
        return None
    value = int(number)
    # Written as unsigned by some although the pixels are signed, and the other way round.
    if integer_of(ds, "PixelRepresentation", 0) == 1 and value >= 1 << 15:
        value -= 1 << 16
    if integer_of(ds, "PixelRepresentation", 0) == 0 and value < 0:
        value += 1 << 16
    return value


def _windows(holder: Dataset, *, is_map: bool) -> tuple[Window, ...]:
    """The windows of a frame. Parametric maps mean LINEAR_EXACT, whatever they say.

    Their values are no integers: the half that LINEAR takes off would be half of the map.
    """
    centers, widths = numbers_of(holder, "WindowCenter"), numbers_of(holder, "WindowWidth")
    names = words_of(holder, "WindowCenterWidthExplanation")
    function = (text_words_upper(holder, "VOILUTFunction") or ("LINEAR",))[0]
    if function not in _FUNCTIONS:
        function = "LINEAR"
    if function == "LINEAR" and is_map:
        function = "LINEAR_EXACT"
    windows = []
    for n, (center, width) in enumerate(zip(centers, widths, strict=False)):
        # LINEAR needs a width of at least 1, the others one above 0 (PS3.3 C.11.2.1.2).
        if width >= 1 or (width > 0 and function != "LINEAR"):
            windows.append(Window(center, width, names[n] if n < len(names) else "", function))
    return tuple(dict.fromkeys(windows))


def _voi_tables(
    holder: Dataset, ds: Dataset, *, rescale: Rescale | None
) -> tuple[tuple[Window, ...], int]:
    """VOI tables as windows over their input range, and how many were invalid (I02, I03).

    ``rescale`` None: the input comes from a modality table and is unsigned (PS3.3 C.11.2.1.1).
    """
    is_signed = rescale is not None and (
        integer_of(ds, "PixelRepresentation", 0) == 1 or rescale.intercept < 0 or rescale.slope < 0
    )
    tables, bad = [], 0
    for item in items_of(holder, "VOILUTSequence") or items_of(ds, "VOILUTSequence"):
        read = _voi_table(item, is_signed=is_signed)
        if read is None:
            bad += 1
        else:
            tables.append(read)
    return tuple(tables), bad


def _voi_table(item: Dataset, *, is_signed: bool) -> Window | None:
    """One VOI table; that of an object with many frames is read once, not for each of them."""
    for known, known_signed, window in list(_recent_tables):
        if known is item and known_signed == is_signed:
            return window
    read, window = read_lookup_table(item, is_signed=is_signed), None
    if read is not None:
        name = (words_of(item, "LUTExplanation") or ("",))[0]
        table = VoiTable(read.first, read.bits, read.entries.astype("<u2").tobytes())
        count = float(len(read.entries))
        window = Window(read.first + count / 2.0, max(count, 1.0), name, table=table)
    _recent_tables.append((item, is_signed, window))
    return window


def _is_exempt(ds: Dataset) -> bool:
    return _sop_class(ds) in _NO_MODALITY_LUT


def _sop_class(ds: Dataset) -> str:
    return (words_of(ds, "SOPClassUID") or ("",))[0]
