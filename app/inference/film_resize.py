"""The middle square of a film and its resizing to the side of a network.

``triangle``: linear, its support grows with the reduction (Pillow's and PyTorch's antialiased
bilinear). ``gaussian``: a Gaussian of ``(reduction - 1) / 2`` pixels, zero outside the film, then
linear (what ``skimage.transform.resize`` does by default, which TorchXRayVision calls).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

Float32Array = npt.NDArray[np.float32]
Float64Array = npt.NDArray[np.float64]

_TRUNCATE: Final = 4.0  # deviations of the Gaussian that count


def center_square(shape: tuple[int, int]) -> tuple[slice, slice]:
    """The largest square in the middle: first row ``rows // 2 - side // 2``, columns alike."""
    side = min(shape)
    top, left = (n // 2 - side // 2 for n in shape)
    return slice(top, top + side), slice(left, left + side)


def resize_film(values: Float32Array, shape: tuple[int, int], kind: str) -> Float32Array:
    """``values`` ``[row, column]`` at ``shape``, pixel centres at half integers."""
    if kind == "triangle":
        image = Image.fromarray(np.ascontiguousarray(values, dtype=np.float32))
        resized = image.resize((shape[1], shape[0]), Image.Resampling.BILINEAR)
        return np.asarray(resized, dtype=np.float32)
    rows, columns = (_smooth_matrix(old, new) for old, new in zip(values.shape, shape, strict=True))
    result = rows @ values.astype(np.float64) @ columns.T
    return np.clip(result, values.min(), values.max()).astype(np.float32)


@lru_cache(maxsize=4)
def _smooth_matrix(old: int, new: int) -> Float64Array:
    """Weights [new, old] of the Gaussian and the linear interpolation after it."""
    place = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
    lower = np.minimum(np.floor(place).astype(np.intp), max(old - 2, 0))
    upper = np.minimum(lower + 1, old - 1)
    share = (place - lower)[:, None]
    sigma = max(0.0, (old / new - 1) / 2)
    low, high = _gaussian(lower, old, sigma), _gaussian(upper, old, sigma)
    return np.asarray((1 - share) * low + share * high)


def _gaussian(rows: npt.NDArray[np.intp], size: int, sigma: float) -> Float64Array:
    """The ``rows`` of the filter's matrix [len(rows), size]; what lies outside counts as zero."""
    radius = int(_TRUNCATE * sigma + 0.5)
    offsets = np.arange(-radius, radius + 1)
    kernel = np.exp(-0.5 * (offsets / max(sigma, 1e-6)) ** 2)
    matrix = np.zeros((len(rows), size + 2 * radius))
    matrix[np.arange(len(rows))[:, None], rows[:, None] + radius + offsets] = kernel / kernel.sum()
    return matrix[:, radius : radius + size]
