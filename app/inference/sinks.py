"""What becomes of the finished slices of a sliding window: kept whole, or turned into labels.

``LabelSink`` resamples the outputs back and keeps the winning label and its probability only, part
by part, so that the outputs of a hundred classes never exist whole at the size of the image
(nnU-Net issue 2963).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from app.inference.resample_grid import AxisGrid, passes

Float32Array = npt.NDArray[np.float32]

_PART_BYTES: Final = 96 << 20
_BOX_NUMBERS: Final = 128 << 10  # of which the winner is found at a time
_BOX_VOXELS: Final = 4 << 10  # at least, however many channels there are


def activate(raw: Float32Array, activation: str) -> Float32Array:
    """Outputs ``[channel, ...]`` as probabilities."""
    if activation == "softmax":
        return softmax(raw)
    if activation == "sigmoid":
        return np.asarray(1.0 / (1.0 + np.exp(-np.clip(raw, -60, 60))), dtype=np.float32)
    return raw


def softmax(raw: Float32Array) -> Float32Array:
    """Outputs ``[channel, ...]`` as probabilities that sum to 1."""
    shifted = raw - raw.max(axis=0, keepdims=True)
    np.exp(shifted, out=shifted)
    shifted /= shifted.sum(axis=0, keepdims=True)
    return np.asarray(shifted, dtype=np.float32)


class Certainty:
    """Means over the grid of the model, for the test whether an image is unlike the training."""

    def __init__(self, method: str = "") -> None:
        self._method = method
        self._sum = 0.0
        self._count = 0

    def add(self, raw: Float32Array) -> None:
        """Outputs ``[channel, ...]`` of some more voxels."""
        if not self._method or (raw.shape[0] < 2 and self._method != "margin"):
            return
        self._sum += float(_certainty(raw, self._method).sum(dtype=np.float64))
        self._count += raw.size if self._method == "margin" else raw[0].size

    @property
    def value(self) -> float | None:
        """The mean, or None where nothing was to be found out."""
        return self._sum / self._count if self._count else None


def _certainty(raw: Float32Array, method: str) -> Float32Array:
    """Per voxel what ``head_scores.ood_value`` is the mean of."""
    if method == "margin":
        return np.asarray(np.abs(np.tanh(raw / 2)))  # = |2 sigmoid(x) - 1|
    top = raw.max(axis=0, keepdims=True)
    shifted = np.exp(raw - top)
    total = shifted.sum(axis=0)
    if method == "energy":
        return np.asarray(np.log(total) + top[0])
    probability = shifted / total
    if method == "max_softmax":
        return np.asarray(probability.max(axis=0))
    logs = np.log(np.maximum(probability, 1e-9))
    return np.asarray(-(probability * logs).sum(axis=0) / np.float32(np.log(raw.shape[0])))


class WholeSink:
    """Keeps everything: ``values`` is ``[channel, *shape]`` in the end."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._shape = shape
        self.values: Float32Array = np.zeros((0, *shape), dtype=np.float32)

    def take(self, start: int, slab: Float32Array) -> None:
        """Store some slices."""
        if not self.values.size:
            self.values = np.empty((slab.shape[0], *self._shape), dtype=np.float32)
        self.values[:, start : start + slab.shape[1]] = slab


@dataclass(slots=True)
class LabelSink:
    """Winning channel and its probability on the grid ``back`` leads to; channel 0 is background.

    Raw outputs are resampled, then the largest wins (nnU-Net), the lower channel where two tie;
    with ``soften`` probabilities are.
    ``rows`` is the band of the image rows that is made (axis 1, new voxels), ``row_offset`` the
    old row at which the slabs begin.
    """

    back: tuple[AxisGrid, AxisGrid, AxisGrid]
    labels: npt.NDArray[np.uint16]
    probability: npt.NDArray[np.float16]
    certainty: Certainty | None = None
    last_axis: int | None = None
    soften: bool = False
    rows: tuple[int, int] = (0, -1)
    row_offset: int = 0
    _waiting: Float32Array | None = field(default=None, init=False)
    _first: int = field(default=0, init=False)
    _next: int = field(default=0, init=False)

    channels: int = field(default=0, init=False)

    def start_band(self, rows: tuple[int, int], row_offset: int) -> None:
        """Begin with the first slice again, for other rows."""
        self.rows, self.row_offset = rows, row_offset
        self._waiting, self._first, self._next = None, 0, 0

    def take(self, start: int, slab: Float32Array) -> None:
        """Label what can be labelled with these slices; keep those that are needed later."""
        if self.certainty is not None:
            self.certainty.add(slab)
        self.channels = slab.shape[0]
        if self.soften:
            slab = softmax(slab)
        if self._waiting is not None:
            slab = np.concatenate([self._waiting, slab], axis=1)
            start = self._first
        depth = self.back[0]
        ready = depth.finished(start + slab.shape[1])
        step = max(1, _PART_BYTES // (4 * slab.shape[0] * self.back[1].new * self.back[2].new))
        for first in range(self._next, ready, step):
            self._label(slab, start, first, min(first + step, ready))
        self._next = max(self._next, ready)
        if depth.is_identity or ready >= depth.new:
            self._waiting = None
            return
        end = start + slab.shape[1]  # nearest slices may lie further on than what has come
        needed = min(max(start, depth.support(ready, ready + 1)[0]), end)
        self._waiting, self._first = slab[:, needed - start :].copy(), needed

    def _label(self, slab: Float32Array, offset: int, first: int, stop: int) -> None:
        """Slices ``first`` to ``stop`` of the image from the slab that begins at ``offset``."""
        low, high = self.rows[0], self.back[1].new if self.rows[1] < 0 else self.rows[1]
        size = (stop - first, high - low, self.back[2].new)
        if all(grid.is_identity for grid in self.back):
            at = first - offset
            values = slab[:, at : at + size[0], low - self.row_offset : high - self.row_offset]
        else:
            values = np.empty((slab.shape[0], *size), dtype=np.float32)
            for channel, part in zip(values, slab, strict=True):
                channel[...] = self._resampled(part, (first, stop, offset), (low, high))
        place = (slice(first, stop), slice(low, high))
        into = (self.labels[place], self.probability[place])
        boxes = list(_boxes(values.shape))
        half = len(boxes) // 2
        with ThreadPoolExecutor(1, "labels") as beside:
            other = beside.submit(_decide, values, boxes[half:], into, soften=self.soften)
            _decide(values, boxes[:half], into, soften=self.soften)
            other.result()

    def _resampled(
        self, part: Float32Array, depth: tuple[int, int, int], rows: tuple[int, int]
    ) -> Float32Array:
        ranges = ((depth[0], depth[1], depth[2]), (*rows, self.row_offset), (0, -1, 0))
        order = passes(self.back, last=self.last_axis)
        for axis in (0, 1):  # without interpolation: only the slices and rows that are wanted
            if axis not in order:
                part = self.back[axis].apply(part, axis, *ranges[axis])
        for axis in order:
            part = self.back[axis].apply(part, axis, *ranges[axis])
        return part


def _boxes(shape: tuple[int, ...]) -> Iterator[tuple[slice, slice]]:
    """Slices and rows of ``shape`` [channel, slice, row, column] that stay in the cache."""
    channels, depth, height, width = shape
    most = max(_BOX_VOXELS, _BOX_NUMBERS // max(1, channels))
    rows = max(1, min(height, most // max(1, width)))
    slices = max(1, most // max(1, height * width)) if rows == height else 1
    for first in range(0, depth, slices):
        for row in range(0, height, rows):
            yield slice(first, min(first + slices, depth)), slice(row, min(row + rows, height))


def _decide(
    values: Float32Array,
    boxes: Sequence[tuple[slice, slice]],
    into: tuple[npt.NDArray[np.uint16], npt.NDArray[np.float16]],
    *,
    soften: bool,
) -> None:
    """Per box the winning channel and its probability, ``into`` labels and probability."""
    for box in boxes:
        room = values[(slice(None), *box)].copy()
        best = room[0].copy()
        winner = np.zeros(best.shape, dtype=np.uint16)
        above = np.empty(best.shape, dtype=np.bool_)
        for index, channel in enumerate(room[1:], 1):
            np.greater(channel, best, out=above)
            np.copyto(winner, index, where=above)
            np.maximum(best, channel, out=best)
        labels, probability = into
        labels[box] = winner
        if not soften:
            room -= best
            np.exp(room, out=room)
            best = 1.0 / room.sum(axis=0)
        probability[box] = best
