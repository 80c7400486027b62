"""Coded concepts, and the curated table of those that Overread uses.

Meanings come from this table, never from a library's lookup (two of pydicom's entries carry a
second meaning, copilot-practice 5.3).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Laterality = Literal["left", "right", "bilateral", "midline"]


@dataclass(frozen=True, slots=True)
class Code:
    """A code of a terminology: value, coding scheme designator (PS3.16 table 8-1), meaning."""

    value: str
    scheme: str
    meaning: str

    def __post_init__(self) -> None:
        if not self.value or not self.scheme or not self.meaning:
            raise ValueError("a code needs value, scheme and meaning")

    def same_concept(self, other: Code) -> bool:
        """Equal value and scheme; the meaning is only a display text."""
        return self.value == other.value and self.scheme == other.scheme


def _sct(value: str, meaning: str) -> Code:
    return Code(value, "SCT", meaning)


PLEURAL_EFFUSION: Final = _sct("60046008", "Pleural effusion")
PNEUMOTHORAX: Final = _sct("36118008", "Pneumothorax")
NODULE: Final = _sct("27925004", "Nodule")
MASS: Final = _sct("4147007", "Mass")
CONSOLIDATION: Final = _sct("95436008", "Consolidation of lung")
ATELECTASIS: Final = _sct("46621007", "Atelectasis")
OPACITY: Final = Code("112001", "DCM", "Opacity")
CARDIOMEGALY: Final = _sct("8186001", "Cardiomegaly")
RIB_FRACTURE: Final = _sct("33737001", "Rib fracture")
LUNG: Final = _sct("39607008", "Lung")

LEFT: Final = _sct("7771000", "Left")
RIGHT: Final = _sct("24028007", "Right")
BILATERAL: Final = _sct("51440002", "Right and left")
MIDLINE: Final = _sct("399488007", "Midline")

ANATOMICAL_STRUCTURE: Final = _sct("91723000", "Anatomical Structure")
MORPHOLOGICALLY_ABNORMAL_STRUCTURE: Final = _sct("49755003", "Morphologically Abnormal Structure")

VOLUME: Final = _sct("118565006", "Volume")
AREA: Final = _sct("42798000", "Area")
LONG_AXIS: Final = _sct("103339001", "Long Axis")
SHORT_AXIS: Final = _sct("103340004", "Short Axis")
DIAMETER: Final = _sct("81827009", "Diameter")

LATERALITY_CODES: Final[dict[Laterality, Code]] = {
    "left": LEFT,
    "right": RIGHT,
    "bilateral": BILATERAL,
    "midline": MIDLINE,
}
