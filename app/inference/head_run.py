"""One run of a pack whose outputs are no maps: heads, boxes, points, numbers."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from app.core.errors import ModelPackError
from app.core.measurement import Measurement
from app.inference.attention import attention_maps
from app.inference.head_scores import (
    head_scores,
    head_values,
    require_finite,
    unlike_training,
)
from app.inference.placed_heads import BoxSweep, detections, landmarks
from app.inference.quality_heads import quality_flags
from app.inference.result import DetectedBox, Landmark, QualityFlag

if TYPE_CHECKING:
    from app.inference.manifest import ModelPack
    from app.inference.preprocess import ModelInput, Prepared

Float32Array = npt.NDArray[np.float32]
RunAll = Callable[[Float32Array], dict[str, Float32Array]]


@dataclass(frozen=True, slots=True)
class HeadOutput:
    """What the heads said, on the grid of the input image."""

    scores: dict[str, float]
    flags: tuple[QualityFlag, ...] = ()
    boxes: tuple[DetectedBox, ...] = ()
    landmarks: tuple[Landmark, ...] = ()
    numbers: tuple[tuple[int, Measurement], ...] = ()
    attention: tuple[tuple[int, Float32Array], ...] = ()
    patches: int = 1


def run_heads(pack: ModelPack, run: RunAll, state: Prepared, image: ModelInput) -> HeadOutput:
    """Run a classifier, detector, landmark finder or regression on a prepared image.

    ``run`` takes the tensor ``[1, channel, *space]`` and gives every output of the manifest.
    Raises ``ModelPackError``, ``InferenceError``.
    """
    tensor = state.tensor[None]
    if pack.output.boxes is not None:
        sweep = BoxSweep(pack, pack.output.boxes, run)
        found = sweep.read(tensor, tensor.shape[2:])
        boxes = detections(pack, found, state, image)
        return HeadOutput(best_scores(pack, boxes), boxes=boxes, patches=sweep.patches)
    if pack.infer.patch is not None:
        raise ModelPackError(
            f'The pack "{pack.id}" reads a whole image in patches, and its task needs the whole.',
            ru=f"Пакет «{pack.id}» читает изображение по частям, а его задаче нужно целое.",
            hint="Ask the maker of the pack for a corrected one.",
            hint_ru="Попросите у автора пакета исправленный.",
        )
    outputs = _mirrored(run, tensor, pack.infer.mirror_axes)
    if pack.output.points is not None:
        points = landmarks(pack, pack.output.points, outputs, state, image)
        scores = {mark.name: mark.score for mark in points if mark.score is not None}
        return HeadOutput(scores, landmarks=points)
    raw = require_finite(outputs[pack.graph.outputs[0].name]).reshape(-1)
    flags = unlike_training(pack, outputs, raw)
    if pack.output.values:
        numbers = head_values(pack.output.values, raw)
        return HeadOutput({}, flags, numbers=numbers)
    scores = head_scores(pack, raw)
    if pack.task == "quality":
        flags = (*flags, *quality_flags(pack, scores))
    return HeadOutput(scores, flags, attention=attention_maps(pack, outputs, state, image))


def _mirrored(run: RunAll, tensor: Float32Array, axes: tuple[int, ...]) -> dict[str, Float32Array]:
    """The mean of the outputs over all subsets of mirrored spatial axes."""
    subsets = [
        subset for size in range(len(axes) + 1) for subset in itertools.combinations(axes, size)
    ]
    total = run(tensor)
    for subset in subsets[1:]:
        flips = tuple(axis + 2 for axis in subset)
        for name, values in run(np.ascontiguousarray(np.flip(tensor, flips))).items():
            total[name] = total[name] + values
    return {name: values / np.float32(len(subsets)) for name, values in total.items()}


def best_scores(pack: ModelPack, boxes: tuple[DetectedBox, ...]) -> dict[str, float]:
    """The highest score of each label that was found."""
    scores: dict[str, float] = {}
    for box in boxes:
        name = pack.label(box.label).name.en
        scores[name] = max(scores.get(name, 0.0), box.score)
    return scores
