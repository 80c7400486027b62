"""What a user chooses for a de-identification, and the codes that declare it (CID 7050)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from app.core.codes import Code

Dates = Literal["remove", "shift", "keep"]

_METHODS: Final = {
    "113100": "Basic Application Confidentiality Profile",
    "113101": "Clean Pixel Data Option",
    "113103": "Clean Graphics Option",
    "113104": "Clean Structured Content Option",
    "113105": "Clean Descriptors Option",
    "113106": "Retain Longitudinal Temporal Information Full Dates Option",
    "113107": "Retain Longitudinal Temporal Information Modified Dates Option",
    "113108": "Retain Patient Characteristics Option",
    "113109": "Retain Device Identity Option",
    "113111": "Retain Safe Private Option",
}


@dataclass(frozen=True, slots=True)
class DeidentifyOptions:
    """The options of PS3.15 E.3 that a user chooses; all off is the basic profile."""

    dates: Dates = "remove"
    clean_descriptors: bool = False
    keep_safe_private: bool = False
    keep_patient_characteristics: bool = False
    keep_device: bool = False

    def method_codes(self, *, pixels_cleaned: bool = False) -> tuple[Code, ...]:
        """What was done, as codes of CID 7050."""
        chosen = {
            "113100": True,
            "113101": pixels_cleaned,
            "113103": True,
            "113104": True,
            "113105": self.clean_descriptors,
            "113106": self.dates == "keep",
            "113107": self.dates == "shift",
            "113108": self.keep_patient_characteristics,
            "113109": self.keep_device,
            "113111": self.keep_safe_private,
        }
        return tuple(Code(v, "DCM", _METHODS[v]) for v, is_on in chosen.items() if is_on)
