"""What a run of a model gives back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from app.core.measurement import Measurement, MeasurementStatus
from app.core.report import Message
from app.core.segmentation import MaskArray
from app.core.study import SeriesRef
from app.inference.label_masks import MaskRows


@dataclass(frozen=True, slots=True)
class QualityFlag:
    """A doubt about labels of the result, from a check of the manifest.

    ``status`` is what the labels' measurements get; ``refuses`` means that nothing is proposed.
    """

    id: str
    labels: tuple[int, ...]
    text: Message
    status: MeasurementStatus = "low_quality"
    refuses: bool = False


@dataclass(frozen=True, slots=True)
class DetectedBox:
    """One detection: label, score, and its corners as continuous (i, j, k) of the input grid.

    Corners are edges of voxels: a box of one voxel at the origin is (-0.5, ...) to (0.5, ...).
    """

    label: int
    score: float
    lower_ijk: tuple[float, float, float]
    upper_ijk: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Landmark:
    """A named place: continuous (i, j, k) of the input grid; ``label`` 0 where it has none."""

    name: str
    ijk: tuple[float, float, float]
    label: int = 0
    score: float | None = None


@dataclass(frozen=True, slots=True)
class InferenceResult:
    """Masks and scores of one pack on one stack, with everything that provenance needs.

    ``masks`` are (label index, uint8 ``[k, j, i]`` on the grid of the input), one per label of the
    manifest, empty ones too. ``scores`` are by English label name: a classifier's heads, or the
    mean probability of a segmentation inside its own mask (labels with no voxel left out).
    ``seconds`` has the keys of ``run.json``. ``notes`` say what was done otherwise than asked.
    ``attention`` are maps 0..1 per label on the input grid: where the model looked, no outline.
    ``numbers`` are measurements that an analysis made itself, by label index (0: whole image).
    ``reader_input_sha256`` is empty where the reader gave nothing. ``is_kept``: it was computed
    before, and the seconds are those of then.
    """

    pack_id: str
    version: str
    weights_sha256: str
    manifest_sha256: str
    device: str
    providers: tuple[str, ...]
    source: SeriesRef
    forced: bool
    seconds: dict[str, float]
    patches: int
    masks: Sequence[tuple[int, MaskArray]]
    scores: dict[str, float]
    quality_flags: tuple[str, ...]
    flags: tuple[QualityFlag, ...] = ()
    notes: tuple[Message, ...] = field(default=())
    boxes: tuple[DetectedBox, ...] = ()
    landmarks: tuple[Landmark, ...] = ()
    attention: tuple[tuple[int, npt.NDArray[np.float32]], ...] = ()
    numbers: tuple[tuple[int, Measurement], ...] = ()
    reader_input_sha256: str = ""
    is_kept: bool = False

    def mask(self, label_index: int) -> MaskArray | None:
        """The mask of a label, or None where the pack makes none."""
        return self.by_label.get(label_index)

    @property
    def by_label(self) -> Mapping[int, MaskArray]:
        """The masks by label index; those of a large result are made when they are asked for."""
        return self.masks.by_label if isinstance(self.masks, MaskRows) else dict(self.masks)

    def flags_of(self, label_index: int) -> tuple[QualityFlag, ...]:
        """The doubts about one label."""
        return tuple(flag for flag in self.flags if label_index in flag.labels)
