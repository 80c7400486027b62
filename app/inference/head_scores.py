"""Scores of heads: activation, calibration, and whether the image is of the kind the model knows.

All pure numpy. A calibration turns a score into a probability; without one a score is a score and
nothing else (copilot-practice 7, trap 18).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from app.core.errors import ModelPackError
from app.core.measurement import Measurement
from app.core.report import Message
from app.inference.boxes import not_numbers
from app.inference.manifest_heads import ValueHead
from app.inference.manifest_steps import Regions
from app.inference.result import QualityFlag
from app.inference.sinks import activate

if TYPE_CHECKING:
    from app.inference.manifest import ModelPack
    from app.inference.manifest_parts import Calibration

Float32Array = npt.NDArray[np.float32]
_TINY = 1e-9


def channel_of(pack: ModelPack, index: int) -> int:
    """Softmax: channel 0 is background. Otherwise labels fill the channels from 0, regions in
    the order that they are painted.
    """
    for step in pack.output.post:
        if isinstance(step, Regions):
            return step.order.index(index)
    return index if pack.infer.activation == "softmax" else index - 1


def require_finite(values: Float32Array) -> Float32Array:
    """The values; ``InferenceError`` where one is NaN or infinite."""
    if not np.isfinite(values).all():
        raise not_numbers()
    return values


def head_scores(pack: ModelPack, raw: Float32Array) -> dict[str, float]:
    """Scores of the trained heads by English name, calibrated where the pack calibrates.

    Untrained heads are noise and are left out (trap 8). ``ModelPackError`` where the graph has
    fewer heads than the manifest.
    """
    logits = require_finite(raw.reshape(-1))
    values = calibrated(logits, pack.infer.activation, pack.calibration)
    scores = {}
    for label in pack.output.labels:
        if pack.output.valid_heads is not None and label.index not in pack.output.valid_heads:
            continue
        channel = channel_of(pack, label.index)
        if channel >= values.size:
            raise ModelPackError(
                f'The graph of "{pack.id}" gives {values.size} values, and its manifest has a '
                f"head {label.index}.",
                ru=f"Граф «{pack.id}» выдаёт значений: {values.size}, а в манифесте есть "
                f"выход {label.index}.",
                hint="Ask the maker of the pack for a corrected one.",
                hint_ru="Попросите у автора пакета исправленный.",
            )
        scores[label.name.en] = float(values[channel])
    return scores


def calibrated(
    logits: Float32Array, activation: str, calibration: Calibration | None
) -> Float32Array:
    """Scores of heads ``[n]``.

    ``relative`` is seen from the threshold of each head and no probability.
    ``temperature`` divides the logits before the activation. ``platt`` is ``sigmoid(a x + b)`` of
    the logit, ``isotonic`` a broken line through ``x0, y0, x1, y1, ...`` on the activated score.
    ``temperature`` and ``platt`` have parameters for all heads, or a set per head.
    """
    if calibration is None or calibration.method == "none":
        return activate(logits, activation)
    params = np.asarray(calibration.params, dtype=np.float64)
    if calibration.method == "temperature":
        return activate((logits / params).astype(np.float32), activation)
    if calibration.method == "platt":
        slope, shift = params.reshape(-1, 2).T
        return activate((slope * logits + shift).astype(np.float32), "sigmoid")
    scores = activate(logits, activation)
    if calibration.method == "relative":
        return relative(scores, params)
    line = params.reshape(-1, 2)
    return np.interp(scores, line[:, 0], line[:, 1]).astype(np.float32)


def score_notes(pack: ModelPack) -> tuple[Message, ...]:
    """What must be said beside scores that look like probabilities and are none (trap 18)."""
    if pack.calibration is None or pack.calibration.method != "relative":
        return ()
    return (
        Message(
            "Scores are relative to the threshold of their head (0.5 is at the threshold); "
            "they are not probabilities.",
            "Оценки отсчитываются от порога своего выхода (0,5 — на пороге); это не вероятности.",
        ),
    )


def relative(scores: Float32Array, thresholds: npt.NDArray[np.float64]) -> Float32Array:
    """Scores seen from their thresholds: 0.5 at it, straight lines to 0 and to 1 (op_norm)."""
    if thresholds.size != scores.size:
        raise ModelPackError(
            f"The graph gives {scores.size} values, and its manifest has {thresholds.size} "
            "thresholds.",
            ru=f"Граф выдаёт значений: {scores.size}, а порогов в манифесте {thresholds.size}.",
            hint="Ask the maker of the pack for a corrected one.",
            hint_ru="Попросите у автора пакета исправленный.",
        )
    below = scores / (2 * thresholds)
    above = 1 - (1 - scores) / (2 * (1 - thresholds))
    return np.where(scores < thresholds, below, above).astype(np.float32)


def head_values(
    heads: tuple[ValueHead, ...], raw: Float32Array
) -> tuple[tuple[int, Measurement], ...]:
    """The numbers of a regression by label index. A number outside its range is none."""
    values = require_finite(raw.reshape(-1)).astype(np.float64)
    found = []
    for head in heads:
        if head.label > values.size:
            raise ModelPackError(
                f"The graph gives {values.size} values, and its manifest has a head {head.label}.",
                ru=f"Граф выдаёт значений: {values.size}, а в манифесте есть выход {head.label}.",
                hint="Ask the maker of the pack for a corrected one.",
                hint_ru="Попросите у автора пакета исправленный.",
            )
        value = float(values[head.label - 1]) * head.scale + head.offset
        inside = (head.low is None or value >= head.low) and (
            head.high is None or value <= head.high
        )
        found.append((head.label, _number(head, value if inside else None)))
    return tuple(found)


def _number(head: ValueHead, value: float | None) -> Measurement:
    if value is None:
        note = "The model gave a value outside the range that it was trained for."
        return Measurement(head.kind, None, head.unit, head.method, "failed", note)
    return Measurement(head.kind, value, head.unit, head.method)


def unlike_training(
    pack: ModelPack, outputs: Mapping[str, npt.NDArray[np.float32]], raw: Float32Array
) -> tuple[QualityFlag, ...]:
    """The flag ``unlike-training`` where the pack's test says so.

    ``raw`` are the logits ``[channel, ...]`` before activation; spatial ones are averaged.
    ``max_softmax`` and ``entropy`` (over its greatest possible value) are means of a softmax with
    two channels or more, ``margin`` the mean of ``|2 sigmoid - 1|``, ``energy`` the mean of
    ``log sum exp``; ``output`` is an output of the graph of its own, whose largest value counts.
    """
    test = pack.ood
    if test is None:
        return ()
    if test.method == "output":
        return unlike_flag(pack, float(np.max(outputs[test.output])))
    return unlike_flag(pack, ood_value(test.method, raw))


def unlike_flag(pack: ModelPack, value: float) -> tuple[QualityFlag, ...]:
    """The flag ``unlike-training`` where ``value`` is on the wrong side of the pack's threshold."""
    test = pack.ood
    if test is None:
        return ()
    is_high = test.method in ("entropy", "output")
    if not (value > test.threshold if is_high else value < test.threshold):
        return ()
    text = Message(
        "The image is unlike those that the model was trained on.",
        "Изображение не похоже на те, на которых обучали модель.",
    )
    labels = tuple(label.index for label in pack.output.labels)
    return (QualityFlag("unlike-training", labels, text, refuses=test.action == "fail"),)


def ood_value(method: str, raw: Float32Array) -> float:
    """The number that is held against the threshold of an out-of-distribution test."""
    logits = raw.astype(np.float64)
    if method == "margin":
        return float(np.abs(np.tanh(logits / 2)).mean())  # = |2 sigmoid(x) - 1|
    if raw.shape[0] < 2:
        raise ModelPackError(
            "The test for unknown images needs two output channels or more.",
            ru="Проверке на незнакомые изображения нужно не меньше двух выходных каналов.",
            hint="Ask the maker of the pack for a corrected one.",
            hint_ru="Попросите у автора пакета исправленный.",
        )
    top = logits.max(axis=0, keepdims=True)
    if method == "energy":
        return float((np.log(np.exp(logits - top).sum(axis=0)) + top[0]).mean())
    probability = np.exp(logits - top)
    probability /= probability.sum(axis=0, keepdims=True)
    if method == "max_softmax":
        return float(probability.max(axis=0).mean())
    entropy = -(probability * np.log(np.maximum(probability, _TINY))).sum(axis=0)
    return float(entropy.mean() / np.log(raw.shape[0]))
