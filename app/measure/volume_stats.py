"""Sizes and densities of masks.

``volume`` voxel-count@1: voxels times |det(affine)|. ``surface_area`` crofton@1: ITK's estimate
by intercepts (Lehmann and Legland, Insight Journal 2012). ``centroid`` voxel-centroid@1: mean of
the voxel centres. ``area`` area-pixel-count@1: pixels times pixel area. Densities are taken from
un-resampled modality values: mean, sd (population), min, max, median, ``p15`` the 15th percentile
(linear), all values-in-mask@1. ``laa950`` laa-950@1: share of voxels at or under -950 HU
(Lynch 2015, Fleischner statement on CT emphysema).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from app.core.geometry import Geometry

Float64Array = npt.NDArray[np.float64]
LAA_THRESHOLD_HU = -950.0

STATISTICS = ("mean", "sd", "min", "max", "median", "p15")


def volume_ml(mask: npt.NDArray[Any], geometry: Geometry) -> float:
    """Volume in millilitres."""
    return int(np.count_nonzero(mask)) * geometry.voxel_volume_mm3 / 1000.0


def area_cm2(mask: npt.NDArray[Any], pixel_spacing_mm: tuple[float, float]) -> float:
    """Area of a mask of one image, in square centimetres."""
    return int(np.count_nonzero(mask)) * pixel_spacing_mm[0] * pixel_spacing_mm[1] / 100.0


def percent_of(mask: npt.NDArray[Any], image_size: int) -> float:
    """Share of an image of ``image_size`` pixels that the mask covers, in percent."""
    return 100.0 * int(np.count_nonzero(mask)) / image_size


def centroid_ijk(mask: npt.NDArray[Any]) -> Float64Array:
    """Mean index (i, j, k) of a mask ``[k, j, i]`` that is not empty."""
    total = int(np.count_nonzero(mask))
    found = []
    for axis in (2, 1, 0):
        others = tuple(n for n in range(3) if n != axis)
        profile = np.count_nonzero(mask, axis=others)
        found.append(float(profile @ np.arange(mask.shape[axis])) / total)
    return np.asarray(found)


def surface_area_mm2(mask: npt.NDArray[Any], spacing_ijk: tuple[float, float, float]) -> float:
    """Surface in square millimetres, by Crofton's formula."""
    padded = np.pad((np.asarray(mask) != 0).astype(np.uint8), 1)
    image = sitk.GetImageFromArray(padded)
    image.SetSpacing([float(s) for s in spacing_ijk])
    shape = sitk.LabelShapeStatisticsImageFilter()
    shape.ComputePerimeterOn()
    shape.ComputeFeretDiameterOff()
    shape.ComputeOrientedBoundingBoxOff()
    shape.Execute(image)
    return float(shape.GetPerimeter(1))


def statistic(kind: str, values: npt.NDArray[Any]) -> float:
    """One of ``STATISTICS`` over a non-empty list of modality values."""
    exact = values.astype(np.float64)
    match kind:
        case "mean":
            return float(exact.mean())
        case "sd":
            return float(exact.std())
        case "min":
            return float(exact.min())
        case "max":
            return float(exact.max())
        case "median":
            return float(np.median(exact))
        case "p15":
            return float(np.percentile(exact, 15.0))
    raise ValueError(f"no statistic {kind}")


def low_attenuation_percent(values: npt.NDArray[Any]) -> float:
    """Percent of the values at or under -950 HU."""
    return 100.0 * float(np.count_nonzero(values <= LAA_THRESHOLD_HU)) / values.size
