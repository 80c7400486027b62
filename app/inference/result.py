"""What a run of a model gives back."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.core.measurement import MeasurementStatus
from app.core.report import Message
from app.core.segmentation import MaskArray
from app.core.study import SeriesRef


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
class InferenceResult:
    """Masks and scores of one pack on one stack, with everything that provenance needs.

    ``masks`` are (label index, uint8 ``[k, j, i]`` on the grid of the input), one per label of the
    manifest, empty ones too. ``scores`` are by English label name: a classifier's heads, or the
    mean probability of a segmentation inside its own mask (labels with no voxel left out).
    ``seconds`` has the keys of ``run.json``. ``notes`` say what was done otherwise than asked.
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
    masks: tuple[tuple[int, MaskArray], ...]
    scores: dict[str, float]
    quality_flags: tuple[str, ...]
    flags: tuple[QualityFlag, ...] = ()
    notes: tuple[Message, ...] = field(default=())

    def mask(self, label_index: int) -> MaskArray | None:
        """The mask of a label, or None where the pack makes none."""
        return dict(self.masks).get(label_index)

    def flags_of(self, label_index: int) -> tuple[QualityFlag, ...]:
        """The doubts about one label."""
        return tuple(flag for flag in self.flags if label_index in flag.labels)
