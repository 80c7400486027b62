"""Landmarks from the outputs of a model, in index coordinates of its tensor. Pure numpy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.core.errors import ModelPackError
from app.inference.boxes import FloatArray, not_numbers, to_index
from app.inference.manifest_heads import PointHead


@dataclass(frozen=True, slots=True)
class Points:
    """Points ``[n, dimensions]`` in array order (0.0 is the centre of the first pixel), with
    scores; row n belongs to label n + 1. ``scores`` None: the model gives none.
    """

    index: FloatArray
    scores: FloatArray | None


def read_points(
    head: PointHead, outputs: Mapping[str, npt.NDArray[np.float32]], shape: tuple[int, ...]
) -> Points:
    """The landmarks of a run on a tensor of ``shape``. ``ModelPackError``, ``InferenceError``."""
    values = outputs[head.points].astype(np.float64)
    if not np.isfinite(values).all():
        raise not_numbers()
    if values.ndim > 1 and values.shape[0] == 1:
        values = values[0]
    if head.form == "heatmap":
        if values.ndim != len(shape) + 1:
            raise _wrong_form(head.points)
        maps = _activated(values, head.activation)
        found = [_peak(channel, shape) for channel in maps]
        return Points(np.stack([p for p, _ in found]), np.asarray([s for _, s in found]))
    if values.size % len(shape) or head.axes is None:
        raise _wrong_form(head.points)
    index = to_index(values.reshape(-1, len(shape)), head.axes, head.unit, shape)
    scores = None
    if head.scores:
        scores = _activated(outputs[head.scores].astype(np.float64).reshape(-1), head.activation)
        if len(scores) != len(index):
            raise _wrong_form(head.scores)
        if not np.isfinite(scores).all():
            raise not_numbers()
    return Points(index, scores)


def _peak(channel: FloatArray, shape: tuple[int, ...]) -> tuple[FloatArray, float]:
    """The place of the largest value, to the centroid of what stands around it, and the value.

    A map that is coarser than the tensor covers the same extent.
    """
    top = np.unravel_index(int(np.argmax(channel)), channel.shape)
    first = [max(0, int(n) - 1) for n in top]
    box = tuple(slice(a, int(n) + 2) for a, n in zip(first, top, strict=True))
    around = channel[box] - channel.min()
    if float(around.sum()) <= 0:  # a flat map has no peak; its first pixel is not worse
        around = np.ones_like(around)
    place = []
    for axis, (start, length) in enumerate(zip(first, shape, strict=True)):
        others = tuple(a for a in range(around.ndim) if a != axis)
        profile = around.sum(axis=others)
        at = float((profile * np.arange(len(profile))).sum() / profile.sum()) + start
        place.append((at + 0.5) * length / channel.shape[axis] - 0.5)
    return np.asarray(place), float(channel[top])


def _activated(values: FloatArray, activation: str) -> FloatArray:
    if activation == "sigmoid":
        return np.asarray(1.0 / (1.0 + np.exp(-np.clip(values, -60, 60))))
    return values


def _wrong_form(name: str) -> ModelPackError:
    return ModelPackError(
        f'The output "{name}" of the model does not have the form that the manifest says.',
        ru=f"Выход «{name}» модели не того вида, что указан в манифесте.",
        hint="Ask the maker of the pack for a corrected one.",
        hint_ru="Попросите у автора пакета исправленный.",
    )
