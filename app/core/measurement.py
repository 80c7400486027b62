"""A number with its unit, its method with a version, and a status saying whether to trust it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

MeasurementStatus = Literal[
    "valid", "truncated_fov", "wrong_protocol", "low_quality", "edited", "absent", "failed"
]

_METHOD = re.compile(r"^[a-z0-9][a-z0-9.-]*@\d+$")


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference range with its source; None means open on that side.

    ``population`` says in words whom the range was measured on; empty where that is not known.
    """

    low: float | None = None
    high: float | None = None
    source: str = ""
    population: str = ""


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """Between which bounds the true value lies; None means open on that side.

    ``method`` says in words what the bounds are and where they come from, such as published
    repeatability. Given only where that is published: no bounds does not mean no error.
    """

    method: str
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        if not self.method or (self.low is None and self.high is None):
            raise ValueError("an uncertainty needs a method and a bound")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError("the bounds of an uncertainty are the wrong way round")


@dataclass(frozen=True, slots=True)
class PreviousValue:
    """The same measure in an earlier study; ``date`` is ISO 8601."""

    value: float
    unit: str
    date: str = ""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One measured value.

    ``unit`` is UCUM (``mm``, ``cm2``, ``mL``, ``1``, ``%``, ``[hnsf'U]``). ``method`` is
    ``name@version``. ``value`` is None exactly when the status says that there is none
    (``absent``, ``failed``): zero never stands for "could not" (copilot-practice 3.0).
    ``points_lps`` is the picture of the measurement, shape (n, 3); ``point_names`` names each of
    the points, or is empty. ``note`` is English, ``note_ru`` the same in Russian where it is given.
    """

    kind: str
    value: float | None
    unit: str
    method: str
    status: MeasurementStatus = "valid"
    note: str = ""
    reference: Reference | None = None
    previous: PreviousValue | None = None
    points_lps: tuple[tuple[float, float, float], ...] = ()
    point_names: tuple[str, ...] = ()
    uncertainty: Uncertainty | None = None
    note_ru: str = ""

    def __post_init__(self) -> None:
        if not self.kind or not self.unit:
            raise ValueError("a measurement needs a kind and a unit")
        if not _METHOD.match(self.method):
            raise ValueError(f"method must be name@version, not {self.method!r}")
        if (self.value is None) != (self.status in ("absent", "failed")):
            raise ValueError("a value is missing exactly when the status is absent or failed")
        if self.point_names and len(self.point_names) != len(self.points_lps):
            raise ValueError("there are as many names as points, or none")
        if self.value is None and self.uncertainty is not None:
            raise ValueError("what has no value has no uncertainty")
