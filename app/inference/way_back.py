"""The way back from the grid of a model to the image it was made from, step by step.

Every spatial step of ``preprocess`` leaves one of these. Maps go back by ``map_back`` (a channel
axis may come first), points by ``points_back``: continuous indices in array order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

from app.inference.resample_grid import AxisGrid, axis_grids, passes, separate_axis_of

Float32Array = npt.NDArray[np.float32]
Float64Array = npt.NDArray[np.float64]


class BackStep(Protocol):
    """One step back."""

    def map_back(self, values: Float32Array) -> Float32Array:
        """Maps ``[..., *space]`` before the step."""

    def points_back(self, points: Float64Array) -> Float64Array:
        """Points ``[n, dimensions]`` before the step."""


@dataclass(frozen=True, slots=True)
class CropBack:
    """Undoes a crop to ``box`` of an image of ``shape``; outside is zero."""

    box: tuple[slice, ...]
    shape: tuple[int, ...]

    def map_back(self, values: Float32Array) -> Float32Array:
        """The maps in their place."""
        leading = values.shape[: values.ndim - len(self.shape)]
        full: Float32Array = np.zeros((*leading, *self.shape), dtype=np.float32)
        full[within(self.box, values.ndim)] = values
        return full

    def points_back(self, points: Float64Array) -> Float64Array:
        """The points, moved."""
        return points + np.array([part.start for part in self.box], dtype=np.float64)


@dataclass(frozen=True, slots=True)
class ResampleBack:
    """Undoes resampling from ``shape`` to ``new_shape``, as nnU-Net resamples logits.

    Linear; an axis that is treated apart is taken from the nearest slice (order 0). ``strides``:
    the first voxels coincide, and new ones lie that many old ones apart.
    """

    shape: tuple[int, ...]
    new_shape: tuple[int, ...]
    separate: int | None
    strides: tuple[float, ...] = ()

    @classmethod
    def of(
        cls,
        shapes: tuple[tuple[int, ...], tuple[int, ...]],
        spacings: tuple[tuple[float, ...], tuple[float, ...]],
        ratio: float,
    ) -> ResampleBack:
        """From ``shapes`` and ``spacings`` (before, after) of the step."""
        return cls(*shapes, separate_axis_of(spacings[1], spacings[0], ratio))

    @property
    def grids(self) -> tuple[AxisGrid, ...]:
        """One grid per axis, from the model's to the image's."""
        if self.strides:
            return tuple(
                AxisGrid(new, old, 1, 1.0 / stride)
                for old, new, stride in zip(self.shape, self.new_shape, self.strides, strict=True)
            )
        return axis_grids(self.new_shape, self.shape, 1, self.separate, 0)

    def map_back(self, values: Float32Array) -> Float32Array:
        """The maps on the grid before."""
        grids, extra = self.grids, values.ndim - len(self.shape)
        for axis in passes(grids, last=self.separate):
            values = grids[axis].apply(values, axis + extra)
        return np.ascontiguousarray(values)

    def points_back(self, points: Float64Array) -> Float64Array:
        """The points: centres at half integers, the same field of view."""
        if self.strides:
            return points * np.array(self.strides, dtype=np.float64)
        scale = np.array(self.shape, dtype=np.float64) / np.array(self.new_shape)
        return np.asarray((points + 0.5) * scale - 0.5)


@dataclass(frozen=True, slots=True)
class LetterboxBack:
    """Undoes a letterbox: ``box`` of the padded film, at ``shape`` again."""

    box: tuple[slice, ...]
    shape: tuple[int, ...]

    def map_back(self, values: Float32Array) -> Float32Array:
        """The maps at the size of the film."""
        inside = values[within(self.box, values.ndim)]
        if inside.ndim == 2:
            return resize_linear(inside, (self.shape[0], self.shape[1]), antialias=True)
        return np.stack([self.map_back(values[n]) for n in range(values.shape[0])])

    def points_back(self, points: Float64Array) -> Float64Array:
        """The points on the film."""
        first = np.array([part.start for part in self.box], dtype=np.float64)
        inner = np.array([part.stop - part.start for part in self.box], dtype=np.float64)
        return np.asarray((points - first + 0.5) * np.array(self.shape) / inner - 0.5)


def within(box: tuple[slice, ...], dimensions: int) -> tuple[slice, ...]:
    """``box`` of the last axes of an array of ``dimensions``."""
    return (*(slice(None),) * (dimensions - len(box)), *box)


def resize_linear(values: Float32Array, shape: tuple[int, int], *, antialias: bool) -> Float32Array:
    """Triangle filter, pixel centres at half integers; Pillow's BILINEAR widens on reduction."""
    if not antialias:
        return _resize_without_antialias(values, shape)
    image = Image.fromarray(np.ascontiguousarray(values, dtype=np.float32))
    resized = image.resize((shape[1], shape[0]), Image.Resampling.BILINEAR)
    return np.asarray(resized, dtype=np.float32)


def _resize_without_antialias(values: Float32Array, shape: tuple[int, int]) -> Float32Array:
    for axis, length in enumerate(shape):
        old = values.shape[axis]
        position = np.clip((np.arange(length) + 0.5) * old / length - 0.5, 0, old - 1)
        lower = np.floor(position).astype(np.intp)
        upper = np.minimum(lower + 1, old - 1)
        weight = (position - lower).astype(np.float32)
        weight = weight[:, None] if axis == 0 else weight[None, :]
        values = values.take(lower, axis) * (1 - weight) + values.take(upper, axis) * weight
    return values
