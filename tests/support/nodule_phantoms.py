"""A piece of lung with one nodule of known volume: CT values as a scanner would give them.

Drawn three times finer, blurred in the plane (FWHM about 1.3 mm), averaged over the slice, with
noise that is correlated over neighbouring pixels as after a soft kernel.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from app.core.geometry import Geometry

Kind = Literal["isolated", "juxtapleural", "juxtavascular", "part-solid", "ground-glass"]
_FINE = 3
LUNG_HU, WALL_HU, SOLID_HU, GLASS_HU = -860.0, 40.0, 40.0, -580.0


@dataclass(frozen=True)
class NoduleCase:
    """What to make. ``offset`` moves the centre by parts of a voxel."""

    kind: Kind
    diameter_mm: float
    slice_mm: float = 1.0
    pixel_mm: float = 0.7
    noise_hu: float = 30.0
    seed: int = 1
    offset: tuple[float, float, float] = (0.3, -0.2, 0.4)
    field_mm: float = 64.0
    core_mm: float = field(default=0.0)


@dataclass(frozen=True)
class NodulePhantom:
    """HU ``[k, j, i]`` float32, its geometry, the centre (LPS) and the true volumes."""

    hu: npt.NDArray[np.float32]
    geometry: Geometry
    center_lps: tuple[float, float, float]
    volume_mm3: float
    solid_mm3: float
    inside: npt.NDArray[np.bool_]


def make(case: NoduleCase) -> NodulePhantom:
    """The phantom of a case; the same case gives the same voxels."""
    n_ij = round(case.field_mm / case.pixel_mm)
    n_k = round(case.field_mm / case.slice_mm)
    x, y, z = (
        ((np.arange(n * _FINE) + 0.5) / _FINE - n / 2) * s
        for n, s in ((n_ij, case.pixel_mm), (n_ij, case.pixel_mm), (n_k, case.slice_mm))
    )
    ox, oy, oz = (
        o * s for o, s in zip(case.offset, (case.pixel_mm, case.pixel_mm, case.slice_mm),
                              strict=True)
    )  # fmt: skip
    grid = tuple(np.meshgrid(z - oz, y - oy, x - ox, indexing="ij", sparse=True))
    zz, yy, xx = grid
    radius = case.diameter_mm / 2
    r2 = xx**2 + yy**2 + zz**2
    nodule = r2 <= radius**2
    hu = np.full(np.broadcast_shapes(zz.shape, yy.shape, xx.shape), LUNG_HU, np.float32)
    # Vessels of the neighbourhood, some millimetres away from the nodule.
    for shift in (radius + 9.0, -radius - 12.0):
        hu[np.broadcast_to((xx - shift) ** 2 + (zz - 0.3 * yy) ** 2 <= 1.4**2, hu.shape)] = SOLID_HU
    # Some soft tissue and some air far from it, as in every CT.
    edge = case.field_mm / 2
    hu[np.broadcast_to(yy > edge - 5.0, hu.shape)] = WALL_HU
    hu[np.broadcast_to(yy < 3.0 - edge, hu.shape)] = -1000.0
    wall = np.broadcast_to(yy > 1.0e9, hu.shape)
    if case.kind == "juxtapleural":
        # The wall cuts off a quarter of the radius: the free part is the nodule.
        plane = 0.55 * radius + 0.004 * (xx**2 + 0.3 * zz**2)
        wall = np.broadcast_to(yy > plane, hu.shape)
        hu[wall] = WALL_HU
    if case.kind == "juxtavascular":
        vessel = (xx - 0.2 * yy) ** 2 + (zz - 0.75 * radius) ** 2 <= (0.16 * case.diameter_mm) ** 2
        hu[np.broadcast_to(vessel, hu.shape)] = SOLID_HU
    inside = nodule & ~wall
    solid = inside
    if case.kind in ("part-solid", "ground-glass"):
        hu[inside] = np.maximum(hu[inside], GLASS_HU)
        core = case.core_mm if case.kind == "part-solid" else 0.0
        solid = inside & ((xx - 0.1 * radius) ** 2 + yy**2 + zz**2 <= (core / 2) ** 2)
    hu[solid] = SOLID_HU
    fine = (case.pixel_mm * case.slice_mm * case.pixel_mm) / _FINE**3
    return NodulePhantom(
        _acquired(hu, case),
        Geometry((n_ij, n_ij, n_k), (case.pixel_mm, case.pixel_mm, case.slice_mm),
                 (-120.0, -80.0, -200.0), (1, 0, 0, 0, 1, 0, 0, 0, 1), "1.2.3"),
        tuple(float(c + (n - 1) / 2 * s + o) for c, n, s, o in zip(
            (-120.0, -80.0, -200.0), (n_ij, n_ij, n_k),
            (case.pixel_mm, case.pixel_mm, case.slice_mm), (ox, oy, oz), strict=True)),
        float(inside.sum()) * fine,
        float(solid.sum()) * fine,
        _blocks(inside.astype(np.float32)) > 0.5,
    )  # fmt: skip


def _acquired(hu: npt.NDArray[np.float32], case: NoduleCase) -> npt.NDArray[np.float32]:
    image = sitk.GetImageFromArray(hu)
    fine = case.pixel_mm / _FINE
    image.SetSpacing((fine, fine, case.slice_mm / _FINE))
    for axis in (0, 1):
        image = sitk.RecursiveGaussian(
            image, 0.55, False, sitk.RecursiveGaussianImageFilter.ZeroOrder, axis
        )
    sharp = _blocks(np.asarray(sitk.GetArrayFromImage(image), np.float32))
    rng = np.random.default_rng(case.seed)
    noise = sitk.GetImageFromArray(rng.standard_normal(sharp.shape).astype(np.float32))
    for axis in (0, 1):
        noise = sitk.RecursiveGaussian(
            noise, 0.8, False, sitk.RecursiveGaussianImageFilter.ZeroOrder, axis
        )
    grain = np.asarray(sitk.GetArrayFromImage(noise), np.float32)
    return np.asarray(np.rint(sharp + grain / grain.std() * case.noise_hu), np.float32)


def _blocks(fine: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    k, j, i = (n // _FINE for n in fine.shape)
    return np.asarray(fine.reshape(k, _FINE, j, _FINE, i, _FINE).mean(axis=(1, 3, 5)), np.float32)
