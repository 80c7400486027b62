"""The chest CT of the phantom: HU with reconstruction noise, and the truth measured on the grid."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.demo.shapes import Plane, SliceGrid, coverage, paint
from app.demo.texture import ScanNoise, TextureStack
from app.demo.thorax import NODULE, Visit, render_slice
from app.demo.vessels import paint_vessels, vessel_tree

_GRAIN_MM: Final = 1.4
_VESSEL_HU: Final = 45.0
_TABLE_Y_MM: Final = 125.0
_WORKERS: Final = 2


@dataclass(frozen=True, slots=True)
class CtPlan:
    """How the scan is made: matrix, spacings (mm), the stretch of the body, noise and seed."""

    columns: int = 512
    field_mm: float = 350.0
    slice_mm: float = 2.5
    lowest_z_mm: float = -182.0
    highest_z_mm: float = 112.0
    noise_hu: float = 11.0
    seed: int = 7

    @property
    def pixel_mm(self) -> float:
        """Spacing in the plane."""
        return self.field_mm / self.columns

    @property
    def z_mm(self) -> NDArray[np.float64]:
        """Heights of the slices, feet to head."""
        count = int((self.highest_z_mm - self.lowest_z_mm) / self.slice_mm) + 1
        return self.lowest_z_mm + self.slice_mm * np.arange(count, dtype=np.float64)

    def grid(self) -> SliceGrid:
        """Sample points of a slice, in the anatomical frame."""
        across = (np.arange(self.columns, dtype=np.float32) - (self.columns - 1) / 2) * np.float32(
            self.pixel_mm
        )
        return SliceGrid.make(across, across + np.float32(14.0), self.slice_mm)


@dataclass(frozen=True, slots=True)
class CtScan:
    """HU ``[k, j, i]`` int16, feet to head, and what was measured while it was made.

    ``first_voxel`` is the centre of voxel (0, 0, 0) in the anatomical frame (mm, LPS axes).
    """

    hu: NDArray[np.int16]
    pixel_mm: float
    slice_mm: float
    first_voxel: tuple[float, float, float]
    nodule_volume_mm3: float
    effusion_ml: float
    right_lung_ml: float
    left_lung_ml: float


def scan(visit: Visit, plan: CtPlan, progress: Callable[[float], None] | None = None) -> CtScan:
    """Make the CT of one visit; about a tenth of a second a slice on one core."""
    grid, heights = plan.grid(), plan.z_mm
    shape = grid.radius_mm.shape
    texture = TextureStack(shape, plan.pixel_mm, _GRAIN_MM, plan.seed)
    noise = ScanNoise(shape, plan.seed + 1)
    tree = vessel_tree(visit)
    x = grid.x_mm[None, :]

    def one(k: int) -> tuple[NDArray[np.int16], float, float, float, float]:
        z = float(heights[k])
        made = render_slice(grid, z, visit, texture.at(z))
        hu = made.hu
        lung = made.lung
        paint_vessels(hu, grid, z, lung, tree, _VESSEL_HU)
        nodule = paint_nodule(hu, grid, z, visit)
        _paint_table(hu, grid)
        clean = _with_noise(hu, noise, plan, k)
        return (
            clean,
            float(nodule.sum()),
            float(made.fluid.sum()),
            float((lung * (x < 2)).sum()),
            float((lung * (x >= 2)).sum()),
        )

    voxels = np.empty((len(heights), *shape), np.int16)
    sums = np.zeros(4)
    with ThreadPoolExecutor(_WORKERS) as pool:
        for k, (clean, *parts) in enumerate(pool.map(one, range(len(heights)))):
            voxels[k] = clean
            sums += parts
            if progress is not None:
                progress((k + 1) / len(heights))
    voxel_mm3 = plan.pixel_mm**2 * plan.slice_mm
    first = (float(grid.x_mm[0]), float(grid.y_mm[0]), float(heights[0]))
    return CtScan(
        voxels,
        plan.pixel_mm,
        plan.slice_mm,
        first,
        nodule_volume_mm3=float(sums[0] * voxel_mm3),
        effusion_ml=float(sums[1] * voxel_mm3 / 1000),
        right_lung_ml=float(sums[2] * voxel_mm3 / 1000),
        left_lung_ml=float(sums[3] * voxel_mm3 / 1000),
    )


def paint_nodule(hu: Plane, grid: SliceGrid, z_mm: float, visit: Visit) -> Plane:
    """Paint the nodule into a slice; returns its cover over the whole grid (0 to 1)."""
    cover = np.zeros_like(hu)
    diameter = visit.nodule_diameter_mm
    cx, cy, cz = NODULE.centre
    reach = diameter / 2 * 1.3 + 2
    if diameter <= 0 or abs(z_mm - cz) > reach + grid.thickness_mm:
        return cover
    window = grid.window(cx - reach, cx + reach, cy - reach, cy + reach)
    x, y = grid.xy(window)
    if x.size == 0 or y.size == 0:
        return cover
    # The slice has a thickness: average the cover over it.
    parts = []
    for offset in (np.arange(5) - 2) / 5 * grid.thickness_mm:
        xs, ys = np.broadcast_arrays(x.astype(np.float64), y.astype(np.float64))
        points = np.stack([xs, ys, np.full_like(xs, z_mm + offset)], axis=-1)
        distance = NODULE.distance(points, diameter).astype(np.float32)
        parts.append(coverage(distance, grid.edge_mm))
    cover[window] = np.mean(parts, axis=0)
    paint(hu, cover, NODULE.hu)
    return cover


def _paint_table(hu: Plane, grid: SliceGrid) -> None:
    """The scanner's table: a thin curved shell below the back."""
    x, y = grid.x_mm[None, :], grid.y_mm[:, None]
    sag = np.float32(_TABLE_Y_MM) - x * x * np.float32(1 / 900.0)
    shell = np.abs(y - sag) - np.float32(1.6)
    shell = np.maximum(shell, np.abs(x) - np.float32(168.0))
    paint(hu, coverage(shell, grid.edge_mm), -480.0)


def _with_noise(hu: Plane, noise: ScanNoise, plan: CtPlan, k: int) -> NDArray[np.int16]:
    grain, streaks = noise.draw(plan.seed * 1000 + k)
    body_only = np.clip((hu + np.float32(1000.0)) * np.float32(1 / 250.0), 0.35, 1.0)
    noisy = hu + np.float32(plan.noise_hu) * body_only * (grain + np.float32(0.35) * streaks)
    blurred = _soften(noisy)
    return np.clip(np.rint(blurred), -1024, 3071).astype(np.int16)


def _soften(image: Plane) -> Plane:
    """The scanner's point spread: a small binomial blur."""
    for axis in (0, 1):
        image = (
            np.float32(0.5) * image
            + np.float32(0.25) * np.roll(image, 1, axis)
            + np.float32(0.25) * np.roll(image, -1, axis)
        )
    return image
