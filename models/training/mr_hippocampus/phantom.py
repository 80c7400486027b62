"""A drawn T1 picture around a left hippocampus: no patient's.

Simple bodies in the grey of their tissue, smoothed, with noise of a fixed seed. Enough like the
real thing for the network to outline it; nothing is measured on it but that the same comes out
again.
"""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from app.core.geometry import Geometry

CROP = (36, 50, 36)  # [z, y, x]
WHITE, GREY, FLUID = 105.0, 70.0, 22.0


def _bodies(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Values at mm to the left, the front and the head from the middle of a left hippocampus."""
    values = np.full(x.shape, WHITE)

    def ball(centre: tuple[float, float, float], radii: tuple[float, float, float]) -> np.ndarray:
        parts = [((a - c) / r) ** 2 for a, c, r in zip((x, y, z), centre, radii, strict=True)]
        return sum(parts) < 1

    values[ball((1, 23, 3), (12, 10, 9))] = GREY  # amygdala
    values[(x < -12) & (y > -16)] = FLUID  # cistern
    values[ball((-22, -4, 2), (10, 16, 14))] = WHITE  # midbrain
    # the temporal horn, in front of and above the hippocampus, and the atrium behind it
    for n in np.linspace(0, 1, 40):
        values[ball((_bend(n) + 4, 17 - 38 * n, -5 + 13 * n + 4), (5, 2.5, 3.0))] = FLUID
    values[ball((6, -26, 10), (6, 6, 7))] = FLUID
    for n in np.linspace(0, 1, 60):
        radii = (8.5 - 3.5 * n, 3.0, 5.2 - 1.6 * n)
        values[ball((_bend(n), 16 - 36 * n, -5.5 + 13 * n), radii)] = GREY
    return values


def _bend(n: float) -> float:
    """How far left the middle line runs, from head (0) to tail (1)."""
    return float(-2.5 + 6.5 * np.sin(np.pi * min(n * 0.62 + 0.08, 1.0)))


def _finished(values: np.ndarray, seed: int) -> np.ndarray:
    image = sitk.SmoothingRecursiveGaussian(sitk.GetImageFromArray(values.astype(np.float32)), 0.7)
    smooth = sitk.GetArrayFromImage(image)
    noise = np.random.default_rng(seed).normal(0, 1.5, values.shape)
    return np.clip(np.rint(smooth + noise), 0, 255).astype(np.uint8)


def phantom_crop() -> tuple[np.ndarray, Geometry]:
    """A crop [k, j, i] at 1 mm; i, j, k grow to the left, the back and the head."""
    depth, rows, columns = CROP
    z, y, x = np.meshgrid(
        np.arange(depth) - (depth - 1) / 2,
        (rows - 1) / 2 - np.arange(rows),
        np.arange(columns) - (columns - 1) / 2,
        indexing="ij",
    )
    grid = Geometry.from_arrays(
        (columns, rows, depth), (1, 1, 1), (0, 0, 0), (1, 0, 0, 0, 1, 0, 0, 0, 1), ""
    )
    return _finished(_bodies(x, y, z), 1), grid
