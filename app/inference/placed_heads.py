"""Detections and landmarks of a run on the grid of the input image."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from app.core.errors import ModelPackError
from app.inference.boxes import Boxes, FloatArray, non_maximum, read_boxes
from app.inference.manifest_heads import BoxHead, PointHead
from app.inference.manifest_steps import Nms
from app.inference.patch_grid import starts
from app.inference.points import read_points
from app.inference.result import DetectedBox, Landmark

if TYPE_CHECKING:
    from app.inference.manifest import ModelPack
    from app.inference.preprocess import ModelInput, Prepared

Outputs = Mapping[str, npt.NDArray[np.float32]]
RunAll = Callable[[npt.NDArray[np.float32]], Outputs]


class BoxSweep:
    """All boxes of a detector, from the whole tensor or patch by patch (no suppression yet)."""

    def __init__(self, pack: ModelPack, head: BoxHead, run: RunAll) -> None:
        self._pack, self._head, self._run = pack, head, run
        self.patches = 0

    def read(self, tensor: npt.NDArray[np.float32], space: tuple[int, ...]) -> Boxes:
        """Boxes of the trained labels at their threshold, in index coordinates of ``space``."""
        patch = self._pack.infer.patch
        if patch is None:
            return self._one(tensor, space, np.zeros(len(space)))
        before = [max(0, p - n) // 2 for n, p in zip(space, patch, strict=True)]
        after = [max(0, p - n) - b for n, p, b in zip(space, patch, before, strict=True)]
        pads = [(0, 0), (0, 0), *zip(before, after, strict=True)]
        padded = np.pad(tensor, pads, constant_values=np.float32(self._pack.infer.pad_value))
        axes = [
            starts(n, p, self._pack.infer.overlap)
            for n, p in zip(padded.shape[2:], patch, strict=True)
        ]
        parts = []
        for corner in itertools.product(*axes):
            cut = (slice(c, c + p) for c, p in zip(corner, patch, strict=True))
            box = (slice(None), slice(None), *cut)
            offset = np.asarray(corner, dtype=np.float64) - np.asarray(before)
            parts.append(self._one(np.ascontiguousarray(padded[box]), patch, offset))
        return Boxes(
            np.concatenate([part.corners for part in parts]),
            np.concatenate([part.scores for part in parts]),
            np.concatenate([part.labels for part in parts]),
        )

    def _one(
        self, tensor: npt.NDArray[np.float32], space: tuple[int, ...], offset: FloatArray
    ) -> Boxes:
        self.patches += 1
        boxes = read_boxes(self._head, self._run(tensor), space)
        boxes = boxes.chosen(_wanted(self._pack, boxes))
        return Boxes(boxes.corners + offset, boxes.scores, boxes.labels)


def detections(
    pack: ModelPack, boxes: Boxes, state: Prepared, image: ModelInput
) -> tuple[DetectedBox, ...]:
    """Boxes after suppression on the input grid, highest score first.

    Boxes are cut to the image; what lies outside of it is dropped.
    """
    step = _nms(pack)
    boxes = non_maximum(boxes, step.iou, step.most)
    found = []
    for corners, score, label in zip(boxes.corners, boxes.scores, boxes.labels, strict=True):
        ends = _on_input(corners, state, image)
        shape = np.asarray(image.voxels.shape[:3], dtype=np.float64)
        low = np.maximum(ends.min(axis=0), -0.5)
        high = np.minimum(ends.max(axis=0), shape - 0.5)
        if pack.input.dimensions == 2:
            low[0], high[0] = -0.5, 0.5
        sides = (high - low)[3 - pack.input.dimensions :]
        if (sides <= 0).any():
            continue
        found.append(DetectedBox(int(label), float(score), _ijk(low), _ijk(high)))
    return tuple(found)


def landmarks(
    pack: ModelPack, head: PointHead, outputs: Outputs, state: Prepared, image: ModelInput
) -> tuple[Landmark, ...]:
    """The points of the trained labels, those under their threshold and outside the image left
    out. ``ModelPackError`` where the model gives fewer points than the manifest has labels.
    """
    points = read_points(head, outputs, _space(state))
    found = []
    for label in pack.output.labels:
        if pack.output.valid_heads is not None and label.index not in pack.output.valid_heads:
            continue
        if label.index > len(points.index):
            raise ModelPackError(
                f'The graph of "{pack.id}" gives {len(points.index)} points, and its manifest '
                f"has a label {label.index}.",
                ru=f"Граф «{pack.id}» выдаёт точек: {len(points.index)}, а в манифесте есть "
                f"метка {label.index}.",
                hint="Ask the maker of the pack for a corrected one.",
                hint_ru="Попросите у автора пакета исправленный.",
            )
        score = None if points.scores is None else float(points.scores[label.index - 1])
        point = pack.operating_point(label.index)
        least = head.min_score if point is None else max(head.min_score, point.threshold)
        if score is not None and score < least:
            continue
        place = _on_input(points.index[label.index - 1][None], state, image)[0]
        shape = np.asarray(image.voxels.shape[:3], dtype=np.float64)
        if ((place < -0.5) | (place > shape - 0.5)).any():
            continue
        found.append(Landmark(label.name.en, _ijk(place), label.index, score))
    return tuple(found)


def _wanted(pack: ModelPack, boxes: Boxes) -> npt.NDArray[np.bool_]:
    """Boxes of trained labels whose score reaches that of their operating point, else that of
    the step ``nms``.
    """
    step = _nms(pack)
    wanted = np.zeros(len(boxes.labels), dtype=np.bool_)
    for label in pack.output.labels:
        if pack.output.valid_heads is not None and label.index not in pack.output.valid_heads:
            continue
        point = pack.operating_point(label.index)
        least = step.score if point is None else point.threshold
        wanted |= (boxes.labels == label.index) & (boxes.scores >= least)
    return wanted


def _nms(pack: ModelPack) -> Nms:
    return next((s for s in pack.output.post if isinstance(s, Nms)), Nms(step="nms"))


def _space(state: Prepared) -> tuple[int, ...]:
    return state.tensor.shape[1:]


def _on_input(points: FloatArray, state: Prepared, image: ModelInput) -> FloatArray:
    """Points of the tensor ``[n, 2 or 3]`` as index coordinates (k, j, i) of the input grid."""
    native = state.points_to_input(points)
    if native.shape[1] == 2:
        native = np.concatenate([np.zeros((len(native), 1)), native], axis=1)
    return native


def _ijk(kji: FloatArray) -> tuple[float, float, float]:
    k, j, i = (float(value) for value in kji)
    return i, j, k
