"""Standardised uptake of PET: the factors from activity concentration to SUV."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SuvFactors:
    """Multiply modality values by these to get SUV.

    ``body_weight`` gives SUVbw in g/ml. ``lean_body_mass`` (SUL, g/ml) and ``body_surface``
    (cm2/ml) are None where height or sex is missing. ``missing`` names the tags they lack.
    """

    body_weight: float
    lean_body_mass: float | None = None
    body_surface: float | None = None
    missing: tuple[str, ...] = ()
