"""What sets frames of one series apart besides their place: echo, b-value, time point (G08-G10)."""

from __future__ import annotations

from typing import Any, Final

from pydicom.dataset import Dataset

from app.dicom.functional_groups import FunctionalGroups
from app.dicom.tolerant import MALFORMED, numbers_of, text_words_upper, value_of, words_of

Labels = tuple[tuple[str, str], ...]

# Siemens, GE and Philips keep the b-value in private elements of single-frame images.
_PRIVATE_B_VALUES: Final = ((0x0019, 0x100C), (0x0043, 0x1039), (0x2001, 0x1003))

SPLITTING_TAGS: Final[tuple[str | int, ...]] = (
    "ConvolutionKernel", "EchoTime", "EchoNumbers", "DiffusionBValue",
    "DiffusionGradientOrientation", "TemporalPositionIdentifier", "TemporalPositionIndex",
    "TriggerTime", "AcquisitionNumber", "InversionTime", "FlipAngle", "ContentTime",
    "AcquisitionTime", "AcquisitionDateTime", "StackID", "ScanningSequence", "FrameReferenceTime",
    "NominalPercentageOfCardiacPhase", "ComplexImageComponent",
    *((group << 16) | element for group, element in _PRIVATE_B_VALUES),
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
    )


def phases_of(ds: Dataset, groups: FunctionalGroups, index: int) -> Labels:
    """Attributes that may tell frames at one position apart, in the order in which to try (G09)."""
    temporal = _first(groups.holder(index, "TemporalPositionIndex"), "TemporalPositionIndex")
    trigger = groups.holder(index, "NominalCardiacTriggerDelayTime")
    acquisition = groups.holder(index, "FrameAcquisitionNumber")
    acquired = groups.holder(index, "FrameAcquisitionDateTime")
    gradient = groups.gradient(index)
    direction = _rounded(gradient, "DiffusionGradientOrientation") if gradient else ""
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
        ("gradient direction", direction or _rounded(ds, "DiffusionGradientOrientation")),
        ("echo number", _first(ds, "EchoNumbers")),
        ("inversion time", _first(ds, "InversionTime")),
        ("flip angle", _first(ds, "FlipAngle")),
        ("component", _first(ds, "ComplexImageComponent")),
        ("image type", "/".join(text_words_upper(ds, "ImageType"))),
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
    for group, element in _PRIVATE_B_VALUES:
        value = _private_number(ds, (group << 16) | element)
        if value is not None:
            # GE adds a multiple of a large number to mark its own b-values.
            return f"{value % 100000 if group == 0x0043 else value:g}"
    return ""


def _private_number(ds: Dataset, tag: int) -> float | None:
    try:
        value: Any = ds[tag].value
    except MALFORMED:
        return None
    if isinstance(value, bytes):
        value = value.decode("ascii", errors="ignore").split("\\")[0].strip(" \0")
    elif hasattr(value, "__iter__") and not isinstance(value, str):
        value = next(iter(value), None)
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if 0 <= number < 1e15 else None


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
