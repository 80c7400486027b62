"""What guidelines ask about the patient and the images do not tell. Unknown is never guessed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Risk = Literal["low", "high", ""]


@dataclass(frozen=True, slots=True)
class ClinicalFacts:
    """Facts for guideline tables; None or empty means not known.

    ``risk`` is the risk of lung cancer as Fleischner 2017 counts it; ``screening``: the examination
    is one of lung cancer screening.
    """

    age_years: int | None = None
    cancer: bool | None = None
    immunosuppressed: bool | None = None
    screening: bool | None = None
    risk: Risk = ""
