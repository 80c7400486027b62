"""Boxes of a detector: read from its outputs, thinned out, in index coordinates of the tensor.

Corners are array axes ``(row, column)`` or ``(k, j, i)``, shape ``[n, 2, dimensions]``, the least
first, in index coordinates: 0.0 is the centre of the first pixel. Pure numpy, any thread.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.core.errors import InferenceError, ModelPackError
from app.inference.manifest_heads import AxisOrder, BoxHead

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Boxes:
    """Boxes with their scores and label indexes; all of the same length."""

    corners: FloatArray
    scores: FloatArray
    labels: npt.NDArray[np.int64]

    def chosen(self, which: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> Boxes:
        """Some of them, in the order asked for."""
        return Boxes(self.corners[which], self.scores[which], self.labels[which])


def read_boxes(
    head: BoxHead, outputs: Mapping[str, npt.NDArray[np.float32]], shape: tuple[int, ...]
) -> Boxes:
    """All boxes of a run on a tensor of ``shape``; one per box and label. ``ModelPackError``
    where the outputs do not have the form of the manifest.
    """
    dimensions = len(shape)
    table = _table(outputs[head.boxes], head)
    width = 2 * dimensions
    if table.ndim != 2 or table.shape[1] < width:
        raise _wrong_form(head.boxes)
    corners = _corners(head, table[:, :width], shape)
    scores, labels = _scores(head, table[:, width:], outputs, len(table))
    which, column = np.nonzero(np.isfinite(scores))
    return Boxes(corners[which], scores[which, column], labels[which, column])


def non_maximum(boxes: Boxes, iou: float, most: int) -> Boxes:
    """Greedy suppression within each label: of boxes that overlap by more than ``iou`` the one
    with the highest score stays (ties: the earlier one). At most ``most``, highest score first.
    """
    order = np.argsort(-boxes.scores, kind="stable")
    kept: list[int] = []
    for n in order:
        same = [m for m in kept if boxes.labels[m] == boxes.labels[n]]
        if same and float(overlaps(boxes.corners[n], boxes.corners[same]).max()) > iou:
            continue
        kept.append(int(n))
        if len(kept) == most:
            break
    return boxes.chosen(np.asarray(kept, dtype=np.intp))


def overlaps(one: FloatArray, others: FloatArray) -> FloatArray:
    """Intersection over union of a box ``[2, d]`` with boxes ``[n, 2, d]``; 0 for flat ones."""
    low = np.maximum(one[0], others[:, 0])
    high = np.minimum(one[1], others[:, 1])
    shared = np.prod(np.maximum(high - low, 0.0), axis=1)
    sizes = np.prod(others[:, 1] - others[:, 0], axis=1) + np.prod(one[1] - one[0])
    union = sizes - shared
    return np.asarray(np.divide(shared, union, out=np.zeros_like(shared), where=union > 0))


def to_index(values: FloatArray, axes: AxisOrder, unit: str, shape: tuple[int, ...]) -> FloatArray:
    """Points ``[n, d]`` in the pack's order and unit as index coordinates in array order."""
    if len(axes) != len(shape):
        raise ModelPackError(
            f'The coordinates of the model are "{axes}", and its image has {len(shape)} axes.',
            ru=f"Координаты модели — «{axes}», а осей у её изображения {len(shape)}.",
        )
    ordered = values[:, ::-1] if axes[0] == "x" else values
    if unit == "fraction":
        return ordered * np.asarray(shape, dtype=np.float64) - 0.5
    return ordered - (0.5 if unit == "edges" else 0.0)


def _table(values: npt.NDArray[np.float32], head: BoxHead) -> FloatArray:
    table = values.astype(np.float64)
    if table.ndim == 3 and table.shape[0] == 1:
        table = table[0]
    return table.T if head.layout == "columns" else table


def _corners(head: BoxHead, values: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    half = len(shape)
    first, second = values[:, :half], values[:, half:]
    if head.form == "center_size":
        first, second = first - second / 2, first + second / 2
    ends = [to_index(point, head.axes, head.unit, shape) for point in (first, second)]
    corners = np.stack(ends, axis=1)
    if not np.isfinite(corners).all():
        raise not_numbers()
    if (corners[:, 0] > corners[:, 1]).any():
        raise InferenceError(
            "The model gave boxes whose end lies before their beginning; nothing is proposed.",
            ru="Модель выдала рамки, чей конец раньше начала; ничего не предлагается.",
            hint="The pack reads its outputs in the wrong form; ask its maker.",
            hint_ru="Пакет неверно читает свои выходы; обратитесь к его автору.",
        )
    return corners


def _scores(
    head: BoxHead, rest: FloatArray, outputs: Mapping[str, npt.NDArray[np.float32]], count: int
) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """Scores ``[n, c]`` and the label of each."""
    scores = rest
    if head.scores:
        scores = outputs[head.scores].astype(np.float64)
        if scores.shape[:1] == (1,) and (scores.ndim == 3 or (scores.ndim == 2 and count != 1)):
            scores = scores[0]  # a batch axis, not a single box with several classes
        if head.layout == "columns" and scores.ndim == 2:
            scores = scores.T
        scores = scores[:, None] if scores.ndim == 1 else scores
    if scores.ndim != 2 or scores.shape[0] != count or scores.shape[1] < 1:
        raise _wrong_form(head.scores or head.boxes)
    if not np.isfinite(scores).all():
        raise not_numbers()
    scores = _activated(scores, head.activation)
    if head.labels:
        classes = outputs[head.labels].reshape(-1).astype(np.int64)
        if len(classes) != count or scores.shape[1] != 1:
            raise _wrong_form(head.labels)
        return scores, (classes - head.first_class + 1)[:, None]
    scores = scores[:, head.skip_classes :]
    labels = np.broadcast_to(np.arange(1, scores.shape[1] + 1), scores.shape)
    return scores, np.asarray(labels, dtype=np.int64)


def _activated(scores: FloatArray, activation: str) -> FloatArray:
    if activation == "sigmoid":
        return np.asarray(1.0 / (1.0 + np.exp(-np.clip(scores, -60, 60))))
    if activation == "softmax":
        shifted = np.exp(scores - scores.max(axis=1, keepdims=True, initial=-np.inf))
        return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))
    return scores


def not_numbers() -> InferenceError:
    """The error for NaN or infinity in an output."""
    return InferenceError(
        "The model gave values that are not numbers (NaN or infinity); nothing is proposed.",
        ru="Модель выдала значения, которые не являются числами (NaN или бесконечность); "
        "ничего не предлагается.",
        hint="Read this image without the model; if it happens again, verify the pack.",
        hint_ru="Опишите изображение без модели; если повторится, проверьте пакет.",
    )


def _wrong_form(name: str) -> ModelPackError:
    return ModelPackError(
        f'The output "{name}" of the model does not have the form that the manifest says.',
        ru=f"Выход «{name}» модели не того вида, что указан в манифесте.",
        hint="Ask the maker of the pack for a corrected one.",
        hint_ru="Попросите у автора пакета исправленный.",
    )
