"""What an analysis is given and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from app.core.acquisition import Acquisition
from app.core.geometry import Geometry
from app.core.measurement import Measurement
from app.core.reader_input import ReaderInput
from app.core.report import Message
from app.inference.result import Landmark, QualityFlag
from app.jobs.progress import Progress, no_progress


@dataclass(frozen=True, slots=True)
class AnalysisInput:
    """One image: modality values ``[k, j, i]`` (float32, NaN is padding) on ``geometry``."""

    values: npt.NDArray[np.float32]
    geometry: Geometry
    reader: ReaderInput = field(default_factory=ReaderInput)
    acquisition: Acquisition = field(default_factory=Acquisition)
    parameters: Mapping[str, float] = field(default_factory=dict)
    progress: Progress = no_progress


@dataclass(slots=True)
class AnalysisOutput:
    """Masks by label index on the grid of the input, numbers of the analysis's own, and doubts.

    ``numbers`` are (label index, measurement), index 0 for the whole image.
    """

    masks: dict[int, npt.NDArray[np.bool_]] = field(default_factory=dict)
    scores: dict[str, float] = field(default_factory=dict)
    flags: tuple[QualityFlag, ...] = ()
    notes: tuple[Message, ...] = ()
    numbers: tuple[tuple[int, Measurement], ...] = ()
    landmarks: tuple[Landmark, ...] = ()
