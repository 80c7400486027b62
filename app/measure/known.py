"""From the header facts of a stack to what the gates of measurements ask.

What headers do not say stays unknown: gating, the depth of inspiration, height and weight. The
kernel is judged by the naming of its maker, and only where that is clear.
"""

from __future__ import annotations

import re
from typing import Literal

from app.core.acquisition import Acquisition
from app.measure.anatomy import Person, Protocol

# Siemens: B or a letter and a number (B31f, Br59d, I70f); Canon: FC and a number; others by name
_SIEMENS = re.compile(r"^(?:b|br|bl|bf|bv|hr|hc|qr|i)(\d{2})[a-z]?(?:[\\/ ].*)?$")
_CANON = re.compile(r"^fc(\d{2})$")
_SHARP_NAMES = ("lung", "bone", "boneplus", "edge", "ultra", "yc", "yd", "l", "e", "d")
_SOFT_NAMES = ("standard", "soft", "a", "b", "sa", "sb")


def known_of(facts: Acquisition) -> tuple[Person, Protocol]:
    """Patient and protocol as far as the headers of a stack say."""
    sex: Literal["F", "M", ""] = "F" if facts.sex == "F" else "M" if facts.sex == "M" else ""
    return Person(facts.age_years, sex), Protocol(
        modality=facts.modality,
        tube_kv=facts.kvp,
        contrast=facts.contrast,
        slice_mm=facts.slice_thickness_mm,
        kernel=kernel_of(facts.kernel),
        view_position=facts.view_position,
    )


def kernel_of(name: str) -> Literal["soft", "sharp", ""]:
    """Whether a convolution kernel is soft or sharp; empty where its name does not say.

    Siemens: up to 45 soft, from 60 sharp. Canon: FC01 to FC18 soft, from FC50 sharp.
    """
    plain = name.strip().lower()
    number = _SIEMENS.match(plain)
    if number:
        value = int(number[1])
        return "soft" if value <= 45 else "sharp" if value >= 60 else ""
    number = _CANON.match(plain)
    if number:
        value = int(number[1])
        return "soft" if value <= 18 else "sharp" if value >= 50 else ""
    if plain in _SHARP_NAMES:
        return "sharp"
    return "soft" if plain in _SOFT_NAMES else ""
