"""Where the patches of a sliding window lie and what each of their voxels weighs.

Copilot-practice 2.1 items 5 to 7: pad centred with a constant after normalisation; starts evenly
spread and rounded; Gaussian weight of sigma = patch/8, largest value 10, never zero.
Pure functions; any dimension.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from app.inference.manifest_parts import Window

Float32Array = npt.NDArray[np.float32]
Float64Array = npt.NDArray[np.float64]
Corner = tuple[int, ...]


def starts(length: int, patch: int, overlap: float) -> list[int]:
    """First indices of the patches along one axis (``length`` >= ``patch``).

    nnU-Net: n = ceil((length - patch) / (patch * step)) + 1 with step = 1 - overlap.
    """
    if length <= patch:
        return [0]
    count = math.ceil((length - patch) / (patch * (1.0 - overlap))) + 1
    step = (length - patch) / (count - 1)
    return [int(np.round(step * n)) for n in range(count)]


def gaussian(shape: tuple[int, ...], sigma: float, scale: float) -> Float32Array:
    """Weight of a patch: a Gaussian around ``n // 2`` of ``sigma`` patch lengths, largest
    ``scale``, zeros replaced by the smallest other value.
    """
    weight = np.ones((), dtype=np.float64)
    for n in shape:
        weight = weight[..., None] * _profile(n, sigma)
    weight = weight / weight.max() * scale
    result: Float32Array = weight.astype(np.float32)
    positive = result[result > 0]
    result[result == 0] = positive.min()
    return result


@dataclass(frozen=True, slots=True)
class Share:
    """Weights of a patch: ``depth`` [slices] times ``plane``, or all in ``plane`` without depth."""

    depth: Float32Array | None
    plane: Float32Array

    @property
    def shape(self) -> tuple[int, ...]:
        """That of the patch."""
        return self.plane.shape if self.depth is None else (self.depth.size, *self.plane.shape)

    def cut(self, used: tuple[slice, ...]) -> Share:
        """The part ``used`` of each slice."""
        where = used if self.depth is not None else (slice(None), *used)
        return Share(self.depth, np.ascontiguousarray(self.plane[where]))

    def slices(self, part: slice, out: Float32Array) -> Float32Array:
        """The weights of some slices, made in ``out`` where they have to be made."""
        if self.depth is None:
            return self.plane[part]
        return np.multiply(
            self.depth[part].reshape(-1, *(1,) * self.plane.ndim), self.plane, out=out
        )


@dataclass(frozen=True, slots=True)
class PatchGrid:
    """The patches of one image, in the order in which they are run: the last axis moves fastest.

    ``shape`` is that of the padded image, ``inner`` cuts the image out of it. ``starts`` may be
    those of a band of the image only (``band``).
    """

    shape: tuple[int, ...]
    patch: tuple[int, ...]
    starts: tuple[tuple[int, ...], ...]
    inner: tuple[slice, ...]
    shares: tuple[dict[int, Float64Array], ...]
    weight: Float32Array | None = None
    total: Float32Array | None = None

    @property
    def rows(self) -> slice:
        """The rows (second axis of the padded image) that are made."""
        return self.inner[1] if len(self.inner) > 1 else slice(0, 1)

    def band(self, first: int, stop: int) -> PatchGrid:
        """The grid for rows ``first`` to ``stop`` of the image: every patch that touches them."""
        low, high = self.rows.start + first, self.rows.start + stop
        touching = tuple(s for s in self.starts[1] if s < high and s + self.patch[1] > low)
        return replace(
            self,
            starts=(self.starts[0], touching, *self.starts[2:]),
            inner=(self.inner[0], slice(low, high), *self.inner[2:]),
        )

    @property
    def corners(self) -> list[Corner]:
        """The first voxel of each patch."""
        return list(itertools.product(*self.starts))

    def box(self, corner: Corner) -> tuple[slice, ...]:
        """The patch in the padded image."""
        return tuple(slice(c, c + p) for c, p in zip(corner, self.patch, strict=True))

    def share(self, corner: Corner) -> Share:
        """What each voxel of this patch contributes to the mean: its weight over the sum of all.

        The Gaussian is a product over the axes and so is the grid of patches; hence the sum of
        weights is one too, and no map of sums has to be kept and divided by. A weight cannot
        vanish: where a patch is alone its share is 1. Weights that are no product (MONAI lifts
        the small ones) have a map of sums.
        """
        if self.weight is not None and self.total is not None:
            return Share(None, self.weight / self.total[self.box(corner)])
        plane = np.ones((), dtype=np.float64)
        for axis, start in enumerate(corner[1:], 1):
            plane = plane[..., None] * self.shares[axis][start]
        depth = self.shares[0][corner[0]].astype(np.float32)
        return Share(depth, plane.astype(np.float32))


def interval_starts(length: int, patch: int, overlap: float) -> list[int]:
    """First indices at a fixed interval, the last one moved back to the edge (MONAI)."""
    interval = patch if patch == length else max(1, int(patch * (1.0 - overlap)))
    count = math.ceil(max(0, length - patch) / interval) + 1
    return [min(n * interval, max(0, length - patch)) for n in range(count)]


def gaussian_middle(shape: tuple[int, ...], sigma: float) -> Float32Array:
    """MONAI's weight: around ``(n - 1) / 2``, nothing below a thousandth."""
    weight = np.ones((), dtype=np.float32)
    for n in shape:
        place = np.arange(n, dtype=np.float32) - np.float32((n - 1) / 2)
        weight = weight[..., None] * np.exp(place**2 / np.float32(-2 * (n * sigma) ** 2))
    return np.maximum(weight, max(float(weight.min()), 1e-3)).astype(np.float32)


def patch_grid(
    shape: tuple[int, ...],
    patch: tuple[int, ...],
    overlap: float,
    window: Window,
    placement: str = "even",
) -> PatchGrid:
    """The grid for an image of ``shape``, padded centred where it is smaller than ``patch``."""
    place = interval_starts if placement == "interval" else starts
    before = [max(0, p - n) // 2 for n, p in zip(shape, patch, strict=True)]
    padded = tuple(max(n, p) for n, p in zip(shape, patch, strict=True))
    firsts = tuple(
        tuple(sorted(set(place(n, p, overlap)))) for n, p in zip(padded, patch, strict=True)
    )
    shares = []
    for n, p, first in zip(padded, patch, firsts, strict=True):
        weight = np.ones(p) if window.kind == "none" else _profile(p, window.sigma)
        total = np.zeros(n)
        for start in first:
            total[start : start + p] += weight
        shares.append({start: weight / total[start : start + p] for start in first})
    inner = tuple(slice(b, b + n) for b, n in zip(before, shape, strict=True))
    grid = PatchGrid(padded, tuple(patch), firsts, inner, tuple(shares))
    if window.kind != "gaussian_middle":
        return grid
    middle = gaussian_middle(tuple(patch), window.sigma)
    sums: Float32Array = np.zeros(padded, dtype=np.float32)
    for corner in grid.corners:
        sums[grid.box(corner)] += middle
    return replace(grid, weight=middle, total=sums)


def pad_to(values: Float32Array, shape: tuple[int, ...], pad_value: float) -> Float32Array:
    """``values`` [channel, *space] padded centred; the same array where nothing is to be done."""
    if values.shape[1:] == shape:
        return values
    padded = np.full((values.shape[0], *shape), pad_value, dtype=np.float32)
    inner = tuple(
        slice((new - old) // 2, (new - old) // 2 + old)
        for old, new in zip(values.shape[1:], shape, strict=True)
    )
    padded[(slice(None), *inner)] = values
    return padded


def _profile(n: int, sigma: float) -> Float64Array:
    """The Gaussian along one axis; held above zero so that far voxels still have a share."""
    profile = np.exp(-0.5 * ((np.arange(n) - n // 2) / (n * sigma)) ** 2)
    return np.maximum(profile, np.finfo(np.float64).tiny ** 0.25)
