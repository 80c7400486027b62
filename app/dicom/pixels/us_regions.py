"""Calibrated regions of ultrasound images (PS3.3 C.8.5.5) and the aspect of their pixels (G17)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from pydicom.dataset import Dataset

from app.core.ultrasound import UsRegion
from app.dicom.tolerant import integer_of, items_of, number_of, numbers_of

# Physical Units X/Y Direction, PS3.3 C.8.5.5.1.15.
_UNITS: Final = {
    0: "", 1: "%", 2: "dB", 3: "cm", 4: "s", 5: "Hz", 6: "dB/s", 7: "cm/s", 8: "cm2", 9: "cm2/s",
    10: "cm3", 11: "cm3/s", 12: "deg",
}  # fmt: skip
# Region Spatial Format, PS3.3 C.8.5.5.1.1.
_KINDS: Final = {1: "2D", 2: "M-mode", 3: "spectral", 4: "waveform", 5: "graphics"}


def regions_of(ds: Dataset) -> tuple[UsRegion, ...]:
    """The regions of one object; those without size or calibration are left out."""
    regions = []
    for item in items_of(ds, "SequenceOfUltrasoundRegions"):
        delta_x, delta_y = number_of(item, "PhysicalDeltaX"), number_of(item, "PhysicalDeltaY")
        x0, y0 = (
            integer_of(item, "RegionLocationMinX0", 0),
            integer_of(item, "RegionLocationMinY0", 0),
        )
        x1, y1 = (
            integer_of(item, "RegionLocationMaxX1", 0),
            integer_of(item, "RegionLocationMaxY1", 0),
        )
        if not delta_x or not delta_y or x1 <= x0 or y1 <= y0:
            continue
        regions.append(
            UsRegion(
                x0, y0, x1, y1, delta_x, delta_y,
                unit_x=_UNITS.get(integer_of(item, "PhysicalUnitsXDirection", 0), ""),
                unit_y=_UNITS.get(integer_of(item, "PhysicalUnitsYDirection", 0), ""),
                kind=_KINDS.get(integer_of(item, "RegionSpatialFormat", 0), ""),
            )
        )  # fmt: skip
    return tuple(regions)


def merged(per_frame: Sequence[tuple[UsRegion, ...]]) -> tuple[UsRegion, ...]:
    """The regions of a stack: each once, with its frames unless it holds for all (M03)."""
    frames: dict[UsRegion, list[int]] = {}
    for n, regions in enumerate(per_frame):
        for region in regions:
            frames.setdefault(region, []).append(n)
    return tuple(
        region if len(found) == len(per_frame) else replace(region, frames=tuple(found))
        for region, found in frames.items()
    )


def pixel_aspect_of(ds: Dataset, regions: Sequence[UsRegion] = ()) -> float:
    """Height of a pixel over its width where there is no spacing: stated, or by the 2D regions.

    Regions count where all those that show tissue agree. PixelAspectRatio is vertical over
    horizontal (PS3.3 C.7.6.3.1.7).
    """
    stated = numbers_of(ds, "PixelAspectRatio")
    if len(stated) == 2 and min(stated) > 0:
        return stated[0] / stated[1]
    tissue = {
        round(abs(r.delta_y / r.delta_x), 4)
        for r in regions
        if r.kind == "2D" and r.unit_x == r.unit_y == "cm"
    }
    return tissue.pop() if len(tissue) == 1 else 1.0
