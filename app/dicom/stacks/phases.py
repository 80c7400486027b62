"""What sets frames of one series apart besides their place: echo, b-value, time point (G08-G10)."""

from __future__ import annotations

import struct
from typing import Any, Final

from pydicom.dataset import Dataset

from app.dicom.functional_groups import FunctionalGroups
from app.dicom.tolerant import MALFORMED, numbers_of, text_words_upper, value_of, words_of

Labels = tuple[tuple[str, str], ...]

# Siemens, GE, Philips and United Imaging keep the b-value in private elements of single frames.
_PRIVATE_B_VALUES: Final = (0x0019100C, 0x00431039, 0x20011003, 0x00651009)
_GE_B_VALUE: Final = 0x00431039
# The gradient direction likewise; GE and Philips in three elements each.
_PRIVATE_DIRECTIONS: Final = (
    (0x0019100E,),
    (0x001910BB, 0x001910BC, 0x001910BD),
    (0x200510B0, 0x200510B1, 0x200510B2),
    (0x00651037,),
)
# GE: whether an image is magnitude (0), phase, real or imaginary part.
_GE_COMPONENT: Final = 0x0043102F
# What each frame of a nuclear medicine object belongs to (PS3.3 C.8.4.8), besides its slice.
_NUCLEAR_VECTORS: Final = (
    ("energy window", "EnergyWindowVector"),
    ("detector", "DetectorVector"),
    ("phase", "PhaseVector"),
    ("heart beat interval", "RRIntervalVector"),
    ("time slot", "TimeSlotVector"),
    ("time slice", "TimeSliceVector"),
)

SPLITTING_TAGS: Final[tuple[str | int, ...]] = (
    "ConvolutionKernel", "EchoTime", "EchoNumbers", "DiffusionBValue",
    "DiffusionGradientOrientation", "TemporalPositionIdentifier", "TemporalPositionIndex",
    "TriggerTime", "AcquisitionNumber", "InversionTime", "FlipAngle", "ContentTime",
    "AcquisitionTime", "AcquisitionDateTime", "StackID", "ScanningSequence", "FrameReferenceTime",
    "NominalPercentageOfCardiacPhase", "ComplexImageComponent", "InversionTimes", "SliceThickness",
    "KVP", "ContrastBolusAgent",
    *(keyword for _, keyword in _NUCLEAR_VECTORS), *_PRIVATE_B_VALUES, _GE_COMPONENT,
    *(tag for tags in _PRIVATE_DIRECTIONS for tag in tags),
)  # fmt: skip


def splitters_of(ds: Dataset, groups: FunctionalGroups, index: int) -> Labels:
    """Attributes whose different values never share a stack (G08)."""
    frame_type = text_words_upper(groups.holder(index, "FrameType"), "FrameType")
    image_type = frame_type or text_words_upper(ds, "ImageType")
    kernel = words_of(groups.holder(index, "ConvolutionKernel"), "ConvolutionKernel")
    return (
        ("image type", image_type[2] if len(image_type) > 2 else ""),
        ("kernel", "/".join(kernel)),
        ("echo time", _echo_time(ds, groups, index)),
        ("b-value", b_value_of(ds, groups, index)),
        ("stack id", _first(groups.holder(index, "StackID"), "StackID")),
        # Counts and becquerels are no values of one volume (I07).
        ("unit", _first(groups.holder(index, "Units"), "Units")),
    )


def phases_of(ds: Dataset, groups: FunctionalGroups, index: int) -> Labels:
    """Attributes that may tell frames at one position apart, in the order in which to try (G09)."""
    temporal = _first(groups.holder(index, "TemporalPositionIndex"), "TemporalPositionIndex")
    trigger = groups.holder(index, "NominalCardiacTriggerDelayTime")
    acquisition = groups.holder(index, "FrameAcquisitionNumber")
    acquired = groups.holder(index, "FrameAcquisitionDateTime")
    return (
        ("temporal position", temporal or _first(ds, "TemporalPositionIdentifier")),
        (
            "trigger time",
            _first(trigger, "NominalCardiacTriggerDelayTime") or _first(ds, "TriggerTime"),
        ),
        ("cardiac phase", _first(ds, "NominalPercentageOfCardiacPhase")),
        (
            "acquisition number",
            _first(acquisition, "FrameAcquisitionNumber") or _first(ds, "AcquisitionNumber"),
        ),
        ("gradient direction", direction_of(ds, groups, index)),
        ("echo number", _first(ds, "EchoNumbers")),
        ("exact echo time", _first(ds, "EchoTime")),
        (
            "inversion time",
            _first(groups.holder(index, "InversionTimes"), "InversionTimes")
            or _first(ds, "InversionTime"),
        ),
        ("flip angle", _first(groups.holder(index, "FlipAngle"), "FlipAngle")),
        ("component", _component(ds, groups, index)),
        *((name, _of_vector(ds, keyword, index)) for name, keyword in _NUCLEAR_VECTORS),
        ("dimension", _dimension(groups, index)),
        ("image type", "/".join(text_words_upper(ds, "ImageType"))),
        ("slice thickness", _first(groups.holder(index, "SliceThickness"), "SliceThickness")),
        ("tube voltage", _first(ds, "KVP")),
        ("contrast agent", _first(ds, "ContrastBolusAgent")),
        ("frame reference time", _first(ds, "FrameReferenceTime")),
        (
            "acquisition time",
            _first(acquired, "FrameAcquisitionDateTime")
            or _first(ds, "AcquisitionDateTime")
            or _first(ds, "AcquisitionTime"),
        ),
        ("content time", _first(ds, "ContentTime")),
    )


def b_value_of(ds: Dataset, groups: FunctionalGroups, index: int) -> str:
    """The diffusion b-value in s/mm2 as text; empty where none is stated (G10)."""
    numbers = numbers_of(groups.holder(index, "DiffusionBValue"), "DiffusionBValue")
    if numbers:
        return f"{numbers[0]:g}"
    for tag in _PRIVATE_B_VALUES:
        value = _private_number(ds, tag)
        if value is not None:
            # GE adds a multiple of a large number to mark its own b-values.
            return f"{value % 100000 if tag == _GE_B_VALUE else value:g}"
    return ""


def direction_of(ds: Dataset, groups: FunctionalGroups, index: int) -> str:
    """The diffusion gradient direction as text; empty where none is stated."""
    gradient = groups.gradient(index) or ds
    direction = _rounded(gradient, "DiffusionGradientOrientation")
    if direction:
        return direction
    for tags in _PRIVATE_DIRECTIONS:
        numbers = [n for tag in tags for n in _private_numbers(ds, tag)]
        if len(numbers) == 3:
            return "/".join(f"{n:.3f}" for n in numbers)
    return ""


def _component(ds: Dataset, groups: FunctionalGroups, index: int) -> str:
    stated = _first(groups.holder(index, "ComplexImageComponent"), "ComplexImageComponent")
    return stated or "/".join(f"{n:g}" for n in _private_numbers(ds, _GE_COMPONENT))


def _private_number(ds: Dataset, tag: int) -> float | None:
    numbers = _private_numbers(ds, tag)
    return numbers[0] if numbers and 0 <= numbers[0] < 1e15 else None


def _private_numbers(ds: Dataset, tag: int) -> tuple[float, ...]:
    """The numbers of a private element, whose VR is unknown in implicit files: text or floats."""
    try:
        value: Any = ds[tag].value if tag in ds else None
    except MALFORMED:
        return ()
    if value is None:
        return ()
    if isinstance(value, bytes):
        texts: Any = _text_or_floats(value)
    else:
        texts = value if hasattr(value, "__iter__") and not isinstance(value, str) else [value]
    try:
        return tuple(float(text) for text in texts)
    except (TypeError, ValueError):
        return ()


def _text_or_floats(raw: bytes) -> list[str] | tuple[float, ...]:
    text = raw.strip(b" \0")
    if text and all(byte in b"0123456789+-.eE\\ " for byte in text):
        return text.decode("ascii").split("\\")
    if len(raw) == 2:
        return struct.unpack("<h", raw)
    if len(raw) in (4, 12):
        return struct.unpack(f"<{len(raw) // 4}f", raw)
    return struct.unpack(f"<{len(raw) // 8}d", raw) if len(raw) in (8, 24) else ()


def _of_vector(ds: Dataset, keyword: str, index: int) -> str:
    numbers = numbers_of(ds, keyword)
    return f"{numbers[index]:g}" if index < len(numbers) else ""


def _dimension(groups: FunctionalGroups, index: int) -> str:
    """The indices of a frame in the dimensions that are not about its place."""
    values = words_of(groups.holder(index, "DimensionIndexValues"), "DimensionIndexValues")
    return "/".join(values[n] for n in groups.time_dimensions if n < len(values))


def _echo_time(ds: Dataset, groups: FunctionalGroups, index: int) -> str:
    numbers = numbers_of(groups.holder(index, "EffectiveEchoTime"), "EffectiveEchoTime")
    numbers = numbers or numbers_of(ds, "EchoTime")
    return f"{numbers[0]:.3g}" if numbers else ""


def _first(ds: Dataset, keyword: str) -> str:
    if value_of(ds, keyword) is None:
        return ""
    words = words_of(ds, keyword)
    return words[0] if words else ""


def _rounded(ds: Dataset, keyword: str) -> str:
    return "/".join(f"{n:.3f}" for n in numbers_of(ds, keyword))
