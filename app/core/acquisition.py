"""How a stack was acquired, as far as the headers say; what protocol gates ask."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Acquisition:
    """Header facts of one stack. Empty or None: not stated. No identity of the patient.

    ``slice_thickness_mm`` is SliceThickness, ``kernel`` ConvolutionKernel, ``kvp`` in kV,
    ``contrast`` whether an agent is stated; ``age_years`` and ``sex`` of the patient at the study.
    """

    modality: str = ""
    description: str = ""
    body_part: str = ""
    view_position: str = ""
    slice_thickness_mm: float | None = None
    kernel: str = ""
    kvp: float | None = None
    contrast: bool | None = None
    age_years: float | None = None
    sex: str = ""
