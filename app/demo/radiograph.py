"""The chest film: the thorax projected along y, with scatter, noise, blur and a film-like tone.

Parallel beam from behind (PA): the patient's right is image left. Attenuation is that of water
scaled by HU, with more for bone, as at the low end of the spectrum. Scatter is a broad blur of the
primary image; the tone follows what detectors do "for presentation": logarithm, compression of the
large differences, a gentle S.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from app.demo.ct import paint_nodule
from app.demo.shapes import Plane, SliceGrid
from app.demo.texture import TextureStack
from app.demo.thorax import NODULE, Visit, render_slice
from app.demo.vessels import paint_vessels, vessel_tree

_MU_WATER_PER_MM: Final = 0.0195
_BONE_EXTRA: Final = 0.75
_SCATTER_SHARE: Final = 0.55
_SCATTER_MM: Final = 38.0
_WORKERS: Final = 2
_LUNG_LEAST_MM: Final = 9.0
_LARGEST_VALUE: Final = 4095


@dataclass(frozen=True, slots=True)
class FilmPlan:
    """Sampling of the phantom and of the detector (mm), the field, noise and seed."""

    pixel_mm: float = 0.25
    sample_x_mm: float = 0.6
    sample_y_mm: float = 2.0
    slice_mm: float = 0.9
    half_width_mm: float = 172.0
    lowest_z_mm: float = -212.0
    highest_z_mm: float = 128.0
    photons: float = 60000.0
    seed: int = 11
    border_mm: float = 5.0


@dataclass(frozen=True, slots=True)
class Film:
    """The film and its truth. Rows run to the feet, columns to the patient's left.

    ``values`` 0..4095, bones bright (MONOCHROME2); ``labels`` on the same pixels: 1 right lung,
    2 left lung, where at least nine millimetres of lung lie in the beam and nothing of the
    mediastinum or below the diaphragm covers it.
    """

    values: NDArray[np.uint16]
    labels: NDArray[np.uint8]
    pixel_mm: float
    nodule_column_row: tuple[float, float]
    cardiothoracic_ratio: float


@dataclass(frozen=True, slots=True)
class _Projection:
    """Line integrals over y, one row a slice, feet to head."""

    attenuation: Plane
    lung_mm: Plane
    right_share: Plane
    mediastinum_mm: Plane


def expose(visit: Visit, plan: FilmPlan, progress: Callable[[float], None] | None = None) -> Film:
    """Project the erect patient and develop the film."""
    columns = np.arange(-plan.half_width_mm, plan.half_width_mm, plan.sample_x_mm).astype(
        np.float32
    )
    heights = np.arange(plan.lowest_z_mm, plan.highest_z_mm, plan.slice_mm)
    projected = _project(visit, plan, columns, heights, progress)
    shape = (
        round((plan.highest_z_mm - plan.lowest_z_mm) / plan.pixel_mm),
        round(2 * plan.half_width_mm / plan.pixel_mm),
    )

    def on_detector(plane: Plane) -> Plane:
        return _resized(plane[::-1], shape)

    attenuation = on_detector(projected.attenuation)
    values = _develop(attenuation, plan)
    labels = _labels(projected, on_detector)
    _collimate_and_mark(values, plan)
    column = (NODULE.centre[0] + plan.half_width_mm) / plan.pixel_mm - 0.5
    row = (plan.highest_z_mm - NODULE.centre[2]) / plan.pixel_mm - 0.5
    return Film(
        np.clip(np.rint(values), 0, _LARGEST_VALUE).astype(np.uint16),
        labels,
        plan.pixel_mm,
        (float(column), float(row)),
        _cardiothoracic_ratio(projected, plan),
    )


def _project(
    visit: Visit,
    plan: FilmPlan,
    columns: Plane,
    heights: NDArray[np.float64],
    progress: Callable[[float], None] | None,
) -> _Projection:
    depth = np.arange(-150.0, 140.0, plan.sample_y_mm).astype(np.float32)
    grid = SliceGrid.make(columns, depth, plan.slice_mm)
    texture = TextureStack(grid.radius_mm.shape, plan.sample_x_mm, 2.0, plan.seed)
    tree = vessel_tree(visit)
    step = np.float32(plan.sample_y_mm)

    def one(z: float) -> tuple[Plane, Plane, Plane, Plane]:
        made = render_slice(grid, z, visit, texture.at(z))
        hu = made.hu
        paint_vessels(hu, grid, z, made.lung, tree, 45.0)
        paint_nodule(hu, grid, z, visit)
        lung = made.lung.sum(axis=0) * step
        right = (made.lung * (grid.x_mm[None, :] < 2)).sum(axis=0) * step
        density = np.maximum(hu + np.float32(1000.0), 0) * np.float32(0.001)
        bone = np.maximum(hu - np.float32(140.0), 0) * np.float32(0.001 * _BONE_EXTRA)
        line = (density + bone).sum(axis=0) * (step * np.float32(_MU_WATER_PER_MM))
        return line, lung, right, made.mediastinum.sum(axis=0) * step

    rows = []
    with ThreadPoolExecutor(_WORKERS) as pool:
        for n, row in enumerate(pool.map(one, map(float, heights))):
            rows.append(row)
            if progress is not None:
                progress((n + 1) / len(heights))
    line, lung, right, mediastinum = (
        np.stack([row[part] for row in rows]).astype(np.float32) for part in range(4)
    )
    share = (right / np.maximum(lung, 1e-3)).astype(np.float32)
    return _Projection(line, lung, share, mediastinum)


def _develop(attenuation: Plane, plan: FilmPlan) -> Plane:
    """Primary and scatter, quantum noise, logarithm, compression, tone: values 0..4095."""
    rng = np.random.default_rng(plan.seed)
    primary = np.exp(-attenuation)
    scatter = _blurred(primary, _SCATTER_MM / plan.pixel_mm) * np.float32(_SCATTER_SHARE)
    signal = (primary + scatter) / np.float32(1 + _SCATTER_SHARE)
    signal = _blurred(signal, 0.9)
    counts = signal * np.float32(plan.photons)
    noise = rng.standard_normal(counts.shape, np.float32)
    counts = np.maximum(counts + np.sqrt(counts) * _blurred(noise, 0.6) * np.float32(1.4), 1.0)
    density = -np.log(counts / np.float32(plan.photons))
    broad = _blurred(density, 22.0 / plan.pixel_mm)
    fine = _blurred(density, 2.2 / plan.pixel_mm)
    # Less of the large differences, more of the small ones: mediastinum and lungs both show.
    shown = density - np.float32(0.24) * broad + np.float32(0.6) * (density - fine)
    # Air beside the body may be black: the tones belong to the lungs and what is denser.
    low, high = np.percentile(shown[::4, ::4], (11.0, 99.3))
    unit = np.clip((shown - low) / (high - low), 0.0, 1.0)
    tone = unit**1.25
    tone = tone + np.float32(0.12) * np.sin((tone - np.float32(0.5)) * np.pi) * tone * (1 - tone)
    return np.asarray(tone * np.float32(3600.0) + np.float32(180.0), np.float32)


def _labels(projected: _Projection, on_detector: Callable[[Plane], Plane]) -> NDArray[np.uint8]:
    lung = _blurred(on_detector(projected.lung_mm), 5.0) > _LUNG_LEAST_MM
    is_right = on_detector(projected.right_share) > 0.5
    labels = np.zeros(lung.shape, np.uint8)
    labels[lung & is_right] = 1
    labels[lung & ~is_right] = 2
    return labels


def _cardiothoracic_ratio(projected: _Projection, plan: FilmPlan) -> float:
    """Widest heart shadow over widest chest, both from the projected organs (Danzer 1919)."""
    heights = plan.lowest_z_mm + plan.slice_mm * np.arange(len(projected.lung_mm))
    level = (heights > -110) & (heights < -40)
    heart = (projected.mediastinum_mm[level] > 30.0).sum(axis=1).max()
    inside = projected.lung_mm[level] > _LUNG_LEAST_MM
    chest = max(
        int(columns.max() - columns.min()) for row in inside if len(columns := np.flatnonzero(row))
    )
    return float(heart / max(chest, 1))


def _collimate_and_mark(values: Plane, plan: FilmPlan) -> None:
    """The dark border of the collimator, and the side marker: the patient's left, image right."""
    border = round(plan.border_mm / plan.pixel_mm)
    for edge in (np.s_[:border], np.s_[-border:], np.s_[:, :border], np.s_[:, -border:]):
        values[edge] = 120.0
    size = round(11.0 / plan.pixel_mm)
    stroke = max(1, round(2.4 / plan.pixel_mm))
    top, left = border + round(9 / plan.pixel_mm), values.shape[1] - border - 2 * size
    values[top : top + size, left : left + stroke] = _LARGEST_VALUE
    values[top + size - stroke : top + size, left : left + size * 2 // 3] = _LARGEST_VALUE


def _blurred(image: Plane, sigma_pixels: float) -> Plane:
    """Gaussian blur."""
    picture = sitk.GetImageFromArray(np.ascontiguousarray(image, np.float32))
    smooth = sitk.SmoothingRecursiveGaussian(picture, float(sigma_pixels))
    return np.array(sitk.GetArrayViewFromImage(smooth), np.float32)


def _resized(image: Plane, shape: tuple[int, int]) -> Plane:
    """Cubic interpolation to another number of pixels over the same field."""
    picture = sitk.GetImageFromArray(np.ascontiguousarray(image, np.float32))
    spacing = [image.shape[1] / shape[1], image.shape[0] / shape[0]]
    origin = [(spacing[0] - 1) / 2, (spacing[1] - 1) / 2]
    result = sitk.Resample(
        picture, [shape[1], shape[0]], sitk.Transform(), sitk.sitkBSpline, origin, spacing,
        picture.GetDirection(), 0.0, sitk.sitkFloat32,
    )  # fmt: skip
    return np.array(sitk.GetArrayViewFromImage(result), np.float32)
