"""What goes through the pipe between the program and its inference process."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from app.core.errors import (
    AppError,
    Cancelled,
    HashMismatch,
    InferenceError,
    InputError,
    ModelPackError,
    ResultRefused,
    ServerFault,
)
from app.core.geometry import Geometry
from app.core.measurement import Measurement
from app.core.report import Message
from app.core.volume import Rescale
from app.inference.remote.server import RemoteModel
from app.inference.result import DetectedBox, Landmark, QualityFlag
from app.inference.run_context import RunContext
from app.inference.shared_array import ArrayPlace

_ERRORS: Final[dict[str, type[AppError]]] = {
    kind.__name__: kind
    for kind in (
        AppError,
        Cancelled,
        HashMismatch,
        InferenceError,
        InputError,
        ModelPackError,
        ResultRefused,
        ServerFault,
    )
}


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What the worker is asked to do. ``output`` is a labelmap, or one mask per label.

    Of two that wait the ``urgent`` one goes first, and it makes one that is not urgent wait.
    ``providers`` is the order of the settings, ``cache_folder`` takes engines that are built.
    """

    manifest: bytes
    folder: str
    manifest_sha256: str
    image: ArrayPlace
    output: ArrayPlace | None
    exclusive: bool
    rescale: Rescale
    padding: tuple[int, int] | None
    polarity_inverted: bool
    geometry: Geometry | None
    pixel_spacing_mm: tuple[float, float] | None
    patient_orientation: tuple[str, str] | None
    device: str
    threads: int
    context: RunContext = field(default_factory=RunContext)
    is_built_in: bool = False
    run_id: int = 0
    urgent: bool = True
    providers: tuple[str, ...] = ()
    cache_folder: str = ""
    remote: RemoteModel | None = None


@dataclass(frozen=True, slots=True)
class CancelRequest:
    """Stop a run that waits or works."""

    run_id: int


@dataclass(frozen=True, slots=True)
class Mapped:
    """The worker has the arrays of a run before it: their names may go."""


@dataclass(frozen=True, slots=True)
class Advance:
    """How far a run is."""

    fraction: float
    text: str


@dataclass(frozen=True, slots=True)
class RunAnswer:
    """What a finished run says besides its masks."""

    device: str
    providers: tuple[str, ...]
    scores: dict[str, float]
    flags: tuple[QualityFlag, ...]
    patches: int
    seconds: dict[str, float]
    notes: tuple[Message, ...]
    boxes: tuple[DetectedBox, ...] = ()
    landmarks: tuple[Landmark, ...] = ()
    attention: tuple[tuple[int, npt.NDArray[np.float32]], ...] = ()
    numbers: tuple[tuple[int, Measurement], ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """An ``AppError`` on its way through the pipe."""

    kind: str
    message: str
    ru: str
    hint: str
    hint_ru: str
    technical_detail: str

    @classmethod
    def of(cls, error: AppError) -> Failure:
        """Flatten an error."""
        return cls(type(error).__name__, error.message, error.ru, error.hint, error.hint_ru,
                   error.technical_detail)  # fmt: skip

    def to_error(self) -> AppError:
        """The same error again."""
        kind = _ERRORS.get(self.kind, InferenceError)
        return kind(
            self.message, ru=self.ru, hint=self.hint, hint_ru=self.hint_ru,
            technical_detail=self.technical_detail,
        )  # fmt: skip
