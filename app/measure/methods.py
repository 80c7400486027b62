"""Names of the measurements and of their methods; light, so that manifests can be checked."""

from __future__ import annotations

from typing import Final

METHODS: Final[dict[str, str]] = {
    "volume": "voxel-count@1",
    "long_axis": "recist-long-axis@1",
    "short_axis": "recist-short-axis@1",
    "max_diameter_3d": "feret-3d@1",
    "surface_area": "crofton@1",
    "centroid": "voxel-centroid@1",
    "area": "area-pixel-count@1",
    "mean": "values-in-mask@1",
    "sd": "values-in-mask@1",
    "min": "values-in-mask@1",
    "max": "values-in-mask@1",
    "median": "values-in-mask@1",
    "p15": "values-in-mask@1",
    "laa950": "laa-950@1",
    "agatston": "agatston@1",
    "area_ratio": "area-ratio@1",
    "cardiothoracic_ratio": "cardiothoracic-extent@1",
}
OF_TWO_MASKS: Final = ("area_ratio", "cardiothoracic_ratio")
