"""Was the image made in a way for which a density is defined? Doubts in both languages."""

from __future__ import annotations

import re
from typing import Final, Literal

from app.core.acquisition import Acquisition
from app.core.message import number_ru
from app.core.report import Message

KernelKind = Literal["soft", "sharp", "unknown"]

# Siemens: one or two letters and a sharpness; below 50 is for soft tissue.
_SIEMENS: Final = re.compile(r"^(?:B|BR|BV|I|J|QR|D|DR|U|BL|H|HR|HD)(\d{2})[A-Z]?\b", re.IGNORECASE)
_SIEMENS_LUNG: Final = re.compile(r"^BL\d{2}", re.IGNORECASE)
# Canon and Toshiba: FC01 to FC19 for the body, FC50 and more for lung and bone.
_CANON: Final = re.compile(r"^FC(\d{2})\b", re.IGNORECASE)
_SOFT_NAMES: Final = ("STANDARD", "SOFT", "A", "B", "SB", "YA", "UA", "UB", "BODY", "SMOOTH")
_SHARP_NAMES: Final = (
    "LUNG", "BONE", "BONEPLUS", "EDGE", "ULTRA", "CHST", "HD LUNG", "HD BONE", "SHARP",
    "C", "D", "E", "L", "YB", "YC", "YD", "YE", "EB", "EC",
)  # fmt: skip
_SOFT_BELOW: Final = 50
_CANON_BODY: Final = 19
_CANON_LUNG: Final = 50


def kernel_kind(kernel: str) -> KernelKind:
    """Soft or sharp by the name that the maker gives; unknown names stay unknown."""
    name = kernel.strip().upper().split("\\")[0].split("/")[0].strip()
    if not name:
        return "unknown"
    if name in _SHARP_NAMES:
        return "sharp"
    if name in _SOFT_NAMES:
        return "soft"
    if _SIEMENS_LUNG.match(name):
        return "sharp"
    if found := _SIEMENS.match(name):
        return "soft" if int(found[1]) < _SOFT_BELOW else "sharp"
    if found := _CANON.match(name):
        number = int(found[1])
        if number <= _CANON_BODY:
            return "soft"
        return "sharp" if number >= _CANON_LUNG else "unknown"
    return "unknown"


def slice_mm(acquisition: Acquisition, increment_mm: float) -> float:
    """The coarser of the stated thickness and the increment."""
    return max(acquisition.slice_thickness_mm or 0.0, increment_mm)


def thick_slices(acquisition: Acquisition, increment_mm: float, limit_mm: float) -> Message | None:
    """A doubt where slices are thicker than ``limit_mm``."""
    thick = slice_mm(acquisition, increment_mm)
    if thick <= limit_mm + 0.01:
        return None
    return Message(
        f"Slices of {thick:g} mm; defined for up to {limit_mm:g} mm.",
        f"Срезы {number_ru(thick)} мм; определено для срезов до {number_ru(limit_mm)} мм.",
    )


def sharp_kernel(acquisition: Acquisition) -> Message | None:
    """A doubt where the kernel is sharp, or a name that is not known."""
    kind = kernel_kind(acquisition.kernel)
    name = acquisition.kernel
    if kind == "sharp":
        return Message(f"A sharp kernel ({name}).", f"Жёсткое ядро реконструкции ({name}).")
    if kind == "unknown" and name:
        return Message(
            f"Kernel {name}: not known whether it is soft.",
            f"Ядро {name}: неизвестно, мягкое ли оно.",
        )
    return None


def enhanced(acquisition: Acquisition, *, looks_enhanced: bool) -> Message | None:
    """A doubt where contrast agent is stated, or the blood is brighter than unenhanced blood."""
    if acquisition.contrast:
        return Message("Enhanced with contrast agent.", "С контрастированием.")
    if looks_enhanced:
        return Message(
            "The blood in the chest looks enhanced.",
            "Кровь в грудной полости выглядит контрастированной.",
        )
    return None


def joined(doubts: list[Message]) -> Message:
    """Several doubts as one text."""
    return Message(" ".join(d.en for d in doubts), " ".join(d.ru for d in doubts))
